"""Leaves a run in a folder as a real release leaves it, written by the very writers that a release uses."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bb8deploy.base.atomic_files import write_text
from bb8deploy.lanes.attest.attest import summary
from bb8deploy.plan.echo_verdict import EchoAnswer, Metrics, Sent, Window, measure
from bb8deploy.runs.contracts.base import Contract
from bb8deploy.runs.contracts.publish import PublishContract
from bb8deploy.runs.contracts.qa import DiscoveryModel, EchoesModel, QaContract
from bb8deploy.runs.contracts.release import ReleaseContract, StepModel
from bb8deploy.runs.contracts.sync import ConnectionModel, PlanModel, SyncContract
from bb8deploy.runs.contracts.validate import TestsModel, ValidateContract
from bb8deploy.runs.contracts.verify import IdentityModel, VerifyContract
from bb8deploy.runs.tokens import Ledger, Token

RUN = "20261123T101500Z-5eed01"
VERSION = "2026.11.23.1"
COMMIT = "3f9c2e7a41b08d5566aa90ce17d2b4f8e0917c55"
TREE = "sha256:" + "c0ffee42" * 8
BEGAN = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
FILES = tuple(f"bb8_core/part_{number:02}/module.py" for number in range(30))


@dataclass(slots=True)
class Story:
    """A run being told; `clock` is the time in seconds since it began."""

    reports: Path
    run_id: str = RUN
    clock: float = 0.0

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.reports / "runs" / self.run_id

    @property
    def ts(self) -> str:
        """The story's time as journals and contracts write it."""
        at = BEGAN + timedelta(seconds=self.clock)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def journal(self, step: str, state: str, **facts: Any) -> None:
        """One journal line at the story's time."""
        row = {"ts": self.ts, "step": step, "state": state, **({"facts": facts} if facts else {})}
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "journal.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def step(self, name: str, seconds: float, **facts: Any) -> None:
        """A step that ended well."""
        self.journal(name, "started")
        self.clock += seconds
        self.journal(name, "done", **facts)

    def contract(self, contract: Contract) -> None:
        """A lane's contract, and the pointer to the run."""
        write_text(self.folder / f"{contract.contract}.json", contract.model_dump_json(indent=2), mode=0o600)
        pointer = {"run_id": self.run_id, "command": "release", "target": "default", "ts": self.ts}
        write_text(self.reports / "latest.json", json.dumps(pointer))

    def base(self, name: str, *tokens: Token, passed: bool = True) -> dict[str, Any]:
        """The fields of every contract."""
        return {
            "contract": name, "run_id": self.run_id, "ts": self.ts, "head_commit": COMMIT, "dirty": False,
            "version": VERSION, "verdict": "PASS" if passed else "FAIL", "tokens": tuple(tokens),
        }  # fmt: skip


def write_release(reports: Path, *, echoes: int = 50, rate_hz: float = 5.0) -> Story:
    """A release through all lanes, its echo window of `echoes` at `rate_hz`; the same at every call."""
    story, ledger = Story(reports), Ledger(RUN, reports)
    ledger.begin("release")
    story.journal("release", "started", how="patch", version=VERSION, target="default")
    story.step("release: preflight", 0.412)
    _validated(story, ledger)
    story.step("release: bump", 0.118, commit=COMMIT)
    ledger.emit(Token.BUMP_OK, **{"from": "2026.11.23.0", "version": VERSION})
    _deployed(story, ledger)
    _attested(story, ledger, echoes, rate_hz)
    _published(story, ledger)
    _ended(story)
    return story


