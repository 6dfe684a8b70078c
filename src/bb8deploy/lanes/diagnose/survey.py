"""The whole diagnosis: every look side by side, over one ssh connection, then what follows from them."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from bb8deploy.errors import Bb8Error
from bb8deploy.lanes.diagnose import addon, broker, clock, core, robot, runtime, settings, ssh, supervisor
from bb8deploy.lanes.diagnose.check import Check, ExitCode, Level, Sheet, exit_code
from bb8deploy.lanes.diagnose.facts import gather
from bb8deploy.lanes.diagnose.spawn import Look, spawn
from bb8deploy.lanes.run import Run
from bb8deploy.plan.troubles import Trouble, recognise
from bb8deploy.secret import Secret, redact

if TYPE_CHECKING:
    from bb8deploy.host.connect import Host
    from bb8deploy.transport.base import Transport
    from bb8deploy.transport.sshconfig import Hop

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

    def count(self, level: Level) -> int:
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
        return self.run.settings.number("HA_SSH_CONNECT_TIMEOUT")

    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def left(self) -> float:
        """Seconds that a connection may still take."""
        return max(ssh.LEAST, self.deadline - self.spent())

    def take(self, look: Look[T], otherwise: T) -> T:
        """What a look saw; where it ended in an error or not at all, that is a failed check."""
        sheet = Sheet(look.subject)
        try:
            return look.wait()
        except TimeoutError:
            seen = "no answer within the time that a diagnosis has for it"
            remedy = "Look whether the host, its name server or the mounted share hangs."
            sheet.fail("answer", seen, remedy, "DIAGNOSE_DEADLINE", unreachable=True)
        except Bb8Error as error:
            sheet.error("answer", error)
        except Exception as error:  # noqa: BLE001 - a defect of one look must not cost the others
            sheet.fail("answer", self._defect(error), "Report it with the file named here.", "INTERNAL")
        self.lost += sheet.checks
        return otherwise

    def _defect(self, error: Exception) -> str:
        path = self.run.folder / "crash.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.run.clean("".join(traceback.format_exception(error))), encoding="utf-8")
        return f"bb8deploy has a defect: {type(error).__name__} (see {path})"


def diagnose(run: Run) -> Diagnosis:
    """Looks at everything that the settings lead to; changes nothing and raises nothing of what it meets."""
    survey = _Survey(run)
    try:
        return _judge(survey, *_looks(survey))
    finally:
        for transport in survey.transports:
            with contextlib.suppress(OSError, EOFError):
                transport.close()


_Looks = tuple[
    Look[runtime.Here],
    Look[ssh.SshSeen],
    Look[ssh.HostSeen],
    Look[core.CoreSeen],
    Look[supervisor.SupervisorSeen],
    Look[runtime.FolderSeen],
    Look[broker.BrokerSeen],
]


def _looks(survey: _Survey) -> _Looks:
    """Starts them all; those that need the ssh host wait for it by themselves."""
    run, deadline = survey.run, survey.deadline
    connected = spawn(
        "ssh",
        lambda: ssh.connect(run, survey.spent, survey.transports.append),
        deadline=deadline + LOGIN_SECONDS,
    )
    until = deadline + LOGIN_SECONDS + ANSWER_SECONDS
    here = spawn("workspace", lambda: runtime.read_here(run), deadline=ANSWER_SECONDS)
    at_broker = spawn("broker", lambda: broker.look(run, survey.left), deadline=2 * deadline + ANSWER_SECONDS)
    at_core = spawn("core", lambda: core.look(run, survey.left, lambda: _over_ssh(connected)), deadline=until)
    around = spawn("ssh", lambda: _around(run, connected), deadline=until)
    folder = spawn("runtime folder", lambda: _folder(run, connected, here), deadline=until)
    asked = spawn("supervisor", lambda: _supervisor(run, connected, at_core), deadline=until)
    return here, connected, around, at_core, asked, folder, at_broker


def _judge(
    survey: _Survey,
    here_look: Look[runtime.Here],
    ssh_look: Look[ssh.SshSeen],
    around_look: Look[ssh.HostSeen],
    core_look: Look[core.CoreSeen],
    supervisor_look: Look[supervisor.SupervisorSeen],
    folder_look: Look[runtime.FolderSeen],
    broker_look: Look[broker.BrokerSeen],
) -> Diagnosis:
    """Waits for the looks and draws the conclusions."""
    run = survey.run
    here = survey.take(here_look, runtime.Here(()))
    connected = survey.take(ssh_look, ssh.SshSeen(()))
    around = survey.take(around_look, ssh.HostSeen(()))
    at_core = survey.take(core_look, core.CoreSeen(()))
    asked = survey.take(supervisor_look, supervisor.SupervisorSeen(()))
    folder = survey.take(folder_look, runtime.FolderSeen(()))
    at_broker = survey.take(broker_look, broker.BrokerSeen(()))
    seen = (around.around.ahead, around.around.clock_error) if around.around else asked.clock
    checks = (
        *settings.check(run),
        *here.checks,
        *connected.checks,
        *around.checks,
        *at_core.checks,
        *asked.checks,
        *addon.checks(here, folder, asked),
        *folder.checks,
        *runtime.topology_checks(folder, asked.topology, str(here.config.get("slug") or "")),
        *at_broker.checks,
        *robot.checks(at_broker),
        *clock.checks(*seen),
    )
    state = asked.look.state if asked.look else None
    learnt = [*addon.passwords(here.config, state), *([at_core.token] if at_core.token else [])]
    hidden = [*run.settings.secrets(), *learnt]
    troubles = recognise(gather(run, here, around, folder, asked, at_core))
    return Diagnosis(
        checks=tuple(_clean(check, hidden) for check in _grouped((*checks, *survey.lost))),
        troubles=tuple(replace(one, evidence=redact(one.evidence, hidden)) for one in troubles),
        seconds=survey.spent(),
        version=here.wanted.stamp.version if here.wanted else "",
        secrets=tuple(learnt),
        hosts=tuple(name for hop in _hops(connected) for name in (hop.host, hop.key_name)),
        users=tuple(hop.user for hop in _hops(connected)),
    )


def _grouped(checks: Sequence[Check]) -> Iterable[Check]:
    """The checks of one subject together, subjects in the order of their first check."""
    order = list(dict.fromkeys(check.subject for check in checks))
    return sorted(checks, key=lambda check: order.index(check.subject))


def _clean(check: Check, hidden: list[Secret]) -> Check:
    return replace(check, seen=redact(check.seen, hidden), remedy=redact(check.remedy, hidden))


def _hops(connected: ssh.SshSeen) -> tuple[Hop, ...]:
    """The host and the hosts on the way to it, as ssh's own configuration names them."""
    return (connected.hop, *connected.hop.via) if connected.hop else ()


