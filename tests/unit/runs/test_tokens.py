"""Token lines: how they look, where they stand, and that nothing else can write one."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.runs.tokens import CATALOGUE, DEPLOY, LANE_RECEIPTS, LOCAL, PATHS, Ledger, Line, Token

SOURCE = Path(__file__).parents[3] / "src" / "bb8deploy"
LINE = re.compile(r'(TOKEN|SKIPPED|DRIFT): [A-Z0-9_]+( [a-z_]+=([^\s"]+|"([^"\\]|\\.)*"))* run=\S+')


def receipt(folder: Path, name: str) -> list[str]:
    """The lines of a receipt on the disk."""
    return (folder / name).read_text(encoding="ascii").splitlines()


def test_a_token_is_one_line_with_its_evidence_and_its_run(tmp_path: Path) -> None:
    Ledger("r1", tmp_path).emit(Token.DEPLOY_OK, version="2026.1.2.0", action="update", route="ha over ssh")
    assert receipt(tmp_path, DEPLOY) == [
        'TOKEN: DEPLOY_OK version=2026.1.2.0 action=update route="ha over ssh" run=r1'
    ]


def test_evidence_that_is_not_there_is_left_out_and_zero_is_there(tmp_path: Path) -> None:
    Ledger("r1", tmp_path).emit(Token.TESTS_OK, passed=3, skipped=0, coverage=None)
    assert receipt(tmp_path, LOCAL) == ["TOKEN: TESTS_OK passed=3 skipped=0 run=r1"]


@pytest.mark.parametrize(
    "value",
    ["", "a b", 'a"b', "a=b", "line\nTOKEN: VERIFY_OK", "\r\nTOKEN: X", "ä", "\x1b[2J", "a\\b", "\u2028"],
)
def test_any_value_stays_within_its_line_and_can_be_read_back(tmp_path: Path, value: str) -> None:
    Ledger("r1", tmp_path).drift("sync", "HOST_DIFFERS", value)
    (line,) = receipt(tmp_path, DEPLOY)
    assert LINE.fullmatch(line)
    quoted = line.removeprefix("DRIFT: HOST_DIFFERS detail=").removesuffix(" run=r1")
    assert json.loads(quoted) == value


def test_a_failure_that_two_lanes_report_is_written_once_and_is_in_the_receipts_of_both(
    tmp_path: Path,
) -> None:
    heard: list[Line] = []
    ledger = Ledger("r1", tmp_path, listener=heard.append)
    ledger.drift("deploy", "HAND_EDITED", "edited")
    ledger.drift("release", "HAND_EDITED", "edited")
    assert len(heard) == 1
    for receipt in ("deploy_receipt.txt", "publish_receipt.txt"):
        assert (tmp_path / receipt).read_text() == "DRIFT: HAND_EDITED detail=edited run=r1\n"


def test_a_skip_and_a_drift_are_not_tokens(tmp_path: Path) -> None:
    ledger = Ledger("r1", tmp_path)
    ledger.skip(Token.VERIFY_OK, "the app reports no identity")
    ledger.drift("verify", "ADDON_DIED", "exit 1")
    assert receipt(tmp_path, DEPLOY) == [
        'SKIPPED: VERIFY_OK reason="the app reports no identity" run=r1',
        'DRIFT: ADDON_DIED detail="exit 1" run=r1',
    ]
    assert ledger.held() == []


def test_a_receipt_holds_the_newest_run_alone(tmp_path: Path) -> None:
    first = Ledger("r1", tmp_path)
    first.begin("sync")
    first.emit(Token.CLEAN_RUNTIME_OK, tree="t1")
    second = Ledger("r2", tmp_path)
    second.begin("sync")
    assert receipt(tmp_path, DEPLOY) == []
    second.emit(Token.SSH_HA_OK)
    assert receipt(tmp_path, DEPLOY) == ["TOKEN: SSH_HA_OK run=r2"]


def test_beginning_one_lane_leaves_the_receipts_of_the_others(tmp_path: Path) -> None:
    ledger = Ledger("r1", tmp_path)
    ledger.emit(Token.STRUCTURE_OK)
    Ledger("r2", tmp_path).begin("deploy")
    assert receipt(tmp_path, PATHS) == receipt(tmp_path, LOCAL) == ["TOKEN: STRUCTURE_OK run=r1"]


def test_a_run_that_dies_has_left_what_it_had_observed(tmp_path: Path) -> None:
    ledger = Ledger("r1", tmp_path)
    ledger.begin("deploy")
    ledger.emit(Token.SSH_HA_OK)
    assert receipt(tmp_path, DEPLOY) == ["TOKEN: SSH_HA_OK run=r1"]
    ledger.emit(Token.CLEAN_RUNTIME_OK, tree="t1")
    assert len(receipt(tmp_path, DEPLOY)) == 2


def test_a_token_that_cannot_be_kept_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    told: list[Line] = []
    with pytest.raises(UsageError) as caught:
        Ledger("r1", tmp_path / "reports", told.append).emit(Token.DEPLOY_OK)
    assert caught.value.code == "REPORTS_UNWRITABLE"
    assert told == []


def test_a_receipt_is_for_its_owner_alone(tmp_path: Path) -> None:
    Ledger("r1", tmp_path).emit(Token.DEPLOY_OK)
    assert (tmp_path / DEPLOY).stat().st_mode & 0o777 == 0o600


def test_the_catalogue_knows_every_token_and_every_lane_keeps_its_own() -> None:
    assert set(CATALOGUE) == set(Token)
    for token, meaning in CATALOGUE.items():
        assert meaning.observed, token
        assert set(meaning.receipts) <= set(LANE_RECEIPTS[meaning.lane]), token


def emitters(tree: ast.AST) -> list[str]:
    """The tokens named in calls of `….emit(…)`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        ast.unparse(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "emit" and call.args
    ]


def test_only_lanes_emit_tokens() -> None:
    outside = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "lanes" not in path.parts and emitters(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert outside == set()


def test_no_source_file_spells_out_a_token_line() -> None:
    spelled = re.compile("TOKEN: (" + "|".join(Token) + ")")
    found = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if spelled.search(path.read_text(encoding="utf-8"))
    }
    assert found == set()
