"""The words for each way in which a version does not come up; `what` is the add-on's slug and version."""

from __future__ import annotations

from collections.abc import Sequence

from bb8deploy.base.errors import Bb8Error, CheckFailed, NotVerified, Unreachable
from bb8deploy.host.supervisor.base import AddonState, Problem, SupervisorError
from bb8deploy.plan.identity import Expected, Identity
from bb8deploy.plan.lifecycle import Decision

_BUILDING = {Problem.BUILD_FAILED, Problem.OTHER, Problem.NO_DOCKERFILE}
_LAST_WORDS = "See the container's last lines; `bb8deploy logs` shows more."
UNLISTED = {"NOT_LISTED", "LISTED_OTHER"}


def refused(slug: str, decision: Decision, told: Sequence[str]) -> CheckFailed:
    """The plan said no, and nothing was put in; `told` are lines of the Supervisor's log."""
    return CheckFailed(decision.code, f"{slug}: {decision.why}", decision.remedy, details=told)


def not_done(what: str, verb: str, left: AddonState, error: SupervisorError, log: Sequence[str]) -> Bb8Error:
    """The Supervisor refused the verb or broke off; `log` is its own, from the build on."""
    building = error.problem in _BUILDING
    return NotVerified(
        "BUILD_FAILED" if building else "PUT_IN_REFUSED",
        f"the Supervisor could not {verb} {what} ({_left(left)}): {error.message}",
        "Mend what the build output names, then run again." if building else error.remedy,
        details=log,
    )


def not_in(what: str, verb: str, left: AddonState, output: Sequence[str]) -> Bb8Error:
    """The verb came to its end and something else is installed."""
    return NotVerified(
        "BUILD_FAILED",
        f"the {verb} of {what} came to its end, but {_left(left)}",
        "Mend what the build output names, then run again.",
        details=output,
    )


def unfinished(what: str) -> Bb8Error:
    """The Supervisor was given its time and is still at work: nothing is known, so nothing is undone."""
    return Unreachable(
        "JOB_UNFINISHED",
        f"the Supervisor is still at work on {what} when its time is up",
        "Wait until `ha jobs info` shows nothing for it, then run `bb8deploy deploy --resume`; "
        "a slow host wants a longer BB8_BUILD_DEADLINE.",
    )


def start_refused(what: str, error: SupervisorError, words: Sequence[str]) -> Bb8Error:
    """It is installed, and the Supervisor does not start it."""
    cause = f"{what} is in, but cannot be started: {error.message}"
    return NotVerified("START_REFUSED", cause, error.remedy, details=words)


def died(what: str, state: str, words: Sequence[str]) -> Bb8Error:
    """It was started and does not run."""
    cause = f"{what} was started, but its state is {state}"
    return NotVerified("ADDON_DIED", cause, _LAST_WORDS, details=words)


def restarted(what: str, words: Sequence[str]) -> Bb8Error:
    """It reported itself a second time while it was watched."""
    return NotVerified(
        "ADDON_RESTARTS", f"{what} started again while it was watched", _LAST_WORDS, details=words
    )


def stale(what: str, state: str, action: str, words: Sequence[str]) -> Bb8Error:
    """It has reported itself before, but not since the action; `words` are what it said since then."""
    return NotVerified(
        "IDENTITY_STALE",
        f"{what} is {state}, but nothing has reported itself since the {action}",
        _LAST_WORDS
        if words
        else "See `bb8deploy logs --supervisor` for what became of the container, then run again.",
        details=words,
    )


def silent(what: str, state: str, words: Sequence[str]) -> Bb8Error:
    """It has never reported itself."""
    return NotVerified(
        "IDENTITY_MISSING",
        f"{what} is {state}, but did not report who it is",
        "Have the add-on log an IDENTITY line from build_stamp.json at its start, and copy the stamp "
        "in its Dockerfile.",
        details=words,
    )


def other_identity(what: str, said: Identity, expected: Expected, words: Sequence[str]) -> Bb8Error:
    """It reported other content than was sent."""
    differs = "; ".join(said.differences(expected)) or "an unknown tree"
    return NotVerified(
        "IDENTITY_DIFFERS",
        f"{what} runs, but reports other content than was sent: {differs}",
        "Look whether somebody else deploys to this host, then run `bb8deploy deploy` again.",
        details=words,
    )


def _left(state: AddonState) -> str:
    """What is there now, in words."""
    return f"{state.version} is {state.state} now" if state.version else "nothing is installed"
