"""What earlier containers left in the log proves nothing of the one that runs now."""

from __future__ import annotations

import pytest
from tests.integration.deploylab import SLUG, Lab, config
from tests.integration.small_addon import DOCKERFILE, RUN_SH, SILENT

from bb8deploy.base.errors import NotVerified, Unreachable
from bb8deploy.host.supervisor.ha_cli_route import HaCli
from bb8deploy.host.supervisor.route_interface import STATE_AND_LOG, Look, LookExtras, NoAnswer
from bb8deploy.lanes.verify.proof import wait_for_identity
from ha_sandbox.runtime import bubblewrap

pytestmark = pytest.mark.e2e  # most of it waits
OVER_AT_ONCE = "#!/bin/sh\necho bye\nexit 0\n"
# Reports itself unless the file is there: then it hangs before it says a word.
HANGS_WITH_THE_FILE = RUN_SH.replace(
    'echo "IDENT',
    "if [ -e /data/hang ]; then trap 'exit 0' TERM; while :; do sleep 0.2; done; fi\necho \"IDENT",
)


def newest_log(lab: Lab) -> str:
    return str(lab.box.manager.log_of(SLUG).latest(50))


@pytest.mark.parametrize(("run_sh", "code"), [(SILENT, "IDENTITY_STALE"), (OVER_AT_ONCE, "ADDON_DIED")])
def test_a_rollback_at_the_same_version_trusts_only_a_container_of_its_own(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, run_sh: str, code: str
) -> None:
    earlier = lab.deploy().synced.digest
    lab.write(run_sh=run_sh)
    monkeypatch.setattr(wait_for_identity, "IDENTITY_DEADLINE", 15.0)
    with pytest.raises(NotVerified, match=r"rolled back: 1\.0\.0 runs again, verified") as caught:
        lab.deploy()
    assert caught.value.code == code
    assert "ROLLBACK_OK" in lab.tokens
    assert f"tree={earlier}" in newest_log(lab)


@pytest.mark.skipif(not bubblewrap.allowed(), reason="SKIPPED: no user namespaces")
def test_an_app_that_was_uninstalled_must_report_itself_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write(run_sh=HANGS_WITH_THE_FILE)
    lab.deploy()
    lab.box.call("POST", f"/addons/{SLUG}/uninstall")
    data = lab.box.root / "data" / SLUG
    data.mkdir(parents=True, exist_ok=True)
    (data / "hang").touch()
    monkeypatch.setattr(wait_for_identity, "IDENTITY_DEADLINE", 5.0)
    with pytest.raises(NotVerified) as caught:
        lab.deploy()
    assert caught.value.code == "IDENTITY_STALE"
    assert not {"VERIFY_OK", "PY_OK", "RUN_SH_PRESENT"} & set(lab.tokens)


@pytest.mark.skipif(not bubblewrap.allowed(), reason="SKIPPED: no user namespaces")
def test_a_job_that_outlasts_its_time_is_neither_trusted_nor_undone(lab: Lab) -> None:
    by_mount = lab.box.mount_env() | {"HA_SSH_HOST_ALIAS": ""}
    (lab.box.local_root / "beep_boop_bb8").mkdir()
    lab.deploy(**by_mount)
    lab.write(config=config("1.0.1"), dockerfile=DOCKERFILE.replace("CMD", "RUN sleep 20\nCMD"))
    with pytest.raises(Unreachable) as caught:
        lab.deploy(**by_mount, BB8_BUILD_DEADLINE="5")
    assert caught.value.code == "JOB_UNFINISHED"
    assert not {"VERIFY_OK", "DEPLOY_OK", "ROLLBACK_OK"} & set(lab.tokens)


def test_a_look_without_an_answer_while_it_is_watched_reports_nothing_of_the_add_on(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deploy()
    real, unanswered = HaCli.look, iter([True])

    def look(self: HaCli, slug: str, lines: int, extras: LookExtras = STATE_AND_LOG) -> Look:
        if any(line.startswith("step watch") for line in lab.watcher.lines) and next(unanswered, False):
            raise NoAnswer("describe it", "the host", "context deadline exceeded")
        return real(self, slug, lines, extras)

    lab.write(run_sh=f"{RUN_SH}# new\n")
    monkeypatch.setattr(HaCli, "look", look)
    lab.deploy()
    assert "VERIFY_OK" in lab.tokens
    assert next(unanswered, None) is None
