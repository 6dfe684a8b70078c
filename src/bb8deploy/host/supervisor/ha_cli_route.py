"""The route over ssh: the Supervisor's operations as calls of the `ha` command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bb8deploy.base.errors import Refused, Unreachable
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.host.supervisor.rest_paths import plain_lines
from bb8deploy.host.supervisor.route_interface import (
    QUICK,
    RELOAD,
    STATE_AND_LOG,
    AddonState,
    Health,
    Job,
    Look,
    LookExtras,
    NoAnswer,
    RefusalKind,
    SupervisorError,
    Verb,
    parse_health,
    parse_jobs,
)
from bb8deploy.host.supervisor.run_ha_command import PROFILE, HaCommand, Printed, ha, raw
from bb8deploy.transport.transport_interface import Stream, Transport


class HaCli:
    """The Supervisor Protocol over `ha --no-progress --raw-json`.

    Sources: the CLI's `apps` (5.0, 2026-02) and `addons` (before) spellings; `store reload`, because
    `ha addons reload` lists the apps and exits 0; exit code 0 for every JSON answer, errors included.
    """

    route = "ha"
    log_is_current = False

    def __init__(self, transport: Transport, *, sudo: bool = False, profile: str = PROFILE) -> None:
        self._command = HaCommand(transport, sudo=sudo, profile=profile)
        self._slug = ""
        self._after_verb: tuple[int, AddonState] | None = None

    @property
    def where(self) -> str:
        """`ha on user@host`."""
        return self._command.where

    def look(self, slug: str, lines: int, extras: LookExtras = STATE_AND_LOG) -> Look:
        """State, log, documents, a second look and the output of the program in one command on the host."""
        self._slug, documents = slug, extras.documents
        pause = [["sleep", f"{extras.again_after:g}"]] if extras.again_after else []

        def words(noun: str) -> list[list[str]]:
            both = [ha("--raw-json", noun, "info", slug), ha(noun, "logs", slug, "-n", str(lines))]
            twice = (*both, *pause, *both) if pause else both
            return [*twice, ["sh", "-c", extras.program], *map(_document, documents)]

        deadline = QUICK + extras.again_after + (QUICK if documents else 0.0)
        said = self._command.nouned(words, deadline, f"describe {slug}")
        looks, shown = said[: len(said) - len(documents)], said[len(said) - len(documents) :]
        output = looks[-1].out.encode() if extras.program else None
        later = self._later(slug, looks[3], looks[4], output) if pause else None
        seen = self._seen(slug, looks[0], looks[1])
        return replace(seen, program_output=output, later=later, documents=self._found(documents, shown))

    def _later(self, slug: str, info: Printed, log: Printed, output: bytes | None) -> Look | None:
        """The second look; None if only that one failed: its user then looks again."""
        try:
            return replace(self._seen(slug, info, log), program_output=output)
        except (NoAnswer, SupervisorError):
            return None

    def _seen(self, slug: str, info: Printed, log: Printed) -> Look:
        try:
            state = AddonState.parse(slug, self._command.data(info, f"describe {slug}"))
        except SupervisorError as error:
            if error.problem is RefusalKind.UNKNOWN_APP:
                self._command.refuse_denied(log, f"show the log of {slug}")
                return Look(None, ())
            raise
        if state.installed:
            return Look(state, self._command.text(log, f"show the log of {slug}"))
        self._command.refuse_denied(log, f"show the log of {slug}")
        return Look(state, ())

    def info(self, slug: str) -> AddonState:
        """`ha apps info`; directly after a verb, the state that the verb's own command read."""
        seen, self._after_verb = self._after_verb, None
        if seen and seen[0] == self._command.ran and seen[1].slug == slug:
            return seen[1]
        return AddonState.parse(slug, self._ask(("NOUN", "info", slug), f"describe {slug}", QUICK))

    def reload_store(self) -> None:
        """`ha store reload`."""
        self._carry_out(("store", "reload"), "reload the store", RELOAD)

    def act(self, verb: Verb, slug: str, *, backup: bool = False, deadline: float) -> None:
        """`ha apps VERB`. The CLI gives up before we do (30 s for start, 10 min for rebuild): NoAnswer."""
        extra = ("--backup",) if backup and verb == "update" else ()
        self._slug = slug
        self._carry_out(("NOUN", verb, slug, *extra), f"{verb} {slug}", deadline)

    def uninstall(self, slug: str, *, with_config: bool, deadline: float) -> None:
        """`ha apps uninstall`."""
        extra = ("--remove-config",) if with_config else ()
        self._slug = slug
        self._carry_out(("NOUN", "uninstall", slug, *extra), f"uninstall {slug}", deadline)

    def logs(self, slug: str, lines: int) -> tuple[str, ...]:
        """`ha apps logs`: the journal, which holds earlier containers' lines too."""
        doing = f"show the log of {slug}"
        (said,) = self._command.nouned(lambda noun: (ha(noun, "logs", slug, "-n", str(lines)),), QUICK, doing)
        return self._command.text(said, doing)

    def supervisor_logs(self, lines: int) -> tuple[str, ...]:
        """`ha supervisor logs`."""
        (said,) = self._command.run([ha("supervisor", "logs", "-n", str(lines))], QUICK, "show its own log")
        return self._command.text(said, "show its own log")

    def jobs(self) -> tuple[Job, ...]:
        """`ha jobs info`."""
        return parse_jobs(self._ask(("jobs", "info"), "list its jobs", QUICK))

    def health(self) -> Health:
        """`ha supervisor info` and `ha resolution info`, in one command on the host."""
        words = [ha("--raw-json", "supervisor", "info"), ha("--raw-json", "resolution", "info")]
        info, resolution = self._command.run(words, QUICK, "report its health")
        return parse_health(
            self._command.data(info, "describe itself"), self._command.data(resolution, "report its health")
        )

    def documents(self, *names: str) -> dict[str, JsonObject]:
        """`ha host info` and the like, in one command on the host."""
        return self._found(names, self._command.run([*map(_document, names)], QUICK, "describe the host"))

    def _found(self, names: Sequence[str], said: Sequence[Printed]) -> dict[str, JsonObject]:
        found: dict[str, JsonObject] = {}
        for name, each in zip(names, said, strict=False):
            with contextlib.suppress(SupervisorError, Unreachable):
                found[name] = self._command.data(each, f"show {name}")
        return found

    def follow(self, slug: str) -> Iterator[str]:
        """`ha apps logs -f`; ends with the command."""
        stream = self._command.stream(ha(self._command.noun, "logs", slug, "-f"))
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
    def _next(stream: Stream) -> bytes:
        """The next bytes; a quiet container is not an error: only an hour of silence ends it."""
        return stream.read(deadline=3600.0)

    def _ask(self, words: Sequence[str], doing: str, deadline: float) -> JsonObject:
        (said,) = self._command.nouned(lambda noun: (raw(noun, words),), deadline, doing)
        return self._command.data(said, doing)

    def _carry_out(self, words: Sequence[str], doing: str, deadline: float) -> None:
        """A verb, and a look after it in the same command, which saves a round trip."""
        asked = [words, *([("NOUN", "info", self._slug)] if self._slug else [])]
        done, *seen = self._command.nouned(
            lambda noun: [raw(noun, each) for each in asked], deadline + QUICK, doing
        )
        self._command.data(done, doing)
        with contextlib.suppress(SupervisorError, Unreachable, Refused):
            for said in seen:
                state = AddonState.parse(self._slug, self._command.data(said, f"describe {self._slug}"))
                self._after_verb = (self._command.ran, state)


def _document(name: str) -> list[str]:
    """The call that shows a document such as `host/info`."""
    return ha("--raw-json", *name.split("/"))
