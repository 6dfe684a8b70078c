"""Who holds the lock of an app on a host, and until when."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bb8deploy.base.errors import Locked
from bb8deploy.base.os_differences import is_alive
from bb8deploy.catalogue.errors.host import HOST_LOCKED
from bb8deploy.host.shell.program_output import AnswerPart

RENEWS = "dev"
"""The command that renews its lock."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lock: user, machine and process, the run, its command, and since when (RFC 3339)."""

    user: str
    host: str
    pid: int
    run: str
    command: str
    since: str

    @classmethod
    def of_run(cls, run_id: str, command: str) -> Owner:
        """This process, for a run."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(getpass.getuser(), socket.gethostname(), os.getpid(), run_id, command, now)

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """The owner in the file of a lock, None if the text is not one."""
        try:
            row = json.loads(text)
            return cls(**{name: row[name] for name in cls.__dataclass_fields__})
        except (ValueError, KeyError, TypeError):
            return None

    def is_dead(self) -> bool:
        """True for a process of this machine that has ended; other machines cannot be seen."""
        return self.host == socket.gethostname() and not is_alive(self.pid)

    def line(self) -> str:
        """One line of ASCII JSON."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        return (
            f"{self.user}@{self.host} (process {self.pid}, `{self.command}`, run {self.run}, "
            f"since {self.since})"
        )


@dataclass(frozen=True, slots=True)
class Held:
    """A lock as it was found: the line of its owner file, and its expiry and the clock of the side that keeps
    it, in seconds since the epoch; None if unknown."""

    line: str
    expires: int | None = None
    now: int | None = None

    @property
    def owner(self) -> Owner | None:
        """The owner, None if the owner file cannot be read."""
        return Owner.parse(self.line)

    @property
    def by_the_dead(self) -> bool:
        """True if the owner was a process of this machine that has ended."""
        return self.owner is not None and self.owner.is_dead()

    @property
    def is_renewed(self) -> bool:
        """True if the owner renews the lock for as long as it runs, as the dev loop does."""
        return self.owner is not None and self.owner.command == RENEWS

    @property
    def remedy(self) -> str:
        """What another user can do about it."""
        if self.is_renewed:
            return (
                f"Ask that user to quit `{RENEWS}`, which keeps the lock until then; if that run no longer"
                " exists, run `bb8deploy unlock`."
            )
        return "Wait for that run (`--lock-wait SECONDS`); if it no longer exists, run `bb8deploy unlock`."

    def __str__(self) -> str:
        return f"{self.owner or 'an unknown owner'}{self._expiry()}"

    def _expiry(self) -> str:
        if self.expires is None or self.now is None:
            return ""
        left = self.expires - self.now
        try:
            moment = f"{datetime.fromtimestamp(self.expires, UTC):%Y-%m-%d %H:%M} UTC"
        except (ValueError, OverflowError, OSError):
            return "; its expiry is not a date"
        if left <= 0:
            return f"; it expired at {moment}"
        renewed = f", unless `{RENEWS}` renews it" if self.is_renewed else ""
        return f"; it expires at {moment}, {_span(left)}{renewed}"


class HostLocked(Locked):
    """Another run holds the host's lock."""

    def __init__(self, held: Held, where: str) -> None:
        super().__init__(
            HOST_LOCKED.code,
            f"{where} is locked by {held}",
            held.remedy,
        )
        self.held = held


def held_in(parts: Sequence[AnswerPart]) -> Held | None:
    """The lock in an answer of the host, None if there is none."""
    bodies = {part.name: part.body.decode(errors="replace").strip() for part in parts}
    if "HELD" not in bodies:
        return None
    return Held(bodies["HELD"], _number(bodies.get("EXPIRES", "")), _number(bodies.get("NOW", "")))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


def _span(seconds: int) -> str:
    """A time span in words."""
    for size, unit in ((86_400 * 365, "year"), (86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"in {seconds // size} {unit}s"
    return f"in {seconds} seconds"