def _over_ssh(connected: Look[ssh.SshSeen]) -> Host | None:
    """The ssh host, waited for; None where it did not come about."""
    with contextlib.suppress(Exception):  # the ssh look itself tells what became of it
        return connected.wait().host
    return None


def _around(run: Run, connected: Look[ssh.SshSeen]) -> ssh.HostSeen:
    host = _over_ssh(connected)
    return ssh.look_around(run, host) if host else ssh.HostSeen(())


def _folder(run: Run, connected: Look[ssh.SshSeen], here: Look[runtime.Here]) -> runtime.FolderSeen:
    """By ssh where that came about, else through the mounted share."""
    from bb8deploy.host.connect import open_host, runtime_folder

    sheet = Sheet(runtime.SUBJECT)
    host = _over_ssh(connected)
    try:
        if host:
            runtime_folder(run.settings)
        elif run.settings.text("HA_MOUNT"):
            host = open_host(run.settings, run.progress, via="mount")
    except Bb8Error as error:
        sheet.error("files", error)
        return runtime.FolderSeen(tuple(sheet.checks))
    if host is None:
        sheet.skip("files", "no way leads there: neither ssh nor a mounted share")
        return runtime.FolderSeen(tuple(sheet.checks))
    return runtime.look(host, here.wait())


def _supervisor(
    run: Run, connected: Look[ssh.SshSeen], at_core: Look[core.CoreSeen]
) -> supervisor.SupervisorSeen:
    """By ssh where that comes about soon; else through Core, so that a dead host costs no time twice."""
    host: Host | None = None
    with contextlib.suppress(Exception):  # the ssh look itself tells what became of it
        host = connected.wait(PATIENCE).host
    by_core = False
    if host is None:
        with contextlib.suppress(Exception):  # as above, the look at Core tells
            by_core = at_core.wait().usable
    if host is None and not by_core and not run.settings.secret("SUPERVISOR_TOKEN"):
        host = _over_ssh(connected)
    return supervisor.look(run, host, by_core=by_core)
