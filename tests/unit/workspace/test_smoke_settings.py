"""Smoke checks of the settings: what is read, and what each wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.workspace.project import find_project
from bb8deploy.workspace.smoke_settings import SmokeCheck, smoke_checks

TABLE = """[checks]
page = { http = "/health", port = 8099, expect = "ok", within = 5 }
status = { topic = "bb8/status", expect = "online" }
ready = { log = "listening" }
own = { command = ["ops/smoke.sh", "--fast"] }
"""


def test_each_kind_is_read_from_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "config.yaml").write_text("slug: x\n")
    (tmp_path / "bb8deploy.toml").write_text(TABLE)
    assert find_project(tmp_path).checks == (
        SmokeCheck("page", "http", "/health", port=8099, expect="ok", within=5.0),
        SmokeCheck("status", "topic", "bb8/status", expect="online"),
        SmokeCheck("ready", "log", "listening"),
        SmokeCheck("own", "command", words=("ops/smoke.sh", "--fast")),
    )


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (1, "is not a table"),
        ({}, "needs exactly one of http, topic, log, command"),
        ({"http": "/", "log": "x"}, "needs exactly one of"),
        ({"http": "health"}, "is not a path that begins with /"),
        ({"log": ""}, "is not text"),
        ({"log": "x", "port": 1}, "unknown key `port`"),
        ({"http": "/", "port": "8099"}, "is not a port number"),
        ({"http": "/", "port": 70000}, "is not a port number"),
        ({"topic": "x", "expect": 1}, "is not text"),
        ({"command": "ls -l"}, "is not a list of words"),
        ({"command": []}, "is not a list of words"),
        ({"log": "x", "within": 0}, "is not a number of seconds"),
        ({"log": "x", "within": True}, "is not a number of seconds"),
    ],
)
def test_a_wrong_check_is_named(row: object, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        smoke_checks({"mine": row})
    assert caught.value.code == "CHECKS_INVALID"
    assert "`mine`" in caught.value.cause
    assert told in caught.value.cause


def test_a_list_in_place_of_the_table_is_named() -> None:
    with pytest.raises(UsageError, match="not a table of checks"):
        smoke_checks([1])
