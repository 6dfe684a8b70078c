"""Loads settings: bb8deploy.toml, `.env`, the target's `.env.NAME`, the environment, then flags."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import NoReturn

from bb8deploy.base.secret import Secret
from bb8deploy.base.user_files import is_there, read_user_text
from bb8deploy.catalogue.errors.settings import ENV_UNREADABLE, SETTING_INVALID, TARGET_UNKNOWN
from bb8deploy.settings import settings_table
from bb8deploy.settings.project_file import project_table, shared_values, strange_names
from bb8deploy.settings.settings_table import KEYS, Key, is_misspelt
from bb8deploy.settings.settings_type import MqttSettings, Settings, SshSettings, Value, text_of
from bb8deploy.settings.target_groups import refuse_group, unknown_target

SLUG = "{slug}"
"""Placeholder for the app's slug in a setting: one folder, mount or image for each app of a store."""
SAMPLE = ".env.example"
"""The sample in the repository, which is committed: it holds no target's settings."""
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def load(
    folder: Path,
    *,
    target: str = "default",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
    slug: Callable[[], str] = lambda: "",
) -> Settings:
    """Reads the settings of `target` for the workspace `folder`.

    `slug` returns the app's slug; it is called if a setting has `{slug}` in it. Raises UsageError if the
    target's file is missing or a value has the wrong type.
    """
    environ = os.environ if environ is None else environ
    table = project_table(folder) or {}
    values = shared_values(table)
    unknown = strange_names(table)
    for file in _files(folder, target):
        found, misspelt = _from_file(file)
        values.update(found)
        unknown.extend(misspelt)
    values.update(_known(environ, "environment"))
    values.update(_known(flags or {}, "flag"))
    named = slug() if any(SLUG in value.raw for value in values.values()) else ""
    return _build(values, target, tuple(unknown), named)


def from_inventory(
    folder: Path, host: str, texts: Mapping[str, str], *, slug: Callable[[], str] = lambda: ""
) -> Settings:
    """The settings of a host that another tool describes, such as the inventory of Ansible.

    Only what the repository shares and `texts` count: `.env` and the environment may describe another host.
    Raises UsageError SETTING_INVALID for an unknown name, or a value of the wrong type.
    """
    strange = next((name for name in texts if name not in settings_table.BY_NAME), "")
    if strange:
        near = settings_table.suggestion(strange)
        raise SETTING_INVALID(
            f"the inventory has the unknown setting {strange}" + (f"; did you mean {near}?" if near else ""),
            "docs/settings.md lists the settings.",
        )
    table = project_table(folder) or {}
    values = {**shared_values(table), **_known(texts, "inventory")}
    named = slug() if any(SLUG in value.raw for value in values.values()) else ""
    return _build(values, host, tuple(strange_names(table)), named)


def with_answer(settings: Settings, key: Key, text: str) -> Settings:
    """The settings with one value replaced by an answer of the user. Raises UsageError as `load` does."""
    values = {**settings.values, key.name: Value(text, "answer")}
    return _build(values, settings.target, settings.unknown, settings.slug)


def target_names(folder: Path) -> list[str]:
    """The named targets of a workspace: the NAMEs of its `.env.NAME` files."""
    return sorted(p.name.removeprefix(".env.") for p in folder.glob(".env.*") if p.name != SAMPLE)


def target_file(folder: Path, target: str) -> Path:
    """The file with the target's own settings, which need not exist.

    Raises UsageError TARGET_UNKNOWN if the name is empty, or cannot be the end of a file's name.
    """
    if not target:
        known = _known_targets(folder)
        raise TARGET_UNKNOWN(
            "`--target` is empty", f"Name a target (known: {known}), or leave out `--target`."
        )
    name = ".env" if target == "default" else f".env.{target}"
    if name == SAMPLE or "/" in name or not name.isprintable():
        raise TARGET_UNKNOWN(
            f"`{target}` cannot name a target: its settings would be in {name}",
            f"Name a target without `/` and control characters, other than `example` (known:"
            f" {_known_targets(folder)}).",
        )
    return folder / name


