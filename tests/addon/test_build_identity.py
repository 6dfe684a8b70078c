"""Identity: what the stamp says is repeated, what it does not say is unknown, never guessed."""

from __future__ import annotations

import json
import logging
import platform
from pathlib import Path

import pytest

from bb8_core import logging_setup
from bb8_core.build_identity import first_line, load, run_sh_present


def test_a_stamped_build_reports_exactly_what_was_stamped(tmp_path: Path) -> None:
    stamp = tmp_path / "build_stamp.json"
    stamp.write_text(
        json.dumps({"version": "2026.11.23.1", "tree": "a" * 64, "commit": "b" * 40, "run": "r1"})
    )
    identity = load(stamp)
    assert first_line(identity) == (
        f"IDENTITY version=2026.11.23.1 tree={'a' * 64} commit={'b' * 40} run=r1 "
        f"python={platform.python_version()}"
    )
    assert set(identity.as_json()) == {"version", "tree", "commit", "run", "python", "started"}


def test_without_a_stamp_the_tree_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_VERSION", "2026.11.23.1")
    identity = load(tmp_path / "none.json")
    assert (identity.version, identity.tree, identity.commit, identity.run) == (
        "2026.11.23.1",
        "unknown",
        "unknown",
        "unknown",
    )


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'"x"', b'{"tree": 5}', b'{"tree": "a b"}', b'{"tree": "x\\ny"}', b'{"tree": ""}', b"\xff"],
)
def test_a_stamp_that_makes_no_sense_never_passes_for_a_tree(tmp_path: Path, content: bytes) -> None:
    stamp = tmp_path / "build_stamp.json"
    stamp.write_bytes(content)
    assert load(stamp).tree == "unknown"


def test_run_sh_is_present_only_if_it_can_be_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "run.sh"
    monkeypatch.setenv("BB8_RUN_SH", str(script))
    assert not run_sh_present()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o644)
    assert not run_sh_present()
    script.chmod(0o755)
    assert run_sh_present()


def test_a_log_record_is_one_line_without_secrets() -> None:
    logging_setup.hide("hunter2")
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "password hunter2\nsecond\x1b[31m", (), None)
    assert logging_setup.OneLine("%(message)s").format(record) == "password *** | second?[31m"


def test_a_bare_line_is_at_the_start_of_the_line() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "IDENTITY version=1", (), None)
    record.bare = True
    assert logging_setup.OneLine("%(asctime)s %(message)s").format(record) == "IDENTITY version=1"
