"""Rebuilds a public app from recorded facts as a folder, with harmless contents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
_PNG = b"\x89PNG\r\n\x1a\n"
_TEXTLESS = {"RUN": "true", "ENV": "A=b", "LABEL": "a=b"}


def apps() -> list[dict[str, Any]]:
    """The recorded apps, none if they are not at hand."""
    path = CORPUS / "world_addons.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rebuild(app: dict[str, Any], root: Path) -> Path:
    """Writes the app's folder below `root` and returns it."""
    folder = root / app["id"]
    folder.mkdir(parents=True)
    for path, mode, size, *shebang in app["files"]:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if mode == "link":
            if not file.is_symlink():
                file.symlink_to(size)
            continue
        file.write_bytes(_content(path, size, shebang[0] if shebang else ""))
        file.chmod(int(mode, 8))
    _settings(folder / app["config_name"], app["config"])
    if app["build"]:
        name = next(
            (f[0] for f in app["files"] if f[0] in ("build.yaml", "build.yml", "build.json")), "build.json"
        )
        _settings(folder / name, app["build"])
    for name, instructions in app["dockerfiles"].items():
        file = folder / name
        if not file.is_symlink():
            file.write_text("\n".join(_line(*one) for one in instructions) + "\n", encoding="utf-8")
    return folder


def _settings(path: Path, data: Any) -> None:
    import yaml

    if path.is_symlink():
        return
    text = json.dumps(data) if path.suffix == ".json" else yaml.safe_dump(data, sort_keys=False)
    path.write_text(text, encoding="utf-8")


def _line(word: str, value: str = "") -> str:
    return f"{word} {value or _TEXTLESS.get(word, '')}".replace("\n", " ")


def _content(path: str, size: int, shebang: str) -> bytes:
    if shebang:
        head = f"{shebang}\n".encode()
    elif path.endswith("apparmor.txt"):
        head = b"profile app flags=(attach_disconnected) {\n}\n"
    elif path.endswith(".png"):
        head = _PNG
    else:
        head = b""
    return head + b"#\n" * max(0, (min(size, 4000) - len(head)) // 2)
