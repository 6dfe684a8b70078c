"""The error tree: every failure that a user can meet has a code, a cause, a remedy and an exit code.

Bb8Error
├── UsageError        2    the command line or a setting is wrong
├── CheckFailed       1    a check, a lane or an attestation did not hold
├── Unreachable       3    the host, the broker or the remote could not be reached
│   └── Refused       3    it was reached and said no
├── NotVerified       4    deployed, but not proven (says whether it was rolled back)
├── Locked            5    somebody else is at work on the same host
└── Interrupted     130    Ctrl-C; the state is safe and the next run continues
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class Bb8Error(Exception):
    """A failure in words: `cause` is one sentence of what was seen, `remedy` one of what to do.

    `code` is UPPER_SNAKE and has a page of its own (`bb8deploy explain CODE`); `details` are further
    lines that help, such as a container's last log lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, cause: str, remedy: str, *, details: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {cause}")
        self.code = code
        self.cause = cause
        self.remedy = remedy
        self.details = tuple(details)


class UsageError(Bb8Error):
    """The command line, `.env` or the environment says something that cannot be."""

    exit_code = 2


class CheckFailed(Bb8Error):
    """A check, a lane or an attestation was carried out and did not hold."""

    exit_code = 1


class Unreachable(Bb8Error):
    """The host, the broker or the git remote could not be reached within its deadline."""

    exit_code = 3


class Refused(Unreachable):
    """The other side was reached and refused: wrong key, wrong token, a rejected push."""


class NotVerified(Bb8Error):
    """The add-on was deployed, but what runs could not be proven to be what was sent."""

    exit_code = 4


class Locked(Bb8Error):
    """Another run holds the lock of the same host or workspace."""

    exit_code = 5


class Interrupted(Bb8Error):
    """The user stopped the run; what was observed so far stays in the journal."""

    exit_code = 130
