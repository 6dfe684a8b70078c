"""Ranges are kept, flash is spared, and every command carries its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest

from bb8_core.robot import commands
from bb8_core.robot.async_messages import StreamConfig
from bb8_core.robot.packet_framing import Command


@pytest.mark.parametrize(
    "build",
    [
        lambda: commands.roll(256, 0),
        lambda: commands.roll(-1, 0),
        lambda: commands.roll(10, 360),
        lambda: commands.stop(360),
        lambda: commands.spin_in_place(-1),
        lambda: commands.set_heading(360),
        lambda: commands.raw_motors(256, 0),
        lambda: commands.raw_motors(0, -256),
        lambda: commands.boost(0, 0),
        lambda: commands.boost(256, 0),
        lambda: commands.stabilisation(3),
        lambda: commands.rotation_rate(0),
        lambda: commands.motion_timeout(0),
        lambda: commands.motion_timeout(65536),
        lambda: commands.inactivity_timeout(59),
        lambda: commands.inactivity_timeout(65536),
        lambda: commands.sleep(0xFFFF),
        lambda: commands.sleep(-1),
        lambda: commands.set_name(""),
        lambda: commands.set_name("é" * 25),
        lambda: commands.rgb_led(0, 256, 0),
        lambda: commands.tail_led(-1),
        lambda: commands.self_level(angle_deg=91),
        lambda: commands.self_level(timeout_s=256),
        lambda: commands.self_level(settle_10ms=-1),
        lambda: commands.collision_detection(x_threshold=256),
        lambda: commands.collision_detection(dead_time_ms=9),
        lambda: commands.locator(40000, 0),
        lambda: commands.locator(0, -40000),
        lambda: commands.locator(0, 0, 360),
        lambda: commands.accelerometer_range(4),
        lambda: commands.assign_time(1 << 32),
        lambda: commands.poll_times(-1),
        lambda: commands.set_temporary_options(1 << 32),
        lambda: commands.set_permanent_motion_timeouts(-1),
        lambda: commands.set_permanent_motion_timeouts(0x10),
        lambda: commands.save_temporary_macro(b""),
        lambda: commands.save_temporary_macro(bytes(252)),
        lambda: commands.orbbasic_append(""),
        lambda: commands.orbbasic_append("x" * 254),
        lambda: commands.orbbasic_append("é"),
        lambda: commands.orbbasic_execute(65536),
        lambda: StreamConfig(("x_cm", "warp")),
        lambda: StreamConfig(("x_cm",), divisor=0),
        lambda: StreamConfig(("x_cm",), packets=256),
        lambda: StreamConfig(("emf_left_cm_s",)),
    ],
)
def test_a_value_out_of_range_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        build()


def test_the_only_permanent_option_written_is_the_motion_timeout_and_others_are_kept() -> None:
    assert commands.set_permanent_motion_timeouts(0x102).data == b"\0\0\1\x12"
    assert commands.stop_on_disconnect(2).data == b"\0\0\0\3"


def test_a_macro_always_switches_the_motors_off_at_its_end() -> None:
    data = commands.save_temporary_macro(b"\x0b\0\x64").data
    assert data == b"\xff\x01\x0b\0\x64\0"
    assert len(commands.save_temporary_macro(bytes(251)).data) == 254


SIMPLE = [
    function
    for _, function in inspect.getmembers(commands, inspect.isfunction)
    if not inspect.signature(function).parameters and function.__module__.startswith(commands.__name__)
]


@pytest.mark.parametrize("function", SIMPLE, ids=lambda f: f.__name__)
def test_a_command_is_called_as_its_function(function: Callable[[], Command]) -> None:
    command = function()
    assert function.__doc__
    assert command.name == function.__name__ or function is commands.stream_off
