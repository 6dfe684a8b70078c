"""Stories of commands and faults, made from a seed, and what must be true of each.

A rig lives for a chapter of several stories: what one leaves behind is part of the next. Everything runs on
a clock that jumps, so a chapter of a minute takes a few milliseconds.

A write to the robot may be lost. What holds then of a stop:
1. The bridge writes it in its window, whatever becomes of the write.
2. The robot hears it, or its link ends, in the same window; each write of a stop that was lost since the last
   motion that the robot heard allows for the pause until the next try, and the fourth for that until the
   link is cut (2.5 s after the first). A motion that is asked for and written meanwhile ends this.
3. If the process freezes meanwhile, an armed guard ends the link as if the robot still moved.
4. While writes hang, the link ends within a second more than that, or 2.5 s after an earlier try.
The robot's own motion timeout is not counted on in 1 and 2. It ends only a motion that is not repeated: it
covers a bridge that is frozen, dead or out of reach, within a second of the last drive that the robot heard.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.addon.rig import Rig, read
from tests.addon.virtual import LonelyLoop, run_lonely

from bb8_core.guard.guard_process import SILENCE_S
from bb8_core.motion.insistent_stops import GIVE_UP_S, REPEAT_AFTER_S, UNWRITTEN_S
from bb8_core.motion.motion_control import MOTION_TTL_S
from bb8_core.motion.motion_gate import Limits
from bb8_core.radio.bleak_radio import WRITE_DEADLINE_S
from bb8_core.requests.acknowledgement import FINAL
from bb8_core.requests.payload_parsing import DIRECTIONS
from bb8_core.requests.refuse_or_accept import RawCommand
from bb8_core.robot.gesture_steps import GESTURES
from bb8_core.robot.packet_framing import Command
from bb8_core.routines.routine_dispatch import RoutineOptions
from bb8_core.routines.scene_folder import Scenes
from bb8_core.routines.scene_reader import read_scene

Words = list[tuple[float, Command]]
"""Motor commands and when they were written."""
CHAPTER = 20
WINDOW_S = 0.25
WRITE_S = 0.03
"""A slow radio; a stop waits for at most one write that has begun, and needs one itself."""
MOTIONS = ("drive", "macro")
STOPS = ("stop", "estop")
HANGS_S = 60.0
"""A write that takes so long hangs: the radio gives it up."""
LOST = " lost"
LONGEST_MOTION_S = MOTION_TTL_S + max(1.5, *(GESTURES[name].duration_ms / 1000 for name in ("nod", "dance")))
"""The longest drive or gesture of a story is over by then, also if it waits for a slow robot first."""
SCENES = Scenes({"square": read_scene("square", """
steps:
  - repeat: {times: 2, steps: [{drive: {speed: 60, seconds: 1.2}}, {turn: 90}]}
  - colour: red
  - wait: 0.5
  - gesture: nod
""")})  # fmt: skip
SCENE_S = 8.0
"""How long it takes, with slow writes."""
WAY_HOME_S = 30.0
"""From a metre away, with a robot that answers slowly."""
PATIENCE = (0.0, 0.1, 2.1)
"""How long a story waits with a robot that is ready: what belongs to the connection may still go on."""
PAUSES = (0.0, 0.0, 0.001, 0.03, 0.1, 0.3, 0.7)
NONSENSE = (b"{}", b"", b"\xff\x00", b"[]", b'{"cid":[]}', b"{" * 50, b"null", b'{"expires_at":1}')
MOTION_TIMEOUT = frozenset({(0x02, 0x34), (0x02, 0x36)})
FAULTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"drop": 0.2},
    {"corrupt": 0.1, "garbage": 0.2, "split": 7},
    {"delay_ms": 260},
    {"delay_ms": 1200},
    {"delay_ms": 2000},
    {"silence": True},
    {"cancel_writes": True},
    {"lost_write": 0.5},
    {"lost_write": 1.0},
    {"failed_write": 0.2, "lost_write_response": 0.2},
)
WRITES = {"lost_write": 0.0, "failed_write": 0.0, "lost_write_response": 0.0}
TRIES_S = (*(sum(REPEAT_AFTER_S[:n]) for n in range(len(REPEAT_AFTER_S) + 1)), GIVE_UP_S)
"""When each try of a stop is due after the first, and the end of the link after the last."""


@dataclass
class Disk:
    """The file of the latch, without a real disk."""

    content: bool = False
    full: bool = False

    def write(self, value: bool) -> None:
        if self.full:
            raise OSError("no space left on device")
        self.content = value


@dataclass
class SimulatedGuard:
    """A guard outside of the process: it still acts while the process stands still."""

    working: bool = True
    watching: bool = False
    moves: bool = False

    @property
    def armed(self) -> bool:
        return self.working and self.watching

    def watch(self, path: str) -> None:
        self.watching, self.moves = True, False

    def forget(self) -> None:
        self.watching = self.moves = False

    def cut(self) -> None:
        self.forget()

    def moving(self, moves: bool) -> None:
        self.moves = moves

    def beat(self) -> None:
        """The rig's freeze does without."""


