"""The way to a git remote: real git, whose calls over the network meet the faults of the schedule."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.sim.engine.faults import OF_A_NETWORK, Fault
from tests.sim.engine.reads import remembering
from tests.sim.engine.wire import Wire

LOST = b"fatal: unable to access: Could not resolve host: example.org\n"
OVER_NETWORK = ("ls-remote", "fetch", "push")
MOVING = (Fault.DOUBLED, Fault.REORDERED)
"""What a push may meet: git itself, or anything in between, tries again."""


def remote_call(wire: Wire, real: Callable[..., Any], pushed: Callable[[], object]) -> Callable[..., Any]:
    """`workspace.git.call`; `pushed` looks at the remote after each push that reached it."""
    answer = remembering(real)

    def call(folder: Path, *words: str, **kw: Any) -> Any:
        verb = next((word for word in words if word in OVER_NETWORK), "")
        if not verb:
            return answer(folder, *words, **kw)

        def effect() -> Any:
            done = answer(folder, *words, **kw)
            if verb == "push":
                pushed()
            return done

        try:
            also = MOVING if verb == "push" else ()
            return wire.call(f"git {verb}", effect, ConnectionError, of=OF_A_NETWORK, also=also)
        except ConnectionError:
            return subprocess.CompletedProcess(["git", *words], 128, b"", LOST)

    return call
