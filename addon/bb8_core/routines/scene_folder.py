"""The user's scenes: one YAML file each in the folder `scenes` of the app's configuration folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bb8_core.routines.scene_reader import MAX_BYTES, BadScene, Scene, read_scene

MAX_FILES: Final = 32
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Scenes:
    """The scenes that can be played, by name, and one sentence for each thing that is wrong with others."""

    found: dict[str, Scene] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def load_scenes(folder: Path) -> Scenes:
    """Read all scenes; never raises. A file name without `.yaml` is the scene's name."""
    found: dict[str, Scene] = {}
    problems: list[str] = []
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix in {".yaml", ".yml"})
    except OSError:
        return Scenes()
    for file in files[:MAX_FILES]:
        if not _NAME.fullmatch(file.stem):
            problems.append(f"{file.name[:60]}: a scene's name has only small letters, digits, - and _")
            continue
        try:
            found[file.stem] = read_scene(file.stem, _text(file))
        except BadScene as bad:
            problems += [f"{file.name}, {problem}" for problem in bad.problems]
    if len(files) > MAX_FILES:
        problems.append(f"only the first {MAX_FILES} scenes are read")
    return Scenes(found, tuple(problems))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as open_file:
            raw = open_file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadScene([f"cannot be read: {error.strerror}"]) from error
    if len(raw) > MAX_BYTES:
        raise BadScene([f"longer than {MAX_BYTES} bytes"])
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadScene(["not UTF-8"]) from error
