"""What a tree needs to be added to Home Assistant as a store: its repository file, pages and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bb8deploy.base.errors import UsageError
from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.os_differences import real_path
from bb8deploy.catalogue.rule_definitions.all_rules import found
from bb8deploy.workspace.app_config import parse_config

# The Supervisor takes the first of these and holds it to a schema; without one it refuses the repository
# (supervisor/store, repository.py and validate.py).
REPOSITORY_NAMES = ("repository.yaml", "repository.yml", "repository.json")
PAGES = ("README.md", "DOCS.md", "CHANGELOG.md", "icon.png", "logo.png", "translations/en.yaml")
_LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)")
_PNG = b"\x89PNG\r\n\x1a\n"


def check_pages(root: Path, *, within: tuple[Path, Path] | None = None) -> Iterator[Finding]:
    """What the store shows of an app: pages, pictures, links.

    `within` is a repository and the app's folder in it, if links may lead to the repository's other files.
    """
    for name in PAGES:
        if not (root / name).is_file():
            yield found("STORE_PAGE_MISSING", "it is missing, and the store would show it", name)
        elif name.endswith(".png") and not (root / name).read_bytes().startswith(_PNG):
            yield found("STORE_PAGE_MISSING", "it is not a PNG picture", name, hint="Save it as PNG.")
    for name in PAGES[:3]:
        yield from _links(root, name, within or (root, root))


def check_repository(root: Path, strict: Level) -> Iterator[Finding]:
    """The file that makes a git repository a store."""
    name = next((name for name in REPOSITORY_NAMES if (root / name).is_file()), "")
    if not name:
        message = "there is no repository.yaml, so Home Assistant refuses the repository as a store"
        yield found("REPOSITORY_MISSING", message, REPOSITORY_NAMES[0], level=strict)
        return
    for problem in _repository_problems(root / name):
        yield found("REPOSITORY_INVALID", problem, name, level=strict)


def _repository_problems(path: Path) -> Iterator[str]:
    try:
        said: dict[str, object] = parse_config(path.read_bytes(), path.name)
    except UsageError as error:
        yield error.cause
        return
    if not isinstance(said.get("name"), str):
        yield "`name` is missing or not text"
    if not isinstance(said.get("maintainer", ""), str):
        yield "`maintainer` is not text"
    if "url" in said and not _is_url(said["url"]):
        yield "`url` is not an address"


def _is_url(value: object) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    return bool(parts and parts.scheme and parts.netloc)


def _links(root: Path, name: str, within: tuple[Path, Path]) -> Iterator[Finding]:
    """Links and pictures that lead nowhere in what is published."""
    if not (root / name).is_file():
        return
    lines = (root / name).read_text("utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        for target in _LINK.findall(line[:4000]):
            if not _leads_somewhere(root, target, within):
                message = f"the link to {target} leads nowhere in the published repository"
                yield found("STORE_LINK_BROKEN", message, name, (number, None))


def _leads_somewhere(root: Path, target: str, within: tuple[Path, Path]) -> bool:
    """Addresses are not fetched; a path must exist in the tree."""
    if target.startswith("#"):
        return True
    if urlsplit(target).scheme:
        return _is_url(target) or target.startswith("mailto:")
    name = unquote(target.partition("#")[0])
    top, folder = within
    places = ((root, root), (top, folder))
    return any(
        (path := real_path(start / name)).is_relative_to(real_path(limit)) and path.exists()
        for limit, start in places
    )
