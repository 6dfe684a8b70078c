"""What counts as a version that ran before: a build from an edited tree was not that version."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bb8deploy.lanes.deploy.ran_before import ran_before, seen_running
from bb8deploy.plan.logs.identity_line import Expected, identities
from bb8deploy.runs.run import Run

SLUG = "local_lamp"
WANTED = Expected("1.0.0", "sha256:a", "run-1")
APP = "IDENTITY version=1.0.0 tree=sha256:a commit=c run=run-1 python=3.13.0"
SENT = f"{APP} seen=3 differ=0 extra=0 not-seen=0"
EDITED = f"{APP} seen=3 differ=1 extra=0 not-seen=0 differs=run.sh"
WITH_LEFTOVERS = f"{APP} seen=3 differ=0 extra=1 not-seen=0 extras=notes.pyc"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run in a workspace without records, which ignores compiled files."""
    settings = SimpleNamespace(
        ssh=SimpleNamespace(host_alias="root@h"), ha_mount=None, ha_remote_slug=SLUG, instance=None
    )
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops/rsync_runtime.exclude").write_text("*.pyc\n")
    made: Any = SimpleNamespace(workspace=tmp_path, addon=tmp_path, settings=settings)
    (tmp_path / "config.yaml").write_text('slug: lamp\nversion: "1.0.0"\n')
    return made  # type: ignore[no-any-return]


def installer(newest: tuple[str, ...], deep: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(
        before=SimpleNamespace(log=newest),
        task=SimpleNamespace(slug=SLUG),
        watch=SimpleNamespace(container_log=lambda _lines: deep),
    )


@pytest.mark.parametrize(
    ("log", "ran"),
    [
        ((), False),
        ((APP,), True),  # a stamp names what was sent: that is all that this app can report
        ((SENT,), True),
        ((SENT, APP), True),
        ((WITH_LEFTOVERS,), True),
        ((EDITED,), False),
        ((EDITED, APP), False),  # the launcher and then the app: one start, of the edited build
        ((EDITED, APP, "more", SENT, APP), True),
    ],
)
def test_only_a_build_of_this_very_content_ran_before(run: Run, log: tuple[str, ...], ran: bool) -> None:
    assert ran_before(run, installer(log), WANTED) is ran
    assert ran_before(run, installer((), deep=log), WANTED) is ran
    reached: Any = SimpleNamespace(first=SimpleNamespace(log=log))
    assert bool(seen_running(run, reached)) is ran


@pytest.mark.parametrize(("log", "ran"), [((SENT,), True), ((EDITED,), False)])
def test_what_is_known_for_certain_must_be_this_very_content_too(
    run: Run, log: tuple[str, ...], ran: bool
) -> None:
    assert ran_before(run, installer(()), WANTED, identities(log)[-1]) is ran
