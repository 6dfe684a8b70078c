"""A rollback leaves ignored files alone, and a dry run chooses the same tree from the same facts."""

from __future__ import annotations

import shutil
import time

import pytest
from tests.integration.deploy.test_edits_before_a_resume import SEALED
from tests.integration.deploylab import Lab, config
from tests.integration.small_addon import SILENT
from tests.integration.witness import runtime

from bb8deploy.lanes.deploy.rollback import roll_back_host
from bb8deploy.lanes.sync.sync import sync_host
from bb8deploy.runs.run import new_run_id

pytestmark = pytest.mark.e2e


def next_second(run_id: str) -> None:
    """Waits until a new run id is larger: they name the second."""
    while new_run_id().partition("-")[0] == run_id.partition("-")[0]:
        time.sleep(0.05)


def test_secrets_on_the_host_are_not_rolled_back(lab: Lab) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    first = lab.deploy().synced.run_id_on_host
    secrets = runtime(lab) / "secrets.yaml"
    secrets.write_text("password: old")
    (runtime(lab) / "id_rsa").write_text("removed later")
    next_second(first)
    lab.write(config=config("1.0.1"))
    lab.deploy()
    secrets.write_text("password: new")
    (runtime(lab) / "id_rsa").unlink()
    back = roll_back_host(lab.run())
    assert (back.version, back.proof) == ("1.0.0", "sealed")
    assert secrets.read_text() == "password: new"
    assert not (runtime(lab) / "id_rsa").exists()
    said = "\n".join(lab.watcher.lines)
    assert "ignored files of the app folder are not rolled back: secrets.yaml" in said
    assert "warning: ignored files of the earlier tree are not put back: id_rsa; kept in " in said
    assert [path.read_text() for path in runtime(lab).parent.glob(".bb8deploy/*/*/id_rsa")] == [
        "removed later"
    ]


def test_a_dry_run_chooses_the_tree_that_the_rollback_chooses(lab: Lab) -> None:
    """In a new checkout only the app's log shows that 1.0.0 ran, and that 1.0.1 was only synced."""
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    first = lab.deploy().synced.run_id_on_host
    for version in ("1.0.1", "1.0.2"):
        next_second(first)
        lab.write(config=config(version))
        first = sync_host(lab.run()).run_id_on_host
    shutil.rmtree(lab.folder / "reports")
    preview = roll_back_host(lab.run(dry_run=True)).preview
    assert next(line for line in preview if "1.0." in line).startswith(
        "would put the earlier tree earlier.1 back: 1.0.0 of run "
    )
    assert roll_back_host(lab.run()).version == "1.0.0"
