"""What a host offers to the ssh user: asked once, together with the lock if one is taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bb8deploy.host.shell.program_output import AnswerPart


@dataclass(frozen=True, slots=True)
class HostFacts:
    """The user, the tools on its PATH, whether the Supervisor's token is in the environment.

    `clock` is the host's time in seconds since the epoch, 0 if it did not report it.
    """

    user: str = ""
    system: str = ""
    tools: frozenset[str] = frozenset()
    token_in_environment: bool = False
    clock: int = 0

    def has(self, *tools: str) -> bool:
        """True if all of these are on the PATH."""
        return self.tools.issuperset(tools)


def facts_of(parts: Iterable[AnswerPart]) -> HostFacts:
    """The facts in an answer; empty ones if it has none."""
    body = next((part.body for part in parts if part.name == "FACTS"), b"")
    pairs = [line.partition("=")[::2] for line in body.decode(errors="replace").splitlines() if "=" in line]
    single = dict(pairs)
    return HostFacts(
        user=single.get("user", ""),
        system=single.get("system", ""),
        tools=frozenset(value for name, value in pairs if name == "tool"),
        token_in_environment=single.get("token") == "environment",
        clock=int(now) if (now := single.get("now", "")).isdecimal() else 0,
    )
