"""A release as data: which version it makes, which steps it takes, and what a resumed run may keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from bb8deploy.workspace.versions.conventional_commits import Suggestion, suggest
from bb8deploy.workspace.versions.version_numbers import PARTS, Pre, Scheme, bump, next_part, parse

PREFIX = "release: "
"""How a journal names the steps of a release, in front of `Name`."""


class Name(StrEnum):
    """The steps, in order. `deploy` is sync and verify over one connection, with the way back."""

    PREFLIGHT = "preflight"
    VALIDATE = "validate"
    BUMP = "bump"
    DEPLOY = "deploy"
    ATTEST = "attest"
    PUBLISH = "publish"
    TAG = "tag"


class Do(StrEnum):
    """What happens to a step: carried out, kept from before a resume, or skipped for a reason."""

    RUN = "run"
    KEEP = "kept"
    SKIP = "skipped"


@dataclass(frozen=True, slots=True)
class ReleaseTarget:
    """The version to release: `bump` is whether it must be made, `nothing` that it is released already.

    `why` is the reason of a version that was found out.
    """

    version: str
    bump: bool = True
    nothing: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What the repository records about the current version.

    `released`: it has a tag whose content is that of HEAD. `at_bump`: HEAD is its bump commit, and it
    has no tag: an earlier run ended before its end. `messages` are those of the commits since
    the last release; `first`: there was none.
    """

    current: str
    released: bool = False
    at_bump: bool = False
    messages: tuple[str, ...] = ()
    first: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the steps depend on. `head` and `parent` are commits; `done` has the steps that a resumed run
    finished, each with its commit.

    `tag` is the version's tag, `named` the version as the subject of the bump has it, `in_store` the layout.
    """

    version: str
    head: str
    host: str = ""
    parent: str = ""
    bump: bool = True
    broker: str = ""
    echo: bool = True
    remote: str = ""
    branch: str = "main"
    image: str = ""
    addon: str = "addon"
    tag: str = ""
    named: str = ""
    in_store: bool = False
    done: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the plan; `commands` are shown by a dry run, `why` explains a step that is not run."""

    name: Name
    do: Do
    why: str = ""
    commands: tuple[str, ...] = ()


def target(how: str, past: Past, today: date, pre: Pre | None = None) -> ReleaseTarget:
    """The version that `how` asks for: patch, minor, major, auto, date or a version.

    `pre` makes a pre-release. A version that is tagged with this very content is not released twice, but a
    pre-release is followed by its version. One that was bumped but never released is taken up again. Raises
    UsageError as `version.bump` does.
    """
    if _released(how, past, pre):
        return ReleaseTarget(past.current, bump=False, nothing=True)
    if how == "auto" and past.first and not past.at_bump and not pre:
        return ReleaseTarget(past.current, why=f"{past.current}: the app was never released")
    if how == "auto":
        found = suggest(past.current, past.messages)
        made = _version(found.how, past, today, pre)
        return replace(made, why=_reason(found, past, made.version))
    return _version(how, past, today, pre)


def _version(how: str, past: Past, today: date, pre: Pre | None) -> ReleaseTarget:
    if how == past.current or (past.at_bump and _fits(how, past.current, today, pre)):
        return ReleaseTarget(past.current, bump=not past.at_bump)
    return ReleaseTarget(str(bump(past.current, how, today, pre)))


def _reason(found: Suggestion, past: Past, version: str) -> str:
    """Why `version` was found out: the commits raise no number if an earlier bump or pre-release has."""
    if version == past.current:
        return "bumped already, not released yet"
    before, now = parse(past.current), parse(version)
    if before.pre and before.numbers == now.numbers:
        return f"the next pre-release after {before}" if now.pre else f"ends the pre-release {before}"
    return f"{found.how}: {found.why}"


def _released(how: str, past: Past, pre: Pre | None) -> bool:
    """Whether the requested version is already released."""
    if not past.released:
        return False
    if how in {"patch", "date", "auto", *PARTS}:
        return pre is not None or not parse(past.current).pre
    return how == past.current


def steps(now: Situation) -> tuple[PlannedStep, ...]:
    """Every step of the release in order, with what happens to it.

    What a step proved depends on the steps before it: if one of them runs again, it is due too.
    """
    looked = tuple(_step(name, now) for name in Name)
    repeated = (
        place for place, step in enumerate(looked) if step.do is Do.RUN and step.name is not Name.PREFLIGHT
    )
    first = next(repeated, len(looked))
    return (*looked[:first], *(_due(step) for step in looked[first:]))


