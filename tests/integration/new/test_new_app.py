"""A user who follows only what `bb8deploy new` prints gets to a verified and published app."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bb8deploy.base.cache_folder import cache_dir

pytestmark = pytest.mark.e2e
MOST_COMMANDS = 8
MOST_SECONDS = 300.0


@dataclass
class Beginner:
    """A shell in a folder, with the tool on its PATH and a cache of its own."""

    home: Path
    here: Path
    said: list[str] = field(default_factory=list)

    def types(self, line: str) -> str:
        """Runs a line as it was printed and follows its `cd`; returns what it prints."""
        script = f'{line}\ncode=$?\npwd >"{self.home}/pwd"\nexit $code'
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.here, env=self._environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        self.here = Path((self.home / "pwd").read_text(encoding="utf-8").strip())
        self.said.append(done.stdout)
        return done.stdout

    def _environment(self) -> dict[str, str]:
        config = self.home / "gitconfig"
        config.write_text("[user]\n\tname = Ann\n\temail = ann@example.org\n", encoding="utf-8")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HA_", "MQTT_"))},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "BB8DEPLOY_CACHE": str(self.home / "cache"),
            "GIT_CONFIG_GLOBAL": str(config),
        }


@pytest.fixture
def beginner(tmp_path: Path) -> Beginner:
    """The environments of tests are kept between runs, as in a user's cache."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "venvs").symlink_to(cache_dir("venvs"))
    (tmp_path / "desk").mkdir()
    return Beginner(tmp_path, tmp_path / "desk")


def printed(said: str) -> list[str]:
    """The commands that `new` printed, each without its comment."""
    return [line.partition("  #")[0].strip() for line in said.splitlines() if line.startswith("  ")]


def _computed() -> float:
    """CPU seconds of all that was typed so far: the same on a busy machine."""
    times = os.times()
    return times.children_user + times.children_system


def follows(beginner: Beginner, *words: str) -> str:
    """Creates an app, then types each printed command; returns everything that was printed."""
    begin, before = _computed(), len(beginner.said)
    commands = [" ".join(("bb8deploy", *words))]
    commands += printed(beginner.types(commands[0]))
    try:
        for line in commands[1:]:
            beginner.types(line)
    finally:
        beginner.types("bb8deploy sandbox down || true")
    everything = "".join(beginner.said[before:])
    assert "DRIFT:" not in everything
    assert _computed() - begin < MOST_SECONDS
    assert len(commands) <= MOST_COMMANDS, commands
    return everything


def test_the_printed_commands_lead_to_a_published_app_and_to_a_second_one(beginner: Beginner) -> None:
    first = follows(beginner, "new", "hello_lamp")
    for token in ("WS_READY", "MANIFEST_OK rating=6", "BUMP_OK", "SUBTREE_PUBLISH_OK"):
        assert f"TOKEN: {token}" in first, token
    assert first.count("proof=sealed") >= 2, "the deploy and the release are proven"
    assert "TOKEN: TAG_OK tag=hello_lamp-0.1.1" in first
    second = follows(beginner, "new", "door_bell", "--language", "shell")
    for token in ("WS_READY", "MANIFEST_OK rating=6", "BUMP_OK", "SUBTREE_PUBLISH_OK"):
        assert f"TOKEN: {token}" in second, token
    assert second.count("proof=sealed") >= 2
    assert "TOKEN: TAG_OK tag=door_bell-0.1.1" in second
    assert "slug=local_door_bell" in second
    assert "local_hello_lamp" not in second
    assert beginner.types("git status --porcelain") == ""


def test_a_setting_of_another_app_is_refused_before_anything_is_sent(beginner: Beginner) -> None:
    beginner.types("bb8deploy new hello_lamp")
    beginner.types("cd hello_lamp && printf 'HA_REMOTE_SLUG=local_other\nHA_MOUNT=/nowhere/x\n' > .env")
    said = beginner.types("bb8deploy deploy 2>&1 || true")
    assert "error SETTING_INVALID: HA_REMOTE_SLUG is `local_other`" in said
