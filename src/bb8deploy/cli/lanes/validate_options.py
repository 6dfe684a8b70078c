"""What `validate` was asked for, and the files that it writes beside its answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bb8deploy.base.findings import Finding
from bb8deploy.catalogue.errors.validate import OUTPUT_UNWRITABLE
from bb8deploy.checks.baseline import Baseline
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.rule_selection import FailOn, Selection, check_code

if TYPE_CHECKING:
    from bb8deploy.checks.output.markdown_summary import FindingRow
    from bb8deploy.console.console import Console


@dataclass(frozen=True, slots=True)
class ValidateChoice:
    """The options of the command that decide what is checked and what fails."""

    mode: Mode | None
    with_tests: bool
    fix: bool
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    fail_on: FailOn | None
    target: str
    baseline: Path | None

    def selection(self, root: Path, *, own: bool = True) -> Selection:
        """The repository's settings with the options on top.

        With `own`, an ignore of the settings that ignores nothing is worth a warning; for one app of many it
        is not, because another app may need it.
        """
        from bb8deploy.checks.rule_selection import read_selection
        from bb8deploy.checks.rule_selection_file import load_selection

        for word in (*self.select, *self.ignore):
            check_code(word, "the command line")
        found = load_selection(root)
        target = read_selection({"target-supervisor": self.target}, "the command line").target
        return replace(
            found,
            select=self.select or found.select,
            extra_ignore=self.ignore,
            fail_on=self.fail_on or found.fail_on,
            target=target or found.target,
            report_unused=own,
        )

    def accepted(self) -> Baseline | None:
        """The baseline, if one was named."""
        return Baseline.load(self.baseline) if self.baseline else None


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where findings go besides the terminal."""

    github: bool
    sarif: Path | None
    summary: Path | None
    baseline: Path | None

    def check(self) -> None:
        """Raises UsageError for a path that cannot become a file, before anything is checked."""
        for path in (self.sarif, self.summary, self.baseline):
            if path and (path.is_dir() or not path.absolute().parent.is_dir()):
                raise OUTPUT_UNWRITABLE(f"{path} is a folder, or its folder does not exist")

    def write(
        self,
        console: Console,
        findings: Sequence[Finding],
        rows: Sequence[FindingRow],
        clean: Callable[[str], str] = str,
    ) -> None:
        """Writes what was asked for; the findings' paths are relative to the repository."""
        from bb8deploy.checks.output.text_and_github import github

        if self.github:
            for line in github(findings):
                console.text(line)
        if self.sarif:
            self._sarif(self.sarif, findings, clean)
        if self.baseline:
            from bb8deploy.checks.baseline import baseline_text

            _save(self.baseline, baseline_text(("", finding) for finding in findings))
        self._summary(rows, clean)

    def _sarif(self, path: Path, findings: Sequence[Finding], clean: Callable[[str], str]) -> None:
        import json

        from bb8deploy import __version__
        from bb8deploy.checks.output.sarif import sarif

        _save(path, clean(json.dumps(sarif(findings, __version__), indent=2)) + "\n")

    def _summary(self, rows: Sequence[FindingRow], clean: Callable[[str], str]) -> None:
        """Appends to --summary, and with --github to the job's summary page."""
        from bb8deploy.checks.output.markdown_summary import markdown

        page = os.environ.get("GITHUB_STEP_SUMMARY", "") if self.github else ""
        for path in filter(None, (self.summary, Path(page) if page else None)):
            try:
                with path.open("a", encoding="utf-8") as file:
                    file.write(clean(markdown(rows)))
            except OSError as error:
                raise OUTPUT_UNWRITABLE(f"{path} cannot be written: {error.strerror}") from error


def _save(path: Path, text: str) -> None:
    from bb8deploy.base.atomic_files import write_text

    try:
        write_text(path, text)
    except OSError as error:
        raise OUTPUT_UNWRITABLE(f"{path} cannot be written: {error.strerror}") from error
