"""Runs the `ha` command over ssh and reads what it printed: its JSON, not its exit code."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.supervisor import HA_CLI_MISSING
from bb8deploy.host.shell import load_programs
from bb8deploy.host.supervisor.rest_paths import plain_lines
from bb8deploy.host.supervisor.route_interface import NoAnswer, denied, unwrap
from bb8deploy.transport.transport_interface import Stream, Transport

PROFILE = "/etc/profile.d/homeassistant.sh"
_DENIED = {
    401: re.compile(r"\b401: Unauthorized|unauthorized: missing or invalid|(?:status|unexpected).*\b401\b"),
    403: re.compile(r"\b403: Forbidden|forbidden: insufficient|(?:status|unexpected).*\b403\b"),
}
_UNKNOWN_COMMAND = re.compile(r"unknown command", re.IGNORECASE)
_TIMED_OUT = re.compile(r"deadline exceeded|timeout|timed out", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Printed:
    """What one `ha` call printed."""

    out: str
    err: str
    status: int


class HaCommand:
    """`ha --no-progress` on one host, with `sudo` and the profile that sets its token.

    `noun` is the CLI's word for apps: `apps` since 5.0 (2026-02), `addons` before. `ran` counts the commands
    on the host.
    """

    def __init__(self, transport: Transport, *, sudo: bool, profile: str) -> None:
        self._transport = transport
        self._prefix = ("sudo", "-n") if sudo else ()
        self._profile = profile
        self.noun = "apps"
        self.ran = 0

    @property
    def where(self) -> str:
        """`ha on user@host`."""
        return f"`ha` on {self._transport.where}"

    def stream(self, words: Sequence[str]) -> Stream:
        """The output of one call while it runs."""
        return self._transport.open(self._argv(f"exec {shlex.join(words)}"))

    def nouned(
        self, words: Callable[[str], Iterable[Sequence[str]]], deadline: float, doing: str
    ) -> list[Printed]:
        """Runs commands with the spelling that this CLI knows: `apps`, before 5.0 `addons`."""
        said = self.run(list(words(self.noun)), deadline, doing)
        if self.noun == "apps" and _UNKNOWN_COMMAND.search(said[0].err) and _json(said[0].out) is None:
            self.noun = "addons"
            said = self.run(list(words(self.noun)), deadline, doing)
        return said

    def run(self, commands: Sequence[Sequence[str]], deadline: float, doing: str) -> list[Printed]:
        """Runs several programs in one command on the host and returns what each printed."""
        self.ran += 1
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
        return [Printed(out, err, status) for (out, status), err in zip(outs, errs, strict=False)]

    def data(self, said: Printed, doing: str) -> JsonObject:
        """The data of an answer in JSON. Raises SupervisorError, Refused or NoAnswer."""
        body = _json(said.out)
        if body is not None:
            return unwrap(body, doing=doing)
        raise self._no_json(said, doing)

    def text(self, said: Printed, doing: str) -> tuple[str, ...]:
        """The lines of a log.

        `ha ... logs` prints the body of an HTTP error on stdout and exits 0 (home-assistant/cli 2026). Such a
        body has no newline at its end; every line of a log has one.
        """
        if said.status != 0:
            raise self._no_json(said, doing)
        if not said.out.endswith("\n"):
            self._raise_error_body(said, doing)
        return plain_lines(said.out.strip("\n"))

    def _argv(self, program: str) -> list[str]:
        words = load_programs.in_sh(load_programs.program("ha_with_token"))
        return [*self._prefix, *words, load_programs.escaped(program), self._profile]

    def _raise_error_body(self, said: Printed, doing: str) -> None:
        body = _json(said.out)
        if body is not None and body.get("result") == "error":
            unwrap(body, doing=doing)
        self.refuse_denied(said, doing)

    def refuse_denied(self, said: Printed, doing: str) -> None:
        """Raises Refused if a log was denied: the role may read an app's state, and not reload the store."""
        if status := re.fullmatch(r"(401|403): \w+", said.out.strip()):
            raise denied(self.where, int(status[1]), doing)

    def _no_json(self, said: Printed, doing: str) -> Exception:
        words = f"{said.out}\n{said.err}"
        if refused := next((status for status, said in _DENIED.items() if said.search(words)), 0):
            return denied(self.where, refused, doing)
        last = (words.strip().splitlines() or [f"exit status {said.status}"])[-1].strip()
        if said.status == 127:
            return HA_CLI_MISSING(f"{self._transport.where} has no `ha` command: {last}")
        if _TIMED_OUT.search(words):
            return NoAnswer(doing, self.where, last)
        return NoAnswer(doing, self.where, f"no JSON came back: {last}")


def raw(noun: str, words: Sequence[str]) -> list[str]:
    """One call that answers in JSON; NOUN becomes the CLI's word for apps."""
    return ha("--raw-json", *(noun if word == "NOUN" else word for word in words))


def ha(*words: str) -> list[str]:
    """One call of the CLI, which shows no spinner."""
    return ["ha", "--no-progress", *words]


def _between(text: str, mark: str) -> list[tuple[str, int]]:
    """The text between each OUT and its END, with the exit status."""
    pattern = re.compile(rf"\n{mark} OUT\n(.*?)\n{mark} END (\d+)\n", re.DOTALL)
    return [(found[1], int(found[2])) for found in pattern.finditer(text)]


def _json(text: str) -> JsonObject | None:
    """The last JSON object that begins on a line of its own; a banner may come before it."""
    decoder = json.JSONDecoder()
    starts = [found.start() for found in re.finditer(r"^\s*\{", text, re.MULTILINE)]
    best: JsonObject | None = None
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
