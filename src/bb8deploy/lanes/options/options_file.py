"""Reads the settings of an app from a YAML file, with secrets by reference."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bb8deploy.base.errors import UsageError
from bb8deploy.base.secret import Secret
from bb8deploy.base.user_files import read_user_text
from bb8deploy.base.yaml_loader import load, safe_loader
from bb8deploy.catalogue.errors.settings import OPTIONS_FILE_INVALID
from bb8deploy.plan.app_settings import BOOTS, FLAGS, KEYS, AppSettings

_PORT = re.compile(r"\d{1,5}/(tcp|udp)")


def read_options_file(path: Path, environ: Mapping[str, str]) -> AppSettings:
    """The settings in a file. `!env NAME` is a value of `environ`, `!secret NAME` one of Home Assistant's
    secrets, which the Supervisor reads itself.

    Raises UsageError OPTIONS_FILE_INVALID with the first thing that is wrong.
    """
    try:
        text = read_user_text(path)
    except OSError as error:
        raise OPTIONS_FILE_INVALID(
            f"{path} cannot be read: {error.strerror}", "Name a readable file in UTF-8."
        ) from error
    data, secrets = _parsed(path, text, environ)
    return settings_of_mapping(path.name, data, secrets)


def _parsed(path: Path, text: str, environ: Mapping[str, str]) -> tuple[object, tuple[Secret, ...]]:
    import yaml

    found: list[Secret] = []

    class OptionsLoader(safe_loader()):  # type: ignore[misc]
        """Reads `!env` and `!secret`, and refuses a key that is there twice, of which one would be lost."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            """The mapping of a node."""
            counts = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            if twice := next((key for key, count in counts.items() if count > 1), ""):
                problem = f"the key `{twice}` is there twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
            return super().construct_mapping(node, deep)

    def from_environment(_loader: Any, node: Any) -> str:
        name = str(node.value)
        if name not in environ:
            raise _wrong(
                f"{path.name} refers to the variable {name}, which is not set", f"Set {name}, then run again."
            )
        found.append(Secret(environ[name]))
        return environ[name]

    OptionsLoader.add_constructor("!env", from_environment)
    OptionsLoader.add_constructor("!secret", lambda _loader, node: f"!secret {node.value}")
    try:
        data = load(text, OptionsLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        said = getattr(error, "problem", None) or "it cannot be read"
        raise _wrong(f"{path.name} is not YAML{where}: {said}") from error
    return data, tuple(secret for secret in found if secret)


def settings_of_mapping(name: str, data: object, secrets: tuple[Secret, ...] = ()) -> AppSettings:
    """The settings in a mapping with the keys of an options file; `name` is its source in messages.

    Raises UsageError OPTIONS_FILE_INVALID with the first thing that is wrong.
    """
    rows = _mapping(name, "the file", data)
    for key in rows:
        if key not in KEYS:
            near = next(iter(difflib.get_close_matches(key, KEYS, n=1)), "")
            hint = f"did you mean `{near}`?" if near else "options of the app belong below `options:`"
            raise _wrong(f"{name} has the unknown key `{key}`; {hint}")
    return AppSettings(
        options=_mapping(name, "`options`", rows.get("options")),
        network=_network(name, _mapping(name, "`network`", rows.get("network"))),
        flags={key: _flag(name, key, rows[key]) for key in ("boot", *FLAGS) if key in rows},
        secrets=secrets,
    )


def _mapping(name: str, what: str, value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(f"{what} in {name} is not a mapping")
    return {str(key): item for key, item in value.items()}


def _network(name: str, rows: Mapping[str, object]) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for port, value in rows.items():
        key = port if "/" in port else f"{port}/tcp"
        if not _PORT.fullmatch(key):
            raise _wrong(f"`network` in {name} names `{port}`, which is not a port such as 8080/tcp")
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536
        ):
            raise _wrong(f"`network` in {name} maps {port} to something else than a port or null")
        found[key] = value
    return found


def _flag(name: str, key: str, value: object) -> object:
    if key == "boot":
        if value not in BOOTS:
            raise _wrong(f"`boot` in {name} is neither auto nor manual")
    elif not isinstance(value, bool):
        raise _wrong(f"`{key}` in {name} is neither true nor false")
    return value


def _wrong(cause: str, remedy: str = "") -> UsageError:
    return OPTIONS_FILE_INVALID(cause, remedy)
