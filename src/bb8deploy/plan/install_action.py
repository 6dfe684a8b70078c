"""Decides what the Supervisor must do so that the wanted version runs: a pure function of observed facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.error_code import ErrorCode
from bb8deploy.catalogue.errors.supervisor import (
    IMAGE_SAME_VERSION,
    LISTED_OTHER,
    NOT_LISTED,
    PROFILE_SAME_VERSION,
)


class Action(StrEnum):
    """What lane 3 asks the Supervisor for."""

    INSTALL = "install"
    UPDATE = "update"
    REBUILD = "rebuild"
    START = "start"
    NONE = "none"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was observed after the reload.

    `wanted`, `installed` and `listed` are versions, empty if there is none; `same_content`: the newest
    identity in the container's log is that of the wanted tree; `image_based`: config.yaml names an image;
    `profile_changed`: apparmor.txt is not the one that was installed; `unchanged`: what was put in last is
    the delivery that the host holds, by the host's own record; `built_as_sent` is False if the app folder
    may have had other content since it was sent.
    """

    wanted: str
    installed: str
    listed: str
    state: str
    detached: bool = False
    image_based: bool = False
    same_content: bool = False
    profile_changed: bool = False
    start_wanted: bool = True
    unchanged: bool = False
    built_as_sent: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """The action, whether to start the app afterwards, and why; `refusal` is the error of a refusal."""

    action: Action
    start: bool = False
    why: str = ""
    refusal: ErrorCode[CheckFailed] | None = None

    @property
    def code(self) -> str:
        """The code of a refusal, else empty."""
        return self.refusal.code if self.refusal else ""


# A rebuild that failed leaves the state `error` and no image: its log is not there any more.
_BROKEN = {"error", "unknown"}


def decide(facts: Facts) -> Decision:
    """The next action. A release goes in by update: it builds while the old one runs, and keeps it if that
    fails; a rebuild removes the container first (source: the Supervisor's app manager)."""
    refusal = _unlisted(facts)
    if refusal:
        return refusal
    if not facts.installed:
        return Decision(Action.INSTALL, facts.start_wanted, "it is not installed")
    if facts.installed != facts.wanted:
        return Decision(Action.UPDATE, facts.start_wanted, f"{facts.installed} is installed")
    if (facts.same_content or facts.unchanged) and facts.state not in _BROKEN:
        return _same(facts)
    return _rebuild(facts)


def _unlisted(facts: Facts) -> Decision | None:
    if facts.detached or not facts.listed:
        return Decision(
            Action.REFUSE,
            why="the Supervisor does not list the app after the reload",
            refusal=NOT_LISTED,
        )
    if facts.listed != facts.wanted:
        return Decision(
            Action.REFUSE,
            why=f"the Supervisor lists {facts.listed} after the reload, not {facts.wanted}",
            refusal=LISTED_OTHER,
        )
    return None


def _same(facts: Facts) -> Decision:
    content = "this content" if facts.same_content else "the content that was put in last"
    if facts.state in {"started", "startup"}:
        return Decision(Action.NONE, why=f"{content} runs already")
    if not facts.start_wanted:
        return Decision(Action.NONE, why=f"{content} is built, and --no-start is set")
    return Decision(Action.START, start=True, why=f"{content} is built, but does not run")


def _rebuild(facts: Facts) -> Decision:
    if facts.image_based:
        return Decision(
            Action.REFUSE,
            why=f"{facts.wanted} is installed from a published image, which a rebuild does not replace",
            refusal=IMAGE_SAME_VERSION,
        )
    if facts.profile_changed:
        return Decision(
            Action.REFUSE,
            why="apparmor.txt changed at the same version, and a rebuild does not install the new profile",
            refusal=PROFILE_SAME_VERSION,
        )
    broken = facts.same_content or facts.unchanged
    why = "its container is broken" if broken else "what is installed is not from this sync"
    if not facts.built_as_sent:
        why = "the app folder may have changed since it was sent, so the installed build may contain an edit"
    return Decision(Action.REBUILD, facts.start_wanted, why)
