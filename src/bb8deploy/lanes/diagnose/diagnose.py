"""Runs the whole diagnosis: all checks in parallel over one ssh connection, then the conclusions."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.secret import Secret, redact
from bb8deploy.catalogue.errors.tool import DIAGNOSE_DEADLINE, INTERNAL
from bb8deploy.lanes.diagnose.areas import (
    app,
    app_folder,
    broker,
    clock,
    core,
    last_run,
    robot,
    settings,
    ssh,
    supervisor,
)
from bb8deploy.lanes.diagnose.check_result import Check, CheckLevel, ExitCode, Sheet, exit_code
from bb8deploy.lanes.diagnose.known_problem_facts import gather
from bb8deploy.lanes.diagnose.parallel import Pending, spawn
from bb8deploy.plan.known_problems import Trouble, recognise
from bb8deploy.runs.run import Run

if TYPE_CHECKING:
    from bb8deploy.host.open_host import Host
    from bb8deploy.transport.ssh_config import Hop
    from bb8deploy.transport.transport_interface import Transport

T = TypeVar("T")
LOGIN_SECONDS = 60.0
"""For the handshake and the login behind a connection; a person may have to type a passphrase."""
ANSWER_SECONDS = 60.0
"""For everything that is asked of a host once it is connected."""
PATIENCE = 2.0
"""Seconds for ssh to come about before the Supervisor is asked through Core."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Every check in reading order, the known troubles, and how long it took.

    `version` is the workspace's; `secrets`, `hosts` and `users` are those met on the way, for redaction.
    """

    checks: tuple[Check, ...]
    troubles: tuple[Trouble, ...]
    seconds: float
    version: str = ""
    secrets: tuple[Secret, ...] = ()
    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """0 nothing failed, 3 only silence failed, 1 anything else."""
        return exit_code(self.checks)

    def completed(self, complete: Callable[[str], str]) -> Diagnosis:
        """The same with its remedies as `complete` makes them."""
        return replace(
            self,
            checks=tuple(replace(check, remedy=complete(check.remedy)) for check in self.checks),
            troubles=tuple(replace(one, remedy=complete(one.remedy)) for one in self.troubles),
        )

    def count(self, level: CheckLevel) -> int:
        """How many checks ended so."""
        return sum(check.level is level for check in self.checks)


@dataclass(slots=True)
class _Survey:
    """The looks of one diagnosis and what became of them."""

    run: Run
    started: float = field(default_factory=time.monotonic)
    lost: list[Check] = field(default_factory=list)
    transports: list[Transport] = field(default_factory=list)

    @property
    def deadline(self) -> float:
        """Seconds for a connection to come about, counted from the start of the diagnosis."""
        return self.run.settings.ssh.connect_timeout

    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds that a connection may still take."""
        return max(ssh.LEAST, self.deadline - self.spent())

    def take(self, look: Pending[T], otherwise: T) -> T:
        """What a look saw; an error or a missing end is a failed check."""
        sheet = Sheet(look.subject)
        try:
            return look.wait()
        except TimeoutError:
            seen = "no answer within the time that a diagnosis has for it"
            remedy = "Look whether the host, its name server or the mounted share hangs."
            sheet.fail("answer", seen, remedy, DIAGNOSE_DEADLINE.code, unreachable=True)
        except Bb8Error as error:
            sheet.error("answer", error)
        except Exception as error:  # noqa: BLE001 - a defect of one look must not cost the others
            sheet.fail("answer", self._defect(error), "Report it with the file named here.", INTERNAL.code)
        self.lost += sheet.checks
        return otherwise

    def _defect(self, error: Exception) -> str:
        path = self.run.folder / "crash.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.run.clean("".join(traceback.format_exception(error))), encoding="utf-8")
        return f"bb8deploy has a defect: {type(error).__name__} (see {path})"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What every look saw; empty if a look was lost."""

    here: app_folder.Here
    connected: ssh.SshSeen
    around: ssh.HostSeen
    core: core.CoreSeen
    supervisor: supervisor.SupervisorSeen
    folder: app_folder.FolderSeen
    broker: broker.BrokerSeen


def diagnose(run: Run) -> Diagnosis:
    """Looks at everything that the settings lead to; changes nothing and raises nothing of what it meets."""
    survey = _Survey(run)
    try:
        return _conclude(survey, _look(survey))
    finally:
        for transport in survey.transports:
            with contextlib.suppress(OSError, EOFError):
                transport.close()


def _look(survey: _Survey) -> _Seen:
    """Starts every look and waits for all; those that need the ssh host wait for it by themselves."""
    run = survey.run
    to_log_in = survey.deadline + LOGIN_SECONDS
    until = to_log_in + ANSWER_SECONDS
    connected = spawn(
        ssh.SUBJECT,
        lambda: ssh.connect(run, survey.spent, survey.transports.append),
        deadline=to_log_in,
    )
    here = spawn("workspace", lambda: app_folder.read_here(run), deadline=ANSWER_SECONDS)
    at_core = spawn(
        core.SUBJECT, lambda: core.look(run, survey.left, lambda: _over_ssh(connected)), deadline=until
    )
    at_broker = spawn(broker.SUBJECT, lambda: broker.look(run, survey.left), deadline=until)
    around = spawn(ssh.SUBJECT, lambda: _around(run, connected), deadline=until)
    folder = spawn(app_folder.SUBJECT, lambda: _folder(run, connected, here), deadline=until)
    asked = spawn(supervisor.SUBJECT, lambda: _supervisor(run, connected, at_core), deadline=until)
    return _Seen(
        here=survey.take(here, app_folder.Here(())),
        connected=survey.take(connected, ssh.SshSeen(())),
        around=survey.take(around, ssh.HostSeen(())),
        core=survey.take(at_core, core.CoreSeen(())),
        supervisor=survey.take(asked, supervisor.SupervisorSeen(())),
        folder=survey.take(folder, app_folder.FolderSeen(())),
        broker=survey.take(at_broker, broker.BrokerSeen(())),
    )


def _conclude(survey: _Survey, seen: _Seen) -> Diagnosis:
    """Adds what follows from several looks together, and takes every secret out of the words."""
    run = survey.run
    state = seen.supervisor.look.state if seen.supervisor.look else None
    learnt = [*app.passwords(seen.here.config, state), *([seen.core.token] if seen.core.token else [])]
    hidden = [*run.secrets(), *learnt]
    troubles = recognise(gather(run, seen.here, seen.around, seen.folder, seen.supervisor, seen.core))
    return Diagnosis(
        checks=tuple(_clean(check, hidden) for check in _grouped((*_checks(run, seen), *survey.lost))),
        troubles=tuple(replace(one, evidence=redact(one.evidence, hidden)) for one in troubles),
        seconds=survey.spent(),
        version=seen.here.wanted.stamp.version if seen.here.wanted else "",
        secrets=tuple(learnt),
        hosts=tuple(name for hop in _hops(seen.connected) for name in (hop.host, hop.key_name)),
        users=tuple(hop.user for hop in _hops(seen.connected)),
    )


def _checks(run: Run, seen: _Seen) -> Iterable[Check]:
    """Every check, in reading order."""
    around = seen.around.around
    slug = str(seen.here.config.get("slug") or "")
    yield from settings.check(run)
    yield from last_run.check(run)
    yield from seen.here.checks
    yield from seen.connected.checks
    yield from seen.around.checks
    yield from seen.core.checks
    yield from seen.supervisor.checks
    yield from app.checks(seen.here, seen.folder, seen.supervisor)
    yield from seen.folder.checks
    yield from app_folder.topology_checks(seen.folder, seen.supervisor.topology, slug)
    yield from seen.broker.checks
    yield from robot.checks(seen.broker, seen.here.config)
    yield from clock.checks(*((around.ahead, around.clock_error) if around else seen.supervisor.clock))


def _grouped(checks: Sequence[Check]) -> Iterable[Check]:
    """The checks of one subject together, subjects in the order of their first check."""
    order = list(dict.fromkeys(check.subject for check in checks))
    return sorted(checks, key=lambda check: order.index(check.subject))


def _clean(check: Check, hidden: list[Secret]) -> Check:
    return replace(check, seen=redact(check.seen, hidden), remedy=redact(check.remedy, hidden))


def _hops(connected: ssh.SshSeen) -> tuple[Hop, ...]:
    """The host and the hosts on the way to it, as ssh's own configuration names them."""
    return (connected.hop, *connected.hop.via) if connected.hop else ()


