"""Every code of lane 1 has its page, and the table of rules is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from bb8deploy.catalogue.code_lookup import entries
from bb8deploy.checks.output.supervisor_rules_page import page

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "bb8deploy"
FINDING = re.compile(
    r"(?:Finding|found|facts\.at|_problem|_refused|CheckFailed|UsageError)\([^\"]*?\"([A-Z][A-Z0-9_]{4,})\""
)


def test_every_code_of_the_checks_has_a_page() -> None:
    files = [*(SOURCE / "checks").rglob("*.py"), SOURCE / "lanes" / "validate" / "validate.py"]
    used = {code for file in files for code in FINDING.findall(file.read_text())}
    assert len(used) > 40
    assert used - entries().keys() == set()


def test_the_table_of_rules_is_up_to_date() -> None:
    assert (ROOT / "docs" / "supervisor_rules.md").read_text() == page()
