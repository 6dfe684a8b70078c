"""What the report collects: every kind of run, no secret, no token that the run has not kept."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.report_run import COMMIT, RUN, TREE, VERSION, Story, write_release

from bb8deploy.base.errors import UsageError
from bb8deploy.base.secret import Secret
from bb8deploy.lanes.report.read_records import find_home
from bb8deploy.lanes.report.report import collect, write_report
from bb8deploy.runs.contracts.diagnose import CheckModel, DiagnoseContract
from bb8deploy.runs.contracts.validate import ValidateContract
from bb8deploy.runs.tokens import CATALOGUE, Ledger, Token

VOID = {"meta", "link", "br", "img"}


class Strict(HTMLParser):
    """Fails where tags do not close in order, and keeps the text that a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def read(page: Path) -> Strict:
    parser = Strict()
    parser.feed(page.read_text(encoding="utf-8"))
    parser.close()
    assert parser.open == []
    return parser


def validated(reports: Path, *, passed: bool = True) -> Story:
    """A run that did nothing but validate."""
    story, ledger = Story(reports), Ledger(RUN, reports)
    ledger.begin("validate")
    story.step("check the app", 0.2, mode="LOCAL_DEV")
    if passed:
        ledger.emit(Token.STRUCTURE_OK)
    else:
        ledger.drift("validate", "STRUCTURE_BROKEN", "run.sh is missing")
    finding = {"code": "RUN_SH_MISSING", "level": "error", "path": "addon/run.sh", "message": "it is missing"}
    base = story.base("validate_contract_v1", *([Token.STRUCTURE_OK] if passed else []), passed=passed)
    base["findings"] = () if passed else (finding,)
    story.contract(
        ValidateContract(
            **base, mode="LOCAL_DEV", profile="bb8", structure_ok=passed, manifest_ok=passed, tests=None
        )
    )
    return story


def test_a_release_is_reported_whole(tmp_path: Path) -> None:
    write_release(tmp_path)
    report = collect(tmp_path)
    assert (report.run_id, report.command, report.verdict, report.version) == (
        RUN,
        "release",
        "PASS",
        VERSION,
    )
    assert report.from_version == "2026.11.23.0"
    assert report.commit == COMMIT
    assert [step.name for step in report.timeline.steps if step.depth == 0] == [
        "preflight", "validate", "bump", "deploy", "attest", "publish", "tag",
    ]  # fmt: skip
    assert {line.name for line in report.tokens} >= {"WS_READY", "VERIFY_OK", "TAG_OK"}
    assert all(line.meaning == CATALOGUE[Token(line.name)].observed for line in report.tokens)
    assert report.changes is not None
    assert report.changes.count == 31
    assert report.identity is not None
    assert ("tree", TREE, TREE) in report.identity.rows
    assert report.echoes is not None
    assert (len(report.echoes.echoes), report.echoes.lost) == (50, 0)
    assert report.tests[-1] == ("coverage", "93.4 %")
    assert ("tag", VERSION) in report.published


def test_the_page_holds_it_all_and_is_well_formed(tmp_path: Path) -> None:
    write_release(tmp_path)
    page = write_report(tmp_path)
    seen = read(page).text
    for words in (
        "passed",
        "VERIFY_OK",
        "the running app reported exactly this content",
        "send and swap",
        "bb8_core/part_03/module.py",
        "CONFIG_UNKNOWN_KEY",
        "reported exactly the version and files that were sent",
    ):
        assert words in seen
    assert page.stat().st_mode & 0o777 == 0o600


def test_figures_have_at_most_two_decimals(tmp_path: Path) -> None:
    write_release(tmp_path)
    echoes = collect(tmp_path).echoes
    assert echoes is not None
    figures = dict(echoes.figures)
    assert {"p95, ms", "mean, ms"} <= figures.keys()
    assert not [figure for figure in figures.values() if re.fullmatch(r"\d+\.\d{3,}", figure)]


def test_a_thousand_echoes_stay_under_the_figure(tmp_path: Path) -> None:
    write_release(tmp_path, echoes=1000, rate_hz=50)
    assert write_report(tmp_path).stat().st_size < 400_000


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    write_release(tmp_path)
    page = write_report(tmp_path)
    html = page.read_text(encoding="utf-8")
    assert not read(page).tags & {"script", "img", "iframe", "object", "embed", "form", "a"}
    assert not re.search(r"url\(|@import|@font-face|\bon\w+=", html)
    assert set(re.findall(r"(?:src|href)=\"([^\"]*)\"", html)) == {"data:,"}
    assert "default-src 'none'" in html


def test_a_run_that_only_validated_reports_what_it_did_not_do(tmp_path: Path) -> None:
    validated(tmp_path)
    (tmp_path / "latest.json").unlink()
    report = collect(tmp_path)
    assert (report.command, report.verdict) == ("validate", "PASS")
    assert report.changes is report.identity is report.echoes is None
    seen = read(write_report(tmp_path)).text
    assert "This run has no finished sync" in seen
    assert "This run did not look at a running app." in seen
    assert "This run attested no echo." in seen
    assert "No findings." in seen


