"""Reads what the agent of the dev loop prints in the app's log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bb8deploy.plan.logs.identity_line import Expected, Identity, identities

_LINE = re.compile(r"\bBB8LIVE (?P<word>on|up|down|cannot)\b(?P<rest>.*)$")
_PAIR = re.compile(r'([\w-]+)=("[^"]*"|\S+)')


@dataclass(frozen=True, slots=True)
class AgentLine:
    """A line of the agent: `on` at the start of a container, `up` and `down` for new processes, `cannot`.

    `run` is the delivery that it is about; `reason` is why it cannot be brought into effect there.
    """

    word: Literal["on", "up", "down", "cannot"]
    run: str
    reason: str = ""


def told(line: str) -> AgentLine | None:
    """The agent's message in a line, None for any other line."""
    found = _LINE.search(line)
    if not found:
        return None
    pairs = {name: value.strip('"') for name, value in _PAIR.findall(found["rest"])}
    return AgentLine(found["word"], pairs.get("run", ""), pairs.get("reason", ""))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class DeliveryProgress:
    """What the log has shown of one delivery so far.

    `identity` is that of the new process; `up`: the agent saw the new processes live; `failed` and `cannot`
    say why it will not come.
    """

    identity: Identity | None = None
    up: bool = False
    failed: str = ""
    cannot: str = ""

    @property
    def proven(self) -> bool:
        """Whether the new process reported this delivery and lives."""
        return self.identity is not None and self.up and not self.failed


def progress(lines: Iterable[str], expected: Expected) -> DeliveryProgress:
    """What these lines show of the delivery that `expected` names. Lines of other deliveries do not count."""
    identity, up, failed, cannot = None, False, "", ""
    for line in lines:
        said = told(line)
        if said and said.run == expected.run:
            up = up or said.word == "up"
            failed = "its process ended again" if said.word == "down" else failed
            cannot = said.reason if said.word == "cannot" else cannot
        for one in identities([line]):
            identity = one if one.is_(expected) else identity
    return DeliveryProgress(identity, up, failed, cannot)
