"""The shared byte vectors where their folder is at hand; everywhere a few of our own, typed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

PLACE = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "bb8_vectors.json"

_FRAMES = {
    "ping_seq_255": "ff ff 00 01 03 01 fa",
    "ping_neither": "ff fc 00 01 04 01 f9",
    "inactivity_600": "ff ff 00 25 05 03 02 58 78",
    "set_heading_359": "ff ff 02 01 06 03 01 67 8b",
    "stab_off": "ff ff 02 02 07 02 00 f2",
    "back_led_255": "ff ff 02 21 08 02 ff d3",
    "rgb_red_volatile": "ff ff 02 20 09 05 ff 00 00 00 d0",
    "roll_go_4byte": "ff ff 02 30 0a 05 64 00 5a 01 ff",
    "roll_calibrate": "ff ff 02 30 0b 05 00 00 2d 02 8e",
    "raw_motors_fwd": "ff ff 02 33 0c 05 01 50 01 50 17",
    "raw_motors_off": "ff ff 02 33 0d 05 00 00 00 00 b8",
    "motion_timeout_2000": "ff ff 02 34 0e 03 07 d0 e1",
    "perm_opts_motion_timeout": "ff ff 02 35 0f 05 00 00 00 10 a4",
    "run_macro_1": "ff ff 02 50 10 02 01 9a",
    "sleep_forever_3byte": "ff ff 00 22 11 04 00 00 00 c8",
}


def _frame(name: str, text: str) -> dict[str, Any]:
    _, sop2, did, cid, seq, *_ = raw = bytes.fromhex(text)
    return {"name": name, "sop2": sop2, "did": did, "cid": cid, "seq": seq, "bytes": raw.hex()}


def _heard(name: str, expected: dict[str, Any], *notifications: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "notifications": notifications, "expected": expected, "oracles": {}, **more}


OWN: dict[str, list[dict[str, Any]]] = {
    "encode": [_frame(name, text) for name, text in _FRAMES.items()],
    "decode": [
        _heard("ack", {"ok": True, "seq": 21}, "ff ff 00 15 01 e9"),
        _heard("refusal", {"ok": False, "seq": 22}, "ff ff 08 16 01 e0"),
        _heard("garbage_before", {"dropped_bytes": 2}, "75 3e", "ff ff 00 15 01 e9"),
        _heard("damaged_before", {"checksum_errors": 1}, "ff ff 00 15 01 ea", "ff ff 00 15 01 e9"),
        _heard("halves", {"seq": 21, "dropped_bytes": 0}, "ff ff 00", "15 01 e9"),
        _heard("pre_sleep", {"event": "pre_sleep"}, "ff fe 05 00 01 f9"),
        _heard("did_sleep", {"event": "did_sleep"}, "ff fe 14 00 01 ea"),
        _heard(
            "locator",
            {"x_cm": -5, "y_cm": 7, "vx_cm_s": -1, "vy_cm_s": 2, "sog_cm_s": 3},
            "ff ff 00 19 0b ff fb 00 07 ff ff 00 02 00 03 d7",
            reply_to=[0x02, 0x15],
        ),
    ],
    "macro_commands": [
        {"name": "mac_delay", "bytes": "0b02ee"},
        {"name": "mac_roll", "bytes": "057f005a64"},
        {"name": "mac_rotate", "bytes": "1a016807d0"},
    ],
}


def load(section: str) -> list[Any]:
    """Return one pytest parameter per vector: the shared ones, or ours where these are missing."""
    vectors = json.loads(PLACE.read_text())[section] if PLACE.is_file() else OWN[section]
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]
