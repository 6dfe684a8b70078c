"""Whole releases: the commands of a user, every lane real, an embedded host, a broker, a bare repository."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.deploylab import begun, command
from tests.integration.registrylab import open_registry, use_buildah
from tests.integration.release.responder import answering
from tests.integration.release.site import Site, open_site
from tests.integration.small_addon import DIES, RUN_SH

pytestmark = pytest.mark.e2e

LANE_TOKENS = [
    "STRUCTURE_OK", "DEV_LOCAL_BUILD_FORCED", "MANIFEST_OK", "BUMP_OK",
    "SSH_HA_OK", "CLEAN_RUNTIME_OK", "DEPLOY_OK", "RUN_SH_PRESENT", "PY_OK", "VERIFY_OK",
    "RUNTIME_TOPOLOGY_OK", "DEPLOY_SSH_OK",
]  # fmt: skip
ECHO_TOKENS = ["ECHO_WINDOW_10S_OK", "TELEMETRY_ARTIFACTS_EMITTED", "TELEMETRY_ATTEST_OK"]
PUBLISH_TOKENS = ["SUBTREE_PUBLISH_OK", "TAG_OK"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as made:
        yield made


def said(done: subprocess.CompletedProcess[str], kind: str = "TOKEN") -> list[str]:
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith(f"{kind}: ")]


def go(site: Site, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = command(site.lab, *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def stamp(site: Site) -> Path:
    """What the deployed app knows of itself."""
    return site.lab.box.local_root / "beep_boop_bb8/build_stamp.json"


def test_a_release_goes_through_all_lanes_and_a_second_one_finds_nothing_to_do(site: Site) -> None:
    planned = go(site, "release", "patch", "--dry-run")
    assert "git push --atomic" in planned.stdout
    assert "TOKEN:" not in planned.stdout
    assert site.version == "1.0.0"

    done = go(site, "release", "patch")
    assert said(done) == LANE_TOKENS + PUBLISH_TOKENS
    assert said(done, "SKIPPED") == ["TESTS_OK", "WS_READY", "TELEMETRY_ATTEST_OK", *ECHO_TOKENS[:2]]
    site.assert_released("1.0.1")
    contract = site.contract()
    assert contract["verdict"] == "PASS"
    assert contract["tokens"] == said(done)
    assert "1.0.1" in (site.reports / "report.html").read_text()
    evidence = site.reports / "runs" / str(contract["run_id"])
    assert {p.name for p in (evidence / "receipts").iterdir()} == {
        "paths_health_receipt.txt", "local_receipts.txt", "deploy_receipt.txt", "publish_receipt.txt",
    }  # fmt: skip
    go(site, "verify-evidence", str(evidence))

    before = site.lab.git("for-each-ref") + site.at_store("for-each-ref")
    again = go(site, "release", "patch")
    assert "Nothing to release: 1.0.1" in again.stderr
    assert again.stdout == ""
    proven = go(site, "publish")
    assert "Nothing to publish" in proven.stderr
    assert said(proven) == PUBLISH_TOKENS
    assert site.lab.git("for-each-ref") + site.at_store("for-each-ref") == before


def test_json_is_one_document_and_quiet_shows_results_alone(site: Site) -> None:
    done = go(site, "release", "patch", "--json", "--quiet")
    document = json.loads(done.stdout)
    assert [t["name"] for t in document["tokens"]] == LANE_TOKENS + PUBLISH_TOKENS
    assert {s["name"]: s["state"] for s in document["result"]["steps"]} == {
        "preflight": "done", "validate": "done", "bump": "done", "deploy": "done", "attest": "skipped",
        "publish": "done", "tag": "done",
    }  # fmt: skip
    assert Path(document["result"]["report"]).is_file()
    site.commit("Change", run_sh=RUN_SH + "# more\n")
    quiet = go(site, "release", "patch", "--quiet")
    assert said(quiet) == LANE_TOKENS + PUBLISH_TOKENS
    assert all(line.startswith("warning: ") for line in quiet.stderr.splitlines())


def test_without_a_remote_it_ends_with_a_local_tag_and_reports_it(site: Site) -> None:
    site.settings(HA_PUBLISH_REMOTE="")
    done = go(site, "release", "patch")
    assert said(done) == LANE_TOKENS
    assert said(done, "SKIPPED")[-2:] == PUBLISH_TOKENS
    assert site.lab.git("rev-parse", "1.0.1^{commit}") == site.lab.git("rev-parse", "HEAD")
    assert site.at_store("for-each-ref") == ""


def test_a_dirty_tree_is_refused_before_anything_changes(site: Site) -> None:
    site.lab.write(run_sh=RUN_SH + "# not committed\n")
    before = site.lab.git("for-each-ref") + site.lab.git("status", "--porcelain")
    done = go(site, "release", "patch", code=1)
    assert "error GIT_DIRTY" in done.stderr
    assert said(done) == []
    assert site.lab.git("for-each-ref") + site.lab.git("status", "--porcelain") == before
    assert not (site.lab.box.local_root / "beep_boop_bb8").exists()
    assert site.contract()["verdict"] == "FAIL"
    assert "GIT_DIRTY" in (site.reports / "report.html").read_text()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"MQTT_PASSWORD": "wrong"}, "BROKER_DENIED"),
        ({"MQTT_PORT": "9"}, "BROKER_UNREACHABLE"),
        ({"MQTT_HOST": "", "HA_SSH_KEY": "/nonexistent/key"}, "SSH_KEY_MISSING"),
        ({"MQTT_HOST": "", "HA_SSH_HOST_ALIAS": "root@127.0.0.1:9"}, "SSH_"),
    ],
)
def test_what_would_stop_a_later_lane_stops_it_before_the_bump(
    site: Site, changed: dict[str, str], code: str
) -> None:
    site.settings(**{"MQTT_HOST": site.lab.environ["MQTT_HOST"], **changed})
    before = site.lab.git("for-each-ref")
    done = command(site.lab, "release", "patch")
    assert done.returncode in {2, 3}
    assert f"error {code}" in done.stderr
    assert said(done) == []
    assert site.lab.git("for-each-ref") == before
    assert site.version == "1.0.0"


def test_a_failed_verification_takes_the_host_back_and_publishes_nothing(site: Site) -> None:
    go(site, "release", "patch")
    published = site.at_store("for-each-ref")
    site.commit("Die", run_sh=DIES)
    failed = go(site, "release", "patch", code=4)
    assert "rolled back: 1.0.1 runs again, verified" in failed.stderr
    assert "1.0.2 is committed here, neither published nor tagged." in failed.stderr
    assert "bb8deploy release --resume" in failed.stderr
    assert "dying: no robot here" in failed.stderr
    assert "VERIFY_OK" not in said(failed)
    assert said(failed)[-1] == "ROLLBACK_OK"
    assert (site.lab.state()["version"], site.lab.state()["state"]) == ("1.0.1", "started")
    assert site.at_store("for-each-ref") == published
    assert site.lab.git("tag") == "1.0.1"
    assert site.contract()["verdict"] == "FAIL"
    assert "ADDON_DIED" in (site.reports / "report.html").read_text()
    assert f"report: {site.reports / 'report.html'}" in failed.stderr

    site.commit("Repair", run_sh=RUN_SH)
    resumed = go(site, "release", "--resume")
    assert said(resumed) == LANE_TOKENS + PUBLISH_TOKENS
    site.assert_released("1.0.2")
    assert "ROLLBACK_OK" not in (site.reports / "deploy_receipt.txt").read_text()


def test_giving_a_version_up_as_in_the_message_leaves_the_workspace_as_it_was(site: Site) -> None:
    site.commit("Die", run_sh=DIES)
    head = site.lab.git("rev-parse", "HEAD")
    failed = go(site, "release", "patch", code=4)
    (line,) = [line for line in failed.stderr.splitlines() if "give the version up" in line]
    site.lab.git(*line.split("`")[1].split()[1:])
    assert site.lab.git("rev-parse", "HEAD") == head
    assert site.version == "1.0.0"


def test_an_attested_release_survives_a_kill_within_the_window(site: Site) -> None:
    broker = {key: site.lab.environ[key] for key in site.lab.environ if key.startswith("MQTT_")}
    site.settings(MQTT_HOST=broker["MQTT_HOST"])
    with answering(broker, stamp(site)) as asked:
        process = begun(site.lab, "release", "patch", "--require-attest")
        assert asked.wait(60), process.communicate()[1]
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=100)
        assert site.at_store("for-each-ref") == ""
        resumed = go(site, "release", "--resume")
    assert said(resumed)[-5:] == ECHO_TOKENS + PUBLISH_TOKENS
    site.assert_released("1.0.1")
    folder = site.reports / "runs" / str(site.contract()["run_id"])
    kept = {a["path"] for a in json.loads((folder / "evidence_manifest.json").read_text())["artifacts"]}
    assert kept >= {
        "qa_report_contract_v1.json", "artifacts/stp5/telemetry_snapshot.jsonl",
        "artifacts/stp5/metrics_summary.json", "artifacts/stp5/echoes.jsonl",
    }  # fmt: skip


def test_a_failed_attestation_publishes_nothing_and_reports_what_runs(site: Site) -> None:
    site.settings(MQTT_HOST=site.lab.environ["MQTT_HOST"])
    with answering({**site.lab.environ}, stamp(site)) as asked:
        process = begun(site.lab, "release", "patch")
        assert asked.wait(60), process.communicate()[1]
    # Nobody answers from here on.
    _, told = process.communicate(timeout=100)
    assert process.returncode == 1, told
    assert "The host runs 1.0.1, verified; `bb8deploy rollback`" in told
    assert site.at_store("for-each-ref") == ""
    assert site.lab.git("tag") == ""


def test_a_release_with_images_flips_the_published_tree_alone(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_buildah(tmp_path, monkeypatch)
    dockerfile = "ARG BUILD_FROM=scratch\nFROM ${BUILD_FROM}\nCOPY run.sh build_stamp.jso[n] /usr/src/app/\n"
    with open_registry(tmp_path) as address:
        site.settings(HA_IMAGE=f"{address}/me/demo")
        site.commit("Build from nothing", dockerfile=dockerfile + 'CMD ["sh", "/usr/src/app/run.sh"]\n')
        done = go(site, "release", "patch", "--image")
    assert said(done) == LANE_TOKENS + ["IMAGE_PUBLISH_OK"] * 3 + PUBLISH_TOKENS
    assert site.lab.state()["build"] is True
    published = site.at_store("show", "main:config.yaml")
    assert f'image: "{address}/me/demo"' in published
    assert "image:" not in (site.lab.addon / "config.yaml").read_text()
    folder = site.reports / "runs" / str(site.contract()["run_id"])
    statement = json.loads((folder / "provenance.intoto.jsonl").read_text())
    names = [subject["name"] for subject in statement["subject"]]
    assert names == [
        "addon", "addon as deployed",
        f"{address}/me/demo:1.0.1-amd64", f"{address}/me/demo:1.0.1-aarch64", f"{address}/me/demo:1.0.1",
    ]  # fmt: skip
