"""The result of the last command, as Home Assistant shows it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.addon.link.stories import play
from tests.addon.rig import Rig
from tests.addon.voices import Ears

from bb8_core.bridge.command_history import History
from bb8_core.requests.acknowledgement import ACCEPTED, SENT


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


def test_commands_with_the_same_step_at_the_same_time_are_kept() -> None:
    history = History(Ears())
    steps = [history.follow("stop") for _ in range(3)]
    for step in steps:
        step(ACCEPTED)
    steps[0](SENT)
    assert sorted(recent.status for recent in history.commands) == ["accepted", "accepted", "sent"]
