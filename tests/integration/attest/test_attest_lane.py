"""Attests against a real broker: what passes, what must not, and that no token comes without its fact."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from tests.integration.attest.conftest import PASSWORD, answer
from tests.integration.desk import Desk

from bb8deploy.base.errors import Bb8Error, CheckFailed, Refused, Unreachable, UsageError
from bb8deploy.lanes.attest import attest as lane
from bb8deploy.lanes.attest.attest import Beat, attest
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.runs.run import Run
from ha_sandbox.mqtt.choose_broker import Broker

Answerer = Callable[..., paho.Client]
ECHO_TOKENS = {"TELEMETRY_ATTEST_OK", "ECHO_WINDOW_10S_OK", "TELEMETRY_ARTIFACTS_EMITTED"}


def metrics_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run.reports / "stp5" / "metrics_summary.json").read_text())
    return found


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.usefixtures("real_responder")
def test_the_real_responder_is_attested_over_a_real_window(desk: Desk, settings: dict[str, str]) -> None:
    run, beats = desk.run(settings), list[Beat]()
    began = time.monotonic()
    outcome = attest(run, seconds=10.0, rate_hz=20.0, watch=beats.append)
    assert time.monotonic() - began >= 10.0
    assert set(run.ledger.held()) == ECHO_TOKENS
    metrics = metrics_of(run)
    assert metrics["verdict"] is True
    assert metrics["window_duration_sec"] >= 10.0
    assert metrics["sent"] == metrics["echo_count"] == 200
    assert (metrics["lost"], metrics["duplicates"]) == (0, 0)
    assert 0 < metrics["p50"] <= metrics["p95"] <= metrics["max"]
    echoes = lines(run.reports / "stp5" / "echoes.jsonl")
    assert len({row["cid"] for row in echoes}) == 200
    snapshot = lines(run.reports / "stp5" / "telemetry_snapshot.jsonl")
    assert {"bb8/echo/cmd", "bb8/echo/ack", "bb8/echo/state", "bb8/telemetry/echo_roundtrip"} <= {
        row["topic"] for row in snapshot
    }
    qa = json.loads((run.reports / "qa_contract_telemetry_STP5.json").read_text())
    assert (qa["contract"], qa["verdict"]) == ("qa_report_contract_v1", "PASS")
    assert set(qa["tokens"]) == ECHO_TOKENS
    assert all(path.is_file() for path in outcome.artifacts)
    assert beats[-1].sent == 200


def test_a_stall_at_the_end_of_the_window_leaves_out_no_echo(
    desk: Desk, settings: dict[str, str], answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bb8deploy.plan.echo_verdict.MIN_WINDOW_S", 1.0)
    answerer(answer)
    run = desk.run(settings)
    attest(run, seconds=1.0, rate_hz=20.0, watch=lambda beat: time.sleep(0.95 if beat.sent == 4 else 0))
    assert (metrics_of(run)["sent"], metrics_of(run)["lost"]) == (20, 0)


def fails(run: Run, kind: type[Bb8Error], code: str, **how: Any) -> Bb8Error:
    """Attests and expects this error, and above all: no token."""
    with pytest.raises(kind) as caught:
        attest(run, **how)
    assert caught.value.code == code
    assert run.ledger.held() == []
    return caught.value


def test_a_window_of_one_second_is_measured_but_not_attested(
    desk: Desk, settings: dict[str, str], answerer: Answerer
) -> None:
    answerer(answer)
    run = desk.run(settings)
    error = fails(run, CheckFailed, "ATTEST_FAILED", seconds=1.0)
    assert "less than 10 s" in error.cause
    assert metrics_of(run)["criteria"]["window_ge_10s"] is False
    assert metrics_of(run)["verdict"] is False
    qa = json.loads((run.reports / "qa_contract_telemetry_STP5.json").read_text())
    assert (qa["verdict"], qa["tokens"]) == ("FAIL", [])


def test_a_missing_answer_is_reported_with_what_the_bridge_reports(
    desk: Desk, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "FIRST_ECHO_DEADLINE", 1.5)
    error = fails(desk.run(settings), CheckFailed, "ECHO_MISSING")
    assert "bb8/status has nothing" in error.cause


@pytest.mark.usefixtures("strict")
def test_slow_answers_fail_by_their_figure(desk: Desk, settings: dict[str, str], answerer: Answerer) -> None:
    def late(client: paho.Client, body: dict[str, Any]) -> None:
        threading.Timer(0.4, answer, (client, body)).start()

    answerer(late)
    run = desk.run(settings)
    fails(run, CheckFailed, "ATTEST_FAILED", seconds=1.0)
    metrics = metrics_of(run)
    assert metrics["criteria"]["rtt_p95_le_250ms"] is False
    assert metrics["p95"] >= 400
    assert metrics["lost"] == 0, "answers within the grace after the window belong to it"


def test_a_second_answerer_shows_as_duplicates(
    desk: Desk, settings: dict[str, str], answerer: Answerer
) -> None:
    answerer(answer)
    answerer(answer)
    run = desk.run(settings)
    fails(run, CheckFailed, "ATTEST_FAILED", seconds=1.0)
    assert metrics_of(run)["duplicates"] == metrics_of(run)["sent"]
    assert any("answered twice" in note for note in desk.recorder.notes)


def test_a_required_robot_must_have_answered(
    desk: Desk, settings: dict[str, str], answerer: Answerer
) -> None:
    def without_robot(client: paho.Client, body: dict[str, Any]) -> None:
        answer(client, body)
        told = {"ts": "t", "rtt_ms": 1.0, "ble_ok": False, "ble_latency_ms": None}
        client.publish("bb8/telemetry/echo_roundtrip", json.dumps(told))

    answerer(without_robot)
    run = desk.run(settings)
    error = fails(run, CheckFailed, "ATTEST_FAILED", seconds=1.0, require_ble=True)
    assert "no answered ping of the robot" in error.cause
    assert metrics_of(run)["ble_ok_count"] == 0


def test_an_add_on_that_was_not_deployed_is_not_attested(
    desk: Desk, settings: dict[str, str], answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = {"version": "2026.1.1.0", "tree": "sha256:old", "run": "r0"}
    answerer(answer, bb8__status__identity=identity)
    monkeypatch.setattr(lane, "IDENTITY_DEADLINE", 0.5)
    run = desk.run(settings)
    error = fails(run, CheckFailed, "ECHO_FROM_OTHER", seconds=1.0, deployed=DEPLOYED)
    assert "tree: expected sha256:new, reported sha256:old" in error.details


DEPLOYED = Expected("2026.1.1.0", "sha256:new", "r1")
IDENTITY = {"version": "2026.1.1.0", "tree": "sha256:new", "run": "r1"}


def test_an_add_on_that_does_not_say_what_it_is_is_not_attested_for_a_deploy(
    desk: Desk, settings: dict[str, str], answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "IDENTITY_DEADLINE", 0.5)
    answerer(answer)
    run = desk.run(settings)
    error = fails(run, CheckFailed, "ECHO_FROM_UNKNOWN", seconds=1.0, deployed=DEPLOYED)
    assert "tree: expected sha256:new, reported nothing" in error.details
    assert fails(desk.run(settings), CheckFailed, "ATTEST_FAILED", seconds=1.0), "alone it attests anybody"


def test_an_identity_without_the_tree_is_another_one(
    desk: Desk, settings: dict[str, str], answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "IDENTITY_DEADLINE", 0.5)
    answerer(answer, bb8__status__identity={"version": "2026.1.1.0", "run": "r1"})
    run = desk.run(settings)
    error = fails(run, CheckFailed, "ECHO_FROM_OTHER", seconds=1.0, deployed=DEPLOYED)
    assert error.details == ("tree: expected sha256:new, reported nothing",)


def test_the_newest_identity_counts_though_it_comes_after_the_first_echo(
    desk: Desk, settings: dict[str, str], answerer: Answerer
) -> None:
    def starting(client: paho.Client, body: dict[str, Any]) -> None:
        answer(client, body)
        client.publish("bb8/status/identity", json.dumps(IDENTITY))

    answerer(starting, bb8__status__identity={**IDENTITY, "run": "r0"})
    run = desk.run(settings)
    fails(run, CheckFailed, "ATTEST_FAILED", seconds=1.0, deployed=DEPLOYED)
    qa = json.loads((run.reports / "qa_contract_telemetry_STP5.json").read_text())
    assert qa["identity"] == IDENTITY


def test_another_add_on_that_comes_in_the_window_is_not_attested(
    desk: Desk, settings: dict[str, str], answerer: Answerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bb8deploy.plan.echo_verdict.MIN_WINDOW_S", 1.0)
    client = answerer(answer, bb8__status__identity=IDENTITY)
    run = desk.run(settings)

    def come(beat: Beat) -> None:
        if beat.sent == 2:
            client.publish("bb8/status/identity", json.dumps({**IDENTITY, "run": "r2"}), qos=1, retain=True)

    error = fails(run, CheckFailed, "ECHO_FROM_OTHER", seconds=1.0, deployed=DEPLOYED, watch=come)
    assert error.details == ("run: expected r1, reported r2",)


@pytest.fixture
def passing(answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answerer that passes in one second, and says of itself what no file takes."""
    monkeypatch.setattr("bb8deploy.plan.echo_verdict.MIN_WINDOW_S", 1.0)
    answerer(answer, bb8__status__identity={**IDENTITY, "python": "3\ud800", "more": ["x"]})


