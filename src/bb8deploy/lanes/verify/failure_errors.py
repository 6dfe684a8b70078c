"""The errors for each way in which a version does not come up; `what` is the app's slug and version."""

from __future__ import annotations

from collections.abc import Sequence

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.app import (
    ADDON_DIED,
    ADDON_RESTARTS,
    BUILD_FAILED,
    IDENTITY_DIFFERS,
    IDENTITY_MISSING,
    IDENTITY_STALE,
    JOB_UNFINISHED,
    PUT_IN_REFUSED,
    REBUILD_UNCONFIRMED,
    SEAL_DIFFERS,
    SEAL_MISSING,
    START_REFUSED,
)
from bb8deploy.catalogue.errors.supervisor import LISTED_OTHER, NOT_LISTED
from bb8deploy.host.supervisor.route_interface import AddonState, RefusalKind, SupervisorError
from bb8deploy.plan.logs.build_log import BuildFailure, Cause
from bb8deploy.plan.logs.identity_line import Expected, Identity

BUILDING = {RefusalKind.BUILD_FAILED, RefusalKind.OTHER, RefusalKind.NO_DOCKERFILE}
_LAST_WORDS = "See the container's last lines; `bb8deploy logs` shows more."
UNLISTED = {NOT_LISTED.code, LISTED_OTHER.code}
_REMEDY = {
    Cause.BASE_BLANK: "Give the build argument a default in the Dockerfile, such as "
    "`ARG BUILD_FROM=ghcr.io/home-assistant/base:latest`.",
    Cause.BASE_PULL: "Check the name and tag of the base image in the Dockerfile, and that the host reaches "
    "its registry.",
    Cause.UNREACHED: "Check that the host and its builds reach this server (internet, DNS), then run again.",
    Cause.IMAGE_PULL: "Check `image:` and `version:` in the config, and that the image is published for this "
    "machine.",
    Cause.BUILDER_PULL: "The Supervisor builds with this image: check the host's internet, then run again.",
}


def action_failed(
    what: str, verb: str, left: AddonState, error: SupervisorError, build: BuildFailure
) -> Bb8Error:
    """The Supervisor refused the action, or the action broke off."""
    cause = f"the Supervisor could not {verb} {what} ({_left(left)}): {error.message}"
    if error.problem in BUILDING:
        return _build_failed(cause, build)
    return PUT_IN_REFUSED(cause, error.remedy, details=build.lines)


def not_installed(what: str, verb: str, left: AddonState, build: BuildFailure) -> Bb8Error:
    """The action ended, and another version is installed."""
    return _build_failed(f"the {verb} of {what} ended, but {_left(left)}", build)


def _build_failed(cause: str, build: BuildFailure) -> Bb8Error:
    if build.cause not in _REMEDY:
        return BUILD_FAILED(cause, build.advice, details=build.lines)
    image = f" ({build.image})" if build.image else ""
    return BUILD_FAILED(f"{cause}; {build.cause}{image}", _REMEDY[build.cause], details=build.lines)


def unfinished(what: str) -> Bb8Error:
    """The Supervisor still works after the deadline: the result is not known, so nothing is undone."""
    return JOB_UNFINISHED(f"the Supervisor is still at work on {what} when its time is up")


def start_refused(what: str, error: SupervisorError, words: Sequence[str]) -> Bb8Error:
    """The version is installed, but the Supervisor does not start it."""
    cause = f"{what} is in, but cannot be started: {error.message}"
    return START_REFUSED(cause, error.remedy, details=words)


def crashed(what: str, crash: str, words: Sequence[str]) -> Bb8Error:
    """The container runs, but the program in it crashes."""
    return ADDON_DIED(f"{what} was started, but its program dies: {crash}", _LAST_WORDS, details=words)


def unconfirmed(what: str) -> Bb8Error:
    """A rebuild without an answer, of an app that does not report what it runs."""
    return REBUILD_UNCONFIRMED(f"the rebuild of {what} gave no answer, and the app reports no identity")


def died(what: str, state: str, words: Sequence[str]) -> Bb8Error:
    """The app was started, but does not run."""
    cause = f"{what} was started, but its state is {state}"
    return ADDON_DIED(cause, _LAST_WORDS, details=words)


def restarted(what: str, words: Sequence[str]) -> Bb8Error:
    """The app reported itself again while it was watched: it restarted."""
    return ADDON_RESTARTS(f"{what} started again while it was watched", _LAST_WORDS, details=words)


def stale(what: str, state: str, action: str, words: Sequence[str]) -> Bb8Error:
    """The app has reported itself before, but not since the action; `words` are its log lines since then."""
    return IDENTITY_STALE(
        f"{what} is {state}, but nothing has reported itself since the {action}",
        _LAST_WORDS
        if words
        else "See `bb8deploy logs --supervisor` for what became of the container, then run again.",
        details=words,
    )


def silent(what: str, state: str, words: Sequence[str]) -> Bb8Error:
    """The app has never reported itself."""
    return IDENTITY_MISSING(f"{what} is {state}, but did not report who it is", details=words)


def other_identity(what: str, said: Identity, expected: Expected, words: Sequence[str]) -> Bb8Error:
    """The app reported other content than was sent."""
    differs = "; ".join(said.differences(expected)) or "an unknown tree"
    return IDENTITY_DIFFERS(f"{what} runs, but reports other content than was sent: {differs}", details=words)


def not_sealed(what: str, words: Sequence[str]) -> Bb8Error:
    """The app reports the stamp, but its build compared nothing."""
    return SEAL_MISSING(
        f"{what} runs, but its build did not compare the files that it was given", details=words
    )


def built_otherwise(what: str, problems: Sequence[str]) -> Bb8Error:
    """The builder was given other files than were sent."""
    return SEAL_DIFFERS(
        f"{what} was built from other files than were sent, the first: {problems[0]}", details=problems
    )


def _left(state: AddonState) -> str:
    """What is installed now, in words."""
    return f"{state.version} is {state.state} now" if state.version else "nothing is installed"
