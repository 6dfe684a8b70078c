"""What goes onto the remote is held against the rules first: the committed tree itself, as a store."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.integration.desk import CONFIG, Desk

from bb8deploy.base.errors import CheckFailed
from bb8deploy.lanes.publish.publish import publish

ROOT = Path(__file__).parents[3]
BB8 = '[tool.bb8deploy]\nprofile = "bb8"\n'


def refused(desk: Desk) -> CheckFailed:
    """A publish that the rules stop: nothing reaches the remote, no token is written."""
    run = desk.run()
    with pytest.raises(CheckFailed) as caught:
        publish(run)
    assert caught.value.code == "TREE_UNFIT"
    assert desk.at_store("for-each-ref") == ""
    assert run.ledger.held() == []
    contract = json.loads((run.folder / "publish_contract_v1.json").read_text())
    assert contract["verdict"] == "FAIL"
    assert contract["findings"]
    return caught.value


def warnings(desk: Desk) -> list[str]:
    return [note.removeprefix("warning ") for note in desk.recorder.notes if note.startswith("warning ")]


def own_addon(desk: Desk) -> None:
    """This project's app takes the place of the small one."""
    shutil.rmtree(desk.addon)
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "addon"], capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        (desk.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, desk.root / name)
    desk.commit("pyproject.toml", BB8, "Take the project's own app")


def test_this_projects_own_add_on_makes_a_store_without_a_word_of_warning(desk: Desk, tmp_path: Path) -> None:
    own_addon(desk)
    publish(desk.run())
    assert warnings(desk) == []
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(desk.store), str(clone)], check=True)
    names = {str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file()}
    assert names >= {
        "repository.yaml", "config.yaml", "README.md", "DOCS.md", "CHANGELOG.md", "icon.png", "logo.png",
        "translations/en.yaml", "Dockerfile", "apparmor.txt",
    }  # fmt: skip
    assert not (clone / "build_stamp.json").exists()


def test_a_config_that_the_supervisor_would_drop_never_reaches_the_remote(desk: Desk) -> None:
    desk.commit("addon/config.yaml", CONFIG + "startup: sometimes\n", "Break a key")
    error = refused(desk)
    assert any(line.startswith("CONFIG_INVALID: config.yaml:") for line in error.details)


def test_a_secret_that_was_committed_never_reaches_the_remote(desk: Desk) -> None:
    begin, end = ("-----" + word + " OPENSSH PRIVATE KEY-----" for word in ("BEGIN", "END"))
    desk.commit("addon/key", f"{begin}\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n{end}\n", "Forget a key")
    assert any("SECRET_KEY" in line for line in refused(desk).details)


def test_a_file_that_git_ignores_is_not_looked_at_since_it_is_not_published(desk: Desk) -> None:
    desk.commit(".gitignore", "reports/\nconfig.json\n", "Ignore one")
    (desk.addon / "config.json").write_text("{}")
    publish(desk.run())
    assert "config.json" not in desk.at_store("ls-tree", "--name-only", "main")


def test_a_tree_that_is_not_a_store_is_refused_where_the_project_is_one(desk: Desk) -> None:
    own_addon(desk)
    desk.git("rm", "-q", "addon/repository.yaml")
    desk.git("commit", "-q", "-m", "No store any more")
    assert any("REPOSITORY_MISSING" in line for line in refused(desk).details)


def test_a_tree_that_is_not_a_store_is_refused_elsewhere_too(desk: Desk) -> None:
    """Home Assistant refuses a repository without repository.yaml, whichever profile the app has."""
    desk.git("rm", "-q", "addon/repository.yaml")
    desk.git("commit", "-q", "-m", "No store")
    error = refused(desk)
    assert any(line.startswith("REPOSITORY_MISSING: repository.yaml: ") for line in error.details)
