"""What Core and the Supervisor may answer beside a plain yes, and looks that go wrong themselves."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploylab import Lab
from tests.integration.diagnose.conftest import Seen, look

from bb8deploy.base.secret import Secret
from bb8deploy.lanes.diagnose import diagnose as survey
from bb8deploy.lanes.diagnose.areas import broker, core
from bb8deploy.lanes.diagnose.check_result import CheckLevel, Sheet
from bb8deploy.lanes.diagnose.diagnose import diagnose
from ha_sandbox.core.core_websocket_api import CoreSockets
from ha_sandbox.supervisor.api.host_info import INFO

DAY = 86400


def jwt(end: float) -> str:
    """A long-lived token that ends then."""
    body = base64.urlsafe_b64encode(json.dumps({"exp": int(end)}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2lnbmF0dXJl"


def says(monkeypatch: pytest.MonkeyPatch, name: str, **changes: object) -> None:
    """Has the sandbox's Supervisor answer `name` with these values changed."""
    plain: Callable[[Any], dict[str, Any]] = INFO[name]
    monkeypatch.setitem(INFO, name, lambda manager: {**plain(manager), **changes})


@pytest.mark.parametrize(
    ("days", "level", "code"),
    [
        (-1, CheckLevel.FAIL, "TOKEN_EXPIRES"),
        (10, CheckLevel.WARN, "TOKEN_EXPIRES"),
        (3000, CheckLevel.OK, ""),
    ],
)
def test_a_tokens_end_is_reported_in_time(days: int, level: CheckLevel, code: str) -> None:
    sheet = Sheet("core")
    core._ends(sheet, Secret(jwt(time.time() + days * DAY)))
    assert [(one.level, one.code) for one in sheet.checks] == [(level, code)]


def test_a_token_that_has_ended_is_refused_and_the_reason_shown(lab: Lab) -> None:
    seen = look(lab, HA_LLAT=jwt(time.time() - DAY))
    assert seen.failed()["core/token"] == "HA_TOKEN_REFUSED"
    assert seen.failed()["core/expiry"] == "TOKEN_EXPIRES"


def test_a_token_of_no_administrator_does_not_open_the_supervisor(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = CoreSockets._result

    def result(self: CoreSockets, message: dict[str, Any]) -> dict[str, Any]:
        answer = plain(self, message)
        if message.get("type") == "auth/current_user":
            answer["result"] = {"name": "guest", "is_admin": False}
        return answer

    monkeypatch.setattr(CoreSockets, "_result", result)
    seen = look(lab, HA_SSH_HOST_ALIAS="")
    assert seen.named("core", "token").code == "TOKEN_NOT_ADMIN"
    assert "guest" in seen.named("core", "token").seen
    assert seen.level("supervisor", "ways") is CheckLevel.SKIPPED


def test_core_without_a_token_is_only_reached(lab: Lab) -> None:
    seen = look(lab, HA_LLAT="", HA_SECRETS_PATH="")
    assert seen.level("core", "address") is CheckLevel.OK
    assert seen.level("core", "token") is CheckLevel.SKIPPED


@pytest.mark.parametrize("token", ["", "some-token-of-mine"])
def test_an_address_without_tls_is_not_reached_by_https(lab: Lab, token: str) -> None:
    url = lab.environ["HA_URL"].replace("http:", "https:")
    seen = look(lab, HA_URL=url, HA_LLAT=token, HA_SECRETS_PATH="")
    assert seen.failed()["core/address"] in {"HA_UNREACHABLE", "HA_TLS"}


def test_a_ca_file_that_is_not_there_is_named(lab: Lab) -> None:
    seen = look(lab, HA_CA_FILE="/no/such/authority.pem")
    assert seen.named("core", "address").code == "HA_TLS"
    assert seen.level("supervisor", "health") is CheckLevel.OK


def test_a_supervisor_that_will_not_build_reports_why(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, "supervisor/info", healthy=False, supported=False)
    issues = [{"type": "free_space", "context": "system", "reference": None}]
    says(monkeypatch, "resolution/info", unhealthy=["docker"], unsupported=["os"], issues=issues)
    says(monkeypatch, "host/info", disk_free=1.2)
    seen = look(lab)
    rows = {c.name: (c.level, c.code) for c in seen.diagnosis.checks if c.subject == "supervisor"}
    assert rows["health"] == (CheckLevel.FAIL, "SUPERVISOR_UNHEALTHY")
    assert rows["support"] == (CheckLevel.WARN, "SUPERVISOR_UNSUPPORTED")
    assert rows["space"] == (CheckLevel.FAIL, "HOST_DISK_LOW")
    assert rows["issues"] == (CheckLevel.WARN, "SUPERVISOR_ISSUES")
    assert "docker" in seen.named("supervisor", "health").seen
    assert "free_space system" in seen.named("supervisor", "issues").seen


def test_a_clock_that_is_an_hour_off_is_seen_without_ssh(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    late = datetime.now(UTC) - timedelta(hours=1)
    says(monkeypatch, "host/info", dt_utc=late.isoformat())
    seen = look(lab, HA_SSH_HOST_ALIAS="")
    assert seen.named("clock", "skew").code == "CLOCK_SKEW"
    assert seen.level("clock", "skew") is CheckLevel.FAIL


def test_a_look_with_a_defect_costs_no_other_look(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"password {lab.environ['MQTT_PASSWORD']} in a traceback")

    monkeypatch.setattr(broker, "look", broken)
    run = lab.run(dry_run=True)
    seen = Seen(diagnose(run))
    assert seen.named("broker", "answer").code == "INTERNAL"
    assert seen.level("ssh", "login") is CheckLevel.OK
    assert "RuntimeError" in (run.folder / "crash.txt").read_text()
    assert lab.environ["MQTT_PASSWORD"] not in (run.folder / "crash.txt").read_text()
    assert lab.environ["MQTT_PASSWORD"] not in str(seen.diagnosis.checks)


def test_a_look_without_an_end_is_left_behind(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(survey, "LOGIN_SECONDS", 8.0)
    monkeypatch.setattr(survey, "ANSWER_SECONDS", 8.0)
    monkeypatch.setattr(broker, "look", lambda *_: never.wait())
    seen = look(lab, HA_SSH_CONNECT_TIMEOUT="4")
    never.set()
    assert seen.named("broker", "answer").code == "DIAGNOSE_DEADLINE"
    assert seen.level("supervisor", "health") is CheckLevel.OK
    assert seen.exit_code == 1  # the app is not there; the silence alone would be 3


@pytest.mark.parametrize("token", ["", "some-token-of-mine"])
def test_a_ca_file_that_holds_no_certificate_is_reported(lab: Lab, token: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    url = lab.environ["HA_URL"].replace("http:", "https:")
    seen = look(lab, HA_URL=url, HA_LLAT=token, HA_SECRETS_PATH="", HA_CA_FILE=str(tmp_path / "ca.pem"))
    assert seen.failed()["core/address"] == "HA_TLS"