def _over_ssh(connected: Pending[ssh.SshSeen]) -> Host | None:
    """The ssh host, waited for; None if it was not reached."""
    with contextlib.suppress(Exception):  # the look by ssh reports the error
        return connected.wait().host
    return None


def _around(run: Run, connected: Pending[ssh.SshSeen]) -> ssh.HostSeen:
    host = _over_ssh(connected)
    return ssh.look_around(run, host) if host else ssh.HostSeen(())


def _folder(
    run: Run, connected: Pending[ssh.SshSeen], here: Pending[app_folder.Here]
) -> app_folder.FolderSeen:
    """By ssh if that was reached, else through the mounted share."""
    from bb8deploy.host.open_host import open_host, runtime_folder

    sheet = Sheet(app_folder.SUBJECT)
    host = _over_ssh(connected)
    try:
        if host:
            runtime_folder(run.settings)
        elif run.settings.ha_mount:
            host = open_host(run.settings, run.progress, via="mount")
    except Bb8Error as error:
        sheet.error("files", error)
        return app_folder.FolderSeen(tuple(sheet.checks))
    if host is None:
        sheet.skip("files", "there is neither ssh nor a mounted share")
        return app_folder.FolderSeen(tuple(sheet.checks))
    return app_folder.look(host, here.wait())


def _supervisor(
    run: Run, connected: Pending[ssh.SshSeen], at_core: Pending[core.CoreSeen]
) -> supervisor.SupervisorSeen:
    """By ssh where that comes about soon; else through Core, so that a dead host costs no time twice."""
    host: Host | None = None
    with contextlib.suppress(Exception):  # the look by ssh reports the error
        host = connected.wait(PATIENCE).host
    by_core = False
    if host is None:
        with contextlib.suppress(Exception):  # the look at Core reports the error
            by_core = at_core.wait().usable
    if host is None and not by_core and not run.settings.supervisor_token:
        host = _over_ssh(connected)
    return supervisor.look(run, host, by_core=by_core)
