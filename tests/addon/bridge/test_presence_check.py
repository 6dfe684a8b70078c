"""Whether the robot can be reached by radio."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.bridge.presence_check import summary, wish_of
from bb8_core.requests.payload_parsing import BadPayload


def test_presence_is_seen_by_ping_or_advertisement_and_never_made_up(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        assert (await summary(rig.link, 1.0, "n"))["source"] == "ping"
        rig.send("disconnect")
        await asyncio.sleep(5)
        seen = await summary(rig.link, 5.0, "n")
        assert (seen["detected"], seen["source"]) == (True, "advertisement")
        rig.robot.vanish()
        await asyncio.sleep(0.01)
        gone = await summary(rig.link, 2.0, 7)
        assert (gone["detected"], gone["latency_ms"], gone["rssi"], gone["nonce"]) == (False, None, None, 7)

    play(tmp_path, story)


@pytest.mark.parametrize("payload", [b'{"timeout_s":-1}', b'{"timeout_s":true}', b'{"nonce":[]}', b"[]"])
def test_a_senseless_presence_question_is_refused(payload: bytes) -> None:
    with pytest.raises(BadPayload):
        wish_of(payload)
