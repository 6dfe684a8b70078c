"""The guard as a process on a real bus: it ends the link when the bridge dies or freezes, and only then."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.addon.guard.bus import DEVICE, Bus

from bb8_core.guard import guard_process
from bb8_core.guard.dbus_client import DBusError, method_call, socket_path
from bb8_core.guard.guard_client import GuardProcess
from bb8_core.guard.guard_process import SILENCE_S, Guard

ADDON = Path(__file__).parents[3] / "addon"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    made = Bus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", made.address)
    yield made
    made.close()


@pytest.fixture
def guard(bus: Bus) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "bb8_core.guard.guard_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ADDON)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def tell(process: subprocess.Popen[bytes], *lines: str) -> None:
    assert process.stdin is not None
    process.stdin.write("".join(f"{line}\n" for line in lines).encode())
    process.stdin.flush()


def end_input(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()


def test_the_end_of_the_bridge_ends_the_link_at_once(bus: Bus, guard: subprocess.Popen[bytes]) -> None:
    tell(guard, f"watch {DEVICE}", "moving", "still", ".")
    end_input(guard)
    assert bus.device.disconnected.wait(60)
    assert guard.wait(60) == 0


def test_a_silent_bridge_of_a_moving_robot_loses_its_link(bus: Bus, guard: subprocess.Popen[bytes]) -> None:
    assert SILENCE_S <= 1.0
    started = time.monotonic()
    tell(guard, f"watch {DEVICE}", "moving", ".")
    assert bus.device.disconnected.wait(60)
    assert time.monotonic() - started >= SILENCE_S - 0.1
    assert guard.poll() is None


@pytest.mark.parametrize(
    "lines", [("moving", "still"), ("moving", "forget"), ("moving", f"watch {DEVICE}", "."), ()]
)
def test_silence_while_the_robot_is_still_ends_nothing(
    bus: Bus, guard: subprocess.Popen[bytes], lines: tuple[str, ...]
) -> None:
    tell(guard, f"watch {DEVICE}", *lines)
    assert not bus.device.disconnected.wait(SILENCE_S + 0.3)


def test_a_bridge_that_has_let_the_robot_go_ends_nothing(bus: Bus, guard: subprocess.Popen[bytes]) -> None:
    tell(guard, f"watch {DEVICE}", "forget")
    end_input(guard)
    assert guard.wait(60) == 0
    assert not bus.device.disconnected.is_set()


def test_a_refusal_of_bluez_is_tried_again(bus: Bus, guard: subprocess.Popen[bytes]) -> None:
    bus.device.refusals = 3
    tell(guard, f"watch {DEVICE}")
    end_input(guard)
    assert bus.device.disconnected.wait(60)


def test_a_link_that_the_bridge_cannot_end_is_ended_at_once(bus: Bus, guard: subprocess.Popen[bytes]) -> None:
    bus.device.refusals = 1
    tell(guard, f"watch {DEVICE}", "moving", "cut", ".")
    assert bus.device.disconnected.wait(60)
    assert guard.stdout is not None
    assert guard.stdout.readline() == b".\n"
    end_input(guard)
    assert guard.wait(60) == 0
    assert bus.device.calls == 2


def test_a_device_that_is_not_connected_is_not_tried_again(bus: Bus, guard: subprocess.Popen[bytes]) -> None:
    """The next try could end the next connection."""
    bus.device.connected = False
    tell(guard, f"watch {DEVICE}", "cut", ".")
    assert guard.stdout is not None
    assert guard.stdout.readline() == b".\n"
    assert bus.device.calls == 1
    tell(guard, "cut", ".")
    assert guard.stdout.readline() == b".\n"
    assert bus.device.calls == 1


def test_a_silent_bridge_whose_link_is_not_of_bluez_leaves_the_guard_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silences = iter([([], [], []), ([0], [], []), ([0], [], [])])
    lines = iter([b".\n", b""])
    answers: list[bytes] = []
    moving = Guard()
    moving.moving = True
    system = SimpleNamespace(read=lambda *_: next(lines), write=lambda _, data: answers.append(data))
    monkeypatch.setattr(guard_process, "select", SimpleNamespace(select=lambda *_: next(silences)))
    monkeypatch.setattr(guard_process, "os", system)
    monkeypatch.setattr(guard_process, "Guard", lambda: moving)
    monkeypatch.setattr(guard_process, "cut", lambda *_: pytest.fail("there is nothing to disconnect"))
    guard_process.run()
    assert answers == [b".\n"]


def test_each_beat_is_answered(guard: subprocess.Popen[bytes]) -> None:
    tell(guard, ".", ".")
    assert guard.stdout is not None
    assert select.select([guard.stdout], [], [], 60)[0]
    assert guard.stdout.readline() == b".\n"


def test_lines_that_arrive_in_pieces_are_put_together() -> None:
    guard = Guard()
    assert guard.take(b"wat") == b""
    assert guard.take(b"ch /x\nmov") == b""
    assert (guard.path, guard.moving) == ("/x", False)
    assert guard.take(b"ing\n.\n.\n") == b".\n.\n"
    assert guard.moving


def test_without_a_bus_the_guard_reports_it_and_ends(tmp_path: Path) -> None:
    environ = os.environ | {
        "PYTHONPATH": str(ADDON),
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path / 'none'}",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bb8_core.guard.guard_process"],
        env=environ,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert b"cannot reach the system bus" in done.stderr


def test_the_address_of_the_bus_is_read() -> None:
    assert socket_path({}) == "/run/dbus/system_bus_socket"
    assert socket_path({"DBUS_SYSTEM_BUS_ADDRESS": "unix:abstract=/x,guid=1;tcp:host=a"}) == "\0/x"
    with pytest.raises(DBusError):
        socket_path({"DBUS_SYSTEM_BUS_ADDRESS": "tcp:host=a"})


def test_a_call_is_a_multiple_of_eight_bytes() -> None:
    for name in ("a", "org.bluez", "org.bluez.Something"):
        assert len(method_call(1, name, "/a", "b.c", "D")) % 8 == 0


async def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - another process answers
            await asyncio.sleep(0.02)


async def test_the_bridges_side_knows_whether_the_guard_can_act(bus: Bus) -> None:
    keeper = GuardProcess()
    assert not keeper.armed
    keeper.watch(DEVICE)
    keeper.beat()
    await until(lambda: keeper._ready)
    keeper.beat()
    await until(lambda: keeper.armed)
    keeper.forget()
    assert not keeper.armed
    keeper.watch("")
    assert not keeper.armed
    keeper.watch(DEVICE)
    keeper.moving(True)
    assert keeper._process is not None
    keeper._process.kill()
    await until(lambda: not keeper.armed)
    keeper._restart_at = 0.0
    keeper.beat()
    await until(lambda: keeper._ready)
    assert keeper._ended == []
    await asyncio.to_thread(bus.device.disconnected.wait, 60)
    assert bus.device.disconnected.is_set(), "the new guard knows that the robot moves, and hears no beat"
    keeper.close()


async def test_a_guard_that_cannot_start_is_reported_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = GuardProcess(("/nonexistent/program",))
    for _ in range(3):
        keeper._restart_at = 0.0
        keeper.watch(DEVICE)
        keeper.beat()
    assert not keeper.armed
    assert len([record for record in caplog.records if "guard" in record.message]) == 1


async def test_a_guard_that_does_not_read_is_replaced_because_it_has_missed_something() -> None:
    keeper = GuardProcess((sys.executable, "-c", "import time; time.sleep(600)"))
    keeper.start()
    frozen = keeper._process
    assert frozen is not None
    keeper.watch(DEVICE)
    while keeper._process is frozen:
        for _ in range(1000):
            keeper.beat()
    assert not keeper.armed
    keeper.close()
    frozen.kill()
    frozen.wait()


async def test_a_guard_that_is_told_to_cut_watches_nothing_any_more(bus: Bus) -> None:
    keeper = GuardProcess()
    keeper.start()
    await until(lambda: keeper._ready)
    keeper.watch(DEVICE)
    keeper.cut()
    assert not keeper.armed
    await asyncio.to_thread(bus.device.disconnected.wait, 60)
    assert bus.device.disconnected.is_set()
    keeper.close()