def test_a_failed_run_is_reported_first(tmp_path: Path) -> None:
    validated(tmp_path, passed=False)
    report = collect(tmp_path)
    assert report.verdict == "FAIL"
    assert report.error == "STRUCTURE_BROKEN: run.sh is missing"
    assert [finding.code for finding in report.findings] == ["RUN_SH_MISSING"]
    seen = read(write_report(tmp_path)).text
    assert "failed" in seen
    assert "This run earned no tokens." not in seen  # its failed check is shown instead
    assert "Failed:" in seen
    assert "finding, 1 of them error" in seen
    assert "1 findings" not in seen


def test_a_run_that_failed_before_its_first_step_is_the_newest_all_the_same(tmp_path: Path) -> None:
    write_release(tmp_path)
    late = "20261123T120000Z-0badc0"
    ledger = Ledger(late, tmp_path)
    ledger.begin("deploy")
    ledger.drift("deploy", "HOST_UNREACHABLE", "nothing answers")
    report = collect(tmp_path)
    assert (report.run_id, report.verdict) == (late, "FAIL")
    assert report.started == "2026-11-23T12:00:00"
    assert "the run ended before its first one" in read(write_report(tmp_path)).text


def test_a_run_that_was_killed_did_not_end(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.journal("deploy", "started", target="barn")
    story.journal("send and swap", "started")
    report = collect(tmp_path)
    assert (report.command, report.verdict, report.target) == ("deploy", "UNFINISHED", "barn")
    assert "did not finish" in read(write_report(tmp_path)).text


def test_a_skipped_attestation_is_reported_with_its_reason(tmp_path: Path) -> None:
    validated(tmp_path)
    ledger = Ledger(RUN, tmp_path)
    ledger.skip(Token.TELEMETRY_ATTEST_OK, "MQTT_HOST is not set")
    assert collect(tmp_path).no_echo == "The echo was not attested: MQTT_HOST is not set."


def test_what_a_diagnosis_warned_of_is_among_the_findings(tmp_path: Path) -> None:
    story = Story(tmp_path)
    rows = [("ssh", "reach", "ok"), ("core", "token", "warn"), ("broker", "login", "fail")]
    checks = tuple(
        CheckModel(subject=subject, name=name, level=level, seen="so it is", remedy="fix it", code="X")
        for subject, name, level in rows
    )
    base = story.base("diagnose_contract_v1", passed=False)
    story.contract(DiagnoseContract(**base, target="default", exit_code=1, seconds=0.4, checks=checks))
    report = collect(tmp_path)
    assert report.verdict == "FAIL"
    assert [(finding.level, finding.message) for finding in report.findings] == [
        ("error", "broker, login: so it is"),
        ("warning", "core, token: so it is"),
    ]
    assert "fix it" in read(write_report(tmp_path)).text


def test_without_any_run_it_reports_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="REPORT_NO_RUNS"):
        write_report(tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_a_strange_run_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    validated(tmp_path)
    with pytest.raises(UsageError, match="REPORT_RUN_UNKNOWN") as caught:
        write_report(tmp_path, "../../etc")
    assert RUN in caught.value.remedy


def test_an_older_run_can_be_asked_for_and_keeps_its_tokens(tmp_path: Path) -> None:
    write_release(tmp_path)
    for name in ("deploy", "publish", "validate"):
        Ledger("20261124T000000Z-ffffff", tmp_path).begin(name)
    report = collect(tmp_path, RUN)
    assert {line.name for line in report.tokens} == {"TAG_OK"}
    assert not report.tokens[0].evidence_kept
    assert "A later run replaced the receipt" in read(write_report(tmp_path, RUN)).text


def test_tokens_are_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    write_release(tmp_path)
    story = Story(tmp_path)
    for name, lane in (("BUMP_OK", "release"), ("VERIFY_OK", "verify"), ("TAG_OK", "publish")):
        story.journal(name, "earned", kind="TOKEN", lane=lane, fields=[["run", RUN]])
    names = [line.name for line in collect(tmp_path).tokens]
    assert names[:3] == ["BUMP_OK", "VERIFY_OK", "TAG_OK"]
    assert len(names) == 19


def test_a_target_s_run_is_found_in_the_target_s_own_folder(tmp_path: Path) -> None:
    validated(tmp_path)
    barn = tmp_path / "targets" / "barn"
    late = "20261123T120000Z-0badc0-barn"
    ledger = Ledger(late, barn)
    ledger.begin("deploy")
    ledger.drift("deploy", "HOST_UNREACHABLE", "nothing answers")
    assert find_home(tmp_path) == barn
    assert collect(barn).run_id == late
    assert find_home(tmp_path, RUN) == tmp_path
    assert find_home(tmp_path, late) == barn
    assert find_home(tmp_path, "yesterday") == tmp_path


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    write_release(tmp_path)
    first = write_report(tmp_path).read_bytes()
    assert write_report(tmp_path).read_bytes() == first


def test_a_token_that_a_later_try_took_back_is_not_told(tmp_path: Path) -> None:
    story = Story(tmp_path)
    earned = {"kind": "TOKEN", "fields": [["run", RUN]]}
    story.step("release: preflight", 0.1)
    story.journal("TAG_OK", "earned", lane="publish", **earned)
    story.journal("VERIFY_OK", "earned", lane="verify", **earned)
    story.step("release: preflight", 0.1)
    story.journal("release: publish", "started")
    assert [line.name for line in collect(tmp_path).tokens] == ["VERIFY_OK"]


def test_another_run_s_echoes_are_not_shown_as_this_one_s(tmp_path: Path) -> None:
    write_release(tmp_path)
    (tmp_path / "stp5" / "echoes.jsonl").write_text('{"cid": "other-1", "sent": "x", "rtt_ms": 1}\n')
    echoes = collect(tmp_path).echoes
    assert echoes is not None
    assert echoes.echoes == ()
    assert ("sent", "50") in echoes.figures
    assert "not the single echoes" in read(write_report(tmp_path)).text


def test_no_secret_is_on_the_page_wherever_it_came_from(tmp_path: Path) -> None:
    password = 'pass"word&<1'
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhYmNkZWYifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
    story = validated(tmp_path)
    story.journal("ask the broker", "started")
    story.journal("ask the broker", "failed", error=f"refused {password}, token {jwt}")
    ledger = Ledger(RUN, tmp_path)
    ledger.drift("validate", "BROKER_REFUSED", f"{password} and {jwt}")
    html = write_report(tmp_path, secrets=[Secret(password)]).read_text(encoding="utf-8")
    assert "BROKER_REFUSED" in html
    for leak in (password, "pass&#34;word", jwt, jwt[:30]):
        assert leak not in html


def test_what_a_host_reports_is_text_and_never_markup(tmp_path: Path) -> None:
    story = Story(tmp_path)
    nasty = "<script>alert(1)</script><img src=x onerror=y>"
    story.journal(nasty, "started")
    story.journal(nasty, "failed", error=nasty, host=nasty)
    seen = read(write_report(tmp_path))
    assert not seen.tags & {"script", "img"}
    assert nasty in seen.text


def test_a_torn_journal_and_a_torn_contract_are_left_out(tmp_path: Path) -> None:
    story = validated(tmp_path)
    with (story.folder / "journal.jsonl").open("a") as file:
        file.write('{"ts": "2026-')
    (story.folder / "sync_contract_v1.json").write_text('{"contract": "sync_')
    report = collect(tmp_path)
    assert report.changes is None
    assert report.verdict == "PASS"


def test_a_contract_that_something_else_changed_is_named(tmp_path: Path) -> None:
    story = validated(tmp_path)
    path = story.folder / "validate_contract_v1.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "findings": [{"level": "awful"}]}))
    with pytest.raises(UsageError, match="REPORT_UNREADABLE") as caught:
        write_report(tmp_path)
    assert any("validate_contract_v1.json" in line for line in caught.value.details)


def test_a_damaged_line_of_the_journal_is_one_warning(tmp_path: Path) -> None:
    story = validated(tmp_path)
    with (story.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"what": "is this"}\n\xff\xfe\n')
    found = [finding for finding in collect(tmp_path).findings if finding.code == "JOURNAL_DAMAGED"]
    assert len(found) == 1
    assert found[0].line


def test_ten_thousand_paths_and_findings_do_not_make_a_giant(tmp_path: Path) -> None:
    write_release(tmp_path)
    folder = tmp_path / "runs" / RUN
    sync = json.loads((folder / "sync_contract_v1.json").read_text())
    sync["plan"]["added"] = [f"folder/file-{number}.txt" for number in range(10_000)]
    (folder / "sync_contract_v1.json").write_text(json.dumps(sync))
    checked = json.loads((folder / "validate_contract_v1.json").read_text())
    checked["findings"] = [
        {"code": "X", "level": "note", "message": f"finding {number}"} for number in range(10_000)
    ]
    (folder / "validate_contract_v1.json").write_text(json.dumps(checked))
    page = write_report(tmp_path)
    assert page.stat().st_size < 400_000
    assert "9700 more" in read(page).text
    assert "9800 more" in read(page).text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
@given(data=st.data())
def test_whatever_a_file_holds_there_is_a_page_or_an_error_in_words(
    tmp_path: Path, data: st.DataObject
) -> None:
    folder = tmp_path / "runs" / RUN
    if not folder.exists():
        write_release(tmp_path, echoes=5)
    names = sorted(path.name for path in folder.glob("*.json"))
    path = folder / data.draw(st.sampled_from(names))
    whole = path.read_text(encoding="utf-8")
    contract = json.loads(whole)
    contract[data.draw(st.sampled_from(sorted(contract)))] = data.draw(JSON_VALUES)
    path.write_text(json.dumps(contract), encoding="utf-8")
    refused = ""
    try:
        read(write_report(tmp_path))
    except UsageError as error:
        refused = error.code
    finally:
        path.write_text(whole, encoding="utf-8")
    assert refused in {"", "REPORT_UNREADABLE"}
