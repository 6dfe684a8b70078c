"""Runs one release in a process of its own, with host lanes that only wait: a test kills it where it likes.

Usage: driver.py WORKSPACE STORE new|resume
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.integration.desk import Desk

from bb8deploy.lanes.release import Lanes, ReleaseOptions, continue_release, release
from bb8deploy.lanes.resume import find_unfinished, reopen
from bb8deploy.lanes.run import Run
from bb8deploy.receipts.tokens import Token


def waiting_lanes(seconds: float) -> Lanes:
    """Lanes that take a moment, so that a kill can land within them."""

    def validate(run: Run) -> None:
        time.sleep(seconds)
        run.ledger.emit(Token.TESTS_OK, passed=1)

    def deploy(run: Run) -> None:
        time.sleep(seconds)
        run.ledger.emit(Token.VERIFY_OK, version="x")

    def attest(run: Run) -> None:
        time.sleep(seconds)
        run.ledger.emit(Token.TELEMETRY_ATTEST_OK)

    return Lanes(
        reach=lambda _run: time.sleep(seconds),
        preview=lambda _run: (),
        validate=validate,
        deploy=deploy,
        attest=attest,
    )


def main(root: Path, store: Path, how: str) -> None:
    """Releases a patch, or continues."""
    desk = Desk(root, store)
    run = desk.run({"HA_SSH_HOST_ALIAS": "nowhere", "MQTT_HOST": "nowhere"})
    if how == "resume":
        past = find_unfinished(run.reports)
        continue_release(reopen(run, past), past, waiting_lanes(0))
    else:
        release(run, "patch", ReleaseOptions(), waiting_lanes(0.05))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
