"""A builder that is older than the Supervisor's: the failed build's last line names what it lacks."""

from __future__ import annotations

import pytest

from ha_sandbox.runtime.docker_runtime import old_builder

HEREDOC = "FROM x\nCOPY <<END /hello\nhi\nEND\n"
MOUNT = "FROM x\nRUN --mount=type=bind,target=/c ls /c\n"
PLAIN = "FROM x\nRUN echo $((1<<2))\n"


@pytest.mark.parametrize(
    ("text", "version", "buildkit", "named"),
    [
        (HEREDOC, "20.10.24+dfsg1", True, "Line 2 of the Dockerfile has a here-document"),
        (HEREDOC, "28.5.2", False, "here-document"),
        (HEREDOC, "28.5.2", True, ""),
        (MOUNT, "28.5.2", False, "has no BuildKit"),
        (MOUNT, "20.10.24", True, ""),
        (PLAIN, "20.10.24", False, ""),
    ],
)
def test_what_the_engine_cannot_build_is_named(text: str, version: str, buildkit: bool, named: str) -> None:
    hint = old_builder(text, version, buildkit=buildkit)
    assert named in hint
    assert bool(hint) == bool(named)
