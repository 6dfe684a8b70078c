"""Lane 1: checks the add-on, runs its tests, and writes the tokens for what held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bb8deploy.base.findings import Finding, Level, errors_in
from bb8deploy.catalogue.errors.workspace import VALIDATE_FAILED
from bb8deploy.checks.addon_tests import TestOutcome, TestPlan, run_tests
from bb8deploy.checks.fix.fixes import Fix, apply_fixes, plan_fixes
from bb8deploy.checks.mode import Mode
from bb8deploy.checks.run import CheckReport, check_addon
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.project import Project, find_project

if TYPE_CHECKING:
    from typing import Any

LANE = "validate"
_SHOWN = 20
_FOLDER_TOKENS = {"tools": Token.TOOLS_ALLOWED, "scripts": Token.SCRIPTS_ALLOWED}


@dataclass(frozen=True, slots=True)
class ValidateOutcome:
    """What the lane saw: the report, the tests (None where none were run), the fixes planned or made."""

    report: CheckReport
    tests: TestOutcome | None
    fixes: tuple[Fix, ...]


def validate(
    run: Run, *, with_tests: bool = True, mode: Mode | None = None, fix: bool = False
) -> ValidateOutcome:
    """Checks the add-on of the run and writes tokens, receipts and the contract.

    `mode` None takes what config.yaml says; `fix` mends what is safe first (a dry run only plans it).
    Raises CheckFailed, after everything was checked and written, where an error was found; the fixes, mode
    and rating stand in the run's facts then, too.
    """
    project = find_project(run.workspace, addon=run.addon)
    fixes = _mend(run, fix=fix, profile=project.profile)
    with run.step("check the add-on") as facts:
        report = check_addon(run.addon, workspace=run.workspace, profile=project.profile, mode=mode)
        run.findings.extend(report.findings)
        facts.update(mode=report.mode, rating=report.rating, errors=len(errors_in(run.findings)))
    _write_check_tokens(run, report)
    tests = _tests(run, project, with_tests=with_tests)
    outcome = ValidateOutcome(report, tests, fixes)
    _write_ready(run, project, outcome, with_tests=with_tests)
    _conclude(run, project, outcome)
    return outcome


def _mend(run: Run, *, fix: bool, profile: str) -> tuple[Fix, ...]:
    if not fix:
        return ()
    fixes = run.facts["fixes"] = tuple(plan_fixes(run.addon, profile=profile))
    if not run.dry_run:
        with run.step("mend what is safe") as facts:
            apply_fixes(run.addon, fixes)
            facts.update(files=sorted({one.path for one in fixes}))
    return fixes


def _write_check_tokens(run: Run, report: CheckReport) -> None:
    ledger = run.ledger
    for finding in errors_in(run.findings):
        ledger.drift(LANE, finding.code, run.clean(_place(finding)))
    if report.structure_ok:
        ledger.emit(Token.STRUCTURE_OK, mode=report.mode)
    if report.mode is Mode.PUBLISH:
        ledger.skip(Token.DEV_LOCAL_BUILD_FORCED, "the mode is PUBLISH")
    elif report.local_build:
        ledger.emit(Token.DEV_LOCAL_BUILD_FORCED)
    if report.structure_ok:
        for name, why in report.runtime_folders:
            ledger.emit(_FOLDER_TOKENS[name], by=why)
    if report.manifest_ok:
        ledger.emit(Token.MANIFEST_OK, rating=report.rating)
    elif report.passed:
        ledger.skip(Token.MANIFEST_OK, "the default options wait for the user's values")


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
    with run.step("run the add-on's tests") as facts:
        outcome = run_tests(plan, run.progress.note)
        facts.update(passed=outcome.passed, failed=outcome.failed, coverage=outcome.coverage)
    _judge(run, project, outcome)
    return outcome


def _judge(run: Run, project: Project, tests: TestOutcome) -> None:
    """TESTS_OK, or the findings that say why not."""
    if tests.ok:
        run.ledger.emit(Token.TESTS_OK, passed=tests.passed, skipped=tests.skipped, coverage=tests.coverage)
    else:
        _add(run, _test_failure(tests))
    low = project.coverage_threshold > 0 and (tests.coverage or 0.0) < project.coverage_threshold
    if low:
        message = f"coverage is {tests.coverage} %, the threshold is {project.coverage_threshold:g} %"
        hint = "Add tests for what reports/coverage.xml shows as missed."
        _add(run, Finding("COVERAGE_LOW", Level.ERROR, message, hint=hint))


def _test_failure(tests: TestOutcome) -> Finding:
    if not tests.passed and not tests.failed and not tests.errors:
        message = f"no test was executed (pytest ended with {tests.exit_code}, {tests.skipped} skipped)"
        hint = "Name the tests' folder in [tool.bb8deploy], and read the lines above."
        return Finding("TESTS_EMPTY", Level.ERROR, message, hint=hint)
    message = f"{tests.failed} failed, {tests.errors} had errors, {tests.passed} passed"
    if not tests.failed and not tests.errors:
        message += f", yet pytest ended with {tests.exit_code}"
    return Finding(
        "TESTS_FAILED", Level.ERROR, message, hint="Read reports/pytest-report.xml, mend, run again."
    )


def _add(run: Run, finding: Finding) -> None:
    run.findings.append(finding)
    run.ledger.drift(LANE, finding.code, run.clean(_place(finding)))


def _write_ready(run: Run, project: Project, outcome: ValidateOutcome, *, with_tests: bool) -> None:
    if errors_in(run.findings):
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


def _conclude(run: Run, project: Project, outcome: ValidateOutcome) -> None:
    errors = errors_in(run.findings)
    run.facts["validate"] = {"mode": str(outcome.report.mode), "rating": outcome.report.rating}
    _contract(run, project, outcome, passed=not errors)
    if not errors:
        return
    tail = outcome.tests.tail if outcome.tests and not outcome.tests.ok else ()
    more = [f"... and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
    raise VALIDATE_FAILED(
        f"{len(errors)} error(s) in the add-on, the first: {errors[0].code}",
        details=[*map(_place, errors[:_SHOWN]), *more, *map(run.clean, tail)],
    )


def _contract(run: Run, project: Project, outcome: ValidateOutcome, *, passed: bool) -> None:
    from bb8deploy.runs.contracts.validate import ValidateContract

    report = outcome.report
    base: dict[str, Any] = run.contract_base("validate_contract_v1", version=report.version, passed=passed)
    run.write_contract(
        ValidateContract(
            **base,
            mode=report.mode.value,
            profile=project.profile,  # type: ignore[arg-type]  # find_project knows these two alone
            rating=report.rating,
            structure_ok=report.structure_ok,
            manifest_ok=report.manifest_ok,
            tests=_tests_model(project, outcome.tests),
            fixed=tuple(sorted({one.path for one in outcome.fixes})) if not run.dry_run else (),
        )
    )


def _tests_model(project: Project, tests: TestOutcome | None) -> Any:
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
