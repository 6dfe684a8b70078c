"""The lanes that a release calls, each imported when it is needed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from bb8deploy.lanes.release.outcome import Lanes
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.runs.run import Run
from bb8deploy.workspace.app_config import read_addon

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.validate import TestsModel


def real_lanes() -> Lanes:
    """Lane 1, lanes 2 and 3, the attestation, and the look whether host and broker answer."""
    return Lanes(reach=_reach, preview=_preview, validate=_validate, deploy=_deploy, attest=_attest)


def _reach(run: Run) -> None:
    from bb8deploy.lanes.deploy.supervisor_precheck import Readiness
    from bb8deploy.lanes.dev.container_state import require_dev_off
    from bb8deploy.lanes.host_session import connected

    with (
        run.step("preflight: reach the host"),
        connected(run) as host,
        closing(Readiness(run, host)) as ready,
    ):
        ready.require()
        require_dev_off(host, ready.around)
    if run.settings.mqtt.host and read_addon(run.addon).echo:
        from bb8deploy.transport.mqtt import BrokerLink, address_of

        address = address_of(run.settings)
        with run.step("preflight: log in to the broker", str(address)):
            BrokerLink(address, lambda *_: None).open().close()


def _preview(run: Run) -> list[str]:
    """What a sync would change now; the bump's own edits come on top."""
    from bb8deploy.lanes.deploy.dry_run import foresee_edits, refusal_lines
    from bb8deploy.lanes.host_session import connected
    from bb8deploy.lanes.sync.sync import sync

    with connected(run) as host:
        synced = sync(run, host)
        edits = refusal_lines(foresee_edits(run, host, synced.plan))
    changed = synced.changed
    names = ", ".join(changed[:10]) + (", ..." if len(changed) > 10 else "")
    return [
        *edits,
        f"{len(changed)} file(s) differ on the host before the bump{': ' if names else ''}{names}",
    ]


def _validate(run: Run) -> TestsModel | None:
    from bb8deploy.lanes.validate.validate import validate

    return validate(run).counts


def _deploy(run: Run) -> Expected | None:
    from bb8deploy.lanes.deploy.deploy import deploy

    outcome = deploy(run)
    return outcome.synced.expected if outcome.verified and outcome.verified.verified else None


def _attest(run: Run, deployed: Expected | None, tests: TestsModel | None) -> None:
    from bb8deploy.lanes.attest.attest import attest

    attest(run, deployed=deployed, tests=tests)
