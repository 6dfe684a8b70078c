"""Macros and programs held in memory."""

from __future__ import annotations

import struct
from typing import Final

from bb8_core.robot.commands.command_builder import in_range, sphero
from bb8_core.robot.packet_framing import MAX_DATA, Command

TEMPORARY_MACRO: Final = 0xFF
FIGURE_EIGHT_MACRO: Final = 1
MACRO_KILLS_MOTORS: Final = 0x01
"""Macro flag that switches the motors off when the macro ends or is aborted."""
MAX_MACRO_BODY: Final = 251
"""Bytes between a temporary macro's flags and its end marker."""
_RAM: Final = 0


def run_macro_figure_eight() -> Command:
    """Run the built-in figure eight (02:50); it drives, and runs on without the link."""
    return sphero(0x50, "run_macro_figure_eight", bytes((FIGURE_EIGHT_MACRO,)))


def run_temporary_macro() -> Command:
    """Run the macro that `save_temporary_macro` sent (02:50); it runs on without the link."""
    return sphero(0x50, "run_temporary_macro", bytes((TEMPORARY_MACRO,)))


def save_temporary_macro(body: bytes) -> Command:
    """Send the one macro held in memory (02:51): 1-251 bytes of `bb8_core.robot.macro_encoding` commands.

    The end marker is added, and always the flag that stops the motors when the macro ends or is aborted.
    """
    in_range("a macro's length in bytes", len(body), 1, MAX_MACRO_BODY)
    return sphero(0x51, "save_temporary_macro", bytes((TEMPORARY_MACRO, MACRO_KILLS_MOTORS)) + body + b"\0")


def abort_macro() -> Command:
    """End the running macro (02:55); its id and position come back."""
    return sphero(0x55, "abort_macro")


def macro_status() -> Command:
    """Ask which macro runs and where it is (02:56)."""
    return sphero(0x56, "macro_status")


def orbbasic_erase() -> Command:
    """Erase the program in memory (02:60, area 0)."""
    return sphero(0x60, "orbbasic_erase", bytes((_RAM,)))


def orbbasic_append(text: str) -> Command:
    """Append 1-253 ASCII characters to the program in memory (02:61, area 0)."""
    raw = text.encode("ascii")
    in_range("a piece of program in bytes", len(raw), 1, MAX_DATA - 1)
    return sphero(0x61, "orbbasic_append", bytes((_RAM,)) + raw)


def orbbasic_execute(line: int) -> Command:
    """Run the program in memory from a line of 0-65535 (02:62); it runs on without the link."""
    in_range("a line number", line, 0, 0xFFFF)
    return sphero(0x62, "orbbasic_execute", struct.pack(">BH", _RAM, line))


def orbbasic_abort() -> Command:
    """End the running program (02:63)."""
    return sphero(0x63, "orbbasic_abort")
