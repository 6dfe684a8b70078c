"""Carries out one task of Ansible for one host, from its arguments to the fields of its result."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from bb8deploy.base.errors import Bb8Error, NotVerified
from bb8deploy.base.secret import Secret, redact, redact_data, secrets_in
from bb8deploy.catalogue.errors.settings import INSTANCE_INVALID
from bb8deploy.lanes.desired_state.desired_state import StateOutcome, StateRequest, absent, latest, present
from bb8deploy.lanes.desired_state.host_run import InventoryHost, RunRequest, open_host_run
from bb8deploy.lanes.host_session import Access
from bb8deploy.lanes.options.options_file import settings_of_mapping
from bb8deploy.plan.app_settings import KEYS, AppSettings
from bb8deploy.runs.run import Run, defect, interrupted
from bb8deploy.settings import settings_table as table
from bb8deploy.settings.app_instance import Instance

Say = Callable[[str], object]
Arguments = Mapping[str, object]

_STATES: Mapping[str, tuple[str, Callable[[Run, StateRequest], StateOutcome]]] = {
    "present": ("deploy", present),
    "latest": ("deploy", latest),
    "absent": ("remove", absent),
}
_SETTINGS = {
    "private_key_file": table.HA_SSH_KEY,
    "known_hosts": table.HA_SSH_KNOWN_HOSTS,
    "sudo": table.HA_SSH_SUDO,
    "folder": table.HA_REMOTE_RUNTIME,
    "url": table.HA_URL,
    "token": table.HA_LLAT,
}
_WORDS = {
    "--yes": "overwrite_edits: true",
    "--discard-edits": "discard_edits: true",
    "--remove-config": "remove_config: true",
    "--no-validate": "validate: false",
    "--accept-new": "accept_new: true",
}
_NAMED = {"--as": "instance", "--ports": "instance_ports"}
"""The options of the command line that a message may name, and the arguments of a task in their place."""
_ENV_FILE = re.compile(
    r"in (`?)\.env\1(, in `\.env\.NAME` for a target, or in the environment)?"
    r"(; `bb8deploy init` asks for them)?"
)
_IN_TASK = "in the task, if need be below `settings`"


@dataclass(frozen=True, slots=True)
class HostTask:
    """A task for the host `name` of the inventory, with arguments that Ansible has checked by their types."""

    name: str
    arguments: Arguments = field(repr=False)
    dry_run: bool = False
    with_diff: bool = False


@dataclass(frozen=True, slots=True)
class TaskReport:
    """How a task ended, without any secret: `values` are the fields of Ansible's result."""

    values: Mapping[str, object]


def carry_out(task: HostTask, say: Say, warn: Say) -> TaskReport:
    """Brings the app on the host to the state of the task; every failure becomes the report.

    A failure is never `unreachable`: Ansible does not count that in max_fail_percentage.
    """
    given = task.arguments
    hidden = (*secrets_in(given.get("token")), *secrets_in(given.get("secret_options")))
    secrets = list(hidden)
    spoken = SpokenProgress(
        lambda text: say(redact(text, secrets)), lambda text: warn(f"[{task.name}] {redact(text, secrets)}")
    )
    run: Run | None = None
    try:
        run = _run(task, hidden, spoken)
        secrets += run.settings.secrets()
        wanted = _state(run, task)
        values = _success(run, task, wanted)
    except BaseException as problem:  # noqa: BLE001 - the last net: Ansible never gets a traceback
        values = _failure(run, _as_error(problem, run))
    return TaskReport(redact_data(values, secrets))


def preload() -> None:
    """Imports what a task needs, so that processes which are forked later do not each import it."""
    import httpx  # noqa: F401
    import paramiko  # noqa: F401
    import pydantic  # noqa: F401
    import ruamel.yaml  # noqa: F401
    import websockets.sync.client  # noqa: F401

    from bb8deploy.host.lock import ssh_lock  # noqa: F401
    from bb8deploy.host.supervisor import ha_cli_route, websocket_route  # noqa: F401
    from bb8deploy.runs.contracts import sync, validate, verify  # noqa: F401
    from bb8deploy.workspace.versions import changelog, version_places  # noqa: F401


@dataclass(frozen=True, slots=True)
class SpokenProgress:
    """A Progress that says the name of each step."""

    say: Say
    warning: Say

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:  # noqa: ARG002 - the host is known
        """Says that the step begins."""
        self.say(name)
        yield

    def note(self, text: str) -> None:
        """Says a line."""
        self.say(text)

    def warn(self, text: str) -> None:
        """Says a warning."""
        self.warning(text)


def _run(task: HostTask, hidden: tuple[Secret, ...], spoken: SpokenProgress) -> Run:
    given = task.arguments
    request = RunRequest(
        workspace=Path(str(given["workspace"])).absolute(),
        addon=Path(str(given["addon"])) if given.get("addon") else None,
        dry_run=task.dry_run,
        overwrite=bool(given.get("overwrite_edits")),
        hidden=hidden,
        instance=_instance(given),
    )
    command, _ = _STATES[str(given.get("state", "present"))]
    host = InventoryHost(task.name, _texts(given))
    return open_host_run(command, request, host, spoken)


