"""`bb8deploy attest`: the echo attestation, live on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, open_run
from bb8deploy.cli.shared_options import Addon, AsJson, Quiet, Target

if TYPE_CHECKING:
    from bb8deploy.lanes.attest.attest import Beat
    from bb8deploy.plan.echo_verdict import Metrics

Seconds = Annotated[
    float, typer.Option("--seconds", min=10.0, max=3600.0, help="Length of the window in seconds.")
]
Rate = Annotated[float, typer.Option("--rate", min=0.5, max=1000.0, help="Echoes per second.")]
RequireBle = Annotated[
    bool, typer.Option("--require-ble", help="Fail unless the robot answers a ping in the window.")
]
BARS = "▁▂▃▄▅▆▇█"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(attest)


def attest(
    target: Target = "default",
    seconds: Seconds = 10.0,
    rate: Rate = 5.0,
    require_ble: RequireBle = False,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure the echo of the running app over MQTT, and record the answers."""
    modes = Modes(as_json=json_output, quiet=quiet)
    with open_run("attest", modes, target=target, addon=addon, lane="attest") as opened:
        from bb8deploy.lanes.attest.attest import attest as lane
        from bb8deploy.lanes.attest.attest import summary

        console = opened.console
        outcome = lane(
            opened.run,
            seconds=seconds,
            rate_hz=rate,
            require_ble=require_ble,
            watch=lambda beat: console.live(live_line(beat, console.width)),
        )
        opened.result.update(
            metrics=summary(outcome.metrics).model_dump(),
            identity=dict(outcome.identity),
            artifacts=[str(path) for path in outcome.artifacts],
        )
        console.note(in_words(outcome.metrics))


def live_line(beat: Beat, width: int) -> str:
    """The newest round trips as a sparkline, then the figures, in `width` columns."""
    from bb8deploy.plan.echo_verdict import percentile

    ordered = sorted(beat.newest)
    figures = (
        f"p50 {_ms(percentile(ordered, 50))}  p95 {_ms(percentile(ordered, 95))}  "
        f"waiting {beat.sent - beat.answered}  {beat.elapsed:.0f}/{beat.seconds:g} s"
    )
    room = max(0, width - len(figures) - 5)
    return f"  {sparkline(beat.newest[-min(room, 40) :] if room else ())}  {figures}"[:width]


def sparkline(values: tuple[float, ...]) -> str:
    """One bar for each value, scaled to the largest."""
    top = max(values, default=0.0) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int(value / top * len(BARS)))] for value in values)


def in_words(metrics: Metrics) -> str:
    """The result of an attestation in one line."""
    return (
        f"{metrics.echoes} of {len(metrics.window.sent)} echoes in {metrics.window.seconds:.1f} s: "
        f"p50 {_ms(metrics.p50)}, p95 {_ms(metrics.p95)}, max {_ms(metrics.max)}; "
        f"{metrics.window.pings} ping(s) answered by the robot"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"
