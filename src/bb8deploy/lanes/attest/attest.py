"""The echo attestation: asks the running app for echoes over a real window and keeps what came back."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bb8deploy.base.errors import CheckFailed, Unreachable
from bb8deploy.base.secret import redact_data
from bb8deploy.base.untrusted_json import JsonObject, json_object
from bb8deploy.catalogue.errors.broker import (
    ATTEST_FAILED,
    BROKER_LOST,
    ECHO_FROM_OTHER,
    ECHO_FROM_UNKNOWN,
    ECHO_MISSING,
)
from bb8deploy.plan.echo_verdict import EchoAnswer, Metrics, Sent, Window, differences, measure
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.runs.report_files import save
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.transport.mqtt import BrokerLink, address_of

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.qa import MetricsModel, QaContract
    from bb8deploy.runs.contracts.validate import TestsModel

FIRST_ECHO_DEADLINE = 30.0
"""Seconds that a just started responder has to answer for the first time, before the window opens."""
LAST_ECHO_GRACE = 2.0
"""Seconds after the window in which the last answers may come."""
IDENTITY_DEADLINE = 10.0
"""Seconds in which the deployed app must report its identity on the broker, once its responder answers."""
QA_COPY = "qa_contract_telemetry_STP5.json"
MAX_PAYLOAD = 4096
"""Characters of a payload that the snapshot keeps."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The state of a running window, to be shown. Seconds, and milliseconds of the newest trips."""

    elapsed: float
    seconds: float
    sent: int
    answered: int
    newest: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class AttestOutcome:
    """The figures, the identity that the app reports, and the files with the evidence."""

    metrics: Metrics
    identity: Mapping[str, str]
    artifacts: tuple[Path, ...]


@dataclass(slots=True)
class _Heard:
    """Everything that came in, in order; the link's thread appends, the lane reads.

    `about` is the newest identity message of the app, retained or not: a retained one may be from an
    earlier start.
    """

    base: str
    snapshot: list[JsonObject] = field(default_factory=list)
    answers: list[EchoAnswer] = field(default_factory=list)
    retained: dict[str, str] = field(default_factory=dict)
    about: str = ""
    pings: list[float] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, topic: str, payload: bytes, retained: bool) -> None:
        at = time.monotonic()
        text = payload.decode("utf-8", "replace")
        row = {"topic": topic, "payload": text[:MAX_PAYLOAD], "retained": retained, "received": _utc()}
        with self.changed:
            self.snapshot.append(row)
            if topic == f"{self.base}/status/identity":
                self.about = text
            if retained:
                self.retained[topic] = text
            elif topic == f"{self.base}/echo/ack":
                self.answers.append(EchoAnswer(str(json_object(text).get("cid")), at))
            elif topic == f"{self.base}/telemetry/echo_roundtrip" and json_object(text).get("ble_ok") is True:
                self.pings.append(at)
            self.changed.notify_all()

    @property
    def identity(self) -> dict[str, str]:
        """The identity that the app reports, empty if it reports none."""
        return _strings(json_object(self.about))

    def wait_for(self, cids: Iterable[str], seconds: float) -> bool:
        """Whether all of these were answered within `seconds`."""
        wanted = set(cids)
        with self.changed:
            return self.changed.wait_for(lambda: wanted <= {a.cid for a in self.answers}, seconds)


def attest(
    run: Run,
    *,
    seconds: float = 10.0,
    rate_hz: float = 5.0,
    require_ble: bool = False,
    watch: Callable[[Beat], None] = lambda _beat: None,
    deployed: Expected | None = None,
    tests: TestsModel | None = None,
) -> AttestOutcome:
    """Asks for echoes for `seconds` at `rate_hz`, writes the evidence, and emits the tokens if all held.

    `deployed` is what this run has just verified: the app on the broker must be that one; `tests` are the
    counts of this run's tests, for the contract. Raises CheckFailed ATTEST_FAILED, ECHO_MISSING,
    ECHO_FROM_OTHER or ECHO_FROM_UNKNOWN, Unreachable BROKER_LOST, and what the broker's connection raises.
    """
    base = run.settings.mqtt.base_topic
    heard = _Heard(base)
    link = BrokerLink(address_of(run.settings), heard)
    with run.step("attest: reach the broker", str(link.address)):
        link.open()
    try:
        link.subscribe(f"{base}/#", "homeassistant/device/+/config")
        with run.step("attest: wait for the first echo"):
            _await_first(run, link, heard)
        _identity(heard, deployed, IDENTITY_DEADLINE)
        with run.step(f"attest: echo for {seconds:g} s at {rate_hz:g}/s") as facts:
            window = _hold(run, link, heard, seconds, rate_hz, watch)
            metrics = measure(window, require_ble=require_ble)
            facts.update(sent=len(window.sent), answered=metrics.echoes, p95_ms=metrics.p95)
        identity = _identity(heard, deployed, 0.0)
    finally:
        link.close()
    artifacts = _write_artifacts(run, heard, metrics)
    if metrics.lost or metrics.duplicates:
        run.progress.warn(f"{metrics.lost} echo(es) lost, {metrics.duplicates} answered twice")
    contract = _contract(run, heard, metrics, identity, tests)
    copy = _write_contract(run, contract)
    if not metrics.passed:
        raise _failed(link, metrics)
    _emit(run, metrics)
    _write_contract(run, contract.model_copy(update={"tokens": tuple(run.ledger.held())}))
    return AttestOutcome(metrics, identity, (*artifacts, copy))


