"""Decides how the content that runs can be proven: by the app's own stamp, or not at all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.plan.logs.identity import Proof
from bb8deploy.runs.run import Run
from bb8deploy.workspace.tree import STAMP

MAX_FILE = 1_000_000
"""Bytes of a file that is searched for the stamp's name."""
_NAME = STAMP.removesuffix(".json").encode()


@dataclass(frozen=True, slots=True)
class VerifyLevel:
    """The proof that a deploy can reach, and why not more; `why` is empty for the strongest."""

    proof: Proof
    why: str = ""


def level_of(run: Run, addon: Path | None = None) -> VerifyLevel:
    """The level by BB8_VERIFY; with `auto`, an app without a word about its stamp cannot report it."""
    wanted = run.settings.bb8_verify
    if wanted == "auto":
        if _mentions_stamp(addon or run.addon):
            return VerifyLevel(Proof.STAMP)
        return VerifyLevel(
            Proof.RUNNING, f"no file of the app mentions {STAMP}, so it cannot report its content"
        )
    return (
        VerifyLevel(Proof.STAMP) if wanted == "stamp" else VerifyLevel(Proof.RUNNING, "BB8_VERIFY is running")
    )


def _mentions_stamp(folder: Path) -> bool:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        if any(_mentions(Path(place, name)) for name in names if name != STAMP):
            return True
    return False


def _mentions(path: Path) -> bool:
    try:
        return path.is_file() and path.stat().st_size <= MAX_FILE and _NAME in path.read_bytes()
    except OSError:
        return False
