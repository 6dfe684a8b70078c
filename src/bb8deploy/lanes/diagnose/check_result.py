"""One check of a diagnosis: its level, what was seen, what to do."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from bb8deploy.base.errors import Bb8Error, Refused, Unreachable

ExitCode = Literal[0, 1, 3]


class CheckLevel(StrEnum):
    """The result; `skipped` means not checked, and `seen` gives the reason."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """`remedy` is empty if there is nothing to do; `code` is empty or has a page.

    `unreachable`: it failed because the other side gave no answer, not because of its answer.
    """

    subject: str
    name: str
    level: CheckLevel
    seen: str
    remedy: str = ""
    code: str = ""
    seconds: float = 0.0
    unreachable: bool = False


@dataclass(slots=True)
class Sheet:
    """Collects the checks of one subject; each is timed from the one before."""

    subject: str
    checks: list[Check] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    def ok(self, name: str, seen: str) -> None:
        """It is as it should be."""
        self._add(name, CheckLevel.OK, seen)

    def warn(self, name: str, seen: str, remedy: str, code: str = "") -> None:
        """It works, but deserves attention."""
        self._add(name, CheckLevel.WARN, seen, remedy, code)

    def fail(self, name: str, seen: str, remedy: str, code: str = "", *, unreachable: bool = False) -> None:
        """A deploy, or the running app, will suffer from it."""
        self._add(name, CheckLevel.FAIL, seen, remedy, code, unreachable=unreachable)

    def skip(self, name: str, why: str) -> None:
        """It was not looked at."""
        self._add(name, CheckLevel.SKIPPED, why)

    def error(self, name: str, error: Bb8Error) -> None:
        """An error that was met, as a failed check."""
        self.fail(name, error.cause, error.remedy, error.code, unreachable=gave_no_answer(error))

    def _add(
        self,
        name: str,
        level: CheckLevel,
        seen: str,
        remedy: str = "",
        code: str = "",
        *,
        unreachable: bool = False,
    ) -> None:
        now = time.monotonic()
        seconds, self._since = now - self._since, now
        self.checks.append(Check(self.subject, name, level, seen, remedy, code, seconds, unreachable))


def gave_no_answer(error: Bb8Error) -> bool:
    """Whether the other side could not be reached at all; one that refuses has answered."""
    return isinstance(error, Unreachable) and not isinstance(error, Refused)


def exit_code(checks: Iterable[Check]) -> ExitCode:
    """0 if nothing failed, 3 if every failure is a missing answer, else 1."""
    failed = [check for check in checks if check.level is CheckLevel.FAIL]
    if not failed:
        return 0
    return 3 if all(check.unreachable for check in failed) else 1