def _await_first(run: Run, link: BrokerLink, heard: _Heard) -> None:
    """Waits for the first answer, because a responder subscribes only a moment after its start."""
    end = time.monotonic() + FIRST_ECHO_DEADLINE
    number = 0
    cids: list[str] = []
    while time.monotonic() < end and not link.lost:
        cids.append(f"{run.id}-ready-{number}")
        _ask(link, heard.base, cids[-1], number)
        number += 1
        with heard.changed:
            if heard.changed.wait_for(lambda: any(a.cid in cids for a in heard.answers), 1.0):
                return
    if link.lost:
        raise _gone(link)
    status = heard.retained.get(f"{heard.base}/status", "nothing")
    raise ECHO_MISSING(
        f"no echo was answered on {heard.base}/echo/cmd within {FIRST_ECHO_DEADLINE:g} s; "
        f"{heard.base}/status has {status}"
    )


def _hold(
    run: Run, link: BrokerLink, heard: _Heard, seconds: float, rate_hz: float, watch: Callable[[Beat], None]
) -> Window:
    """The window itself: one echo each 1/rate seconds, at fixed times, also if others are late or lost.

    A machine that falls behind sends what is due before the window ends: a stall never leaves out echoes.
    """
    started, began = _utc(), time.monotonic()
    sent: list[Sent] = []
    planned = math.ceil(seconds * rate_hz)
    while (elapsed := time.monotonic() - began) < seconds or len(sent) < planned:
        if link.lost:
            raise _gone(link)
        due = len(sent) / rate_hz
        if elapsed >= due and len(sent) < planned:
            cid = f"{run.id}-{len(sent)}"
            sent.append(Sent(cid, time.monotonic(), _utc()))
            _ask(link, heard.base, cid, len(sent))
            watch(_beat(elapsed, seconds, sent, heard))
        else:
            time.sleep(min(due, seconds) - elapsed)
    ended, lasted = _utc(), time.monotonic() - began
    heard.wait_for((s.cid for s in sent), LAST_ECHO_GRACE)
    if link.lost:
        raise _gone(link)
    pings = sum(began <= at <= began + lasted for at in heard.pings)
    return Window(started, ended, lasted, tuple(sent), tuple(heard.answers), pings)


def _ask(link: BrokerLink, base: str, cid: str, value: int) -> None:
    link.publish(f"{base}/echo/cmd", json.dumps({"value": value, "cid": cid}))


def _beat(elapsed: float, seconds: float, sent: list[Sent], heard: _Heard) -> Beat:
    asked = {s.cid: s.at for s in sent}
    trips = [(a.at - asked[a.cid]) * 1000 for a in tuple(heard.answers) if a.cid in asked]
    return Beat(elapsed, seconds, len(sent), len(trips), tuple(trips))


def _identity(heard: _Heard, deployed: Expected | None, seconds: float) -> Mapping[str, str]:
    """The identity that the app on this broker reports within `seconds`; it must be what was `deployed`."""
    expected = asdict(deployed) if deployed else {}
    with heard.changed:
        heard.changed.wait_for(lambda: not differences(expected, heard.identity), seconds)
        told = heard.identity
    differ = differences(expected, told)
    if differ and not told:
        raise ECHO_FROM_UNKNOWN(
            f"{heard.base}/status/identity on this broker is empty: what answers the echoes may not "
            "be the app that was just deployed",
            f"Let the app publish its identity there, retained, or set MQTT_HOST to the broker that it "
            f"uses. `bb8deploy attest` alone attests any app that answers on {heard.base}.",
            details=differ,
        )
    if differ:
        raise ECHO_FROM_OTHER(
            f"the app that uses {heard.base} on this broker is not the one that was just deployed",
            details=differ,
        )
    return told


