"""Runs every rule over an add-on once and says what held."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.mode import Mode
from bb8deploy.checks.reading.facts import AddonFacts, gather
from bb8deploy.checks.rules import images, manifest, modes, options, scripts, secrets, structure, versions

STRUCTURE = (structure.check, scripts.check, images.check, secrets.check, versions.check, modes.check)
MANIFEST = (manifest.check, options.check)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What lane 1 found without running tests.

    `structure_ok`, `manifest_ok`: no rule of that group failed, and the whole tree was read; manifest_ok
    asks for passing default options too, whatever the profile. `local_build` holds where the Supervisor
    would build this folder. `runtime_folders` are the `tools` and `scripts` folders that may stay, with why.
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
    """Every rule over the add-on in `addon`; `profile` is `generic` or `bb8`, `mode` None to find it."""
    facts = gather(addon, workspace=workspace, profile=profile, mode=mode)
    first = [finding for rule in STRUCTURE for finding in rule(facts)]
    second = [finding for rule in MANIFEST for finding in rule(facts)]
    defaults = options.default_options(facts)
    # Without a readable config the rules about versions and modes had nothing to look at.
    structure_ok = not _failed(first) and facts.config is not None and facts.config.readable
    return CheckReport(
        findings=tuple(sorted({*first, *second}, key=_order)),
        mode=facts.mode,
        rating=_rating(facts),
        version=str(facts.raw.get("version") or ""),
        structure_ok=structure_ok,
        manifest_ok=not _failed(second) and bool(defaults and defaults.valid),
        local_build=structure_ok and "image" not in facts.raw and bool(facts.dockerfiles),
        runtime_folders=tuple(
            (name, why)
            for name in structure.MARKED
            if name in facts.folders and (why := structure.used(facts, name))
        ),
        facts=facts,
    )


def _failed(findings: list[Finding]) -> bool:
    return any(finding.level is Level.ERROR for finding in findings)


def _rating(facts: AddonFacts) -> int | None:
    if not facts.verdict:
        return None
    own_profile = "apparmor.txt" in facts.files
    return facts.verdict.rating_with_profile if own_profile else facts.verdict.rating


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.path, finding.line or 0, finding.column or 0, finding.code, finding.message
