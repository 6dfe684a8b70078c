"""Hooks of mkdocs for the website: links as on GitHub, the app's page, and diagrams without a CDN."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).resolve().parents[2]
MERMAID = Path(sys.prefix) / "site/node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
# Pages of the site that are not in docs/.
OUTSIDE = ("addon/DOCS.md",)
_SCRIPT = "assets/mermaid.tiny.js"
_CODE_OR_LINK = re.compile(r"```.*?```|`[^`\n]*`|(?<=\]\()[^)\s]+(?=\))", re.DOTALL)


class Page(Protocol):
    """The part of a page of mkdocs that is used here."""

    file: Any
    url: str


def expand(nav: list[Any]) -> Iterator[Any]:
    """The nav with a page for each pattern, in the order of their names."""
    for entry in nav:
        if isinstance(entry, str):
            yield from _pages(entry)
            continue
        for title, below in entry.items():
            yield {title: list(expand(below if isinstance(below, list) else [below]))}


def _pages(entry: str) -> list[str]:
    if "*" not in entry:
        return [entry]
    docs = ROOT / "docs"
    return sorted(path.relative_to(docs).as_posix() for path in docs.glob(entry))


def address(link: str, page: str, blob: str) -> str:
    """The link for the site: another page of the site, or the file on GitHub.

    `page` is relative to docs/, or one of OUTSIDE. `blob` is the address of the repository's files on GitHub.
    """
    name, hash_sign, anchor = link.partition("#")
    if not name or re.match(r"/|[a-z]+:", link):
        return link
    place = page if page in OUTSIDE else f"docs/{page}"
    path = posixpath.normpath(posixpath.join(posixpath.dirname(place), name))
    if path.startswith("docs/") or path in OUTSIDE:
        target = posixpath.relpath(path.removeprefix("docs/"), posixpath.dirname(page) or ".")
    else:
        target = f"{blob}/{path}"
    return target + hash_sign + anchor


def on_config(config: Any) -> Any:
    """Completes the nav, and gives headings the anchors that they have on GitHub."""
    from pymdownx.slugs import slugify
    from pymdownx.superfences import fence_code_format

    config.nav = list(expand(config.nav))
    config.mdx_configs["toc"] = {"slugify": slugify(case="lower"), "permalink": True}
    if MERMAID.is_file():
        fence = {"name": "mermaid", "class": "mermaid", "format": fence_code_format}
        config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}
    return config


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages outside of docs/, and the program for diagrams."""
    from mkdocs.structure.files import File

    for name in OUTSIDE:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    if MERMAID.is_file():
        files.append(File.generated(config, _SCRIPT, abs_src_path=str(MERMAID)))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, **_: Any) -> str:
    """Rewrites the links that lead out of docs/."""
    blob = f"{config.repo_url.rstrip('/')}/blob/main"

    def rewritten(found: re.Match[str]) -> str:
        return found[0] if found[0].startswith("`") else address(found[0], page.file.src_uri, blob)

    return _CODE_OR_LINK.sub(rewritten, markdown)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Loads the program for diagrams from this site if the page has one; the theme would use a CDN."""
    if 'class="mermaid"' not in output:
        return output
    source = posixpath.relpath(_SCRIPT, page.url or ".")
    return output.replace("</head>", f'<script src="{source}"></script></head>', 1)
