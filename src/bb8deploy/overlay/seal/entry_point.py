"""Finds what a container starts, from the text of its Dockerfile and from its base, without guessing.

Source of what resets what: moby/buildkit, dockerfile2llb: ENTRYPOINT drops a CMD that its own stage has not
set; a stage inherits both from the stage or image that it is built on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bb8deploy.checks.reading.dockerfile_evaluation import chain
from bb8deploy.checks.reading.dockerfile_parser import Dockerfile, Instruction, Stage
from bb8deploy.checks.reading.dockerfile_words import json_form
from bb8deploy.overlay.seal.base_images import KnownBase, is_shellless, known_base

_SHELLS = ("sh", "bash", "ash", "dash")
_SHELL_FORM = "{} has the shell form, and the shell of the base image is not known"
_UNCLEAR = ("",)
"""A CMD whose words are not known; it matters only if it has to be restated."""


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What the final stage starts and how a launcher comes before it.

    `words` is the entry point, empty if CMD is started by itself. `replaced` is the ENTRYPOINT of the final
    stage, which the new one replaces; None if it is added at the end. `restated` is an inherited CMD that a
    new ENTRYPOINT would drop. `starts_cmd`: a CMD is given to the entry point.
    """

    words: tuple[str, ...]
    replaced: Instruction | None = None
    restated: tuple[str, ...] | None = None
    starts_cmd: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why the entry point is not known, in words."""

    why: str


@dataclass(frozen=True, slots=True)
class _State:
    """What was read so far: None for what only the base image sets."""

    entry: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    own_entry: Instruction | None = None
    own_cmd: bool = False
    shell: tuple[str, ...] = ()
    unclear: str = ""


def entry_of(dockerfile: Dockerfile, image: str) -> EntryPoint | Unknown:
    """The entry of the final stage; `image` is the image that it goes back to, empty if that is not known."""
    base = known_base(image)
    state = _State(shell=base.shell if base else ())
    for stage in chain(dockerfile):
        state = _through(stage, replace(state, own_entry=None, own_cmd=False))
    if state.unclear:
        return Unknown(state.unclear)
    if not _has_shell(dockerfile, image, base):
        return Unknown(f"the image has no known shell: it is built on {image or 'an unknown base'}")
    if state.entry is None:
        return _of_base(state, image, base)
    if not state.entry and not state.cmd:
        return Unknown("the Dockerfile sets neither an ENTRYPOINT nor a CMD that starts something")
    return _entry(state.entry, state)


def _of_base(state: _State, image: str, base: KnownBase | None) -> EntryPoint | Unknown:
    if base is None:
        return Unknown(f"the entry point of the base image {image or '(unknown)'} is not known")
    if not base.entry and not state.cmd:
        return Unknown(f"the Dockerfile sets neither ENTRYPOINT nor CMD, and {image} starts no app")
    return _entry(base.entry, state)


def _entry(words: tuple[str, ...], state: _State) -> EntryPoint | Unknown:
    restated = None if state.own_entry or state.own_cmd else state.cmd
    if restated == _UNCLEAR:
        return Unknown(_SHELL_FORM.format("CMD"))
    return EntryPoint(words, state.own_entry, restated, bool(words and state.cmd))


def _through(stage: Stage, state: _State) -> _State:
    for one in stage.of("SHELL", "ENTRYPOINT", "CMD"):
        if one.word == "SHELL":
            state = replace(state, shell=tuple(json_form(one.value) or ()))
            continue
        words = _words(one, state.shell)
        if words is None:
            state = replace(
                state, unclear=f"{one.word} has the shell form, and the base's shell is not known"
            )
            words = ()
        if one.word == "ENTRYPOINT":
            cmd = state.cmd if state.own_cmd else None
            state = replace(state, entry=words, own_entry=one, cmd=cmd)
        else:
            state = replace(state, cmd=_UNCLEAR if words is None else words, own_cmd=True)
    return state


def _words(one: Instruction, shell: tuple[str, ...]) -> tuple[str, ...] | None:
    """The words of an ENTRYPOINT or CMD; the shell form through the shell, None if that is not known."""
    listed = json_form(one.value)
    if listed is not None:
        return tuple(listed)
    return (*shell, one.value) if shell else None


def _has_shell(dockerfile: Dockerfile, image: str, base: KnownBase | None) -> bool:
    """Whether the image has a shell: by its base, or because a step of the final stages uses one."""
    stages = chain(dockerfile)
    if base is not None:
        return True
    if any(_uses_shell(stage) for stage in stages):
        return True
    return bool(image) and not is_shellless(image) and any(_starts_shell(stage) for stage in stages)


def _uses_shell(stage: Stage) -> bool:
    shells = [json_form(one.value) or [""] for one in stage.of("SHELL")]
    if any(words[0].rpartition("/")[2] not in _SHELLS for words in shells):
        return False
    return any(json_form(_after_flags(one.value)) is None for one in stage.of("RUN"))


def _starts_shell(stage: Stage) -> bool:
    listed = [json_form(one.value) or ["sh"] for one in stage.of("ENTRYPOINT", "CMD")]
    return any(words[0].rpartition("/")[2] in _SHELLS for words in listed)


def _after_flags(value: str) -> str:
    rest = value
    while rest.startswith("--"):
        rest = rest.partition(" ")[2].lstrip()
    return rest
