"""Runs every rule over an app once, and returns the findings and which groups of rules passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.terminal_safe_text import plain
from bb8deploy.catalogue.rule_definitions.all_rules import found
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.reading.app_facts import AddonFacts, gather
from bb8deploy.checks.rules import (
    bb8_app,
    config_yaml,
    container_start,
    dockerfile_and_build,
    external_linters,
    folder_contents,
    install_mode,
    leaked_secrets,
    options_and_translations,
    shell_scripts,
    version_agreement,
)

RuleSet = Callable[[AddonFacts], Iterator[Finding]]
STRUCTURE: tuple[RuleSet, ...] = (
    folder_contents.check,
    shell_scripts.check,
    external_linters.check,
    dockerfile_and_build.check,
    container_start.check,
    bb8_app.check,
    leaked_secrets.check,
    version_agreement.check,
    install_mode.check,
)
MANIFEST: tuple[RuleSet, ...] = (config_yaml.check, options_and_translations.check)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What lane 1 found without running tests.

    `structure_ok`, `manifest_ok`: no rule of that group failed, and the whole tree was read; manifest_ok
    asks for passing default options too, in every profile. `local_build` holds if the Supervisor would
    build this folder. `runtime_folders` are the `tools` and `scripts` folders that may stay, with why.
    """

    findings: tuple[Finding, ...]
    mode: Mode
    rating: int | None
    version: str
    structure_ok: bool
    manifest_ok: bool
    local_build: bool
    runtime_folders: tuple[tuple[str, str], ...]
    facts: AddonFacts

    @property
    def passed(self) -> bool:
        """No finding is an error."""
        return not any(finding.level is Level.ERROR for finding in self.findings)


def check_addon(
    addon: Path, *, workspace: Path | None, profile: str = "generic", mode: Mode | None = None
) -> CheckReport:
    """Every rule over the app in `addon`; `profile` is `generic` or `bb8`, `mode` None to find it."""
    facts = gather(addon, workspace=workspace, profile=profile, mode=mode)
    first = [finding for rule in STRUCTURE for finding in _guarded(rule, facts)]
    second = [finding for rule in MANIFEST for finding in _guarded(rule, facts)]
    defaults = options_and_translations.default_options(facts)
    # Without a readable config the rules about versions and modes had nothing to look at.
    structure_ok = not _failed(first) and facts.whole and facts.config is not None and facts.config.readable
    return CheckReport(
        findings=tuple(sorted({*first, *second}, key=_order)),
        mode=facts.mode,
        rating=_rating(facts),
        version=plain(str(facts.raw.get("version") or "")),
        structure_ok=structure_ok,
        manifest_ok=not _failed(second) and bool(defaults and defaults.valid),
        local_build=structure_ok and facts.built_here and bool(facts.dockerfiles),
        runtime_folders=tuple(
            (name, why)
            for name in folder_contents.MARKED
            if name in facts.folders and (why := folder_contents.used(facts, name))
        ),
        facts=facts,
    )


def _guarded(rule: RuleSet, facts: AddonFacts) -> list[Finding]:
    """The rule's findings; a rule that stops on what an author wrote does not take the others with it."""
    try:
        return list(rule(facts))
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        name = rule.__module__.rpartition(".")[2]
        message = f"the rules of `{name}` stopped: {type(error).__name__}: {error}"
        return [found("RULE_FAILED", message)]


def _failed(findings: list[Finding]) -> bool:
    return any(finding.level is Level.ERROR for finding in findings)


def _rating(facts: AddonFacts) -> int | None:
    if not facts.verdict:
        return None
    return facts.verdict.rating_with_profile if container_start.has_profile(facts) else facts.verdict.rating


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.path, finding.line or 0, finding.column or 0, finding.code, finding.message
