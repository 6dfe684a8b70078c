"""The Protocol of every route to the Supervisor, its answers, and the kinds of its refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from bb8deploy.base.errors import CheckFailed, Refused, Unreachable
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.supervisor import SUPERVISOR_DENIED, SUPERVISOR_NO_ANSWER, SUPERVISOR_SAID_NO
from bb8deploy.host.supervisor.refusal_remedies import LOOK, silence, unhealthy_in

Verb = Literal["install", "update", "rebuild", "start", "stop", "restart"]
# Reading is quick on any host; a store reload pulls every repository of the user's.
QUICK, RELOAD = 30.0, 180.0


@dataclass(frozen=True, slots=True)
class AddonState:
    """What the Supervisor reports of one app; `version` is empty if it is not installed.

    `listed` is the version in the store; `state` is one of started, startup, stopped, error, unknown;
    `built_here` means that the Supervisor builds the image itself, `detached` that its store entry is gone.
    `raw` is the whole answer, with options and the passwords in them.
    """

    slug: str
    installed: bool
    version: str
    listed: str
    state: str
    detached: bool
    built_here: bool
    name: str = ""
    raw: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def parse(cls, slug: str, row: Mapping[str, object]) -> AddonState:
        """Reads the data of `info`; an older or newer Supervisor may leave out parts."""
        version = str(row.get("version") or "")
        installed = bool(row.get("installed", bool(version))) and bool(version)
        return cls(
            slug=slug,
            installed=installed,
            version=version if installed else "",
            listed=str(row.get("version_latest") or ""),
            state=str(row.get("state") or "unknown"),
            detached=bool(row.get("detached", False)),
            built_here=bool(row.get("build", False)),
            name=str(row.get("name") or ""),
            raw=row,
        )


@dataclass(frozen=True, slots=True)
class LookExtras:
    """What a look brings besides state and log; a route over ssh does all of it in one command.

    `program` is a shell program that such a route runs on the host, `again_after` the seconds until a second
    look, 0 for none, and `documents` are paths of the Supervisor's API.
    """

    program: str = ""
    again_after: float = 0.0
    documents: Sequence[str] = ()


STATE_AND_LOG = LookExtras()


@dataclass(frozen=True, slots=True)
class Look:
    """The state of an app and its newest log lines, taken together; `state` is None for an unknown app.

    `program_output` is what the program of the extras printed, None if the route ran none; `later` is a
    second look in the same command, None if the route makes none; `documents` are those of the extras.
    """

    state: AddonState | None
    log: tuple[str, ...]
    program_output: bytes | None = None
    later: Look | None = None
    documents: Mapping[str, Mapping[str, object]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Job:
    """A job: its name, the app's slug if it is about one, its progress in per cent."""

    name: str
    reference: str
    progress: float
    done: bool


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the Supervisor may build: an unhealthy one refuses, an unsupported one only warns."""

    version: str
    healthy: bool
    supported: bool
    unhealthy: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()


class RefusalKind(StrEnum):
    """Why the Supervisor refused: by error_key, or by the text if an old one sends none."""

    BUSY = "busy"
    NOT_READY = "not ready"
    UNHEALTHY = "unhealthy"
    BLOCKED = "blocked by a condition"
    SUPERVISOR_OUTDATED = "supervisor outdated"
    NO_INTERNET = "no internet"
    NO_SPACE = "no disk space"
    UNKNOWN_APP = "unknown app"
    NOT_INSTALLED = "not installed"
    NOT_IN_STORE = "not in store"
    INSTALLED = "already installed"
    VERSION_CHANGED = "version changed"
    NO_UPDATE = "no update"
    IMAGE_BASED = "image based"
    NO_DOCKERFILE = "no dockerfile"
    BUILD_FAILED = "build failed"
    WRONG_ARCH = "wrong architecture"
    OPTIONS = "options invalid"
    PORT = "port in use"
    RATE = "rate limit"
    OTHER = "other"


_BY_KEY: dict[str, RefusalKind] = {
    "app_already_installed_error": RefusalKind.INSTALLED,
    "store_app_not_found_error": RefusalKind.UNKNOWN_APP,
    "app_not_in_store_error": RefusalKind.NOT_IN_STORE,
    "app_rebuild_version_changed_error": RefusalKind.VERSION_CHANGED,
    "app_rebuild_image_based_error": RefusalKind.IMAGE_BASED,
    "app_no_update_available_error": RefusalKind.NO_UPDATE,
    "app_build_dockerfile_missing_error": RefusalKind.NO_DOCKERFILE,
    "app_build_failed_unknown_error": RefusalKind.BUILD_FAILED,
    "app_configuration_invalid_error": RefusalKind.OPTIONS,
    "app_port_conflict": RefusalKind.PORT,
    "app_not_supported_architecture_error": RefusalKind.WRONG_ARCH,
    "addon_not_supported_architecture_error": RefusalKind.WRONG_ARCH,
}
# The words of Supervisors before error keys; "add-on" became "app" in 2026-04.
_BY_TEXT: tuple[tuple[re.Pattern[str], RefusalKind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), problem)
    for pattern, problem in (
        (r"another job is running", RefusalKind.BUSY),
        (r"system is not ready", RefusalKind.NOT_READY),
        (r"blocked from execution, supervisor needs to be updated", RefusalKind.SUPERVISOR_OUTDATED),
        (r"blocked from execution, no (host|supervisor) internet", RefusalKind.NO_INTERNET),
        (r"blocked from execution, not enough free space", RefusalKind.NO_SPACE),
        (r"blocked from execution, system is not running", RefusalKind.NOT_READY),
        (r"blocked from execution, system is not healthy", RefusalKind.UNHEALTHY),
        (r"blocked from execution", RefusalKind.BLOCKED),
        (r"does not exist", RefusalKind.UNKNOWN_APP),
        (r"not available inside store", RefusalKind.NOT_IN_STORE),
        (r"is not installed", RefusalKind.NOT_INSTALLED),
        (r"is already installed", RefusalKind.INSTALLED),
        (r"use update instead", RefusalKind.VERSION_CHANGED),
        (r"no update available", RefusalKind.NO_UPDATE),
        (r"image[- ]based", RefusalKind.IMAGE_BASED),
        (r"dockerfile is missing", RefusalKind.NO_DOCKERFILE),
        (r"build the image|can't build|build failed", RefusalKind.BUILD_FAILED),
        (r"not supported on this platform", RefusalKind.WRONG_ARCH),
        (r"invalid options|missing option", RefusalKind.OPTIONS),
        (r"port \d+ is already in use", RefusalKind.PORT),
        (r"rate limit|too many requests", RefusalKind.RATE),
    )
)
_REMEDY: dict[RefusalKind, str] = {
    RefusalKind.BUSY: "Wait until the other job is done, then run again.",
    RefusalKind.NOT_READY: "Wait until the Supervisor has started, then run again.",
    RefusalKind.SUPERVISOR_OUTDATED: "Run `ha supervisor update` on the host, then run again.",
    RefusalKind.NO_INTERNET: "Connect the host to the internet; `ha network info` shows `host_internet`.",
    RefusalKind.NO_SPACE: "Free at least 2 GB on the host's disk; `ha host info` shows `disk_free`.",
    RefusalKind.BLOCKED: "Fix the condition that the message names; `ha resolution info` shows more.",
    RefusalKind.UNKNOWN_APP: "Check HA_REMOTE_SLUG and HA_REMOTE_RUNTIME, and run `bb8deploy validate`.",
    RefusalKind.NOT_IN_STORE: "The Supervisor cannot read config.yaml; run `bb8deploy validate`.",
    RefusalKind.OPTIONS: "Set the app's options so that they fit its schema, then start it.",
    RefusalKind.PORT: "Free the port or change the app's port, then start it.",
    RefusalKind.WRONG_ARCH: "Add this machine's architecture to `arch` in config.yaml.",
    RefusalKind.RATE: "Wait until the registry lets you pull again, then run again.",
}


def _remedy(problem: RefusalKind, message: str) -> str:
    return unhealthy_in(message) if problem is RefusalKind.UNHEALTHY else _REMEDY.get(problem, LOOK)


def without_values(message: str) -> str:
    """A refusal of options without the options that the Supervisor quotes in it, passwords included."""
    return message.partition(". Got ")[0]


class SupervisorError(CheckFailed):
    """The Supervisor was reached and refused; `problem` is the kind of the refusal."""

    def __init__(self, problem: RefusalKind, doing: str, message: str, error_key: str = "") -> None:
        message = without_values(message) if problem is RefusalKind.OPTIONS else message
        super().__init__(
            SUPERVISOR_SAID_NO.code,
            f"the Supervisor refused to {doing}: {message or 'it gave no reason'}",
            _remedy(problem, message),
        )
        self.problem = problem
        self.error_key = error_key
        self.message = message


class NoAnswer(Unreachable):
    """A call ended without an answer; what it asked for may still be under way."""

    def __init__(self, doing: str, where: str, why: str) -> None:
        super().__init__(
            SUPERVISOR_NO_ANSWER.code,
            f"{where} gave no answer when asked to {doing}: {why}",
            silence(why),
        )


def classify(status: int | None, error_key: str, message: str) -> RefusalKind:
    """The kind of a refusal, from the error_key of an envelope and, without a known one, its text."""
    if error_key in _BY_KEY:
        return _BY_KEY[error_key]
    if status == 429:
        return RefusalKind.RATE
    return next((problem for pattern, problem in _BY_TEXT if pattern.search(message)), RefusalKind.OTHER)


def denied(where: str, status: int, doing: str) -> Refused:
    """The error for a plain-text 401 or 403: no token, a wrong one, or a role that is too low."""
    why = "no token reached it" if status == 401 else "the token is wrong or its role is too low"
    return SUPERVISOR_DENIED(f"the Supervisor answered {status} to {where} when asked to {doing}: {why}")


def unwrap(body: object, *, doing: str, status: int | None = None) -> JsonObject:
    """The data of an envelope; raises SupervisorError for one with `error`.

    Source: the Supervisor's `{"result": "ok"|"error", ...}` envelopes, in v1 and v2.
    """
    if isinstance(body, dict) and body.get("result") == "ok":
        data = body.get("data")
        return data if isinstance(data, dict) else {"value": data} if data is not None else {}
    if not isinstance(body, dict):
        raise SupervisorError(RefusalKind.OTHER, doing, "its answer is not an envelope")
    message, key = str(body.get("message") or ""), str(body.get("error_key") or "")
    raise SupervisorError(classify(status, key, message), doing, message, key)


def parse_jobs(data: Mapping[str, object]) -> tuple[Job, ...]:
    """The jobs of `/jobs/info`, children included, flat.

    Raises SupervisorError if they are not a list, which must not pass for an idle Supervisor.
    """
    return tuple(_flatten(data.get("jobs")))


def _flatten(rows: object) -> Iterator[Job]:
    if rows is None:
        return
    if not isinstance(rows, list):
        raise SupervisorError(RefusalKind.OTHER, "list its jobs", "its answer holds no list of jobs")
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        yield Job(
            name=str(row.get("name") or ""),
            reference=str(row.get("reference") or ""),
            progress=_per_cent(row.get("progress")),
            done=row.get("done") is True,
        )
        yield from _flatten(row.get("child_jobs"))


def _per_cent(value: object) -> float:
    """A number, 0 for anything else: it is only shown."""
    return float(value) if isinstance(value, int | float) else 0.0


def parse_health(info: Mapping[str, object], resolution: Mapping[str, object]) -> Health:
    """Health from `/supervisor/info` and `/resolution/info`; what is missing counts as fine."""
    return Health(
        version=str(info.get("version") or ""),
        healthy=bool(info.get("healthy", True)),
        supported=bool(info.get("supported", True)),
        unhealthy=_reasons(resolution.get("unhealthy")),
        unsupported=_reasons(resolution.get("unsupported")),
    )


def _reasons(value: object) -> tuple[str, ...]:
    """The words of a list; any other value is a single one."""
    if isinstance(value, list | tuple):
        return tuple(map(str, value))
    return (str(value),) if value else ()


class Supervisor(Protocol):
    """One route to the Supervisor. Every call has a deadline; times are seconds.

    All calls raise SupervisorError if it refuses, Refused if it does not accept the token or the role,
    NoAnswer or Unreachable if there is no answer.
    """

    @property
    def route(self) -> str:
        """`ha`, `rest` or `websocket`."""

    @property
    def log_is_current(self) -> bool:
        """Whether `logs` holds the present container's lines alone; else it is a journal over all of them."""

    def look(self, slug: str, lines: int, extras: LookExtras = STATE_AND_LOG) -> Look:
        """State, the newest log lines and the extras; an unknown slug gives `state` None."""

    def info(self, slug: str) -> AddonState:
        """The state of an app that is installed or listed."""

    def reload_store(self) -> None:
        """Makes the Supervisor read the local apps again; it does so only if a file is newer."""

    def act(self, verb: Verb, slug: str, *, backup: bool = False, deadline: float) -> None:
        """Installs, updates (with a backup first), rebuilds, starts or stops, and waits for the end."""

    def uninstall(self, slug: str, *, with_config: bool, deadline: float) -> None:
        """Removes container, image and the app's data, and with `with_config` its configuration folder."""

    def logs(self, slug: str, lines: int) -> tuple[str, ...]:
        """The newest lines of the container's log, of the present container only if `log_is_current`."""

    def supervisor_logs(self, lines: int) -> tuple[str, ...]:
        """The newest lines of the Supervisor's own log, which has the build output."""

    def jobs(self) -> tuple[Job, ...]:
        """The jobs under way."""

    def health(self) -> Health:
        """Whether it may build."""

    def documents(self, *names: str) -> dict[str, JsonObject]:
        """The data of documents such as `host/info`, by name; a refused one is left out."""

    def follow(self, slug: str) -> Iterator[str]:
        """Log lines as they come, until the connection ends."""

    def close(self) -> None:
        """Ends what this route opened; calling it twice is fine."""
