"""Refuses to replace a folder on the host that is not this app's: looked at before anything is swapped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.host import RUNTIME_NOT_OURS
from bb8deploy.host.config_slug import Claims, claims_in, counts
from bb8deploy.workspace.tree_digest import FoundTree, Manifest

SHOWN = 5


def refuse_foreign(
    found: FoundTree,
    want: Manifest,
    slug: str,
    where: str,
    fetch: Callable[[Sequence[str]], Mapping[str, bytes]],
) -> None:
    """Raises CheckFailed RUNTIME_NOT_OURS if `found` is not a tree of the app with this slug.

    A tree is the app's if it carries a stamp of bb8deploy or a config file with the slug, and no config file
    that claims another slug; an empty folder may be taken. `want` is the planned tree: a file that is equal
    in both needs no look. `fetch` reads files of the folder, and is called only for nested config files.
    """
    if not found.present:
        return
    claims = _claims(found, want, fetch)
    others = [(folder, claimed) for folder, claimed in claims.slugs if claimed != slug]
    if others:
        raise _holds_others(where, slug, others)
    ours = _stamped(found.stamp) or any(claimed == slug for _, claimed in claims.slugs)
    if not ours and (found.manifest.entries or found.others):
        raise RUNTIME_NOT_OURS(
            f"{where} exists, but has neither a stamp of bb8deploy nor a config file with the slug {slug}",
            details=[entry.path for entry in found.manifest.entries[:SHOWN]],
        )


def refuse_other_copy(found: FoundTree, where: str, *, ports: str, earlier_ports: str | None) -> None:
    """Raises CheckFailed RUNTIME_NOT_OURS if an app would take an instance's folder, or the other way round.

    Both can have one slug: an app that is called `lamp_beta`, and `lamp` as `beta`. `ports` are those of the
    new stamp, empty for an app; `earlier_ports` those of the stamp that is there, None without one.
    """
    if not (found.manifest.entries or found.others) or bool(ports) == bool(earlier_ports):
        return
    if ports:
        raise RUNTIME_NOT_OURS(
            f"{where} holds an app of its own, not an instance that `--as` made",
            "Give the instance another name with `--as`.",
        )
    raise RUNTIME_NOT_OURS(
        f"{where} holds an instance of another app, which `--as` made",
        "In the workspace of that app, run `bb8deploy remove --as NAME`, then deploy it under another name.",
    )


def _claims(
    found: FoundTree, want: Manifest, fetch: Callable[[Sequence[str]], Mapping[str, bytes]]
) -> Claims:
    """What the config files of the tree claim, but for nested ones that the planned tree has too."""
    top = {name: text.encode() for name, text in found.configs.items()}
    nested = [
        entry.path
        for entry in found.manifest.entries
        if "/" in entry.path and counts(entry.path) and not _planned(entry.path, entry.content, want)
    ]
    return claims_in([*top.items(), *(fetch(nested).items() if nested else ())])


def _planned(path: str, content: tuple[str, str], want: Manifest) -> bool:
    planned = want.by_path.get(path)
    return planned is not None and planned.content == content


def _stamped(text: str) -> bool:
    """True for the text of a stamp: a JSON object with the digest and the run that wrote it."""
    try:
        stamp = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(stamp, dict) and {"tree", "run"} <= stamp.keys()


def _holds_others(where: str, slug: str, others: Sequence[tuple[str, str]]) -> Bb8Error:
    folder, claimed = others[0]
    place = "it" if folder == "." else folder
    return RUNTIME_NOT_OURS(
        f"{where} is not the folder of {slug}: {place} holds a config file with the slug {claimed}",
        details=[f"{path}: {name}" for path, name in others[:SHOWN]],
    )