@dataclass
class Record:
    """When a stop was due, when motion was asked for, and when the link went."""

    causes: list[float] = field(default_factory=list)
    motions: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    """When the state of the link changed, or the link ended."""
    ended: list[float] = field(default_factory=list)
    """When the robot's link ended: it stops then."""
    frozen: list[tuple[float, float]] = field(default_factory=list)
    hung: list[tuple[float, float]] = field(default_factory=list)
    """While some write may have hung."""
    early: list[dict[str, Any]] = field(default_factory=list)
    """Acknowledgements of emergency stops as lasting that came before the latch was on disk."""


class Teller:
    """Plays the stories of one chapter."""

    def __init__(self, rig: Rig, disk: Disk, guard: SimulatedGuard, dice: random.Random) -> None:
        self.rig = rig
        self.disk = disk
        self.guard = guard
        self.dice = dice
        self.record = Record()
        self.steps: list[str] = []
        self._write_s = 0.0
        self._guard_changed_at = float("-inf")
        self._stops_alone_down = False

    async def story(self) -> None:
        """One story, from a robot that is ready to one that stands."""
        rig, record = self.rig, Record()
        self.record, self.steps = record, []
        rig.ears.acks.clear()
        rig.robot.log.clear()
        rig.robot.lost.clear()
        await self._begin()
        self._check_unmoved()
        for _ in range(self.dice.randint(1, 14)):
            self._step()
            if pause := self.dice.choice(PAUSES):
                await asyncio.sleep(pause)
        if self.dice.random() < 0.5 or not self.rig.robot.faults.lost_write:
            self._fault({})
        self._writes_return()
        await asyncio.sleep(0.01)
        await self._end()
        self._check()

    async def _begin(self) -> None:
        rig = self.rig
        self._fault({})
        rig.robot.in_reach = True
        self.guard.working = self.dice.random() < 0.6
        self.disk.full = False
        rig.air.write_s = 0.0
        rig.arrivals.reconnected()
        rig.deliver("connect")
        rig.deliver("clear_estop")
        await rig.until(lambda: rig.link.ready, 120, 0.1)
        await asyncio.sleep(self.dice.choice(PATIENCE))
        rig.air.write_s = self._write_s = self.dice.choice((0.0, 0.0, WRITE_S))
        self._fault(self.dice.choice(FAULTS))

    async def _end(self) -> None:
        """Wait until all motion must be over, and longer.

        A scene or a way home is mostly refused, or over before its time: few stories wait for it in vain.
        """
        rig, bridge, driving = self.rig, self.rig.bridge, self.rig.bridge.driving
        await rig.until(lambda: not (driving.waiting or bridge.routines.waiting), 60, 0.5)
        longest = SCENE_S if "scene" in self.steps else LONGEST_MOTION_S
        longest = WAY_HOME_S if "return" in self.steps else longest
        ends = rig.loop.time() + longest
        if self.dice.random() < 0.9:
            latest = ends - LONGEST_MOTION_S
            await rig.until(lambda: rig.loop.time() >= latest or not bridge.motion.active, 60, 0.5)
            ends = min(ends, rig.loop.time() + LONGEST_MOTION_S)
        # Each step of a gesture also waits for its write.
        self.record.causes.append(ends + 20 * rig.air.write_s)
        await asyncio.sleep(ends + 3.3 - rig.loop.time())

    def _fault(self, faults: dict[str, Any]) -> None:
        usual = {"drop": 0.0, "corrupt": 0.0, "garbage": 0.0, "split": 0, "delay_ms": 0}
        for name, value in {**usual, **WRITES, "silence": False, "cancel_writes": False, **faults}.items():
            setattr(self.rig.robot.faults, name, value)

    def _step(self) -> None:
        what, act = self.dice.choice(
            (
                *((("drive", self._drive),) * 5),
                ("steer", self._steer),
                *((("macro", self._macro),) * 2),
                ("return", self._return),
                ("scene", lambda: self._motion("scene", {"name": "square"})),
                ("notify", lambda: self._motion("notify", {"message": "the doorbell rings"})),
                *((("stop", self._stop),) * 4),
                *((("lost stop", self._lost_stop),) * 2),
                *((("other", self._other),) * 4),
                ("fault", lambda: self._fault(self.dice.choice(FAULTS))),
                ("drop link", self._drop_link),
                ("vanish", self._vanish),
                ("appear", self._appear),
                ("broker", self._broker),
                *((("freeze", self._freeze),) * 3),
                ("full disk", self._disk),
                ("guard", self._guard),
                ("hang", self._hang),
                ("crowd", self._crowd),
            )
        )
        if self.steps and self.steps[-1].endswith(LOST) and self.dice.random() < 0.3:
            what, act = "freeze", self._freeze
        self.steps.append(what)
        act()

    # Commands

    def _drive(self) -> None:
        dice = self.dice
        drive = {"speed": dice.randint(0, 255), "heading": dice.randint(0, 359), "ms": dice.randint(0, 1500)}
        self._motion("drive", drive)

    def _steer(self) -> None:
        self._motion("steer", {"direction": self.dice.choice(DIRECTIONS)})

    def _macro(self) -> None:
        self._motion("macro", {"name": self.dice.choice(("nod", "dance"))})

    def _return(self) -> None:
        self.rig.robot.body.x_mm, self.rig.robot.body.y_mm = self.dice.choice(
            ((0, 0), (400, -900), (90, 250))
        )
        self._motion("return_to_start", {})

    def _motion(self, cmd: str, payload: dict[str, Any]) -> None:
        self.record.motions.append(self.rig.loop.time())
        self.rig.deliver(cmd, json.dumps(payload))

    def _stop(self) -> None:
        """In any form: on either connection or both, retained or not, with any payload."""
        rig, dice = self.rig, self.dice
        cmd = dice.choice(STOPS)
        self.record.causes.append(rig.loop.time())
        payload = dice.choice(NONSENSE)
        raw = RawCommand(cmd, payload, dice.random() < 0.3, rig.arrival(), None, dice.random() < 0.9)
        way = dice.choice(("regular", "fast", "both", "both"))
        self._connections(fast=way != "regular")
        if way != "fast":
            rig.arrivals.regular(raw)
        if way != "regular":
            rig.arrivals.fast(raw)
        self.steps[-1] = f"{cmd} {way} {payload!r} retained={raw.retained}"

    def _lost_stop(self) -> None:
        """The robot moves, and at least one write of the stop is likely to be lost."""
        if not self.rig.robot.motor.moving:
            self._drive()
            return
        self._fault({"lost_write": self.dice.choice((0.6, 0.8, 1.0))})
        self._stop()
        self.steps[-1] += LOST

    def _connections(self, *, fast: bool) -> None:
        """A stop comes on one connection alone while that of the stops is down: it is new when it is back.

        The broker drops no stop on it, so without this the next copy would be taken for that of the first.
        """
        if fast and self._stops_alone_down:
            self.rig.arrivals.reconnected()
        self._stops_alone_down = not fast

    def _crowd(self) -> None:
        """Many ask for a stop at once."""
        self._connections(fast=False)
        self.record.causes.append(self.rig.loop.time())
        cmd = self.dice.choice(STOPS)
        for number in range(self.dice.randint(2, 40)):
            self.rig.deliver(cmd, json.dumps({"cid": number}))

    def _other(self) -> None:
        cmd, payload = self.dice.choice(
            (
                ("clear_estop", "{}"),
                ("connect", "{}"),
                ("disconnect", "{}"),
                ("ping", "{}"),
                ("led", '{"r":1,"g":2,"b":3}'),
                ("heading", '{"heading":5}'),
                ("stabilize", '{"on":false}'),
                ("speed_cap", '{"value":100}'),
            )
        )
        self.steps[-1] = cmd
        self.rig.deliver(cmd, payload)

    # Faults

    def _drop_link(self) -> None:
        self.rig.air.drop_link(self.rig.robot)

    def _vanish(self) -> None:
        self.rig.robot.vanish()

    def _appear(self) -> None:
        self.rig.robot.in_reach = True

    def _broker(self) -> None:
        self.record.causes.append(self.rig.loop.time())
        self.rig.bridge.stopping.broker_lost()

    def _disk(self) -> None:
        self.disk.full = not self.disk.full

    def _hang(self) -> None:
        """Writes hang from now on, or no longer; one that hangs already goes on until it is given up."""
        if self.rig.air.write_s == HANGS_S:
            self._writes_return()
            return
        self.rig.air.write_s = HANGS_S
        self.record.hung.append((self.rig.loop.time(), float("inf")))

    def _writes_return(self) -> None:
        if self.rig.air.write_s == HANGS_S:
            self.rig.air.write_s = self._write_s
            self.record.hung[-1] = (self.record.hung[-1][0], self.rig.loop.time() + WRITE_DEADLINE_S)

    def _guard(self) -> None:
        """Without its guard, a robot without a motion timeout is stopped; the pulse may miss a short loss."""
        now, lost_at = self.rig.loop.time(), self._guard_changed_at
        self.guard.working = not self.guard.working
        if self.rig.link.ready and not self.rig.link.stoppable:
            self.record.causes.append(now)
        elif now - lost_at < 0.3 and lost_at in self.record.causes:
            self.record.causes.remove(lost_at)
        self._guard_changed_at = now

    def _freeze(self) -> None:
        """The process stands still; the robot, the guard and the broker do not."""
        rig, clock = self.rig, self.rig.loop
        assert isinstance(clock, LonelyLoop)
        start, seconds = rig.loop.time(), self.dice.choice((0.3, 0.9, 1.5, 3.0, 20.0))
        if self.guard.armed and self.guard.moves and seconds > SILENCE_S:
            clock.now += SILENCE_S
            rig.air.drop_link(rig.robot)
        clock.now = start + seconds
        waited = self.dice.choice(("drive", "macro", "clear_estop", "stop"))
        self.steps[-1] = f"freeze {seconds} {waited}"
        self.record.frozen.append((start, rig.loop.time()))
        if waited == "stop":
            self._connections(fast=False)
            self.record.causes.append(rig.loop.time())
        # The broker's thread wakes first and reads what has waited.
        fresh = not rig.standstill.recent()
        cid = b"waited" if seconds > 0.8 else b"just now"
        payload = b'{"speed":200,"heading":0,"ms":1500,"name":"nod","cid":"%s"}' % cid
        rig.arrivals.regular(RawCommand(waited, payload, False, rig.arrival(), None, fresh))
        if fresh and waited in MOTIONS:
            self.record.motions.append(rig.loop.time())
        # The pulse stops a robot within 0.1 s of the loss of its guard: only both at once are too much.
        fair = start - self._guard_changed_at > 0.3 + self._delay_of_stop()
        if not fair:
            self._guard_changed_at = clock.now
        if seconds >= SILENCE_S + 0.5 and fair:
            assert not rig.robot.motor.moving, "the robot moves although its bridge has been frozen"

    def _delay_of_stop(self) -> float:
        """How long it may take until a stop arrives that the loss of the guard caused, or the link ends."""
        if self.rig.robot.lost:
            return GIVE_UP_S
        return UNWRITTEN_S if self._hung(self._guard_changed_at) else 0.0

    # What must be true

    def acknowledged(self, cmd: str, ack: dict[str, Any]) -> None:
        """An emergency stop that is acknowledged as lasting is on disk, unless it was cleared since."""
        lasting = cmd == "estop" and ack["status"] in FINAL and ack.get("lasting") is not False
        if lasting and not self.disk.content and not any("clear_estop" in step for step in self.steps):
            self.record.early.append(ack)

    def _check(self) -> None:
        rig, disk = self.rig, self.disk
        heard, lost = rig.motor_commands(), [word for _, word in self._lost_words()]
        motors = self._written() if lost else heard
        for cause in self.record.causes:
            window = WINDOW_S + 3 * rig.air.write_s + (UNWRITTEN_S if self._hung(cause) else 0.0)
            end = self._extended(cause, cause + window)
            if not any(cause <= motion <= end for motion in self.record.motions):
                self._check_cause(cause, end, motors)
            self._check_not_asked(cause, end, motors)
            self._check_heard(cause, window, heard, lost)
        state = rig.bridge.motion.state
        assert not state.moving, self.steps
        assert not state.may_move, self.steps
        assert not rig.robot.motor.moving, self.steps
        self._check_acks()
        if rig.bridge.stopping.latched and not disk.full:
            assert disk.content, self.steps

    def _hung(self, cause: float) -> bool:
        """Whether a write may hang before a stop is answered that was due then."""
        latest = self._extended(cause, cause + GIVE_UP_S)
        return any(start <= latest and cause <= end for start, end in self.record.hung)

    def _check_unmoved(self) -> None:
        """Nothing is left of the story before: a stop may be repeated, and nothing else."""
        left = [(at, word) for at, word in self.rig.motor_commands() if not word.is_stop]
        assert not left, f"motion before the first step: {left[:3]}"

    def _extended(self, cause: float, end: float) -> float:
        """A frozen process can do nothing; the window continues when it thaws."""
        for start, thaw in self.record.frozen:
            if start <= end and thaw > cause:
                end = max(end, thaw + end - cause)
        return end

    def _check_cause(self, cause: float, end: float, motors: Words) -> None:
        before = [(at, command) for at, command in motors if at <= end]
        if not before or before[-1][1].is_stop:
            return
        lost = [at for at in self.record.down if before[-1][0] <= at <= end]
        assert lost, f"{before[-1]} is the last word after a stop was due at {cause}: {self.steps}"

    def _lost_words(self) -> list[tuple[int, tuple[float, Command]]]:
        """The motor commands that were written and never arrived, and how many were heard before each."""
        whole = (
            (n, at, data) for n, at, data in self.rig.robot.lost if data[:1] == b"\xff" and len(data) > 6
        )
        lost = ((n, (at, read(data))) for n, at, data in whole)
        return [(n, (at, word)) for n, (at, word) in lost if word.is_motor or word.is_stop]

    def _written(self) -> Words:
        """All motor commands in the order of their writes, lost or not: several may have the same time."""
        words = self.rig.commands()
        for heard_before, word in reversed(self._lost_words()):
            words.insert(heard_before, word)
        return [(at, word) for at, word in words if word.is_motor or word.is_stop]

    def _check_heard(self, cause: float, window: float, heard: Words, lost: Words) -> None:
        """The robot itself hears a stop, or its link ends; each lost try allows for the next one."""
        asked = min((motion for motion in self.record.motions if motion >= cause), default=float("inf"))
        again = min(
            (at for at, word in heard + lost if at >= asked and not word.is_stop), default=float("inf")
        )
        for tries, due in enumerate(TRIES_S[-1:] if self._hung(cause) else TRIES_S):
            end = self._extended(cause, cause + window + due + 2 * tries * self.rig.air.write_s)
            before = [(at, word) for at, word in heard if at <= end]
            if again <= end or not before or before[-1][1].is_stop:
                return
            since = before[-1][0]
            if any(since <= at <= end for at in self.record.ended):
                return
            if sum(since <= at <= end and word.is_stop for at, word in lost) <= tries:
                break
        raise AssertionError(
            f"the robot heard {before[-1]} and no stop {end - cause} s after {cause}: {self.steps}"
        )

    def _check_not_asked(self, cause: float, end: float, motors: Words) -> None:
        """What was asked for before a stop does not move the robot after it, however long it has waited."""
        again = next((motion for motion in self.record.motions if motion >= cause), float("inf"))
        late = [(at, word) for at, word in motors if end < at < again and not word.is_stop]
        assert not late, f"motion after a stop at {cause}: {late[:3]} {self.steps}"

    def _check_acks(self) -> None:
        """What has waited in a freeze is refused, stops excepted; no estop was called lasting too early."""
        assert not self.record.early, (self.record.early, self.steps)
        for name, ack in self.rig.ears.acks:
            if ack.get("cid") == "waited" and name != "stop":
                assert ack["status"] in {"rejected", "expired"}, (name, ack, self.steps)


