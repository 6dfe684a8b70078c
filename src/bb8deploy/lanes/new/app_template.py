"""The files of a new app from the template in this package, with its name put in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from bb8deploy.lanes.new.app_name import AppName
from bb8deploy.lanes.new.tool_release import ToolRelease

TEMPLATE = Path(__file__).with_name("template")
_BINARY = ".png"


class Language(StrEnum):
    """What the app is written in."""

    PYTHON = "python"
    SHELL = "shell"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to write: its path in the store, its content, and whether it is a program."""

    path: PurePosixPath
    data: bytes
    program: bool = False


def app_files(name: AppName, language: Language) -> tuple[NewFile, ...]:
    """The files of the app's folder and of its tests."""
    return (*_rendered("common", name, {}), *_rendered(language, name, {}))


def store_files(name: AppName, maintainer: str, tool: ToolRelease) -> tuple[NewFile, ...]:
    """The files of a new store around the app. Its CI runs this release of bb8deploy."""
    more = {"maintainer": _in_quotes(maintainer), "commit": tool.commit, "version": tool.version}
    return tuple(_rendered("store", name, more))


def _rendered(part: str, name: AppName, more: Mapping[str, str]) -> Iterator[NewFile]:
    values = {"slug": name.slug, "title": name.title, **more}
    root = TEMPLATE / part
    for file in sorted(root.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            path = _place(PurePosixPath(file.relative_to(root).as_posix()), name.slug)
            data = file.read_bytes()
            yield NewFile(
                path, data if file.suffix == _BINARY else _filled(data, values), path.name == "run.sh"
            )


def _place(path: PurePosixPath, slug: str) -> PurePosixPath:
    """`app/` becomes the app's folder, `tests/` has one folder for each app, `dot.x` is `.x`."""
    first, *others = (
        part.replace("dot.", ".", 1) if part.startswith("dot.") else part for part in path.parts
    )
    heads = {"app": (slug,), "tests": ("tests", slug)}
    return PurePosixPath(*heads.get(first, (first,)), *others)


def _filled(data: bytes, values: Mapping[str, str]) -> bytes:
    text = data.decode("utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text.encode("utf-8")


def _in_quotes(text: str) -> str:
    """The text as it is written between double quotes in YAML."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
