"""Reads a scene from YAML into typed steps; each error is reported with its line; pure.

steps:
  - colour: blue
  - drive: {speed: 60, seconds: 1.5, heading: 90}
  - turn: -90
  - wait: 0.5
  - gesture: nod
  - repeat: {times: 2, steps: [...]}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from bb8_core.robot.gesture_steps import GESTURES
from bb8_core.routines.show_messages import colour_of

MAX_BYTES: Final = 65536
MAX_STEPS: Final = 500
"""Steps of a scene, repeated ones counted as often as they are played."""
MAX_DEPTH: Final = 8
MAX_PROBLEMS: Final = 20
MAX_DRIVE_S: Final = 10.0
MAX_WAIT_S: Final = 60.0


class Mark(Protocol):
    """Where a node begins."""

    line: int


class Node(Protocol):
    """A node of PyYAML, whose classes do not declare `id`: scalar, sequence or mapping."""

    id: str
    value: Any
    start_mark: Mark


@dataclass(frozen=True, slots=True)
class SceneDrive:
    """Drive at 0-255 for 0-10 s to a heading of 0-359 degrees; None keeps the direction."""

    speed: int
    seconds: float
    heading: int | None


@dataclass(frozen=True, slots=True)
class SceneTurn:
    """Turn in place by -180 to 180 degrees, to the right if positive."""

    degrees: int


@dataclass(frozen=True, slots=True)
class SceneColour:
    """Show a colour."""

    rgb: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class SceneWait:
    """Stand still for 0-60 s."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SceneGesture:
    """Play a gesture."""

    name: str


SceneStep = SceneDrive | SceneTurn | SceneColour | SceneWait | SceneGesture


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene with its repeats written out."""

    name: str
    steps: tuple[SceneStep, ...]


class BadScene(ValueError):
    """The scene cannot be played; `problems` has one sentence for each reason, with its line."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the reasons."""
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def read_scene(name: str, text: str) -> Scene:
    """Read a scene; BadScene."""
    import yaml

    reader = _Reader()
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise BadScene([f"{line}not YAML: {getattr(error, 'problem', None) or error}"]) from error
    steps = reader.scene(cast("Node | None", root))
    if len(steps) > MAX_STEPS:
        reader.problems.append(f"a scene has at most {MAX_STEPS} steps, repeats included, not {len(steps)}")
    if reader.problems:
        raise BadScene(reader.problems[:MAX_PROBLEMS])
    return Scene(name, tuple(steps))


@dataclass(slots=True)
class _Reader:
    problems: list[str] = field(default_factory=list)

    def scene(self, root: Node | None) -> list[SceneStep]:
        if root is None:
            self.problems.append("line 1: the file is empty")
            return []
        parts = self._map(root, "a scene", {"steps"})
        return self._steps(parts["steps"], 0) if "steps" in parts else []

    def _bad(self, node: Node, reason: str) -> None:
        self.problems.append(f"line {node.start_mark.line + 1}: {reason}")

    def _map(
        self, node: Node, what: str, needed: set[str], optional: frozenset[str] = frozenset()
    ) -> dict[str, Node]:
        """The values by their keys; unknown and missing ones are problems."""
        if node.id != "mapping":
            self._bad(node, f"{what} must have {_listed(needed)}")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.value:
            word = _key(key)
            if word not in needed | optional:
                self._bad(key, f"{what} has no {word[:40]!r}; there is {_listed(needed | optional)}")
            elif word in found:
                self._bad(key, f"{word} is there twice")
            else:
                found[word] = value
        if missing := needed - set(found):
            self._bad(node, f"{what} must have {_listed(missing)}")
            return {}
        return found

    def _steps(self, node: Node, depth: int) -> list[SceneStep]:
        if node.id != "sequence" or not node.value:
            self._bad(node, "steps must be a list, each line beginning with '- '")
            return []
        if depth > MAX_DEPTH:
            self._bad(node, f"repeats are nested at most {MAX_DEPTH} deep")
            return []
        found: list[SceneStep] = []
        for step in node.value:
            found += self._step(step, depth)
            if len(found) > MAX_STEPS or len(self.problems) > MAX_PROBLEMS:
                break
        return found

    def _step(self, node: Node, depth: int) -> list[SceneStep]:
        if node.id != "mapping" or len(node.value) != 1:
            self._bad(node, f"a step is one of {_listed({*_KINDS, 'repeat'})}, with its value")
            return []
        (key, value) = node.value[0]
        word = _key(key)
        if word == "repeat":
            return self._repeat(value, depth)
        kind = _KINDS.get(word)
        if kind is None:
            self._bad(key, f"there is no step {word[:40]!r}; there is {_listed({*_KINDS, 'repeat'})}")
            return []
        step = kind(self, value)
        return [] if step is None else [step]

    def _repeat(self, node: Node, depth: int) -> list[SceneStep]:
        parts = self._map(node, "repeat", {"times", "steps"})
        if not parts:
            return []
        times = self._whole(parts["times"], "times", 1, 100)
        steps = self._steps(parts["steps"], depth + 1)
        return [] if times is None else (steps * times)[: MAX_STEPS + 1]

    def _whole(self, node: Node, what: str, low: int, high: int) -> int | None:
        number = self._number(node, what, low, high)
        if number is None or number.is_integer():
            return None if number is None else int(number)
        self._bad(node, f"{what} must be a whole number from {low} to {high}")
        return None

    def _number(self, node: Node, what: str, low: float, high: float) -> float | None:
        try:
            number = float(node.value) if node.id == "scalar" else float("nan")
        except ValueError:
            number = float("nan")
        if low <= number <= high:
            return number
        self._bad(node, f"{what} must be a number from {low:g} to {high:g}")
        return None

    def drive(self, node: Node) -> SceneDrive | None:
        parts = self._map(node, "drive", {"speed", "seconds"}, frozenset({"heading"}))
        if not parts:
            return None
        speed = self._whole(parts["speed"], "speed", 0, 255)
        seconds = self._number(parts["seconds"], "seconds", 0.1, MAX_DRIVE_S)
        heading = self._whole(parts["heading"], "heading", 0, 359) if "heading" in parts else None
        return None if speed is None or seconds is None else SceneDrive(speed, seconds, heading)

    def turn(self, node: Node) -> SceneTurn | None:
        degrees = self._whole(node, "turn", -180, 180)
        return None if degrees is None else SceneTurn(degrees)

    def wait(self, node: Node) -> SceneWait | None:
        seconds = self._number(node, "wait", 0, MAX_WAIT_S)
        return None if seconds is None else SceneWait(seconds)

    def colour(self, node: Node) -> SceneColour | None:
        try:
            return SceneColour(colour_of(str(node.value)))
        except ValueError as error:
            self._bad(node, str(error))
            return None

    def gesture(self, node: Node) -> SceneGesture | None:
        if node.id == "scalar" and node.value in GESTURES:
            return SceneGesture(node.value)
        self._bad(node, f"gesture must be one of {_listed(set(GESTURES))}")
        return None


_KINDS: Final[dict[str, Callable[[_Reader, Node], SceneStep | None]]] = {
    "drive": _Reader.drive,
    "turn": _Reader.turn,
    "wait": _Reader.wait,
    "colour": _Reader.colour,
    "gesture": _Reader.gesture,
}


def _key(node: Node) -> str:
    """The text of a key; YAML also takes lists and mappings as keys, which no scene has."""
    return str(node.value) if node.id == "scalar" else f"<{node.id}>"


def _listed(words: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(words))
