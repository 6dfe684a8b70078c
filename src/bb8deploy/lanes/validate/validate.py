"""Lane 1: checks the app, runs its tests, and writes the tokens for what held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bb8deploy.base.errors import CheckFailed
from bb8deploy.base.findings import Finding, errors_in
from bb8deploy.base.short_lists import first_lines
from bb8deploy.catalogue.errors.workspace import VALIDATE_FAILED
from bb8deploy.catalogue.rule_definitions.all_rules import found
from bb8deploy.checks.baseline import Baseline
from bb8deploy.checks.check_one_app import Judged, judge
from bb8deploy.checks.fix.safe_fixes import Fix, apply_fixes, plan_fixes
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.output.text_and_github import joined
from bb8deploy.checks.rule_selection import FailOn, Selection, fails, unused_settings
from bb8deploy.checks.rule_selection_file import load_selection
from bb8deploy.checks.run_app_tests import TestOutcome, TestPlan, run_tests
from bb8deploy.checks.run_rules import CheckReport
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.project import Project, find_project

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.validate import TestsModel

LANE = "validate"
_SHOWN = 20
_FOLDER_TOKENS = {"tools": Token.TOOLS_ALLOWED, "scripts": Token.SCRIPTS_ALLOWED}


@dataclass(frozen=True, slots=True)
class ValidateOutcome:
    """What the lane saw: the report, the tests (None if none were run), the fixes planned or made."""

    report: CheckReport
    tests: TestOutcome | None
    fixes: tuple[Fix, ...]
    oldest: str = ""
    fail_on: FailOn = "error"
    counts: TestsModel | None = None
    failure: CheckFailed | None = None


def validate(run: Run) -> ValidateOutcome:
    """Lane 1 with the settings of the workspace. Raises CheckFailed if a finding fails the run."""
    outcome = examine(run)
    if outcome.failure:
        raise outcome.failure
    return outcome


def examine(
    run: Run,
    *,
    with_tests: bool = True,
    mode: Mode | None = None,
    fix: bool = False,
    selection: Selection | None = None,
    baseline: Baseline | None = None,
) -> ValidateOutcome:
    """Checks the app of the run and writes tokens, receipts and the contract.

    `mode` None takes the mode of config.yaml; `fix` applies safe fixes first (a dry run only plans them);
    `selection` None takes the settings of the workspace. If a finding fails the run, the outcome has the
    error as its `failure`, after everything was checked and written.
    """
    project = find_project(run.workspace, addon=run.addon)
    chosen = load_selection(run.workspace) if selection is None else selection
    fixes = _fix(run, fix=fix, profile=project.profile)
    with run.step("check the app") as facts:
        judged = _judged(run, project, mode, chosen)
        report = judged.report
        run.findings.extend(_counting(judged, chosen, baseline, _folder(run)))
        facts.update(mode=report.mode, rating=report.rating, errors=len(errors_in(run.findings)))
    _write_check_tokens(run, report, fails(run.findings, chosen.fail_on), judged.hidden_errors)
    tests = _tests(run, project, with_tests=with_tests)
    outcome = ValidateOutcome(
        report, tests, fixes, judged.oldest, chosen.fail_on, _tests_model(project, tests)
    )
    _write_ready(run, project, outcome, with_tests=with_tests)
    return replace(outcome, failure=_conclude(run, project, outcome))


def _judged(run: Run, project: Project, mode: Mode | None, selection: Selection) -> Judged:
    return judge(
        run.addon,
        workspace=run.workspace,
        profile=project.profile,
        mode=mode,
        selection=selection,
        folder=_folder(run),
    )


def _folder(run: Run) -> str:
    """The app's folder in the workspace, "" if the app is the workspace or outside of it."""
    inside = run.addon.is_relative_to(run.workspace)
    folder = run.addon.relative_to(run.workspace).as_posix() if inside else ""
    return "" if folder == "." else folder


def _counting(judged: Judged, selection: Selection, baseline: Baseline | None, folder: str) -> list[Finding]:
    """The findings that the baseline does not have, with paths in the repository, and unused ignores."""
    used = {why for _one, why in judged.kept.ignored}
    own = [replace(one, path=joined(folder, one.path)) for one in judged.kept.findings]
    every = [*own, *unused_settings(selection, used)]
    return [one for one in every if not (baseline and baseline.takes(one, ""))]


def _fix(run: Run, *, fix: bool, profile: str) -> tuple[Fix, ...]:
    if not fix:
        return ()
    fixes = tuple(plan_fixes(run.addon, profile=profile))
    if not run.dry_run:
        with run.step("apply safe fixes") as facts:
            apply_fixes(run.addon, fixes)
            facts.update(files=sorted({one.path for one in fixes}))
    return fixes


def _write_check_tokens(
    run: Run, report: CheckReport, failing: Sequence[Finding], hidden: Sequence[str]
) -> None:
    """Tokens for what passed; a rule whose error is ignored has not passed, so its token is skipped."""
    for finding in failing:
        run.ledger.drift(LANE, finding.code, run.clean(_place(finding)))
    ignored = f"ignored: {', '.join(hidden)}" if hidden else "an error does not fail this run"
    _structure_tokens(run, report, "" if failing else ignored)
    if report.manifest_ok:
        run.ledger.emit(Token.MANIFEST_OK, rating=report.rating)
    elif report.passed:
        run.ledger.skip(Token.MANIFEST_OK, "the user must set options before the first start")
    elif not failing:
        run.ledger.skip(Token.MANIFEST_OK, ignored)


