"""For any interleaving of commands, losses and stops: a robot that should stop, stops.

Within 250 ms of a stop cause the last motor command on the robot's wire is a stop, or the link is down and
the robot had acknowledged its own stop on a lost link.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples
from tests.addon.link.stories import play
from tests.addon.motion.stop_stories import SCENE_S, SCENES
from tests.addon.rig import Rig

from bb8_core.motion.motion_gate import Limits
from bb8_core.robot.gesture_steps import GESTURES

WINDOW_S = 0.25
MOTIONS = ("drive", "macro", "notify", "scene", "return_to_start")
LONGEST_MOTION_S = 0.2 + max(1.5, *(GESTURES[name].duration_ms / 1000 for name in ("nod", "dance")))
"""The longest drive or gesture of a story is over by then; 0.2 s is left for waiting at the gate."""

WAY_HOME_S = 62.0
"""The way home takes a minute at most, and waits 2 s for the first position."""


@dataclass
class Record:
    """When a stop was due and when motion was asked for again."""

    causes: list[float] = field(default_factory=list)
    motions: list[float] = field(default_factory=list)
    down: list[tuple[float, bool]] = field(default_factory=list)


steps = st.one_of(
    st.tuples(
        st.just("drive"),
        st.fixed_dictionaries(
            {"speed": st.integers(0, 255), "heading": st.integers(0, 359), "ms": st.integers(0, 1500)}
        ),
    ),
    st.tuples(st.just("macro"), st.sampled_from([{"name": "nod"}, {"name": "dance"}])),
    st.tuples(st.just("notify"), st.just({"message": "the doorbell rings"})),
    st.tuples(st.just("scene"), st.just({"name": "square"})),
    st.tuples(st.just("return_to_start"), st.just({})),
    st.tuples(
        st.sampled_from(["stop", "estop", "clear_estop", "connect", "disconnect", "ping"]), st.just({})
    ),
    st.tuples(st.just("led"), st.just({"r": 1, "g": 2, "b": 3})),
    st.tuples(st.just("heading"), st.just({"heading": 5})),
    st.tuples(
        st.sampled_from(["LINK_DROPS", "BROKER_LOST", "SILENT", "TALKING", "VANISH", "APPEAR"]), st.none()
    ),
)
stories = st.lists(
    st.tuples(steps, st.sampled_from([0.0, 0.001, 0.03, 0.1, 0.3, 0.7])), min_size=1, max_size=14
)


def act(rig: Rig, what: str, payload: dict[str, int] | None, record: Record) -> None:
    now = rig.loop.time()
    match what:
        case "LINK_DROPS":
            rig.air.drop_link(rig.robot)
        case "BROKER_LOST":
            record.causes.append(now)
            rig.bridge.stopping.broker_lost()
        case "SILENT" | "TALKING":
            rig.robot.faults.silence = what == "SILENT"
        case "VANISH":
            rig.robot.vanish()
        case "APPEAR":
            rig.robot.in_reach = True
        case _:
            if what in MOTIONS:
                record.motions.append(now)
            if what in {"stop", "estop"}:
                record.causes.append(now)
            rig.deliver(what, json.dumps(payload))


def check(rig: Rig, record: Record) -> None:
    """Look at the wire at the end of each cause's window."""
    motors = rig.motor_commands()
    for cause in record.causes:
        end = cause + WINDOW_S
        if any(cause <= motion <= end for motion in record.motions):
            continue
        before = [(at, command) for at, command in motors if at <= end]
        if not before or before[-1][1].is_stop:
            continue
        lost_after = [at for at, armed in record.down if before[-1][0] <= at <= end and armed]
        assert lost_after, f"{before[-1][1]} is the last word {WINDOW_S} s after a stop was due at {cause}"


@examples(40)
@given(stories)
def test_the_last_word_after_any_stop_cause_is_a_stop(story: list[object]) -> None:
    async def told(rig: Rig) -> None:
        record = Record()
        was_armed = False
        heard = rig.bridge.link_changed

        def watch(status: object) -> None:
            nonlocal was_armed
            record.down.append((rig.loop.time(), was_armed))
            was_armed = rig.link.stoppable
            heard(status)  # type: ignore[arg-type]

        rig.bridge.link_changed = watch  # type: ignore[method-assign]
        rig.bridge.routines.scenes.scenes = SCENES
        await rig.until_ready()
        for (what, payload), pause in story:  # type: ignore[misc]
            act(rig, what, payload, record)
            if pause:
                await asyncio.sleep(pause)
        asked = {what for (what, _), _ in story}  # type: ignore[misc]
        longest = (
            WAY_HOME_S if "return_to_start" in asked else SCENE_S if "scene" in asked else LONGEST_MOTION_S
        )
        record.causes.append(rig.loop.time() + longest)
        await asyncio.sleep(longest + 8)
        check(rig, record)
        assert not rig.bridge.motion.state.moving
        assert len(rig.bridge.motion.pump) == 0 or not rig.link.ready
        assert not rig.robot.motor.moving

    play(Path("nowhere"), told, limits=Limits(180, 1500, 50), save=lambda _: None)
