"""The error tree: every failure has a code, a cause, a remedy and an exit code.

Bb8Error
├── UsageError        2    the command line or a setting is wrong
├── CheckFailed       1    a check, a lane or an attestation failed
├── Unreachable       3    the host, the broker or the remote could not be reached
│   └── Refused       3    it was reached and said no
├── NotVerified       4    deployed, but not verified (the message has the state of the rollback)
├── Locked            5    another run works on the same host
└── Interrupted     130    Ctrl-C; the state is safe and the next run continues
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NewType

Code = NewType("Code", str)
"""The stable name of an error, UPPER_SNAKE. Only the catalogue makes one: a misspelt name is a type error."""


class Bb8Error(Exception):
    """A failure for the user: `cause` is one sentence about what failed, `remedy` one about what to do.

    Raised through the catalogue: `raise HOST_DISK_FULL("the disk of the host is full")`. `code` is described
    by `bb8deploy explain CODE`; `details` are further lines, such as a container's last log lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: Code, cause: str, remedy: str, *, details: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {cause}")
        self.code = code
        self.cause = cause
        self.remedy = remedy
        self.details = tuple(details)


class UsageError(Bb8Error):
    """The command line, `.env` or the environment is not valid."""

    exit_code = 2


class CheckFailed(Bb8Error):
    """A check, a lane or an attestation ran and failed."""

    exit_code = 1


class Unreachable(Bb8Error):
    """The host, the broker or the git remote could not be reached within its deadline."""

    exit_code = 3


class Refused(Unreachable):
    """The other side was reached and refused: a wrong key or token, a rejected push."""


class NotVerified(Bb8Error):
    """The app was deployed, but it is not proven that the sent content runs."""

    exit_code = 4


class Locked(Bb8Error):
    """Another run holds the lock of the same host or workspace."""

    exit_code = 5


class Interrupted(Bb8Error):
    """The user stopped the run; the journal keeps what was observed."""

    exit_code = 130