def _instance(given: Arguments) -> Instance | None:
    """The instance that the task names, None for the app itself. Raises UsageError INSTANCE_INVALID.

    An empty name is refused: a variable that is not set would reach the app itself.
    """
    name, ports = given.get("instance"), str(given.get("instance_ports", ""))
    if name is None and ports:
        raise INSTANCE_INVALID("`instance_ports` needs `instance`", "Name the instance too.")
    return None if name is None else Instance.parse(str(name), ports)


def _texts(given: Arguments) -> dict[str, str]:
    """The settings of the host by their names in `.env`; those below `settings` come last."""
    texts = {table.HA_SSH_HOST_ALIAS.name: address(given)}
    texts.update({key.name: str(given[name]) for name, key in _SETTINGS.items() if name in given})
    more = given.get("settings")
    return {**texts, **({str(k): str(v) for k, v in more.items()} if isinstance(more, Mapping) else {})}


def address(given: Arguments) -> str:
    """`[user@]host[:port]`; an IPv6 address is put in brackets."""
    host = str(given.get("host", ""))
    host = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    user = f"{given['user']}@" if given.get("user") else ""
    port = f":{given['port']}" if given.get("port") else ""
    return f"{user}{host}{port}" if host else ""


def app_settings(given: Arguments) -> AppSettings | None:
    """The settings of the app that the task names, None if it names none. Raises OPTIONS_FILE_INVALID."""
    rows = {key: given[key] for key in KEYS if key in given}
    hidden = given.get("secret_options")
    if isinstance(hidden, Mapping):
        plain = rows.get("options")
        rows["options"] = {**(plain if isinstance(plain, Mapping) else {}), **hidden}
    if not rows:
        return None
    names = frozenset(map(str, hidden)) if isinstance(hidden, Mapping) else frozenset[str]()
    return replace(settings_of_mapping("the task", rows, secrets_in(hidden)), hidden=names)


def _state(run: Run, task: HostTask) -> StateOutcome:
    given = task.arguments
    request = StateRequest(
        access=Access(accept_new=bool(given.get("accept_new"))),
        settings=app_settings(given),
        restart=bool(given.get("restart", True)),
        backup=bool(given.get("backup")),
        validate=bool(given.get("validate", True)),
        discard_edits=bool(given.get("discard_edits")),
        with_config=bool(given.get("remove_config")),
        with_diff=task.with_diff,
    )
    _, reach_state = _STATES[str(given.get("state", "present"))]
    return reach_state(run, request)


def _success(run: Run, task: HostTask, outcome: StateOutcome) -> dict[str, object]:
    values: dict[str, object] = {
        "changed": outcome.changed,
        "action": outcome.action,
        "version": outcome.version,
        "tree": outcome.tree,
        "proof": outcome.proof,
        "preview": list(outcome.preview),
        **_of_run(run),
    }
    if task.with_diff and outcome.changed:
        values["diff"] = _diffs(task.name, outcome)
    return values


def _diffs(name: str, outcome: StateOutcome) -> list[dict[str, str]]:
    before, after = ("".join(f"{line}\n" for line in side) for side in (outcome.before, outcome.after))
    both = {"before": before, "after": after, "before_header": name, "after_header": name}
    return [both, *({"prepared": text} for text in outcome.diffs)]


def _failure(run: Run | None, error: Bb8Error) -> dict[str, object]:
    """The error for Ansible. `changed`: an app that could not be verified was worked on, and put back."""
    if run and not run.dry_run:
        with suppress(Bb8Error):  # if the reports are not writable, the first error reported it
            _record(run, error)
    cause, remedy = _as_arguments(error.cause), _as_arguments(_ENV_FILE.sub(_IN_TASK, error.remedy))
    return {
        "failed": True,
        "changed": isinstance(error, NotVerified),
        "msg": f"{error.code}: {cause}. {remedy}".strip(),
        "code": error.code,
        "remedy": remedy,
        "details": list(error.details),
        **(_of_run(run) if run else {}),
    }


def _as_arguments(message: str) -> str:
    """The message with arguments of a task in place of options of the command line."""
    for option, argument in _WORDS.items():
        message = message.replace(f"`{option}`", f"`{argument}`")
    for option, argument in _NAMED.items():
        message = re.sub(rf"`{option} ?([^`]*)`", rf"`{argument}: \1`", message)
    return message


def _record(run: Run, error: Bb8Error) -> None:
    """Records the failure as a DRIFT line, unless the lane has."""
    if not run.ledger.has_drift(error.code):
        run.ledger.drift(run.command, error.code, run.clean(error.cause))


def _of_run(run: Run) -> dict[str, object]:
    return {"run_id": run.id, "tokens": list(run.ledger.held()), "reports": str(run.reports)}


def _as_error(problem: BaseException, run: Run | None) -> Bb8Error:
    if isinstance(problem, Bb8Error):
        return problem
    return interrupted(run) if isinstance(problem, KeyboardInterrupt) else defect(problem, run)
