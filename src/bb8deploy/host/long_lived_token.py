"""Finds the long-lived access token: the setting, else secrets.yaml here, else the host's own."""

from __future__ import annotations

from pathlib import Path

from bb8deploy.base.secret import Secret
from bb8deploy.base.yaml_loader import load
from bb8deploy.catalogue.errors.supervisor import SECRETS_INVALID
from bb8deploy.host.open_host import Host
from bb8deploy.settings.settings_type import Settings

SECRETS = "secrets.yaml"


def long_lived_token(settings: Settings, addon: Path, host: Host | None) -> Secret | None:
    """HA_LLAT, else what HA_LLAT_KEY names in `addon`'s secrets.yaml or at HA_SECRETS_PATH on the host.

    None if no place has it. Raises UsageError SECRETS_INVALID for a file that is not a YAML mapping.
    """
    own = settings.ha_llat
    if own:
        return own
    name = settings.ha_llat_key
    local = addon / SECRETS
    if local.is_file():
        found = _pick(local.read_bytes(), name, str(local))
        if found:
            return found
    path = settings.ha_secrets_path
    if not (host and path):
        return None
    data = host.files.read(path)
    return None if data is None else _pick(data, name, path)


def _pick(data: bytes, name: str, where: str) -> Secret | None:
    """The value of `name`; the error never quotes the file, which is full of secrets."""
    import yaml

    try:
        rows = load(data)
    except (yaml.YAMLError, UnicodeDecodeError):
        rows = ""
    if rows is not None and not isinstance(rows, dict):
        raise SECRETS_INVALID(
            f"{where} is not a YAML mapping", f"Write one `name: value` per line, such as `{name}:`."
        )
    value = (rows or {}).get(name)
    return Secret(str(value).strip()) if value else None