def _failed(link: BrokerLink, metrics: Metrics) -> CheckFailed:
    return ATTEST_FAILED(
        f"the echo attestation over {link.address} did not hold: {'; '.join(metrics.failures())}"
    )


def _emit(run: Run, metrics: Metrics) -> None:
    """The three tokens; the window is over, all its files are written, every criterion held."""
    emit = run.ledger.emit
    emit(Token.ECHO_WINDOW_10S_OK, seconds=f"{metrics.window.seconds:.2f}", sent=len(metrics.window.sent))
    emit(Token.TELEMETRY_ARTIFACTS_EMITTED, folder="reports/stp5")
    emit(
        Token.TELEMETRY_ATTEST_OK,
        echoes=metrics.echoes,
        lost=metrics.lost,
        p50_ms=_figure(metrics.p50),
        p95_ms=_figure(metrics.p95),
        ble_ok=metrics.window.pings,
    )


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f}"


def _write_artifacts(run: Run, heard: _Heard, metrics: Metrics) -> tuple[Path, ...]:
    folder = run.reports / "stp5"
    echoes = [
        {"cid": s.cid, "sent": s.utc, "rtt_ms": _rounded(metrics.round_trips.get(s.cid))}
        for s in metrics.window.sent
    ]
    # Only the messages hold others' words; in what was counted here a secret would be there by chance.
    messages = redact_data(heard.snapshot, run.secrets())
    texts = {
        folder / "telemetry_snapshot.jsonl": _lines(messages),
        folder / "echoes.jsonl": _lines(echoes),
        folder / "metrics_summary.json": summary(metrics).model_dump_json(indent=2) + "\n",
    }
    for path, text in texts.items():
        save(path, text)
    return tuple(texts)


def _lines(rows: Iterable[JsonObject]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def summary(metrics: Metrics) -> MetricsModel:
    """The metrics as `metrics_summary.json` has them."""
    from bb8deploy.runs.contracts.qa import CriteriaModel, MetricsModel

    window = metrics.window
    return MetricsModel(
        window_start_utc=window.started,
        window_end_utc=window.ended,
        window_duration_sec=round(window.seconds, 3),
        sent=len(window.sent),
        echo_count=metrics.echoes,
        lost=metrics.lost,
        duplicates=metrics.duplicates,
        echo_rtt_ms_mean=_rounded(metrics.mean),
        p50=_rounded(metrics.p50),
        p95=_rounded(metrics.p95),
        p99=_rounded(metrics.p99),
        max=_rounded(metrics.max),
        ble_ok_count=window.pings,
        criteria=CriteriaModel.model_validate(dict(metrics.criteria)),
        verdict=metrics.passed,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _contract(
    run: Run, heard: _Heard, metrics: Metrics, identity: Mapping[str, str], tests: TestsModel | None
) -> QaContract:
    from bb8deploy.runs.contracts.qa import DiscoveryModel, EchoesModel, QaContract
    from bb8deploy.workspace.app_config import read_addon

    telemetry = summary(metrics)
    topics = tuple(sorted(t for t in heard.retained if t.startswith("homeassistant/device/")))
    version = identity.get("version") or read_addon(run.addon).version
    return QaContract(
        **run.contract_fields(version=version, passed=metrics.passed),
        coverage=tests.coverage if tests else None,
        tests=tests,
        echoes=EchoesModel(
            sent=telemetry.sent,
            answered=telemetry.echo_count,
            lost=telemetry.lost,
            duplicates=telemetry.duplicates,
        ),
        discovery=DiscoveryModel(seen=bool(topics), topics=topics),
        telemetry=telemetry,
        criteria=telemetry.criteria,
        identity=dict(identity),
        tag=_tag(run, version),
    )


def _write_contract(run: Run, contract: QaContract) -> Path:
    """Writes the contract and its copy beside the receipts; returns the copy."""
    copy = run.reports / QA_COPY
    save(copy, run.write_contract(contract).read_text(encoding="utf-8"))
    return copy


def _tag(run: Run, version: str) -> str:
    """The version's tag if it exists already, else nothing."""
    from bb8deploy.workspace.git import resolve

    return version if resolve(run.workspace, f"refs/tags/{version}") else ""


def _gone(link: BrokerLink) -> Unreachable:
    return BROKER_LOST(f"the broker {link.address} ended the connection during the attestation ({link.end})")


def _strings(data: JsonObject) -> dict[str, str]:
    """The data's plain values as text."""
    plain = {key: value for key, value in data.items() if not isinstance(value, dict | list)}
    return {_without_surrogates(key): _without_surrogates(str(value)) for key, value in plain.items()}


def _without_surrogates(text: str) -> str:
    """The text without lone surrogates, which JSON may contain and a file cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _utc() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
