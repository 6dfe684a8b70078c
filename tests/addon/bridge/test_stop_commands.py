"""The emergency stop: whether it lasts, and what the broker remembers of an earlier run."""

from __future__ import annotations

import asyncio
import errno
import json
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.radio.advertisement_match import Target

NOBODY = Target("D0:00:00:00:00:99")
ON = json.dumps({"state": "ON"}).encode()
OFF = json.dumps({"state": "OFF"}).encode()


def no_space(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "no space left on device")


@pytest.mark.parametrize("target", [Target(), NOBODY], ids=["connected", "away"])
@pytest.mark.parametrize("full", [False, True])
def test_the_acknowledgement_reports_if_the_emergency_stop_does_not_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target, full: bool
) -> None:
    async def story(rig: Rig) -> None:
        if target != NOBODY:
            await rig.until_ready()
        await asyncio.sleep(1)
        if full:
            rig.latch_file.unlink()
            monkeypatch.setattr(tempfile, "mkstemp", no_space)
        rig.send("estop", '{"cid":"e"}')
        await asyncio.sleep(1)
        ack = rig.ears.last("estop", "e")
        assert ack["status"] == ("accepted" if target == NOBODY else "confirmed")
        assert ack.get("lasting") is (False if full else None)

    play(tmp_path, story, target=target)


def test_a_disk_that_hangs_delays_no_stop_and_the_acknowledgement_for_a_second(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", '{"speed":80,"heading":0,"ms":2000}')
        await asyncio.sleep(0.2)
        rig.send("estop", '{"cid":"e"}')
        await asyncio.sleep(0.05)
        assert not rig.robot.motor.moving
        assert rig.ears.statuses_of("estop", "e") == ["accepted", "sent"]
        await asyncio.sleep(1)
        assert rig.ears.last("estop", "e")["lasting"] is False

    play(tmp_path, story, save=lambda _: None)


@pytest.mark.parametrize(("kept", "latched"), [(ON, True), (OFF, False), (b"junk", False)])
def test_the_broker_is_a_second_witness_after_a_restart(tmp_path: Path, kept: bytes, latched: bool) -> None:
    async def story(rig: Rig) -> None:
        rig.bridge.stopping.witness(kept)
        await asyncio.sleep(0.1)
        assert rig.bridge.stopping.latched is latched

    play(tmp_path, story)


def test_what_a_person_has_cleared_the_broker_does_not_bring_back(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.send("clear_estop")
        await asyncio.sleep(0.1)
        rig.bridge.stopping.witness(ON)
        assert not rig.bridge.stopping.latched

    play(tmp_path, story)