def _due(step: PlannedStep) -> PlannedStep:
    return replace(step, do=Do.RUN, why="") if step.do is Do.KEEP else step


def _fits(how: str, current: str, today: date, pre: Pre | None) -> bool:
    """Whether the version of an unfinished release is what `how` would ask for today."""
    version = parse(current)
    if bool(version.pre) != bool(pre):
        return False
    if how == "date":
        return version.scheme is Scheme.CALENDAR and version.day == today
    return how in {"patch", *PARTS} and next_part(how, version)


def _step(name: Name, now: Situation) -> PlannedStep:
    commands = _COMMANDS[name](now)
    if why := _skipped(name, now):
        return PlannedStep(name, Do.SKIP, why)
    if _kept(name, now):
        return PlannedStep(name, Do.KEEP, "observed earlier in this run", commands)
    return PlannedStep(name, Do.RUN, "", commands)


def _skipped(name: Name, now: Situation) -> str:
    if name is Name.BUMP and not now.bump:
        return "the version is committed already"
    if name is Name.ATTEST:
        return no_attest(now)
    if name is Name.PUBLISH and not now.remote:
        return "HA_PUBLISH_REMOTE is not set"
    return ""


def no_attest(now: Situation) -> str:
    """Why the echo cannot be attested, empty if it can."""
    if not now.broker:
        return "MQTT_HOST is not set"
    return "" if now.echo else "the app's echo is off"


def _kept(name: Name, now: Situation) -> bool:
    """A finished step counts for the commit that it was about: a new commit makes it due again.

    Validation counts for the bump that followed it, which changes the version alone.
    """
    if name not in now.done or name is Name.PREFLIGHT:
        return False
    about = now.done[name]
    return about == now.head or (name is Name.VALIDATE and bool(about) and about == now.parent)


def _preflight(now: Situation) -> tuple[str, ...]:
    remote = (f"git ls-remote {now.remote}",) if now.remote else ()
    return ("git status --porcelain", *remote, f"{now.host}: connect")


def _validate(now: Situation) -> tuple[str, ...]:
    return (f"bb8deploy validate ({now.addon}/, its tests included)",)


def _bump(now: Situation) -> tuple[str, ...]:
    return (f"write {now.version} into {now.addon}/", f"git commit -m 'Release {now.named or now.version}'")


def _deploy(now: Situation) -> tuple[str, ...]:
    return (
        f"{now.host}: sync {now.addon}/ in one channel, hash it again",
        f"{now.host}: store reload, update to {now.version}, start",
        f"{now.host}: wait until the app reports {now.version} and its tree",
        "not known beforehand: whether the build on the host succeeds, and how the app starts",
    )


def _attest(now: Situation) -> tuple[str, ...]:
    return (f"mqtt {now.broker}: echo for at least 10 s",)


def _publish(now: Situation) -> tuple[str, ...]:
    images = (f"build and push {now.image}:{now.version} for each architecture",) if now.image else ()
    tag = now.tag or now.version
    if now.in_store:
        targets = f"HEAD:refs/heads/{now.branch} <tag>:refs/tags/{now.tag}"
        return (
            *images,
            f"layout: store; the commit is published as it is, the tag is {now.tag}",
            f"git push --atomic {now.remote} {targets}",
            f"git ls-remote {now.remote}",
        )
    return (
        *images,
        f"layout: subtree; {now.addon}/ becomes the tree of a new commit",
        f"git commit-tree HEAD:{now.addon} -p <tip of {now.branch}>",
        f"git push --atomic {now.remote} <commit>:refs/heads/{now.branch} <tag>:refs/tags/{tag}",
        f"git ls-remote {now.remote}",
    )


def _tag(now: Situation) -> tuple[str, ...]:
    if now.in_store and now.remote:
        return (f"git update-ref refs/tags/{now.tag} <the published tag>",)
    return (f"git tag -a {now.tag or now.version}",)


_COMMANDS = {
    Name.PREFLIGHT: _preflight,
    Name.VALIDATE: _validate,
    Name.BUMP: _bump,
    Name.DEPLOY: _deploy,
    Name.ATTEST: _attest,
    Name.PUBLISH: _publish,
    Name.TAG: _tag,
}
