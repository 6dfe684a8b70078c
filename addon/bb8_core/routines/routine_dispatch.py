"""Hands a request for a routine to the one that carries it out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bb8_core.bridge.drive_commands import Driving
from bb8_core.bridge.light_state import Lamps
from bb8_core.bridge.non_motion_commands import Errands
from bb8_core.manual_driving.path_tracking import Survey
from bb8_core.motion.distance_limit import Whereabouts
from bb8_core.motion.motion_control import Motion
from bb8_core.motion.motion_gate import Refused, Situation
from bb8_core.requests.acknowledgement import Report, silent
from bb8_core.requests.payload_parsing import Notify, PlayScene, Request, ReturnToStart
from bb8_core.routines.play_scene import ScenePlayer
from bb8_core.routines.return_to_start import Homecoming
from bb8_core.routines.scene_preview import Preview
from bb8_core.routines.show_messages import Notices, rules_of
from bb8_core.routines.way_to_start import RETURN


@dataclass(frozen=True, slots=True)
class RoutineOptions:
    """The options `notifications`, as it is, and `distance_limit_m`; where the scenes are."""

    notifications: str = ""
    distance_limit_m: int = 0
    scenes: Path = Path("no scenes")
    """The folder of the user's scenes."""


class Routines:
    """Carries routines out. Belongs to the event loop."""

    def __init__(
        self,
        options: RoutineOptions,
        motion: Motion,
        driving: Driving,
        errands: Errands,
        lamps: Lamps,
        survey: Survey,
        where: Whereabouts,
        refusal: Callable[[], Refused | None],
        overtaken: Callable[[Request], bool],
    ) -> None:
        """`refusal` returns why no motion is possible now, the distance limit aside."""
        self._driving = driving
        self._motion = motion
        self._where = where
        self._refusal = refusal
        self.scenes = ScenePlayer(options.scenes, motion, lamps)
        self._notices = Notices(rules_of(options.notifications), errands, lamps, driving.move)
        self._homecoming = Homecoming(motion, survey, where, refusal, overtaken)

    @property
    def waiting(self) -> bool:
        """Whether a routine has yet to begin."""
        return self._homecoming.waiting

    def _bounded_refusal(self) -> Refused | None:
        return self._refusal() or self._where.refusal(_now())

    def preview(self, name: str) -> Preview | None:
        """Where a scene would drive from here; any thread may ask."""
        return self.scenes.preview(name, self._driving.limits.speed_cap)

    @property
    def _homeward(self) -> bool:
        return self._motion.state.macro == RETURN

    def on_the_way(self, situation: Situation) -> Situation:
        """The situation for a step of a gesture or routine: the way home may begin beyond the limit."""
        bounds = self._where.refusal(_now(), homeward=self._homeward)
        return replace(situation, bounds=bounds)

    def keep_within_bounds(self) -> None:
        """Stop a robot at its distance limit, or whose position is not known although there is one."""
        if self._motion.state.moving and self._where.must_stop(_now(), homeward=self._homeward):
            self._motion.stop(silent)

    def obey(self, request: Request, report: Report) -> None:
        """Carry a routine out, or refuse it."""
        match request.intent:
            case Notify():
                self._notices.show(request, request.intent, report)
            case PlayScene():
                cap = self._driving.limits.speed_cap
                self.scenes.play(request.intent, cap, self._bounded_refusal, report)
            case ReturnToStart():
                self._homecoming.begin(request, self._driving.limits.speed_cap, report)


def _now() -> float:
    return asyncio.get_running_loop().time()