def _structure_tokens(run: Run, report: CheckReport, ignored: str) -> None:
    ledger = run.ledger
    if report.structure_ok:
        ledger.emit(Token.STRUCTURE_OK, mode=report.mode)
    elif ignored:
        ledger.skip(Token.STRUCTURE_OK, ignored)
    if report.mode is Mode.PUBLISH:
        ledger.skip(Token.DEV_LOCAL_BUILD_FORCED, "the mode is PUBLISH")
    elif report.local_build:
        ledger.emit(Token.DEV_LOCAL_BUILD_FORCED)
    if report.structure_ok:
        for name, why in report.runtime_folders:
            ledger.emit(_FOLDER_TOKENS[name], by=why)


def _tests(run: Run, project: Project, *, with_tests: bool) -> TestOutcome | None:
    if not with_tests:
        run.ledger.skip(Token.TESTS_OK, "--no-tests")
        return None
    if project.tests is None:
        run.ledger.skip(Token.TESTS_OK, "the project names no tests")
        return None
    plan = TestPlan(
        addon=project.addon,
        tests=project.tests,
        package="bb8_core" if project.profile == "bb8" else "",
        coverage_xml=run.reports / "coverage.xml",
        junit_xml=run.reports / "pytest-report.xml",
    )
    with run.step("run the app's tests") as facts:
        outcome = run_tests(plan, run.progress.note)
        facts.update(passed=outcome.passed, failed=outcome.failed, coverage=outcome.coverage)
    _judge(run, project, outcome)
    return outcome


def _judge(run: Run, project: Project, tests: TestOutcome) -> None:
    """TESTS_OK, or the findings with the reasons."""
    if tests.ok:
        run.ledger.emit(Token.TESTS_OK, passed=tests.passed, skipped=tests.skipped, coverage=tests.coverage)
    else:
        _add(run, _test_failure(tests))
    low = project.coverage_threshold > 0 and (tests.coverage or 0.0) < project.coverage_threshold
    if low:
        message = f"coverage is {tests.coverage} %, the threshold is {project.coverage_threshold:g} %"
        _add(run, found("COVERAGE_LOW", message))


def _test_failure(tests: TestOutcome) -> Finding:
    if not tests.passed and not tests.failed and not tests.errors:
        message = f"no test was executed (pytest ended with {tests.exit_code}, {tests.skipped} skipped)"
        return found("TESTS_EMPTY", message)
    message = f"{tests.failed} failed, {tests.errors} had errors, {tests.passed} passed"
    if not tests.failed and not tests.errors:
        message += f", yet pytest ended with {tests.exit_code}"
    return found("TESTS_FAILED", message)


def _add(run: Run, finding: Finding) -> None:
    run.findings.append(finding)
    run.ledger.drift(LANE, finding.code, run.clean(_place(finding)))


def _write_ready(run: Run, project: Project, outcome: ValidateOutcome, *, with_tests: bool) -> None:
    if fails(run.findings, outcome.fail_on):
        return
    report, tests = outcome.report, outcome.tests
    if not with_tests:
        run.ledger.skip(Token.WS_READY, "--no-tests")
    elif tests is None:
        run.ledger.skip(Token.WS_READY, "no tests were run")
    elif report.structure_ok and report.manifest_ok and tests.ok:
        run.ledger.emit(
            Token.WS_READY,
            version=report.version,
            coverage=tests.coverage,
            threshold=f"{project.coverage_threshold:g}",
        )
    else:
        run.ledger.skip(Token.WS_READY, "not everything was checked")


def _conclude(run: Run, project: Project, outcome: ValidateOutcome) -> CheckFailed | None:
    """Writes the contract; returns the error if a finding fails the run."""
    errors = fails(run.findings, outcome.fail_on)
    _contract(run, project, outcome, passed=not errors)
    if not errors:
        return None
    tail = outcome.tests.tail if outcome.tests and not outcome.tests.ok else ()
    return VALIDATE_FAILED(
        f"{len(errors)} error(s) in the app, the first: {errors[0].code}",
        details=[*first_lines([_place(error) for error in errors], _SHOWN), *map(run.clean, tail)],
    )


def _contract(run: Run, project: Project, outcome: ValidateOutcome, *, passed: bool) -> None:
    from bb8deploy.runs.contracts.validate import ValidateContract

    report = outcome.report
    base = run.contract_fields(version=report.version, passed=passed)
    run.write_contract(
        ValidateContract(
            **base,
            mode=report.mode.value,
            profile=project.profile,  # type: ignore[arg-type]  # find_project knows these two alone
            rating=report.rating,
            structure_ok=report.structure_ok,
            manifest_ok=report.manifest_ok,
            tests=outcome.counts,
            fixed=tuple(sorted({one.path for one in outcome.fixes})) if not run.dry_run else (),
        )
    )


def _tests_model(project: Project, tests: TestOutcome | None) -> TestsModel | None:
    from bb8deploy.runs.contracts.validate import TestsModel

    if tests is None:
        return None
    return TestsModel(
        total=tests.passed + tests.failed + tests.errors + tests.skipped,
        failures=tests.failed,
        errors=tests.errors,
        skipped=tests.skipped,
        coverage=tests.coverage,
        threshold=project.coverage_threshold,
        seconds=round(tests.seconds, 3),
    )


def _place(finding: Finding) -> str:
    where = (
        f"{finding.path}:{finding.line}: " if finding.line else f"{finding.path}: " if finding.path else ""
    )
    return f"{where}{finding.message}"
