"""What a lane may do with the app folder, over ssh or on a mounted share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from bb8deploy.base.untrusted_json import json_object
from bb8deploy.host.files.ignored_files import RestoredTree
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import NO_RECORD, Entry, FoundTree, PutIn

_RUN_ID = re.compile(r"[\w.-]{1,100}")


@dataclass(frozen=True, slots=True)
class Transfer:
    """What turns the host's tree into the planned one.

    `removals` are paths taken away first (files, links, whole folders); `entries` are then put in, read
    from `source`, or from `made` for content that is in no file. `total` is the whole planned tree's size in
    bytes.
    """

    source: Path
    removals: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    made: Mapping[str, bytes] = field(default_factory=dict)
    total: int = 0

    @property
    def size(self) -> int:
        """Bytes of content to send."""
        return sum(entry.size for entry in self.entries)


PREVIOUS = "previous"
"""The name of the newest earlier tree: what the newest swap replaced."""


@dataclass(frozen=True, slots=True)
class EarlierTree:
    """An earlier tree that the host keeps: its name, and the text of its build_stamp.json or an empty one."""

    name: str
    stamp: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """The previous tree: the text of its build_stamp.json, empty if there is none, and whether one file is
    the same in it as in the app folder (or is in neither)."""

    stamp: str
    same: bool


@dataclass(frozen=True, slots=True)
class InPlace:
    """The tree in the app folder: the text of its build_stamp.json, empty if there is none; and whether a run
    that has not come to its end, such as a killed rollback, put it back."""

    stamp: str
    unfinished: bool

    @classmethod
    def of(cls, stamp: str, put_in: PutIn) -> InPlace:
        """By the record beside the app folder; one of another tree does not count."""
        return cls(stamp, put_in.back == _sender(stamp))


def put_back_record(earlier: str, present: str) -> PutIn:
    """The record that a swap writes which puts the tree with the stamp `earlier` in the place of `present`.

    Empty if the stamps could not tell later which of the two trees is in place.
    """
    run_id = _sender(earlier)
    return PutIn(back=run_id) if run_id != _sender(present) else NO_RECORD


def _sender(stamp: str) -> str:
    """The run that sent a tree, by its stamp; empty if that is not known."""
    run_id = json_object(stamp).get("run")
    return run_id if isinstance(run_id, str) and _RUN_ID.fullmatch(run_id) else ""


class SyncSession(Protocol):
    """One observation of the app folder and, at most once, one transfer into it."""

    @property
    def tree(self) -> FoundTree:
        """What was there when the session began."""

    def apply(self, transfer: Transfer) -> FoundTree:
        """Puts the transfer in as one step and looks again. Needs the lock.

        The folder is the earlier tree or the new one, never a mixture, whatever ends this call.
        """


class RuntimeFiles(Protocol):
    """The app's folder on the host, its state folder beside it, and single files of the host."""

    @property
    def route(self) -> Literal["ssh", "mount"]:
        """How the folder is reached."""

    @property
    def where(self) -> str:
        """The folder's name for people."""

    @property
    def runtime(self) -> str:
        """The folder's path, as that side sees it."""

    def session(self, run_id: str) -> AbstractContextManager[SyncSession]:
        """Looks at the folder, and keeps the connection open for one transfer."""

    def look(self) -> FoundTree:
        """Looks at the folder: every file hashed."""

    def fetch(self, paths: Sequence[str]) -> dict[str, bytes]:
        """The contents of these files of the folder; those that are gone are left out."""

    def earlier(self) -> tuple[EarlierTree, ...]:
        """The earlier trees that the host keeps, the newest first."""

    def in_place(self) -> InPlace:
        """The stamp of the app folder, and whether a run that put it back has not come to its end."""

    def restore_previous(self, run_id: str, ignore: Ignore, name: str = PREVIOUS) -> RestoredTree:
        """Puts an earlier tree back and looks. Needs the lock.

        The swap records that the tree was put back; `record_put_in` ends that, as does the next swap.
        What is there now becomes the previous tree; the one that was put back is no longer an earlier one,
        unless it has ignored files that the app folder does not have. The ignored files of the app folder
        stay in it. Raises CheckFailed PREVIOUS_MISSING if there is no such tree.
        """

    def withdraw(self, run_id: str, confirm: Callable[[FoundTree], bool]) -> bool:
        """Removes the app folder if `confirm` returns True for its tree. Needs the lock.

        Returns False if the folder stays: it was not confirmed, or was changed after that.
        """

    def look_back(self, name: str) -> Earlier:
        """Looks at the earlier tree: its stamp, and its file `name` beside the present one."""

    def read(self, path: str, *, limit: int = 1_000_000) -> bytes | None:
        """A single file by its absolute path on that side, None if it does not exist."""
