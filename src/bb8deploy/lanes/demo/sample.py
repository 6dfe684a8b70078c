"""The sample app that comes with bb8deploy, as a workspace that can be released."""

from __future__ import annotations

import shutil
from pathlib import Path

from bb8deploy.lanes.demo.demo import BRANCH, configure
from bb8deploy.workspace.git import git

SAMPLE = Path(__file__).with_name("sample")
SETTINGS = {"MQTT_BASE_TOPIC": "hello"}
"""The settings that differ from the defaults for this app."""


def write_sample(folder: Path) -> None:
    """Writes the sample app to `folder`, replacing what is there, as a git repository with one commit."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    (folder / "addon" / "run.sh").chmod(0o755)  # a wheel does not have to keep modes
    (folder / ".gitignore").write_text("reports/\n.env\n__pycache__/\n", encoding="utf-8")
    git(folder, "init", "--quiet", f"--initial-branch={BRANCH}")
    configure(folder)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Add the sample app")
