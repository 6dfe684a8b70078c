"""Draws the echo's latency as two inline SVGs that take their colours from the page's style."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from math import floor, log10
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.lanes.report.report_records import Echo, Echoes, percentile

if TYPE_CHECKING:
    from pygal.graph.graph import Graph

WIDTH, HEIGHT = 380, 240  # of the drawing; the page scales it to a phone or half a screen
MAX_DOTS = 2000  # a longer window is thinned, or the page would grow without bounds
_BINS = 24
_DECIMALS = re.compile(r"\d+\.\d{2,}")


def latency_over_time(echoes: Echoes) -> str:
    """Each echo as a dot over the seconds of the window, the median and p95 as lines, lost ones at 0."""
    pygal = _pygal()
    answered = echoes.answered
    end = max((echo.at for echo in echoes.echoes), default=0.0) or 1.0
    chart = pygal.XY(stroke=False, dots_size=2, xrange=(0, end), **_look("seconds", "ms"))
    shown = thinned(echoes.echoes)
    chart.add("answered", [(e.at, e.rtt_ms) for e in shown if e.rtt_ms is not None])
    chart.add("lost", [(e.at, 0) for e in shown if e.rtt_ms is None])
    for share in (0.5, 0.95) if answered else ():
        level = percentile(answered, share)
        chart.add(f"p{share * 100:.0f}", [(0, level), (end, level)], stroke=True, show_dots=False)
    return _svg(chart, "over-time", f"Echo round trip over {end:.0f} seconds, in milliseconds")


def latency_histogram(echoes: Echoes) -> str:
    """How many echoes took how long; one bar at the right end holds the far outliers."""
    pygal = _pygal()
    bars, over = histogram(echoes.answered)
    chart = pygal.Histogram(**_look("ms", "echoes"))
    chart.add("within", [bar for bar in bars if bar[0]])
    chart.add("over", [over] if over else [])
    return _svg(chart, "histogram", "Histogram of the echo round trip in milliseconds")


Bar = tuple[int, float, float]  # echoes, from ms, to ms


def histogram(ascending: Sequence[float]) -> tuple[list[Bar], Bar | None]:
    """Bars of equal, round width, and one for what is over twice the p95, None without such."""
    if not ascending:
        return [], None
    p95 = percentile(tuple(ascending), 0.95)
    far = [value for value in ascending if value > 2 * p95]
    near = ascending[: len(ascending) - len(far)]
    step = _round_step((near[-1] - near[0]) / _BINS)
    first, last = floor(near[0] / step), floor(near[-1] / step) + 1
    first -= first * step > near[0]  # a quotient may be rounded to the wrong side of a whole number
    last += last * step <= near[-1]
    edges = [number * step for number in range(first, last + 1)]
    bars = [(sum(low <= v < high for v in near), low, high) for low, high in pairwise(edges)]
    over = (len(far), edges[-1] + step, edges[-1] + 2 * step) if far else None
    return bars, over


def thinned(echoes: Sequence[Echo]) -> list[Echo]:
    """At most MAX_DOTS echoes: of each stretch the quickest and the slowest, and lost ones first."""
    if len(echoes) <= MAX_DOTS:
        return list(echoes)
    stretch = -(-len(echoes) * 2 // MAX_DOTS)
    kept: list[Echo] = []
    for start in range(0, len(echoes), stretch):
        part = sorted(echoes[start : start + stretch], key=_slowness)
        kept += [part[0], part[-1]] if len(part) > 1 else part
    return sorted(kept, key=lambda echo: echo.at)


def _slowness(echo: Echo) -> float:
    return float("inf") if echo.rtt_ms is None else echo.rtt_ms


def _round_step(wanted: float) -> float:
    """The next of 1, 2 and 5 times a power of ten; at least a hundredth of a millisecond."""
    wanted = max(wanted, 0.01)
    power = 10.0 ** floor(log10(wanted))
    return float(next(power * f for f in (1, 2, 5, 10) if power * f >= wanted * 0.999))


def _pygal() -> Any:
    """The library without the import hook that it leaves for its plugins: we have none, and on Python
    3.11 the hook makes every later import of the process warn.
    """
    import pygal

    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    return pygal


def _look(x_title: str, y_title: str) -> JsonObject:
    from pygal.style import Style

    fonts = {"label_font_size": 12, "major_label_font_size": 12, "title_font_size": 12}
    return {
        "width": WIDTH, "height": HEIGHT, "margin": 6, "x_title": x_title, "y_title": y_title,
        "show_legend": False, "js": [], "css": [], "style": Style(**fonts), "max_scale": 6,
        "x_value_formatter": _number, "value_formatter": _number, "include_x_axis": True,
    }  # fmt: skip


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _svg(chart: Graph, name: str, label: str) -> str:
    """The chart without script, style, tooltips and needless digits; `label` is read by screen readers."""
    chart.config.no_prefix = True
    root = chart.render_tree()
    _strip(root)
    for element in root.iter():
        _shorten(element)
    root.attrib.pop("id", None)
    root.set("class", f"chart {name}")
    root.set("role", "img")
    root.set("aria-label", label)
    return ET.tostring(root, encoding="unicode")


_DROPPED_TAGS = {"comment", "defs", "desc", "script", "style", "title"}
_DROPPED_CLASSES = {"text-overlay", "tooltip-overlay", "background"}


def _strip(parent: ET.Element) -> None:
    """Takes away what only pygal's own script and style would use; a mark's value becomes its title."""
    for child in list(parent):
        tag = child.tag if isinstance(child.tag, str) else "comment"  # comments have a function there
        if tag == "desc" and child.get("class") == "value":
            child.tag = "title"
            child.attrib.clear()
        elif tag in _DROPPED_TAGS or set(child.get("class", "").split()) & _DROPPED_CLASSES:
            parent.remove(child)
        else:
            _strip(child)
            if tag == "g" and len(child) == 0:
                parent.remove(child)


def _shorten(element: ET.Element) -> None:
    for key, value in element.attrib.items():
        if key != "class":
            element.set(key, _DECIMALS.sub(lambda number: f"{float(number[0]):.1f}", value))
    if element.get("class", "").startswith(("dot ", "rect ")):
        element.attrib.pop("class")
