"""Plays the user's scenes like gestures, and keeps the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bb8_core.bridge.light_state import Lamps, after
from bb8_core.motion.motion_control import Motion
from bb8_core.motion.motion_gate import Refused
from bb8_core.requests.acknowledgement import ACCEPTED, Report, rejected
from bb8_core.requests.payload_parsing import Led, PlayScene
from bb8_core.robot import commands
from bb8_core.robot.gesture_steps import Step
from bb8_core.routines.scene_folder import Scenes, load_scenes
from bb8_core.routines.scene_preview import Preview, preview
from bb8_core.routines.scene_steps import steps_of

_LED = commands.rgb_led(0, 0, 0).key


class ScenePlayer:
    """Plays scenes. Belongs to the event loop, except `load` and `preview`, which any thread may call."""

    def __init__(self, folder: Path, motion: Motion, lamps: Lamps) -> None:
        """Read the scenes of `folder`."""
        self._folder = folder
        self._motion = motion
        self._lamps = lamps
        self.scenes = Scenes()
        self.load()

    def load(self) -> None:
        """Read the folder again."""
        self.scenes = load_scenes(self._folder)

    def play(
        self, wish: PlayScene, speed_cap: int, refusal: Callable[[], Refused | None], report: Report
    ) -> None:
        """Play a scene, or return the reason."""
        scene = self.scenes.found.get(wish.name)
        if scene is None:
            known = ", ".join(self.scenes.found) or "none"
            report(
                rejected("UNKNOWN_SCENE", f"there is no scene {wish.name!r} without mistakes; known: {known}")
            )
        elif (refused := refusal()) is not None:
            report(rejected(refused.code, refused.reason))
        else:
            report(ACCEPTED)
            steps = steps_of(scene, self._motion.state.heading, speed_cap)
            self._motion.play(f"scene_{wish.name}", self._lit(steps), report)

    def preview(self, name: str, speed_cap: int) -> Preview | None:
        """Where a scene would drive from here; None if there is no such scene."""
        scene = self.scenes.found.get(name)
        return None if scene is None else preview(scene, self._motion.state.heading, speed_cap)

    def _lit(self, steps: Iterator[Step]) -> Iterator[Step]:
        """The same steps; the light's state follows each colour once it was sent."""
        for step in steps:
            yield step
            if step.command.key == _LED:
                self._lamps.set_light(after(self._lamps.light, Led(*step.command.data[:3])))
