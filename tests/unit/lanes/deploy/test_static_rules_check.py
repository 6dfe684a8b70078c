"""What stops a deploy is listed with its place, if it has one."""

from __future__ import annotations

from bb8deploy.base.findings import Finding, Level
from bb8deploy.lanes.deploy.static_rules_check import line_of


def test_a_finding_without_a_path_begins_with_its_code() -> None:
    assert line_of(Finding("SECRETS_TRACKED", Level.ERROR, "a file is tracked")) == (
        "SECRETS_TRACKED: a file is tracked"
    )
    found = Finding("SECRET_KEY", Level.ERROR, "a key", path="dev/key.pem", line=1)
    assert line_of(found) == "dev/key.pem:1: SECRET_KEY: a key"
