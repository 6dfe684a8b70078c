"""What the catalogue knows of an error code: the class and exit code, the words, the default remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from bb8deploy.base.errors import Bb8Error, Code

E_co = TypeVar("E_co", bound=Bb8Error, covariant=True)
FIRST = "2026.11.23.0"
"""The first release; codes that came with it name no release of their own."""


class Area(StrEnum):
    """What an error is about; each area is one module of catalogue/errors and one page of docs/errors."""

    SSH = "ssh"
    HOST = "host"
    SUPERVISOR = "supervisor"
    APP = "app"
    BROKER = "broker"
    WORKSPACE = "workspace"
    VALIDATE = "validate"
    GIT = "git"
    PUBLISH = "publish"
    RELEASE = "release"
    SETTINGS = "settings"
    TOOL = "tool"


class CatalogueEntry(Protocol):
    """What every code has, of whichever kind: an error, a symptom or a rule of validate."""

    @property
    def code(self) -> str:
        """UPPER_SNAKE, the same in messages, JSON and receipts."""

    @property
    def title(self) -> str:
        """A few words without a full stop."""

    @property
    def remedy(self) -> str:
        """What to do; its first sentence is the remedy or hint that is printed."""

    def page(self) -> str:
        """What `bb8deploy explain CODE` prints, as Markdown."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """A code that `diagnose` or `report` shows as a finding; nothing is raised with it.

    `why` describes what it means and what follows from it. `since` is the release of bb8deploy that added it.
    """

    code: Code
    area: Area
    title: str
    why: str
    remedy: str
    since: str = FIRST

    @property
    def ends(self) -> str:
        """How it ends: as a finding in a report."""
        return "finding"

    def page(self) -> str:
        """What `bb8deploy explain CODE` prints, as Markdown."""
        return _page(self.code, self.title, self.ends, self.why, self.remedy)


@dataclass(frozen=True, slots=True)
class ErrorCode(Generic[E_co]):
    """A code that ends a command: `raise HOST_DISK_FULL("the disk of the host is full")`.

    `kind` is the exception class, which has the exit code. `why` describes what the error means and what
    follows from it. The first sentence of `remedy` is printed if the raise has no remedy of its own.
    `since` is the release of bb8deploy that added it.
    """

    code: Code
    area: Area
    kind: type[E_co]
    title: str
    why: str
    remedy: str
    since: str = FIRST

    def __call__(self, cause: str, remedy: str = "", *, details: Sequence[str] = ()) -> E_co:
        """The exception to raise. `cause` is one sentence about this case, without a full stop."""
        return self.kind(self.code, cause, remedy or first_sentence(self.remedy), details=details)

    @property
    def exit_code(self) -> int:
        """The exit code of a command that ends with this error."""
        return self.kind.exit_code

    @property
    def ends(self) -> str:
        """The exit code in words."""
        return f"exit code {self.exit_code}"

    def page(self) -> str:
        """What `bb8deploy explain CODE` prints, as Markdown."""
        return _page(self.code, self.title, self.ends, self.why, self.remedy)


def first_sentence(text: str) -> str:
    """The text up to the first full stop that ends a sentence."""
    head, stop, _rest = text.partition(". ")
    return f"{head}." if stop else head


def _page(code: str, title: str, ends: str, why: str, remedy: str) -> str:
    head = f"# {code}: {title}\n\n{ends[0].upper()}{ends[1:]}.\n\n"
    return f"{head}**What it means.** {why}\n\n**What to do.** {remedy}\n"
