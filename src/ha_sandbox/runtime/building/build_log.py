"""The log of a build in the words of BuildKit's plain output."""

from __future__ import annotations

from typing import NoReturn

from bb8deploy.checks.reading.dockerfile_parser import Instruction
from ha_sandbox.runtime.runtime_interface import BuildFailed

NO_BASE = (
    "The sandbox runs this step on this machine's own system, not on the image's base. "
    "To build on the real base, add `--docker` to the command that started the sandbox or demo."
)


class StepFailed(Exception):
    """A step failed; the text gives the reason. `hint` is a further line for the end of the log."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


class BuildLog:
    """Lines of one build; `file` and `text` are the Dockerfile's name and text."""

    def __init__(self, file: str, text: str, total: int) -> None:
        self._file = file
        self._source = text.splitlines()
        self._total = total
        self._number = 0
        self.lines: list[str] = []

    def begin(self, step: Instruction) -> None:
        """A step begins."""
        self._number += 1
        self.note(f"[{self._number}/{self._total}] {step.word} {step.value}")

    def note(self, line: str) -> None:
        """A line of the step under way."""
        self.lines.append(f"#{self._number} {line}")

    def fail(self, step: Instruction, why: str, hint: str = "") -> NoReturn:
        """Raises BuildFailed with the whole log and the failing step marked in the Dockerfile."""
        rule = "--------------------"
        self.note(f"ERROR: {why}")
        self.lines += ["------", f" > [{self._number}] {step.word} {step.value}:", "------"]
        self.lines += [f"{self._file}:{step.line}", rule]
        for number in range(max(1, step.line - 1), min(len(self._source), step.line + 2) + 1):
            mark = ">>>" if number == step.line else "   "
            self.lines.append(f"{number:4} | {mark} {self._source[number - 1]}")
        self.lines += [rule, f"ERROR: failed to build: failed to solve: {why}", *([hint] if hint else [])]
        raise BuildFailed("\n".join(self.lines))
