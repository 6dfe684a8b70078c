"""What a tree needs to be added to Home Assistant as a store: its repository file, pages and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bb8deploy.base.errors import UsageError
from bb8deploy.base.findings import Finding, Level
from bb8deploy.workspace.addon import parse_config

# The Supervisor takes the first of these and holds it to a schema; without one it refuses the repository
# (supervisor/store, repository.py and validate.py).
REPOSITORY_NAMES = ("repository.yaml", "repository.yml", "repository.json")
PAGES = ("README.md", "DOCS.md", "CHANGELOG.md", "icon.png", "logo.png", "translations/en.yaml")
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)")
_PNG = b"\x89PNG\r\n\x1a\n"


def check_store(root: Path, *, strict: Level) -> Iterator[Finding]:
    """Every store rule over the folder `root`; `strict` is the level of what keeps it from being added."""
    yield from _repository(root, strict)
    for name in PAGES:
        if not (root / name).is_file():
            message = "it is missing, and the store would show it"
            yield Finding("STORE_PAGE_MISSING", Level.WARNING, message, name, hint=f"Add {name}.")
        elif name.endswith(".png") and not (root / name).read_bytes().startswith(_PNG):
            message = "it is no PNG picture"
            yield Finding("STORE_PAGE_MISSING", Level.WARNING, message, name, hint="Save it as PNG.")
    for name in PAGES[:3]:
        yield from _links(root, name)


def _repository(root: Path, strict: Level) -> Iterator[Finding]:
    name = next((name for name in REPOSITORY_NAMES if (root / name).is_file()), "")
    if not name:
        message = "there is no repository.yaml, so Home Assistant refuses the repository as a store"
        hint = "Add repository.yaml with `name:`, `url:` and `maintainer:` beside config.yaml."
        yield Finding("REPOSITORY_MISSING", strict, message, REPOSITORY_NAMES[0], hint=hint)
        return
    for problem in _repository_problems(root / name):
        hint = "Mend it; the Supervisor refuses the repository as a store otherwise."
        yield Finding("REPOSITORY_INVALID", strict, problem, name, hint=hint)


def _repository_problems(path: Path) -> Iterator[str]:
    try:
        said: dict[str, Any] = parse_config(path.read_bytes(), path.name)
    except UsageError as error:
        yield error.cause
        return
    if not isinstance(said.get("name"), str):
        yield "`name` is missing or no text"
    if not isinstance(said.get("maintainer", ""), str):
        yield "`maintainer` is no text"
    if "url" in said and not _is_url(said["url"]):
        yield "`url` is no address"


def _is_url(value: object) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    return bool(parts and parts.scheme and parts.netloc)


def _links(root: Path, name: str) -> Iterator[Finding]:
    """Links and pictures that lead nowhere once the folder is a repository of its own."""
    if not (root / name).is_file():
        return
    lines = (root / name).read_text("utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        for target in _LINK.findall(line):
            if not _leads_somewhere(root, target):
                message = f"the link to {target} leads nowhere in the published repository"
                hint = "Link to a file of the add-on's folder, or to a full address."
                yield Finding("STORE_LINK_BROKEN", Level.WARNING, message, name, number, hint=hint)


def _leads_somewhere(root: Path, target: str) -> bool:
    """Addresses are believed (nothing is fetched); a path must lie in the tree."""
    if target.startswith("#"):
        return True
    if urlsplit(target).scheme:
        return _is_url(target) or target.startswith("mailto:")
    path = (root / unquote(target.partition("#")[0])).resolve()
    return path.is_relative_to(root.resolve()) and path.exists()