def _build(
    values: Mapping[str, Value], target: str, unknown: tuple[tuple[str, str], ...], slug: str
) -> Settings:
    """Converts each text to the type of its attribute."""
    read = _Converter(values, slug)
    return Settings(
        ssh=_ssh(read),
        mqtt=_mqtt(read),
        ha_remote_runtime=read.text(settings_table.HA_REMOTE_RUNTIME),
        ha_remote_slug=read.text(settings_table.HA_REMOTE_SLUG),
        ha_secrets_path=read.text(settings_table.HA_SECRETS_PATH),
        ha_url=read.text(settings_table.HA_URL),
        ha_llat=read.secret(settings_table.HA_LLAT),
        ha_llat_key=read.set_text(settings_table.HA_LLAT_KEY),
        ha_ca_file=read.path(settings_table.HA_CA_FILE),
        ha_mount=read.path(settings_table.HA_MOUNT),
        ha_config_mount=read.path(settings_table.HA_CONFIG_MOUNT),
        ha_reports_dir=read.set_text(settings_table.HA_REPORTS_DIR),
        ha_publish_remote=read.text(settings_table.HA_PUBLISH_REMOTE),
        ha_publish_branch=read.set_text(settings_table.HA_PUBLISH_BRANCH),
        ha_image=read.text(settings_table.HA_IMAGE),
        ha_image_cache=read.text(settings_table.HA_IMAGE_CACHE),
        supervisor_url=read.set_text(settings_table.SUPERVISOR_URL),
        supervisor_token=read.secret(settings_table.SUPERVISOR_TOKEN),
        bb8_build_deadline=read.number(settings_table.BB8_BUILD_DEADLINE),
        bb8_settle_seconds=read.number(settings_table.BB8_SETTLE_SECONDS),
        bb8_verify=read.choice(settings_table.BB8_VERIFY, "auto", "sealed", "stamp", "running"),
        bb8_sign_key=read.path(settings_table.BB8_SIGN_KEY),
        bb8_keep_trees=read.count(settings_table.BB8_KEEP_TREES),
        bb8_lock_wait=read.number(settings_table.BB8_LOCK_WAIT),
        bb8_layout=read.choice(settings_table.BB8_LAYOUT, "auto", "subtree", "store"),
        bb8_tag=read.text(settings_table.BB8_TAG),
        bb8_options=read.path(settings_table.BB8_OPTIONS),
        target=target,
        slug=slug,
        values=values,
        unknown=unknown,
    )


def _ssh(read: _Converter) -> SshSettings:
    return SshSettings(
        host_alias=read.text(settings_table.HA_SSH_HOST_ALIAS),
        key=read.path(settings_table.HA_SSH_KEY),
        known_hosts=read.path(settings_table.HA_SSH_KNOWN_HOSTS),
        connect_timeout=read.number(settings_table.HA_SSH_CONNECT_TIMEOUT),
        sudo=read.flag(settings_table.HA_SSH_SUDO),
    )


def _mqtt(read: _Converter) -> MqttSettings:
    return MqttSettings(
        host=read.text(settings_table.MQTT_HOST),
        port=read.port(settings_table.MQTT_PORT),
        username=read.text(settings_table.MQTT_USERNAME),
        password=read.secret(settings_table.MQTT_PASSWORD),
        tls=read.flag(settings_table.MQTT_TLS),
        ca_file=read.path(settings_table.MQTT_CA_FILE),
        base_topic=read.set_text(settings_table.MQTT_BASE_TOPIC),
    )