def _validated(story: Story, ledger: Ledger) -> None:
    story.journal("release: validate", "started")
    story.step("check the app", 0.186, mode="LOCAL_DEV", rating=8, errors=0)
    story.step("run the app's tests", 14.7, passed=412)
    for token in (Token.STRUCTURE_OK, Token.DEV_LOCAL_BUILD_FORCED):
        ledger.emit(token)
    ledger.emit(Token.MANIFEST_OK, rating=8)
    ledger.emit(Token.TESTS_OK, passed=412, coverage="93.4")
    ledger.emit(Token.WS_READY, mode="LOCAL_DEV")
    tests = TestsModel(
        total=412, failures=0, errors=0, skipped=0, coverage=93.4, threshold=80.0, seconds=14.2
    )
    finding = {
        "code": "CONFIG_UNKNOWN_KEY", "level": "warning", "path": "addon/config.yaml", "line": 12,
        "message": "the Supervisor ignores `panel_color`", "hint": "Take it out.",
    }  # fmt: skip
    base = {**story.base("validate_contract_v1", Token.WS_READY), "findings": (finding,)}
    story.contract(
        ValidateContract(
            **base,
            mode="LOCAL_DEV",
            profile="bb8",
            rating=8,
            structure_ok=True,
            manifest_ok=True,
            tests=tests,
        )
    )
    story.journal("release: validate", "done", commit=COMMIT)


def _deployed(story: Story, ledger: Ledger) -> None:
    where = "root@homeassistant.local"
    story.journal("release: deploy", "started")
    story.journal("deploy", "started", target="default")
    story.step("read the workspace", 0.031, tree=TREE, files=131)
    story.step("hash the host's files", 0.094)
    story.step("send and swap", 0.238, files=len(FILES), bytes=48_213, removed=1)
    ledger.emit(Token.SSH_HA_OK, host=where)
    ledger.emit(Token.CLEAN_RUNTIME_OK, tree=TREE, files=131)
    plan = PlanModel(added=FILES[:4], changed=FILES[4:], removed=("bb8_core/old.py",), kept=("secrets.yaml",))
    cost = ConnectionModel(connections=1, channels=3, round_trips=8, bytes_out=21_407, bytes_in=16_033)
    story.contract(
        SyncContract(
            **story.base("sync_contract_v1", Token.CLEAN_RUNTIME_OK), route="ssh", where=where, plan=plan,
            files=131, bytes=48_213, digest_before="sha256:" + "0" * 64, digest_after=TREE, tree=TREE,
            stamp_run=RUN, connection=cost,
        )
    )  # fmt: skip
    _verified(story, ledger)
    story.journal("deploy", "done", version=VERSION)
    story.journal("release: deploy", "done", commit=COMMIT)


def _verified(story: Story, ledger: Ledger) -> None:
    for name, seconds in (
        ("reload the store", 1.9),
        ("update the app", 41.3),
        ("wait for its report", 6.2),
    ):
        story.step(name, seconds)
    ledger.emit(Token.DEPLOY_OK, version=VERSION, action="update", route="ssh")
    ledger.emit(Token.RUN_SH_PRESENT)
    ledger.emit(Token.PY_OK, python="3.13.9")
    ledger.emit(Token.VERIFY_OK, version=VERSION, tree=TREE)
    ledger.emit(Token.RUNTIME_TOPOLOGY_OK)
    ledger.emit(Token.DEPLOY_SSH_OK, host="root@homeassistant.local", version=VERSION)
    sent = IdentityModel(version=VERSION, tree=TREE, run=RUN, commit=COMMIT)
    story.contract(
        VerifyContract(
            **story.base("verify_contract_v1", Token.VERIFY_OK), slug="local_beep_boop_bb8", action="update",
            route="ha over ssh", states=("started", "stopped", "started"), expected=sent,
            observed=sent.model_copy(update={"python": "3.13.9"}),
        )
    )  # fmt: skip


