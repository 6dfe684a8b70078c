"""A workspace with an embedded host, a helper that diagnoses it, and a port that swallows connections."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, open_lab

from bb8deploy.lanes.diagnose.check_result import Check, CheckLevel
from bb8deploy.lanes.diagnose.diagnose import Diagnosis, diagnose


@dataclass(frozen=True)
class Seen:
    """A diagnosis, easy to ask."""

    diagnosis: Diagnosis

    @property
    def exit_code(self) -> int:
        return self.diagnosis.exit_code

    @property
    def troubles(self) -> set[str]:
        return {trouble.name for trouble in self.diagnosis.troubles}

    def named(self, subject: str, name: str) -> Check:
        """The one check of that name."""
        (found,) = [c for c in self.diagnosis.checks if (c.subject, c.name) == (subject, name)]
        return found

    def level(self, subject: str, name: str) -> CheckLevel:
        return self.named(subject, name).level

    def failed(self) -> dict[str, str]:
        """`subject/name` and code of everything that failed."""
        return {f"{c.subject}/{c.name}": c.code for c in self.diagnosis.checks if c.level is CheckLevel.FAIL}

    def warned(self) -> dict[str, str]:
        """`subject/name` and code of everything that deserves attention, but how busy this machine is."""
        rows = [c for c in self.diagnosis.checks if c.level is CheckLevel.WARN and c.code != "SHELL_SLOW"]
        return {f"{c.subject}/{c.name}": c.code for c in rows}

    def subjects(self) -> list[str]:
        return list(dict.fromkeys(check.subject for check in self.diagnosis.checks))


def look(lab: Lab, **flags: str) -> Seen:
    """Diagnoses the lab with these settings changed."""
    run = lab.run(dry_run=True, **flags)
    return Seen(diagnose(run))


def runtime(lab: Lab) -> Path:
    """The app's folder on the host."""
    return lab.box.local_root / "beep_boop_bb8"


@pytest.fixture(autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that answers is asked over ssh, however busy this machine is."""
    if "black_hole" not in request.fixturenames:
        monkeypatch.setattr("bb8deploy.lanes.diagnose.diagnose.PATIENCE", 60.0)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A sandbox that has never seen the app, over ssh."""
    with open_lab(tmp_path) as made:
        yield made


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port whose queue is full: the kernel drops further connections without a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        yield port
        for each in waiting:
            each.close()