@pytest.mark.usefixtures("passing")
def test_every_file_is_there_before_the_first_token(desk: Desk, settings: dict[str, str]) -> None:
    run = desk.run(settings)
    qa = run.reports / "qa_contract_telemetry_STP5.json"
    there: list[bool] = []
    run.ledger.listener = lambda _line: there.append(qa.is_file() and metrics_of(run)["verdict"])
    attest(run, seconds=1.0, deployed=DEPLOYED)
    assert there == [True] * 3
    document = json.loads(qa.read_text())
    assert set(document["tokens"]) == ECHO_TOKENS
    assert document["identity"] == {**IDENTITY, "python": "3?"}
    assert json.loads((run.folder / "qa_report_contract_v1.json").read_text()) == document


@pytest.mark.usefixtures("passing")
@pytest.mark.parametrize("file", ["stp5/echoes.jsonl", "qa_contract_telemetry_STP5.json"])
def test_a_file_that_cannot_be_written_costs_the_tokens(
    desk: Desk, settings: dict[str, str], file: str
) -> None:
    run = desk.run(settings)
    (run.reports / file / "in the way").mkdir(parents=True)
    fails(run, UsageError, "REPORTS_UNWRITABLE", seconds=1.0)


@pytest.mark.usefixtures("passing")
def test_a_secret_that_is_a_common_word_or_year_breaks_no_evidence(
    desk: Desk, settings: dict[str, str], answerer: Answerer
) -> None:
    answerer(lambda _client, _body: None, bb8__status__note="says true in 2026")
    run = desk.run({**settings, "HA_LLAT": "true", "SUPERVISOR_TOKEN": "2026"})
    attest(run, seconds=1.0)
    metrics = metrics_of(run)
    assert metrics["verdict"] is True
    assert datetime.fromisoformat(metrics["window_start_utc"])
    assert all(row["cid"].startswith(run.id) for row in lines(run.reports / "stp5/echoes.jsonl"))
    snapshot = lines(run.reports / "stp5/telemetry_snapshot.jsonl")
    assert all(datetime.fromisoformat(row["received"]) for row in snapshot)
    assert [r["payload"] for r in snapshot if r["topic"] == "bb8/status/note"] == ['"says *** in ***"']
    qa = json.loads((run.reports / "qa_contract_telemetry_STP5.json").read_text())
    assert qa["run_id"] == run.id
    assert qa["telemetry"] == metrics


