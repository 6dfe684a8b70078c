"""Reads the identity that a running app reports in its log, and compares it with what was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

UNKNOWN = "unknown"
_LINE = re.compile(r"\bIDENTITY (version=.*)$")
_PAIR = re.compile(r"(\w+)=(\S+)")
_PYTHON = re.compile(r"(?:Python-?)?\d+\.\d+\S*", re.IGNORECASE)
_RUN_SH = re.compile(r"\bRUN_SH_PRESENT\s*$")


class Proof(StrEnum):
    """How it is known which content runs; see the glossary."""

    SEALED = "sealed"
    STAMP = "stamp"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Expected:
    """What must run: the version, tree digest and run in the stamp on the host."""

    version: str
    tree: str
    run: str

    def facts(self) -> dict[str, str]:
        """The values under the names that a journal has for them."""
        return {"version": self.version, "tree": self.tree, "stamp_run": self.run}

    @classmethod
    def of_facts(cls, facts: object) -> Expected | None:
        """What `facts` wrote, None if it is not complete."""
        if not isinstance(facts, Mapping) or not {"version", "tree", "stamp_run"} <= facts.keys():
            return None
        return cls(str(facts["version"]), str(facts["tree"]), str(facts["stamp_run"]))


@dataclass(frozen=True, slots=True)
class Identity:
    """One report of a starting app; `run_sh`: it also found its start script."""

    version: str
    tree: str
    commit: str
    run: str
    python: str
    run_sh: bool = False

    def is_(self, expected: Expected) -> bool:
        """True if this is the expected content; a report without a digest never is."""
        told = (self.version, self.tree, self.run)
        return UNKNOWN not in told and told == (expected.version, expected.tree, expected.run)

    @property
    def python_known(self) -> bool:
        """True if `python` is a version, such as 3.13.0; an app may report `none` or `unknown`."""
        return bool(_PYTHON.fullmatch(self.python))

    def differences(self, expected: Expected) -> tuple[str, ...]:
        """Each value that differs, as `name: expected X, reported Y`."""
        pairs = (
            ("version", expected.version, self.version),
            ("tree", expected.tree, self.tree),
            ("run", expected.run, self.run),
        )
        return tuple(f"{name}: expected {want}, reported {got}" for name, want, got in pairs if want != got)


def identities(log: Sequence[str]) -> list[Identity]:
    """Every identity report in the log, oldest first; a torn line is none."""
    found = []
    for at, line in enumerate(log):
        match = _LINE.search(line)
        pairs = dict(_PAIR.findall(match.group(1))) if match else {}
        if {"version", "tree", "commit", "run", "python"} <= pairs.keys():
            seen = any(_RUN_SH.search(after) for after in _until_next(log[at + 1 :]))
            found.append(
                Identity(
                    pairs["version"],
                    pairs["tree"],
                    pairs["commit"],
                    pairs["run"],
                    pairs["python"],
                    run_sh=seen,
                )
            )
    return found


def newest(log: Sequence[str]) -> Identity | None:
    """The last report: that of the container which started last."""
    found = identities(log)
    return found[-1] if found else None


def since_newest(log: Sequence[str]) -> tuple[str, ...] | None:
    """The newest report and the lines after it; None if the log has no report."""
    for at in range(len(log) - 1, -1, -1):
        if identities(log[at : at + 1]):
            return tuple(log[at:])
    return None


def newer_lines(before: Sequence[str], after: Sequence[str], *, window: int) -> tuple[str, ...]:
    """The lines of `after` that had not been there: both are the newest lines of one growing log.

    `before` was read through a window of at least `window` lines: a shorter one is the whole log, so that
    nothing of `after` is older; else each may reach further back than the other. Where lines repeat, the
    latest place at which `before` may end counts: an old line is never taken for a new one.
    """
    latest = min(len(before), len(after)) if len(before) < window else len(after)
    for end in range(latest if before else 0, 0, -1):
        size = min(end, len(before))
        if after[end - 1] == before[-1] and tuple(after[end - size : end]) == tuple(before[-size:]):
            return tuple(after[end:])
    return tuple(after)


def _until_next(lines: Sequence[str]) -> list[str]:
    end = next((at for at, line in enumerate(lines) if _LINE.search(line)), len(lines))
    return list(lines[:end])
