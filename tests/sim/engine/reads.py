"""Answers a git command that only reads by the answer to the same one before, until it may be another."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

READS = {"cat-file", "describe", "diff-tree", "log", "ls-tree", "merge-base", "rev-parse", "symbolic-ref"}
"""Commands that depend on nothing but their words and the repository's objects and refs."""
SETTINGS = {"config", "interpret-trailers", "remote", "var"}
"""Commands that depend on settings alone, which no schedule changes."""
FRESH = {"ls-files", "ls-remote", "status"}
"""Commands that write nothing, but look at files or at another repository."""
_OBJECT = re.compile(r"\b[0-9a-f]{40}\b")
_NAME = re.compile(r"\bHEAD\b|\brefs/|\bmain\b")


def _never_changes(words: tuple[str, ...], done: Any) -> bool:
    """True for an answer about objects that are named by their content."""
    if words[0] in SETTINGS or words[1:2] == ("--show-toplevel",):
        return True
    text = " ".join(words)
    return done.returncode == 0 and bool(_OBJECT.search(text)) and not _NAME.search(text)


def remembering(real: Callable[..., Any]) -> Callable[..., Any]:
    """`workspace.git.call`, which starts no process for what it has been asked already."""
    lasting: dict[object, Any] = {}
    passing: dict[object, Any] = {}

    def call(folder: Path, *words: str, **kw: Any) -> Any:
        if words[0] not in READS | SETTINGS:
            if words[0] not in FRESH:
                passing.clear()
            return real(folder, *words, **kw)
        asked = (folder, words, kw.get("stdin"), str(kw.get("extra")))
        if (done := lasting.get(asked) or passing.get(asked)) is None:
            done = real(folder, *words, **kw)
            (lasting if _never_changes(words, done) else passing)[asked] = done
        return done

    return call
