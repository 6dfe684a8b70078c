"""The words for each way in which a version does not come up; `what` is the add-on's slug and version."""

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
    START_REFUSED,
)
from bb8deploy.catalogue.errors.supervisor import LISTED_OTHER, NOT_LISTED
from bb8deploy.host.supervisor.base import AddonState, Problem, SupervisorError
from bb8deploy.plan.identity import Expected, Identity

_BUILDING = {Problem.BUILD_FAILED, Problem.OTHER, Problem.NO_DOCKERFILE}
_LAST_WORDS = "See the container's last lines; `bb8deploy logs` shows more."
UNLISTED = {NOT_LISTED.code, LISTED_OTHER.code}


def not_done(what: str, verb: str, left: AddonState, error: SupervisorError, log: Sequence[str]) -> Bb8Error:
    """The Supervisor refused the verb or broke off; `log` is its own, from the build on."""
    cause = f"the Supervisor could not {verb} {what} ({_left(left)}): {error.message}"
    if error.problem in _BUILDING:
        return BUILD_FAILED(cause, details=log)
    return PUT_IN_REFUSED(cause, error.remedy, details=log)


def not_in(what: str, verb: str, left: AddonState, output: Sequence[str]) -> Bb8Error:
    """The verb came to its end and something else is installed."""
    return BUILD_FAILED(f"the {verb} of {what} came to its end, but {_left(left)}", details=output)


def unfinished(what: str) -> Bb8Error:
    """The Supervisor was given its time and is still at work: nothing is known, so nothing is undone."""
    return JOB_UNFINISHED(f"the Supervisor is still at work on {what} when its time is up")


def start_refused(what: str, error: SupervisorError, words: Sequence[str]) -> Bb8Error:
    """It is installed, and the Supervisor does not start it."""
    cause = f"{what} is in, but cannot be started: {error.message}"
    return START_REFUSED(cause, error.remedy, details=words)


def died(what: str, state: str, words: Sequence[str]) -> Bb8Error:
    """It was started and does not run."""
    cause = f"{what} was started, but its state is {state}"
    return ADDON_DIED(cause, _LAST_WORDS, details=words)


def restarted(what: str, words: Sequence[str]) -> Bb8Error:
    """It reported itself a second time while it was watched."""
    return ADDON_RESTARTS(f"{what} started again while it was watched", _LAST_WORDS, details=words)


def stale(what: str, state: str, action: str, words: Sequence[str]) -> Bb8Error:
    """It has reported itself before, but not since the action; `words` are what it said since then."""
    return IDENTITY_STALE(
        f"{what} is {state}, but nothing has reported itself since the {action}",
        _LAST_WORDS
        if words
        else "See `bb8deploy logs --supervisor` for what became of the container, then run again.",
        details=words,
    )


def silent(what: str, state: str, words: Sequence[str]) -> Bb8Error:
    """It has never reported itself."""
    return IDENTITY_MISSING(f"{what} is {state}, but did not report who it is", details=words)


def other_identity(what: str, said: Identity, expected: Expected, words: Sequence[str]) -> Bb8Error:
    """It reported other content than was sent."""
    differs = "; ".join(said.differences(expected)) or "an unknown tree"
    return IDENTITY_DIFFERS(f"{what} runs, but reports other content than was sent: {differs}", details=words)


def _left(state: AddonState) -> str:
    """What is there now, in words."""
    return f"{state.version} is {state.state} now" if state.version else "nothing is installed"
