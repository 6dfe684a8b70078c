"""The result of the last command, as Home Assistant shows it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.addon.link.stories import play
from tests.addon.rig import Rig


def test_the_last_command_and_its_result_are_a_status(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("led", '{"r":1,"g":2,"b":3}')
        await asyncio.sleep(0.5)
        last = rig.ears.statuses["last_command"]
        assert (last["name"], last["status"]) == ("led", "confirmed")
        rig.send("macro", '{"name":"moonwalk"}')
        last = rig.ears.statuses["last_command"]
        assert (last["name"], last["status"]) == ("macro", "rejected")
        assert "moonwalk" in last["reason"]

    play(tmp_path, story)
