"""Reads the identity that a running app reports in its log, and compares it with what was sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

UNKNOWN = "unknown"
_LINE = re.compile(r"\bIDENTITY (version=.*)$")
_PAIR = re.compile(r"([\w-]+)=(\S+)")
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
class Seal:
    """What the builder found when it compared the files that it was given with those that were sent.

    `differ` files had another content, `extra` ones were not sent, `unseen` ones were hidden by .dockerignore
    or missing. `differs` and `extras` name the first of them. `compared` is False if nothing was compared.
    """

    seen: int = 0
    differ: int = 0
    extra: int = 0
    unseen: int = 0
    differs: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    compared: bool = True

    @classmethod
    def of_pairs(cls, pairs: Mapping[str, str]) -> Seal | None:
        """The seal in the words of a report, None if it has none."""
        if pairs.get("seal") == "none":
            return cls(compared=False)
        numbers = [pairs.get(name, "") for name in ("seen", "differ", "extra", "not-seen")]
        if not all(number.isascii() and number.isdigit() for number in numbers):
            return None
        seen, differ, extra, unseen = map(int, numbers)
        differs, extras = (tuple(filter(None, pairs.get(n, "").split(","))) for n in ("differs", "extras"))
        return cls(seen, differ, extra, unseen, differs, extras)

    def problems(self, ignored: Callable[[str], bool]) -> tuple[str, ...]:
        """What the builder took that was not sent so, one line each; ignored files do not count."""
        found = [f"{name}: built with other content" for name in self.differs]
        found += [f"{name}: built, but was not sent" for name in self.extras if not ignored(name)]
        unnamed = self.differ - len(self.differs) + self.extra - len(self.extras)
        return (*found, f"{unnamed} more") if unnamed > 0 else tuple(found)


@dataclass(frozen=True, slots=True)
class Identity:
    """One start as it was reported; `run_sh`: the start script was found.

    `seal` is what the launcher of a sealed image reports; `own`: the app reported itself.
    """

    version: str
    tree: str
    commit: str
    run: str
    python: str
    run_sh: bool = False
    seal: Seal | None = None
    own: bool = True

    def is_(self, expected: Expected) -> bool:
        """True if this is the expected content; a report without a digest never is."""
        told = (self.version, self.tree, self.run)
        return UNKNOWN not in told and told == (expected.version, expected.tree, expected.run)

    def names(self, other: Identity) -> bool:
        """True if both name the same build."""
        return (self.version, self.tree, self.run) == (other.version, other.tree, other.run)

    def proves(self, expected: Expected, proof: Proof) -> bool:
        """True if this is the expected content, at that level of proof."""
        return self.is_(expected) and (proof is not Proof.SEALED or self.seal is not None)

    def proof(self, ignored: Callable[[str], bool]) -> Proof | None:
        """The level at which this report proves its content by itself; `ignored` files do not count.

        None if the builder was given other files than the report names.
        """
        if self.tree == UNKNOWN:
            return Proof.RUNNING
        if self.seal is None or not self.seal.compared:
            return Proof.STAMP
        return None if self.seal.problems(ignored) else Proof.SEALED

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
    """Every start that the log reports, oldest first; a torn line is none.

    The launcher of a sealed image reports before the app does: both reports are one start. If only the app
    starts again, in the same container, its image is still the sealed one.
    """
    return [said for _, said in _starts(log)]


def newest(log: Sequence[str]) -> Identity | None:
    """The last start."""
    found = identities(log)
    return found[-1] if found else None


def since_newest(log: Sequence[str]) -> tuple[str, ...] | None:
    """The lines from the report of the last start on; None if the log has no report."""
    found = _starts(log)
    return tuple(log[found[-1][0] :]) if found else None


def _starts(log: Sequence[str]) -> list[tuple[int, Identity]]:
    """Each start with the line at which its first report is."""
    found: list[tuple[int, Identity]] = []
    sealed: Identity | None = None
    for at, line in enumerate(log):
        said = _report(line, log[at + 1 :])
        if said is None:
            continue
        if not said.own:
            sealed = said
        elif sealed and sealed.names(said):
            said = replace(said, seal=sealed.seal, run_sh=said.run_sh or sealed.run_sh)
            if not found[-1][1].own:
                found[-1] = (found[-1][0], said)
                continue
        found.append((at, said))
    return found


def _report(line: str, after: Sequence[str]) -> Identity | None:
    match = _LINE.search(line)
    pairs = dict(_PAIR.findall(match.group(1))) if match else {}
    if not {"version", "tree", "commit", "run", "python"} <= pairs.keys():
        return None
    seal = Seal.of_pairs(pairs)
    return Identity(
        pairs["version"],
        pairs["tree"],
        pairs["commit"],
        pairs["run"],
        pairs["python"],
        run_sh="run-sh" in pairs or any(_RUN_SH.search(one) for one in _until_next(after)),
        seal=seal,
        own=seal is None,
    )


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
