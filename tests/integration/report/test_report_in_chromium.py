"""The report in a real browser: on a phone and a desk, light and dark, complaining and asking for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.report.chromium import Page, chromium, find_chromium
from tests.integration.report_run import Story, write_release

from bb8deploy.lanes.report.report import write_report

SCREENS = [(width, scheme) for width in (360, 1280) for scheme in ("light", "dark")]
LONG = "x" * 400
BRIGHTNESS = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all pictures."""
    program = find_chromium()
    if program is None:
        pytest.skip("SKIPPED: no Chromium is installed here")
    with chromium(program, tmp_path_factory.mktemp("profile")) as page:
        yield page


def released(folder: Path) -> Path:
    """A whole release with a long echo window."""
    write_release(folder, echoes=300, rate_hz=10)
    return write_report(folder)


def broken(folder: Path) -> Path:
    """A deploy that failed with words as long and as nasty as a host can make them."""
    story = Story(folder)
    story.journal("deploy", "started", target=LONG)
    story.journal("send and swap", "started")
    story.journal("send and swap", "failed", error=f"<img src=http://example.org/x.png>{LONG}")
    line = f'DRIFT: DISK_FULL detail="{LONG} <script>alert(1)</script>" run={story.run_id}\n'
    (folder / "deploy_receipt.txt").write_text(line)
    return write_report(folder)


@pytest.mark.parametrize("story", [released, broken])
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_page_fits_the_screen_and_asks_for_nothing(
    browser: Page, tmp_path: Path, story: object, width: int, scheme: str
) -> None:
    assert callable(story)
    file = story(tmp_path)
    browser.show(file, width=width, scheme=scheme)
    seen = browser.overflow()
    assert seen["scroll"] <= seen["width"], seen
    assert seen["wide"] == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [file.as_uri()]
    assert browser.complaints() == []
    browser.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_the_page_follows_the_reader_s_colour_scheme(
    browser: Page, tmp_path: Path, scheme: str, dark: bool
) -> None:
    browser.show(released(tmp_path), width=1280, scheme=scheme)
    brightness = browser.value(f"JSON.stringify({BRIGHTNESS})")
    assert (max(json.loads(brightness)) < 60) is dark


def test_each_echo_is_a_dot_in_the_chart_and_the_bars_count_them_all(browser: Page, tmp_path: Path) -> None:
    browser.show(released(tmp_path), width=1280, scheme="light")
    assert browser.value("document.querySelectorAll('.over-time circle').length") == 300
    assert browser.value("document.querySelectorAll('.histogram rect').length") >= 5
    # Dots and bars have a place on the drawing: none lies outside of it.
    outside = """[...document.querySelectorAll('.chart circle, .chart rect')].filter(mark => {
      const a = mark.getBoundingClientRect(), b = mark.closest('svg').getBoundingClientRect();
      return a.left < b.left || a.right > b.right + 1 || a.top < b.top || a.bottom > b.bottom;
    }).length"""
    assert browser.value(outside) == 0


def test_text_is_readable_on_a_phone(browser: Page, tmp_path: Path) -> None:
    browser.show(released(tmp_path), width=360, scheme="light")
    sizes = """(() => {
      const own = e => e.tagName !== 'title'
        && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
      const scale = svg => svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
      return [...document.querySelectorAll('main *')].filter(own)
        .map(e => parseFloat(getComputedStyle(e).fontSize) * scale(e.ownerSVGElement));
    })()"""
    assert browser.value(f"Math.min(...{sizes})") >= 9
    assert browser.value(f"{sizes}.length") > 100
