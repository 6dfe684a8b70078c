"""Logins for a registry where `docker login` and `buildah login` keep them: in a file, or with a helper."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bb8deploy.base.secret import Secret

HELPER_DEADLINE = 30.0
_HELPER = re.compile(r"[A-Za-z0-9_.-]+")


def stored_login(host: str) -> Secret | None:
    """The login for `host` as base64 of `user:password`, None without a login."""
    for config in _configs():
        if found := _from_helper(config, host) or _from_file(config, host):
            return Secret(found)
    return None


def _configs() -> Iterator[dict[str, object]]:
    files = (
        os.environ.get("REGISTRY_AUTH_FILE", ""),
        f"{os.environ.get('DOCKER_CONFIG', str(Path.home() / '.docker'))}/config.json",
        f"{_user_folder()}/containers/auth.json",
    )
    for file in filter(None, files):
        try:
            config = json.loads(Path(file).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(config, dict):
            yield config


def _user_folder() -> str:
    """Where podman and buildah keep the logins of a session."""
    if sys.platform == "win32":
        return f"{Path.home()}/.config"
    return os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"


def _table(config: dict[str, object], name: str) -> dict[str, object]:
    """A mapping of the file, empty if the file has something else there."""
    value = config.get(name)
    return value if isinstance(value, dict) else {}


def _from_file(config: dict[str, object], host: str) -> str:
    auths = _table(config, "auths")
    for name in (host, f"https://{host}", f"https://{host}/v1/"):
        text = str(_table(auths, name).get("auth", ""))
        with suppress(ValueError):  # not base64: not a login
            if b":" in base64.b64decode(text):
                return text
    return ""


def _from_helper(config: dict[str, object], host: str) -> str:
    """Asks `docker-credential-NAME get`, as docker itself does; a helper that fails knows no login."""
    name = str(_table(config, "credHelpers").get(host) or config.get("credsStore") or "")
    if not _HELPER.fullmatch(name):
        return ""
    try:
        done = subprocess.run(
            [f"docker-credential-{name}", "get"],
            input=host.encode(),
            capture_output=True,
            timeout=HELPER_DEADLINE,
            check=True,
        )
        said = json.loads(done.stdout)
        return base64.b64encode(f"{said['Username']}:{said['Secret']}".encode()).decode()
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return ""
