"""The lanes that a release calls, each imported only when its turn comes."""

from __future__ import annotations

import socket

from bb8deploy.errors import Unreachable
from bb8deploy.lanes.release import Lanes
from bb8deploy.lanes.run import Run

BROKER_DEADLINE = 10.0


def real_lanes() -> Lanes:
    """Lane 1, lanes 2 and 3, the attestation, and the look whether host and broker answer."""
    return Lanes(reach=_reach, preview=_preview, validate=_validate, deploy=_deploy, attest=_attest)


def _reach(run: Run) -> None:
    from bb8deploy.host.connect import open_host

    with run.step("preflight: reach the host"):
        open_host(run.settings, run.progress).close()
    host = run.settings.text("MQTT_HOST")
    if host:
        with run.step("preflight: reach the broker", host):
            _knock(host, int(run.settings.number("MQTT_PORT")))


def _preview(run: Run) -> list[str]:
    """What a sync would change now; the bump's own edits come on top."""
    from bb8deploy.host.connect import open_host
    from bb8deploy.lanes.sync import sync

    with open_host(run.settings, run.progress) as host:
        changed = sync(run, host).changed
    names = ", ".join(changed[:10]) + (", ..." if len(changed) > 10 else "")
    return [f"{len(changed)} file(s) differ on the host before the bump{': ' if names else ''}{names}"]


def _knock(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=BROKER_DEADLINE).close()
    except OSError as error:
        raise Unreachable(
            "BROKER_UNREACHABLE",
            f"the broker {host}:{port} does not answer: {error.strerror or error}",
            "Start the broker, or correct MQTT_HOST and MQTT_PORT; without MQTT_HOST nothing is attested.",
        ) from error


def _validate(run: Run) -> None:
    from bb8deploy.lanes.validate import validate

    validate(run)


def _deploy(run: Run) -> None:
    from bb8deploy.lanes.deploy import deploy

    deploy(run)


def _attest(run: Run) -> None:
    from bb8deploy.lanes.attest import attest

    attest(run)