async def chapter(seed: int, stories: int) -> None:
    """Play the stories of one seed; AssertionError names the seed and the steps."""
    dice = random.Random(seed)
    disk, guard = Disk(), SimulatedGuard()
    routines = RoutineOptions(distance_limit_m=dice.choice((0, 0, 2)))
    rig = Rig(Path("nowhere"), limits=Limits(180, 1500, 50), guard=guard, routines=routines)
    rig.bridge.routines.scenes.scenes = SCENES
    rig.latch._write = disk.write  # type: ignore[method-assign]
    if dice.random() < 0.3:
        rig.robot.faults.refused = MOTION_TIMEOUT
    teller = Teller(rig, disk, guard, dice)
    watch(rig, teller)
    try:
        for number in range(stories):
            try:
                await teller.story()
            except (AssertionError, TimeoutError) as error:
                where = f"seed {seed}, story {number}, {rig.link.status}"
                raise AssertionError(f"{where}: {error} {teller.steps}") from error
        await restart(rig, disk)
    finally:
        await rig.close()


def watch(rig: Rig, teller: Teller) -> None:
    """Note when a link ends on which the robot stops by itself, and look at each acknowledgement."""
    told = rig.ears.ack

    def ack(cmd: str, body: dict[str, Any]) -> None:
        teller.acknowledged(cmd, body)
        told(cmd, body)

    rig.ears.ack = ack  # type: ignore[method-assign]
    heard = rig.bridge.link_changed

    def changed(status: object) -> None:
        teller.record.down.append(rig.loop.time())
        heard(status)  # type: ignore[arg-type]

    rig.bridge.link_changed = changed  # type: ignore[method-assign, assignment]
    disconnect = rig.robot.disconnect

    def disconnected() -> None:
        if rig.robot.connected:
            teller.record.ended.append(rig.loop.time())
        disconnect()

    rig.robot.disconnect = disconnected  # type: ignore[method-assign]
    hang_up = rig.robot.hang_up

    def hung_up() -> None:
        teller.record.down.append(rig.loop.time())
        hang_up()

    rig.robot.hang_up = hung_up  # type: ignore[method-assign]


async def restart(rig: Rig, disk: Disk) -> None:
    """An emergency stop that was acknowledged as lasting is found by the next run."""
    rig.ears.acks.clear()
    disk.full = random.Random(len(rig.robot.log)).random() < 0.5
    rig.deliver("clear_estop")
    rig.deliver("estop", '{"cid":"last"}')
    await asyncio.sleep(3)
    ack = rig.ears.last("estop", "last")
    assert disk.content or ack.get("lasting") is False, f"{ack} with a full disk"


def play_chapters(first: int, chapters: int, stories: int = CHAPTER) -> int:
    """Play chapters of consecutive seeds; returns how many stories were played."""
    for seed in range(first, first + chapters):
        run_lonely(chapter(seed, stories))
    return chapters * stories
