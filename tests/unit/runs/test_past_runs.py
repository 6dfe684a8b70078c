"""The runs in the text of a receipt."""

from __future__ import annotations

import pytest

from bb8deploy.runs.past_runs import past_runs, runs_of_app

OLD, NEW = "20261123T093000Z-a1b2c3", "20261124T100000Z-d4e5f6-kitchen"


def test_the_newest_run_comes_first_with_what_it_reached() -> None:
    text = (
        f"TOKEN: SSH_HA_OK host=h run={OLD}\n"
        f"TOKEN: CLEAN_RUNTIME_OK tree=sha256:a version=1.0.0 slug=local_x by=ann@desk run={OLD}\n"
        f"TOKEN: VERIFY_OK version=1.0.0 tree=sha256:a run={OLD}\n"
        f'DRIFT: HAND_EDITED detail="files were edited" run={NEW}\n'
    )
    new, old = past_runs(text)
    assert (new.run, new.when, new.result, new.error) == (
        NEW,
        "2026-11-24T10:00:00Z",
        "failed",
        "HAND_EDITED",
    )
    assert (old.slug, old.version, old.by, old.result) == ("local_x", "1.0.0", "ann@desk", "verified")


def test_a_failed_deploy_that_was_rolled_back_shows_what_runs() -> None:
    text = (
        f"TOKEN: CLEAN_RUNTIME_OK tree=sha256:b version=1.0.1 run={OLD}\n"
        f"DRIFT: BUILD_FAILED detail=x run={OLD}\n"
        f"TOKEN: ROLLBACK_OK version=1.0.0 tree=sha256:a slug=local_x run={OLD}\n"
    )
    (past,) = past_runs(text)
    assert (past.version, past.result, past.error) == ("1.0.0", "failed, rolled back", "BUILD_FAILED")


def test_a_rollback_that_earns_no_token_still_shows_who_did_it() -> None:
    (past,) = past_runs(
        f'SKIPPED: ROLLBACK_OK reason="no proof" version=1.0.0 slug=local_x by=ann@desk run={OLD}\n'
    )
    assert (past.slug, past.version, past.by) == ("local_x", "1.0.0", "ann@desk")
    assert (past.result, past.restored, past.proof) == ("rolled back, not confirmed", True, "")


def test_a_tag_that_was_verified_is_not_called_a_rollback_without_proof() -> None:
    (past,) = past_runs(
        f"TOKEN: VERIFY_OK version=1.0.0 tree=sha256:a proof=sealed run={OLD}\n"
        f'SKIPPED: ROLLBACK_OK reason="did not run before" version=1.0.0 slug=local_x by=ann run={OLD}\n'
    )
    assert (past.result, past.proof) == ("verified", "sealed")


def test_lines_of_others_and_torn_lines_are_left_out() -> None:
    strange = f"hello\nTOKEN: NEW_OK run={OLD}\nTOKEN: VERIFY_OK version=1.0.0\n\x00\n"
    text = f"{strange}TOKEN: REMOVE_OK run={OLD}\nTOK"
    (past,) = past_runs(text)
    assert past.result == "removed"


def test_an_id_of_another_form_has_no_time() -> None:
    first, second = past_runs("TOKEN: SSH_HA_OK run=abc\nTOKEN: SSH_HA_OK run=20269999T093000Z-a1b2c3\n")
    assert first.when == second.when == ""


@pytest.mark.parametrize(
    ("lines", "proof"),
    [
        (["TOKEN: RUNNING_OK version=1 proof=running", "TOKEN: VERIFY_OK version=1 proof=sealed"], "sealed"),
        (["TOKEN: VERIFY_OK version=1 proof=stamp"], "stamp"),
        (["TOKEN: RUNNING_OK version=1 proof=running"], "running"),
        (["TOKEN: RUNNING_OK version=1"], "running"),
        (["TOKEN: VERIFY_OK version=1"], ""),
        (["TOKEN: VERIFY_OK version=1 proof=sealed", "DRIFT: CHECK_FAILED detail=x"], ""),
        (["DRIFT: BUILD_FAILED detail=x", "TOKEN: ROLLBACK_OK version=0 proof=stamp"], "stamp"),
        (["TOKEN: SSH_HA_OK host=h"], ""),
    ],
)
def test_a_run_has_the_level_of_proof_of_what_ran_at_its_end(lines: list[str], proof: str) -> None:
    (past,) = past_runs("".join(f"{line} run={OLD}\n" for line in lines))
    assert past.proof == proof


def test_a_failed_run_names_its_app_and_user_by_its_drift_line() -> None:
    (past,) = past_runs(f"DRIFT: HAND_EDITED detail=x slug=local_x by=ann@desk run={OLD}\n")
    assert (past.slug, past.by, past.result) == ("local_x", "ann@desk", "failed")


@pytest.mark.parametrize(("other", "shown"), [("local_x", [NEW, OLD]), ("local_y", [])])
def test_a_run_without_an_app_is_shown_only_if_it_cannot_belong_to_another(
    other: str, shown: list[str]
) -> None:
    runs = past_runs(
        f"TOKEN: CLEAN_RUNTIME_OK version=1 slug={other} run={OLD}\nDRIFT: HAND_EDITED detail=x run={NEW}\n"
    )
    assert [past.run for past in runs_of_app(runs, "local_x")] == shown