class _Converter:
    """Converts texts; each method raises UsageError SETTING_INVALID for a text of the wrong type."""

    def __init__(self, values: Mapping[str, Value], slug: str) -> None:
        self._values, self._slug = values, slug

    def set_text(self, key: Key) -> str:
        """The text of a setting that has a default."""
        text = text_of(self._values, key)
        return text.replace(SLUG, self._slug) if self._slug and key is not settings_table.BB8_TAG else text

    def text(self, key: Key) -> str | None:
        """The text, None if it is empty."""
        return self.set_text(key) or None

    def path(self, key: Key) -> Path | None:
        """The path with `~` expanded, None if it is empty."""
        text = self.text(key)
        return Path(text).expanduser() if text else None

    def secret(self, key: Key) -> Secret | None:
        """The secret, None if it is empty."""
        text = self.text(key)
        return Secret(text) if text else None

    def flag(self, key: Key) -> bool:
        """Yes or no in any of the usual spellings."""
        text = self.set_text(key).lower()
        if text not in _TRUE | _FALSE:
            self._refuse(key, "yes or no")
        return text in _TRUE

    def choice(self, key: Key, *allowed: str) -> str:
        """One of the allowed words."""
        text = self.set_text(key).lower()
        if text not in allowed:
            self._refuse(key, f"one of {', '.join(allowed)}")
        return text

    def port(self, key: Key) -> int:
        """A TCP port, 1 to 65535."""
        text = self.set_text(key)
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
            self._refuse(key, "a whole number from 1 to 65535")
        return int(text)

    def count(self, key: Key) -> int:
        """A whole number from 1 to 99."""
        text = self.set_text(key)
        if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 99):
            self._refuse(key, "a whole number from 1 to 99")
        return int(text)

    def number(self, key: Key) -> float:
        """A number from 0 to 1e9."""
        try:
            number = float(self.set_text(key))
        except ValueError:
            number = -1.0
        if not 0 <= number < 1e9:
            self._refuse(key, "a number from 0 to 1e9")
        return number

    def _refuse(self, key: Key, kind: str) -> NoReturn:
        value = self._values[key.name]
        raise SETTING_INVALID(
            f"{key.name} from {value.origin} is `{value.raw}`, not {kind}", f"Set it to {kind}: {key.help}."
        )


def _files(folder: Path, target: str) -> list[Path]:
    files = [folder / ".env"] if is_there(folder / ".env") else []
    if target == "default":
        return files
    named = target_file(folder, target)
    if not is_there(named):
        refuse_group(folder, target)
        unknown_target(
            folder,
            target,
            named.name,
            _known_targets(folder),
            f"Write its settings into {named.name}, or run `bb8deploy init --target {shlex.quote(target)}`.",
        )
    return [*files, named]


def _known_targets(folder: Path) -> str:
    return ", ".join(target_names(folder)) or "none"


def _from_file(file: Path) -> tuple[dict[str, Value], list[tuple[str, str]]]:
    from dotenv.parser import parse_stream

    try:
        lines = list(parse_stream(StringIO(read_user_text(file))))
    except OSError as error:
        raise ENV_UNREADABLE(f"{file.name} cannot be read: {error.strerror}") from error
    for line in lines:
        if line.error:
            blank = len(line.original.string) - len(line.original.string.lstrip("\r\n"))
            _refuse_line(file, line.original.line + blank)
    texts = {line.key: line.value or "" for line in lines if line.key}
    return _known(texts, file.name), [(name, file.name) for name in texts if is_misspelt(name)]


def _refuse_line(file: Path, number: int) -> NoReturn:
    """The line itself is not shown: it may hold a secret."""
    raise ENV_UNREADABLE(
        f"line {number} of {file.name} is not a NAME=value line",
        "Write it as NAME=value with matching quotes, or start it with # to comment it out.",
    )


def _known(source: Mapping[str, str], origin: str) -> dict[str, Value]:
    """The known keys of a source; an alias counts only if the key itself is absent."""
    found: dict[str, Value] = {}
    for key in KEYS:
        for name in (*reversed(key.aliases), key.name):
            if source.get(name):
                found[key.name] = Value(source[name], origin)
    return found
