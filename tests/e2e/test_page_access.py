"""The page for people who use a keyboard, a screen reader or a small phone, in a real Chromium."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from ops.lab.browser import CHROMIUM, Tab
from tests.e2e.test_cockpit import Lab, cockpit  # noqa: F401 - the fixture

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="SKIPPED: chromium is not installed"),
    pytest.mark.timeout(3600),
]

AUDIT = (Path(__file__).parent / "page_audit.js").read_text()
CONTROLS = {"button", "slider", "combobox", "searchbox", "application"}
KITCHEN = {"name": "kitchen", "state": "online", "reason": "It listens for the robot.", "remedy": ""}
ATTIC = {
    "name": "attic",
    "state": "unreachable",
    "reason": "It does not answer.",
    "remedy": "Check its power.",
}


async def press_key(tab: Tab, code: str, key: str, text: str = "") -> None:
    await tab.call("Input.dispatchKeyEvent", type="keyDown", code=code, key=key, text=text)
    await tab.key("keyUp", code, key)


async def spoken(tab: Tab) -> list[tuple[str, str, str]]:
    """Role, name and value of each control, as a screen reader gets them."""
    await tab.call("Accessibility.enable")
    tree = (await tab.call("Accessibility.getFullAXTree"))["nodes"]

    def value(node: dict[str, Any], key: str) -> str:
        return str(node.get(key, {}).get("value", ""))

    shown = [node for node in tree if not node.get("ignored") and value(node, "role") in CONTROLS]
    return [(value(node, "role"), value(node, "name"), value(node, "value")) for node in shown]


async def test_space_stops_a_gesture_although_its_button_has_the_focus(cockpit: Lab) -> None:  # noqa: F811
    lab, tab = cockpit.lab, cockpit.tab
    await tab.js("document.querySelector('[data-gesture=dance]').focus()")
    await press_key(tab, "Space", " ", " ")
    await lab.until(lambda: lab.bridge.motion.state.macro == "dance")
    await lab.until_moving()
    await tab.until("document.querySelector('[data-gesture=dance]') === document.activeElement")
    await asyncio.sleep(0.5)  # the page learns within 0.1 s that the robot moves
    await press_key(tab, "Space", " ", " ")
    await lab.until(lambda: not lab.bridge.motion.state.moving)
    await tab.until("document.getElementById('result').textContent === 'Stop: done'")
    assert not lab.bridge.motion.state.moving
    assert [command.name for command in lab.bridge.history.commands].count("macro") == 1


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_can_be_read_and_reached(cockpit: Lab, width: int, scheme: str) -> None:  # noqa: F811
    tab = cockpit.tab
    await tab.size(width, 640 if width < 600 else 900, scheme)
    assert await tab.js(AUDIT) == []
    await tab.click("#aim")
    assert await tab.js(AUDIT) == []
    await tab.click("#unaim")
    await tab.js("document.getElementById('estop').focus()")
    await press_key(tab, "Enter", "Enter", "\r")
    await tab.until("!document.getElementById('latched').hidden")
    assert await tab.js(AUDIT) == []
    assert cockpit.chromium.complaints == []


async def test_the_keyboard_reaches_every_control_in_sight(cockpit: Lab) -> None:  # noqa: F811
    tab = cockpit.tab
    await tab.size(390, 844)
    wanted = await tab.js(
        "[...document.querySelectorAll('button, input, select, [tabindex]')]"
        ".filter((e) => e.getClientRects().length).map((e) => e.id || e.className || e.dataset.gesture)"
    )
    reached = []
    for _ in wanted:
        await press_key(tab, "Tab", "Tab")
        name, outline, hidden = await tab.js(
            "(() => { const e = document.activeElement; const box = e.getBoundingClientRect();"
            " const bar = document.querySelector('.stops').getBoundingClientRect();"
            " const out = box.bottom <= 0 || (!e.closest('.stops') && box.top >= bar.top);"
            " return [e.id || e.className || e.dataset.gesture, getComputedStyle(e).outlineStyle, out]; })()"
        )
        assert outline == "solid", name
        assert not hidden, f"{name} has the focus and is behind the stops"
        reached.append(name)
    assert reached == wanted


async def test_a_screen_reader_gets_a_name_for_each_control_and_percent_for_each_slider(
    cockpit: Lab,  # noqa: F811
) -> None:
    found = await spoken(cockpit.tab)
    assert all(name for _, name, _ in found), found
    sliders = {name: value for role, name, value in found if role == "slider"}
    assert set(sliders) == {"Speed", "Colour", "Brightness", "Tail light"}
    assert sliders["Colour"] == await cockpit.tab.js("document.getElementById('wheel').ariaValueNow")
    spoken_as = [
        await cockpit.tab.js(f"document.getElementById('{name}').ariaValueText")
        for name in ("speed", "brightness", "tail")
    ]
    assert all(text.endswith(" %") for text in spoken_as), spoken_as
    shown = [
        await cockpit.tab.js(f"document.getElementById('{name}-value').textContent")
        for name in ("speed", "brightness", "tail")
    ]
    assert shown == spoken_as


async def test_the_page_names_the_radio_that_is_used_in_plain_words(cockpit: Lab) -> None:  # noqa: F811
    tab = cockpit.tab

    async def shown(state: str, through: str, proxies: list[dict[str, str]]) -> dict[str, str]:
        """What the page shows for such a connection."""
        words = await tab.js(
            "import('./status_view.js').then(({ words }) => JSON.stringify(words("
            f"{json.dumps({'state': state, 'through': through, 'rssi': -60, 'remedy': 'Wait.'})},"
            f" {json.dumps(proxies)})))"
        )
        return dict(json.loads(words))

    used = await shown("ready", "kitchen", [KITCHEN, ATTIC])
    assert used["signal"] == "Signal good through kitchen"
    assert used["radio"] == "Bluetooth proxy kitchen, -60 dBm"
    assert used["proxies"] == [
        ["Bluetooth proxy kitchen", "The robot is connected through it."],
        ["Bluetooth proxy attic", "It does not answer. Check its power."],
    ]
    own = await shown("ready", "", [KITCHEN])
    assert own["signal"] == "Signal good through this host"
    assert own["radio"] == "this host's adapter, -60 dBm"
    assert (await shown("ready", "", []))["signal"] == "Signal good"
    gone = await shown("absent", "kitchen", [ATTIC])
    assert (gone["signal"], gone["radio"]) == ("No signal", "none hears the robot")
    assert gone["remedy"] == "Wait. Bluetooth proxy attic: It does not answer. Check its power."
