"""What a rule of validate is: its code, area, level, words and source."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bb8deploy.base.findings import Level

Profile = Literal["generic", "bb8"]


class RuleArea(StrEnum):
    """What a rule is about; each area is one section of docs/rules.md."""

    FILES = "files"
    CONFIG = "config"
    OPTIONS = "options"
    BUILD = "build"
    START = "start"
    SCRIPTS = "scripts"
    STRUCTURE = "structure"
    SECRETS = "secrets"
    STORE = "store"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of lane 1.

    `level` is that of the generic profile, `strict` that of the bb8 profile if it differs. `profile` is
    the first profile that the rule runs in: rules of `bb8` do not run for other apps. `since` is the release
    (of the Supervisor, unless `source` names another program) that brought the behaviour, "" if it is older
    than what was traced. `source` names the file or the observation behind the rule. `fixable` rules have a
    safe fix in `validate --fix`.
    """

    code: str
    area: RuleArea
    level: Level
    title: str
    why: str
    remedy: str
    source: str
    profile: Profile = "generic"
    since: str = ""
    fixable: bool = False
    strict: Level | None = None

    def level_in(self, profile: str) -> Level:
        """The rule's level in a profile."""
        return self.strict if profile == "bb8" and self.strict else self.level

    def page(self) -> str:
        """What `bb8deploy explain CODE` shows, as Markdown."""
        return (
            f"# {self.code}: {self.title}\n\n"
            f"{self._facts()}\n\n"
            f"**Why it matters.** {self.why}\n\n"
            f"**What to do.** {self.remedy}\n"
        )

    def _facts(self) -> str:
        strict = f" ({self.strict.value} in the bb8 profile)" if self.strict else ""
        parts = [
            f"Level: {self.level.value}{strict}",
            *([f"since {self.since}"] if self.since else []),
            f"source: {self.source}",
            *(["`validate --fix` fixes it"] if self.fixable else []),
            *(["only in the bb8 profile"] if self.profile == "bb8" else []),
        ]
        return ". ".join(part[0].upper() + part[1:] for part in parts) + "."
