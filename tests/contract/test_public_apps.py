"""Public apps that a real Supervisor takes, rebuilt: an error only where one is justified."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest
from tests.contract.world import apps, rebuild

from bb8deploy.base.findings import Level
from bb8deploy.checks.run import check_addon

# The errors that remain, by the recorded app, each with why it is one.
JUSTIFIED = {
    ("AlexxIT/hassio-addons/ssh_tunnel", "FROM_WITHOUT_DEFAULT"): "no build file sets BUILD_FROM",
    ("lovejoy777/hassio-addons/tor", "FROM_WITHOUT_DEFAULT"): "no build file sets BUILD_FROM",
    ("lovejoy777/hassio-addons/tor", "CONFIG_INVALID"): "the one app that the Supervisor rejects: no `arch`",
}  # fmt: skip


@pytest.mark.timeout(600)
def test_public_apps_have_no_false_error_and_few_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = apps()
    if not recorded:
        pytest.skip("SKIPPED: no recorded apps at hand")
    monkeypatch.setattr("shutil.which", lambda _name: None)
    errors: set[tuple[str, str]] = set()
    warnings: list[int] = []
    for app in recorded:
        report = check_addon(rebuild(app, tmp_path), workspace=None)
        name = f"{app['repository']}/{app['folder']}"
        errors |= {(name, one.code) for one in report.findings if one.level is Level.ERROR}
        warnings.append(sum(one.level is Level.WARNING for one in report.findings))
    assert errors == JUSTIFIED.keys()
    assert median(warnings) <= 1
