"""The Supervisor by the `ha` command over ssh: its JSON is read, its exit code is not."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bb8deploy.base.errors import Refused, Unreachable
from bb8deploy.catalogue.errors.supervisor import HA_CLI_MISSING
from bb8deploy.host.shell import programs
from bb8deploy.host.supervisor.api import plain_lines
from bb8deploy.host.supervisor.base import (
    QUICK,
    RELOAD,
    AddonState,
    Health,
    Job,
    Look,
    NoAnswer,
    Problem,
    SupervisorError,
    Verb,
    denied,
    parse_health,
    parse_jobs,
    unwrap,
)
from bb8deploy.transport.base import Transport

PROFILE = "/etc/profile.d/homeassistant.sh"
_DENIED = {
    401: re.compile(r"\b401: Unauthorized|unauthorized: missing or invalid|(?:status|unexpected).*\b401\b"),
    403: re.compile(r"\b403: Forbidden|forbidden: insufficient|(?:status|unexpected).*\b403\b"),
}
_UNKNOWN_COMMAND = re.compile(r"unknown command", re.IGNORECASE)
_TIMED_OUT = re.compile(r"deadline exceeded|timeout|timed out", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Said:
    """What one `ha` call printed."""

    out: str
    err: str
    status: int


class HaCli:
    """The Supervisor Protocol over `ha --no-progress --raw-json`.

    Sources: the CLI's `apps` (5.0, 2026-02) and `addons` (before) spellings; `store reload`, because
    `ha addons reload` lists the add-ons and exits 0; exit code 0 for every JSON answer, errors included.
    """

    route = "ha"
    log_is_current = False

    def __init__(self, transport: Transport, *, sudo: bool = False, profile: str = PROFILE) -> None:
        self._transport = transport
        self._prefix = ("sudo", "-n") if sudo else ()
        self._profile = profile
        self._noun = "apps"
        self._slug = ""
        self._after: AddonState | None = None

    @property
    def where(self) -> str:
        """`ha on user@host`."""
        return f"`ha` on {self._transport.where}"

    def look(self, slug: str, lines: int, *, rider: str = "", again_after: float = 0.0) -> Look:
        """State, log, a second look and the rider's output in one command on the host."""
        self._slug = slug
        pause = [["sleep", f"{again_after:g}"]] if again_after else []

        def words(noun: str) -> list[list[str]]:
            both = [_ha("--raw-json", noun, "info", slug), _ha(noun, "logs", slug, "-n", str(lines))]
            return [*both, *((*pause, *both) if pause else ()), ["sh", "-c", rider]]

        said = self._nouned(words, QUICK + again_after, f"describe {slug}")
        rode = said[-1].out.encode() if rider else None
        later = self._later(slug, said[3], said[4], rode) if pause else None
        return replace(self._seen(slug, said[0], said[1]), rider=rode, later=later)

    def _later(self, slug: str, info: Said, log: Said, rode: bytes | None) -> Look | None:
        """The second look; None where only that one went wrong, so that whoever needs it looks again."""
        try:
            return replace(self._seen(slug, info, log), rider=rode)
        except (NoAnswer, SupervisorError):
            return None

    def _seen(self, slug: str, info: Said, log: Said) -> Look:
        try:
            state = AddonState.parse(slug, self._data(info, f"describe {slug}"))
        except SupervisorError as error:
            if error.problem is Problem.UNKNOWN_APP:
                return Look(None, ())
            raise
        if state.installed:
            return Look(state, self._text(log, f"show the log of {slug}"))
        self._refuse_denied(log, f"show the log of {slug}")
        return Look(state, ())

    def info(self, slug: str) -> AddonState:
        """`ha apps info`; right behind a verb, what the verb's own command has seen after it."""
        seen, self._after = self._after, None
        if seen and seen.slug == slug:
            return seen
        return AddonState.parse(slug, self._ask(("NOUN", "info", slug), f"describe {slug}", QUICK))

    def reload_store(self) -> None:
        """`ha store reload`."""
        self._carry_out(("store", "reload"), "reload the store", RELOAD)

    def act(self, verb: Verb, slug: str, *, backup: bool = False, deadline: float) -> None:
        """`ha apps VERB`. The CLI gives up before we do (30 s for start, 10 min for rebuild): NoAnswer."""
        extra = ("--backup",) if backup and verb == "update" else ()
        self._slug = slug
        self._carry_out(("NOUN", verb, slug, *extra), f"{verb} {slug}", deadline)

    def logs(self, slug: str, lines: int) -> tuple[str, ...]:
        """`ha apps logs`: the journal, which holds earlier containers' lines too."""
        doing = f"show the log of {slug}"
        (said,) = self._nouned(lambda noun: (_ha(noun, "logs", slug, "-n", str(lines)),), QUICK, doing)
        return self._text(said, doing)

    def supervisor_logs(self, lines: int) -> tuple[str, ...]:
        """`ha supervisor logs`."""
        (said,) = self._run([_ha("supervisor", "logs", "-n", str(lines))], QUICK, "show its own log")
        return self._text(said, "show its own log")

    def jobs(self) -> tuple[Job, ...]:
        """`ha jobs info`."""
        return parse_jobs(self._ask(("jobs", "info"), "list its jobs", QUICK))

    def health(self) -> Health:
        """`ha supervisor info` and `ha resolution info`, in one command on the host."""
        words = [_ha("--raw-json", "supervisor", "info"), _ha("--raw-json", "resolution", "info")]
        info, resolution = self._run(words, QUICK, "tell its health")
        return parse_health(self._data(info, "describe itself"), self._data(resolution, "tell its health"))

    def documents(self, *names: str) -> dict[str, dict[str, Any]]:
        """`ha host info` and the like, in one command on the host."""
        said = self._run([_ha("--raw-json", *name.split("/")) for name in names], QUICK, "describe the host")
        found: dict[str, dict[str, Any]] = {}
        for name, each in zip(names, said, strict=False):
            with contextlib.suppress(SupervisorError, Unreachable):
                found[name] = self._data(each, f"show {name}")
        return found

    def follow(self, slug: str) -> Iterator[str]:
        """`ha apps logs -f`; ends with the command."""
        words = _ha(self._noun, "logs", slug, "-f")
        stream = self._transport.open(self._argv(f"exec {shlex.join(words)}"))
        rest = b""
        try:
            while data := self._next(stream):
                *whole, rest = (rest + data).split(b"\n")
                for line in whole:
                    yield from plain_lines(line.decode(errors="replace"))
        finally:
            stream.abort()

    def close(self) -> None:
        """The connection belongs to the host."""

    @staticmethod
    def _next(stream: Any) -> bytes:
        """The next bytes; a quiet container is no error, so an hour's silence ends the following at most."""
        data = stream.read(deadline=3600.0)
        return bytes(data)

    def _ask(self, words: Sequence[str], doing: str, deadline: float) -> dict[str, Any]:
        (said,) = self._nouned(lambda noun: (_raw(noun, words),), deadline, doing)
        return self._data(said, doing)

    def _carry_out(self, words: Sequence[str], doing: str, deadline: float) -> None:
        """A verb, and a look behind it in the same command, which saves a round trip."""
        asked = [words, *([("NOUN", "info", self._slug)] if self._slug else [])]
        done, *seen = self._nouned(lambda noun: [_raw(noun, each) for each in asked], deadline + QUICK, doing)
        self._data(done, doing)
        with contextlib.suppress(SupervisorError, Unreachable, Refused):
            for said in seen:
                self._after = AddonState.parse(self._slug, self._data(said, f"describe {self._slug}"))

    def _nouned(self, words: Any, deadline: float, doing: str) -> list[Said]:
        """Runs commands with the spelling that this CLI knows: `apps`, before 5.0 `addons`."""
        said = self._run(list(words(self._noun)), deadline, doing)
        if self._noun == "apps" and _UNKNOWN_COMMAND.search(said[0].err) and _json(said[0].out) is None:
            self._noun = "addons"
            said = self._run(list(words(self._noun)), deadline, doing)
        return said

    def _run(self, commands: Sequence[Sequence[str]], deadline: float, doing: str) -> list[Said]:
        """Runs several programs in one command on the host and gives what each said."""
        self._after = None
        mark = secrets.token_hex(12)
        program = "\n".join(
            f"printf '\\n{mark} OUT\\n'; {shlex.join(words)} 2>&3; "
            f"printf '\\n{mark} END %s\\n' $? ; printf '\\n{mark} NEXT\\n' >&3"
            for words in commands
        )
        started = time.monotonic()
        done = self._transport.run(self._argv(f"exec 3>&2\n{program}"), deadline=deadline + 5.0)
        outs = _between(done.out.decode(errors="replace"), mark)
        errs = done.err.decode(errors="replace").split(f"\n{mark} NEXT\n")
        if len(outs) < len(commands):
            seconds = time.monotonic() - started
            raise NoAnswer(doing, self.where, f"the command ended after {seconds:.0f} s: {done.complaint}")
        return [Said(out, err, status) for (out, status), err in zip(outs, errs, strict=False)]

    def _argv(self, program: str) -> list[str]:
        words = programs.in_sh(programs.program("ha"))
        return [*self._prefix, *words, programs.escaped(program), self._profile]

    def _data(self, said: Said, doing: str) -> dict[str, Any]:
        body = _json(said.out)
        if body is not None:
            return unwrap(body, doing=doing)
        raise self._no_json(said, doing)

    def _text(self, said: Said, doing: str) -> tuple[str, ...]:
        """The lines of a log.

        `ha ... logs` prints the body of an HTTP error on stdout and exits 0 (home-assistant/cli 2026). Such a
        body has no newline at its end; every line of a log has one.
        """
        if said.status != 0:
            raise self._no_json(said, doing)
        if not said.out.endswith("\n"):
            self._raise_error_body(said, doing)
        return plain_lines(said.out.strip("\n"))

    def _raise_error_body(self, said: Said, doing: str) -> None:
        body = _json(said.out)
        if body is not None and body.get("result") == "error":
            unwrap(body, doing=doing)
        self._refuse_denied(said, doing)

    def _refuse_denied(self, said: Said, doing: str) -> None:
        """Raises Refused if a log was denied: the role may read an app's state, and not reload the store."""
        if status := re.fullmatch(r"(401|403): \w+", said.out.strip()):
            raise denied(self.where, int(status[1]), doing)

    def _no_json(self, said: Said, doing: str) -> Exception:
        words = f"{said.out}\n{said.err}"
        if refused := next((status for status, said in _DENIED.items() if said.search(words)), 0):
            return denied(self.where, refused, doing)
        last = (words.strip().splitlines() or [f"exit status {said.status}"])[-1].strip()
        if said.status == 127:
            return HA_CLI_MISSING(f"{self._transport.where} has no `ha` command: {last}")
        if _TIMED_OUT.search(words):
            return NoAnswer(doing, self.where, last)
        return NoAnswer(doing, self.where, f"no JSON came back: {last}")


def _raw(noun: str, words: Sequence[str]) -> list[str]:
    """One call that answers in JSON; NOUN stands for this CLI's word for add-ons."""
    return _ha("--raw-json", *(noun if word == "NOUN" else word for word in words))


def _ha(*words: str) -> list[str]:
    """One call of the CLI, which shows no spinner."""
    return ["ha", "--no-progress", *words]


def _between(text: str, mark: str) -> list[tuple[str, int]]:
    """What stands between each OUT and its END, with the exit status."""
    pattern = re.compile(rf"\n{mark} OUT\n(.*?)\n{mark} END (\d+)\n", re.DOTALL)
    return [(found[1], int(found[2])) for found in pattern.finditer(text)]


def _json(text: str) -> dict[str, Any] | None:
    """The last JSON object that begins on a line of its own; a banner may stand before it."""
    decoder = json.JSONDecoder()
    starts = [found.start() for found in re.finditer(r"^\s*\{", text, re.MULTILINE)]
    best: dict[str, Any] | None = None
    end = -1
    for start in starts:
        if start < end:
            continue
        at = text.index("{", start)
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        best = value if isinstance(value, dict) else best
    return best