def _attested(story: Story, ledger: Ledger, echoes: int, rate_hz: float) -> None:
    story.journal("release: attest", "started")
    story.step("attest: reach the broker", 0.021)
    story.step("attest: wait for the first echo", 0.037)
    metrics = _window(story, echoes, rate_hz)
    story.step(f"attest: echo for {echoes / rate_hz:g} s at {rate_hz:g}/s", echoes / rate_hz, sent=echoes)
    rows = (
        {"cid": s.cid, "sent": s.utc, "rtt_ms": metrics.round_trips.get(s.cid)} for s in metrics.window.sent
    )
    write_text(story.reports / "stp5" / "echoes.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    telemetry = summary(metrics)
    ledger.emit(Token.ECHO_WINDOW_10S_OK, seconds=f"{metrics.window.seconds:.2f}", sent=echoes)
    ledger.emit(Token.TELEMETRY_ARTIFACTS_EMITTED, folder="reports/stp5")
    ledger.emit(Token.TELEMETRY_ATTEST_OK, echoes=metrics.echoes, lost=metrics.lost, p95_ms=telemetry.p95)
    counts = EchoesModel(sent=echoes, answered=metrics.echoes, lost=metrics.lost, duplicates=0)
    story.contract(
        QaContract(
            **story.base("qa_report_contract_v1", Token.TELEMETRY_ATTEST_OK), coverage=93.4, tests=None,
            echoes=counts, discovery=DiscoveryModel(seen=False, topics=()), telemetry=telemetry,
            criteria=telemetry.criteria, identity={}, tag="",
        )
    )  # fmt: skip
    story.journal("release: attest", "done", commit=COMMIT)


def _window(story: Story, echoes: int, rate_hz: float) -> Metrics:
    sent = tuple(_sends(story, echoes, rate_hz))
    chance = random.Random(7)
    answers = tuple(
        EchoAnswer(one.cid, one.at + _trip(chance)) for number, one in enumerate(sent) if number % 211 != 97
    )
    begun = story.ts
    ended = (BEGAN + timedelta(seconds=story.clock + echoes / rate_hz)).isoformat(timespec="milliseconds")
    return measure(Window(begun, ended, echoes / rate_hz, sent, answers, 9), require_ble=False)


def _sends(story: Story, echoes: int, rate_hz: float) -> Iterator[Sent]:
    for number in range(echoes):
        at = story.clock + number / rate_hz
        utc = (BEGAN + timedelta(seconds=at)).isoformat(timespec="milliseconds")
        yield Sent(f"{story.run_id}-{number}", at, utc)


def _trip(chance: random.Random) -> float:
    """Seconds: mostly around 9 ms, now and then a slow one, rarely a very slow one."""
    slow = chance.random()
    base = chance.lognormvariate(2.2, 0.28)
    return (base * 5 if slow > 0.995 else base * 2 if slow > 0.96 else base) / 1000


def _published(story: Story, ledger: Ledger) -> None:
    story.step("release: publish", 1.314, commit=COMMIT)
    ref = "77ab" * 10
    ledger.emit(Token.SUBTREE_PUBLISH_OK, ref=f"main@{ref}")
    ledger.emit(Token.TAG_OK, tag=VERSION, commit=ref)
    story.contract(
        PublishContract(
            **story.base("publish_contract_v1", Token.TAG_OK), remote="git@example.org:you/bb8-addon.git",
            branch="main", source_commit=COMMIT, tree="5e1f" * 10, commit=ref, read_back_tree="5e1f" * 10,
            tag=VERSION, tag_commit=ref, pushed=("refs/heads/main", f"refs/tags/{VERSION}"),
        )
    )  # fmt: skip
    story.step("release: tag", 0.034, commit=COMMIT)


def _ended(story: Story) -> None:
    names = ("preflight", "validate", "bump", "deploy", "attest", "publish", "tag")
    story.contract(
        ReleaseContract(
            **story.base("release_contract_v1", Token.TAG_OK), how="patch", target="default",
            from_version="2026.11.23.0", source_commit=COMMIT, branch="main", resumed=False,
            steps=tuple(StepModel(name=name, state="done") for name in names),
        )
    )  # fmt: skip
    story.journal("release", "done", version=VERSION)
