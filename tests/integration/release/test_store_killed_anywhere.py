"""A store on an embedded host: `release --all-changed` that is killed ends, resumed, as if undisturbed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.deploylab import DEADLINE, Lab, command, config, env_file, environment, open_lab
from tests.integration.desk import REPOSITORY, sh
from tests.integration.release.test_release_killed_anywhere import DRIVER
from tests.integration.small_addon import DIES, DOCKERFILE, RUN_SH

pytestmark = pytest.mark.e2e

APPS = ("fan", "lamp")
# Before the commit, between two deploys, and on both sides of the push.
MOMENTS = [
    ("bump", "started"),
    ("send and swap", "done"),
    ("release: deploy", "done"),
    ("publish: push", "done"),
    ("release: publish", "done"),
]


@dataclass
class StoreSite:
    """The deploy lab, whose workspace is a store with two apps, and its bare remote."""

    lab: Lab
    store: Path

    def at_store(self, *words: str) -> str:
        return sh(self.store, "git", *words)

    def version(self, app: str) -> str:
        """The version in an app's config."""
        lines = (self.lab.folder / app / "config.yaml").read_text().splitlines()
        return next(line.split('"')[1] for line in lines if line.startswith("version:"))

    def change(self, text: str = "") -> dict[str, str]:
        """Commits a change of both apps; gives the versions that a patch will make of it."""
        made = {}
        for app in APPS:
            major, minor, patch = self.version(app).split(".")
            made[app] = f"{major}.{minor}.{int(patch) + 1}"
            (self.lab.folder / app / "run.sh").write_text(text or f"{RUN_SH}# {made[app]}\n")
        self.lab.git("commit", "-q", "-a", "-m", "fix: change both")
        return made

    def release(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs `bb8deploy release` at the root of the store."""
        return command(self.lab, "release", *words)

    def assert_released(self, versions: dict[str, str]) -> None:
        """Both apps run on the host, and the remote has the commit with both tags, each once."""
        head = self.lab.git("rev-parse", "HEAD")
        assert self.at_store("rev-parse", "main") == head
        for app, version in versions.items():
            state = self.lab.box.call("GET", f"/addons/local_{app}/info")
            assert isinstance(state, dict)
            assert (state["version"], state["state"]) == (version, "started")
            assert self.at_store("rev-parse", f"{app}-{version}^{{commit}}") == head
            assert self.lab.git("rev-parse", f"{app}-{version}") == self.at_store(
                "rev-parse", f"{app}-{version}"
            )
        assert self.lab.git("status", "--porcelain") == ""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSite]:
    """One host for all: each test finds the versions before its own released."""
    folder = tmp_path_factory.mktemp("shop")
    with open_lab(folder) as lab:
        shutil.rmtree(lab.addon)
        for app in APPS:
            home = lab.folder / app
            home.mkdir()
            (home / "config.yaml").write_text(config("1.0.0").replace("beep_boop_bb8", app))
            (home / "Dockerfile").write_text(DOCKERFILE)
            (home / "run.sh").write_text(RUN_SH)
            (home / "run.sh").chmod(0o755)
            (home / "CHANGELOG.md").write_text("# Changelog\n\n## 1.0.0\n\n- First\n")
        (lab.folder / "repository.yaml").write_text(REPOSITORY)
        (lab.folder / "bb8deploy.toml").write_text('publish_remote = "origin"\n')
        sh(folder, "git", "init", "-q", "--bare", "-b", "main", str(folder / "store.git"))
        lab.git("branch", "-q", "-M", "main")
        lab.git("add", "-A")
        lab.git("commit", "-q", "-m", "Begin a store")
        lab.git("remote", "add", "origin", str(folder / "store.git"))
        lab.git("push", "-q", "-u", "origin", "main")
        root = lab.environ["HA_REMOTE_RUNTIME"].rpartition("/")[0]
        env_file(lab, MQTT_HOST="", HA_REMOTE_RUNTIME=f"{root}/{{slug}}", HA_REMOTE_SLUG="")
        made = StoreSite(lab, folder / "store.git")
        first = made.release("--all-changed")
        assert first.returncode == 0, first.stdout + first.stderr
        made.assert_released(dict.fromkeys(APPS, "1.0.0"))
        yield made


@pytest.mark.parametrize(("step", "state"), MOMENTS)
def test_a_killed_release_of_all_apps_is_completed_by_resume(site: StoreSite, step: str, state: str) -> None:
    versions = site.change()
    words = [sys.executable, str(DRIVER), "SIGKILL", step, state, "release", "patch", "--all-changed"]
    killed = subprocess.run(
        words, cwd=site.lab.folder, env=environment(), capture_output=True, text=True, timeout=DEADLINE
    )
    assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
    for lock in (site.lab.folder / ".git").rglob("*.lock"):
        lock.unlink()  # what the message of GIT_LOCKED asks of the user after such a kill
    resumed = site.release("--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    site.assert_released(versions)
    subject = f"Release {', '.join(f'{app} {version}' for app, version in versions.items())}"
    assert site.lab.git("log", "--format=%s").splitlines().count(subject) == 1
    receipt = (site.lab.folder / "reports" / "publish_receipt.txt").read_text()
    assert receipt.count("TOKEN: SUBTREE_PUBLISH_OK") == receipt.count("TOKEN: TAG_OK") == len(APPS)
    deployed = (site.lab.folder / "reports" / "deploy_receipt.txt").read_text()
    assert deployed.count("TOKEN: VERIFY_OK") == len(APPS)


def test_one_app_is_released_from_its_folder_and_resumed_from_the_root(site: StoreSite) -> None:
    (site.lab.folder / "lamp" / "run.sh").write_text(DIES)
    site.lab.git("commit", "-q", "-a", "-m", "feat: die")
    earlier = site.version("lamp")
    failed = subprocess.run(
        [sys.executable, "-m", "bb8deploy", "release", "auto"],
        cwd=site.lab.folder / "lamp",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert failed.returncode == 4, failed.stdout + failed.stderr
    assert f"rolled back: {earlier} runs again" in failed.stderr
    (site.lab.folder / "lamp" / "run.sh").write_text(f"{RUN_SH}# mended\n")
    site.lab.git("commit", "-q", "-a", "-m", "fix: live")
    resumed = site.release("--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    version = site.version("lamp")
    assert version == f"1.{int(earlier.split('.')[1]) + 1}.0"
    assert site.at_store("rev-parse", f"lamp-{version}^{{commit}}") == site.lab.git("rev-parse", "HEAD")
    back = command(site.lab, "rollback", earlier, "--addon", "lamp")
    assert back.returncode == 0, back.stdout + back.stderr
    state = site.lab.box.call("GET", "/addons/local_lamp/info")
    assert isinstance(state, dict)
    assert state["version"] == earlier


def test_the_root_of_the_store_lists_its_apps_for_a_command_of_one(site: StoreSite) -> None:
    for words in (["publish"], ["status"], ["release", "patch"], ["deploy"], ["logs"], ["config"]):
        done = command(site.lab, *words)
        assert done.returncode == 2, words
        assert "has 2 apps: fan, lamp" in done.stderr, words
    done = command(site.lab, "publish", "--addon", "fan", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Layout: store" in done.stderr
