"""The baseline: the findings of an old store that its owner has accepted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bb8deploy.base.findings import Finding
from bb8deploy.catalogue.errors.validate import BASELINE_UNREADABLE


@dataclass(slots=True)
class Baseline:
    """Findings that an old store has accepted: how often each may occur."""

    left: Counter[str] = field(default_factory=Counter)

    @classmethod
    def load(cls, path: Path) -> Baseline:
        """Reads the file; raises UsageError if it is not a baseline."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            return cls(Counter({str(key): int(count) for key, count in data["findings"].items()}))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BASELINE_UNREADABLE(f"{path} cannot be read as a baseline: {error}") from error

    def takes(self, finding: Finding, folder: str) -> bool:
        """Whether the baseline has this finding; each entry is used up."""
        key = fingerprint(finding, folder)
        if self.left[key] <= 0:
            return False
        self.left[key] -= 1
        return True

    @property
    def rest(self) -> int:
        """How many entries no finding used: they are fixed."""
        return sum(count for count in self.left.values() if count > 0)


def fingerprint(finding: Finding, folder: str) -> str:
    """What names a finding although lines move: code, path in the repository, message."""
    path = "/".join(part for part in (folder, finding.path) if part and part != ".")
    return f"{finding.code} {path} {finding.message}"


def baseline_text(rows: Iterable[tuple[str, Finding]]) -> str:
    """The file for these findings, each with its app's folder."""
    counted = Counter(fingerprint(finding, folder) for folder, finding in rows)
    return json.dumps({"findings": dict(sorted(counted.items()))}, indent=2) + "\n"