def test_a_broker_that_goes_away_in_the_window_ends_it(
    desk: Desk, settings: dict[str, str], answerer: Answerer, broker: Broker
) -> None:
    answerer(answer)
    run = desk.run(settings)
    fails(run, Unreachable, "BROKER_LOST", watch=lambda beat: broker.stop() if beat.sent == 3 else None)
    assert not (run.reports / "stp5").exists()


def test_a_refused_login_is_reported_without_the_password(desk: Desk, settings: dict[str, str]) -> None:
    run = desk.run({**settings, "MQTT_PASSWORD": "not the right one"})
    error = fails(run, Refused, "BROKER_DENIED")
    written = "".join(path.read_text() for path in run.reports.rglob("*.*") if path.is_file())
    assert "not the right one" not in written + str(error) + error.remedy
    assert PASSWORD not in written


def test_a_broker_that_is_not_there_is_reported(desk: Desk, settings: dict[str, str], broker: Broker) -> None:
    broker.stop()
    error = fails(desk.run(settings), Unreachable, "BROKER_UNREACHABLE")
    assert "refused" in error.cause


def test_a_broker_without_tls_is_reported(desk: Desk, settings: dict[str, str]) -> None:
    fails(desk.run({**settings, "MQTT_TLS": "yes"}), Unreachable, "BROKER_TLS")


def test_without_a_broker_the_setting_is_named(desk: Desk) -> None:
    assert "MQTT_HOST" in fails(desk.run(), UsageError, "SETTING_MISSING").cause


def test_yesterdays_tokens_leave_the_receipt_when_a_new_attestation_fails(
    desk: Desk, settings: dict[str, str], answerer: Answerer
) -> None:
    answerer(answer)
    run = desk.run(settings)
    receipt = run.reports / "deploy_receipt.txt"
    receipt.parent.mkdir(exist_ok=True)
    receipt.write_text("TOKEN: TELEMETRY_ATTEST_OK run=yesterday\n")
    run.ledger.begin("attest")
    fails(run, CheckFailed, "ATTEST_FAILED", seconds=1.0)
    assert "TOKEN" not in receipt.read_text()
