"""Public apps that a real Supervisor takes, rebuilt: an error only if one is justified."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest
from tests.contract.world import apps, rebuild

from bb8deploy.base.findings import Level
from bb8deploy.checks.migrate.migration_plan import apply, plan
from bb8deploy.checks.reading.app_facts import AddonFacts, gather
from bb8deploy.checks.reading.dockerfile_evaluation import final_base, global_scope, passed_args
from bb8deploy.checks.run_rules import check_addon
from bb8deploy.checks.schema.table.allowed_words import MOUNTS

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
    monkeypatch.setattr("shutil.which", lambda _name, **_where: None)
    errors: set[tuple[str, str]] = set()
    warnings: list[int] = []
    for app in recorded:
        report = check_addon(rebuild(app, tmp_path), workspace=None)
        name = f"{app['repository']}/{app['folder']}"
        errors |= {(name, one.code) for one in report.findings if one.level is Level.ERROR}
        warnings.append(sum(one.level is Level.WARNING for one in report.findings))
    assert errors == JUSTIFIED.keys()
    assert median(warnings) <= 1


def _seen(facts: AddonFacts) -> dict[str, object]:
    """What the container and the store see of an app: the config, mounts by their path, the base image."""
    normalised = dict((facts.verdict and facts.verdict.normalised) or {})
    for gone in ("arch", "machine", "advanced"):
        normalised.pop(gone, None)
    mounts = {(e.get("path") or MOUNTS.get(e["type"], e["type"]), e["read_only"]) for e in normalised["map"]}
    bases = {}
    for arch in facts.arches:
        dockerfile = facts.dockerfile_for(arch)
        if dockerfile:
            passed = passed_args(arch, "1", facts.build_file)
            bases[arch] = final_base(dockerfile, global_scope(dockerfile, arch, passed))
    return {**normalised, "map": mounts, "bases": bases}


@pytest.mark.timeout(600)
def test_a_migration_changes_nothing_that_the_container_sees(tmp_path: Path) -> None:
    recorded = apps()
    if not recorded:
        pytest.skip("SKIPPED: no recorded apps at hand")
    wrong = {}
    for app in recorded:
        folder = rebuild(app, tmp_path)
        before = gather(folder, workspace=None, profile="generic", mode=None)
        if not before.verdict or not before.verdict.valid:
            continue
        apply(plan(folder))
        after = gather(folder, workspace=None, profile="generic", mode=None)
        name = f"{app['repository']}/{app['folder']}"
        if not after.verdict or not after.verdict.valid:
            wrong[name] = f"not valid: {after.verdict}"
        elif _seen(before) != _seen(after):
            old, new = _seen(before), _seen(after)
            wrong[name] = str({key: (old[key], new.get(key)) for key in old if old[key] != new.get(key)})
        elif any("deprecated" in w.message or "supported" in w.message for w in after.verdict.warnings):
            wrong[name] = str(after.verdict.warnings)
        elif plan(folder).changes:
            wrong[name] = "a second run changes something"
        elif after.builds and not any("build" in hint for hint in plan(folder).hints):
            wrong[name] = "the build file is left without a word"
    assert wrong == {}
