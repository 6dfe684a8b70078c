"""`bb8deploy pull` against an embedded host."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, command, config

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.files.ssh_folder import SshFiles
from bb8deploy.lanes.pull.pull import PullOutcome, pull

pytestmark = pytest.mark.e2e


def folder(lab: Lab) -> Path:
    return lab.box.local_root / "beep_boop_bb8"


def edit(lab: Lab) -> None:
    """An edited file, a new one, and a removed one, on the host."""
    run_sh = folder(lab) / "run.sh"
    run_sh.write_text(run_sh.read_text().replace("sleep 0.2", "sleep 0.3"))
    (folder(lab) / "notes.txt").write_text("mine\n")


def pulled(lab: Lab) -> PullOutcome:
    return pull(lab.run())


def refused(lab: Lab, code: str) -> Bb8Error:
    before = {path: path.read_bytes() for path in lab.addon.rglob("*") if path.is_file()}
    with pytest.raises(Bb8Error) as caught:
        pulled(lab)
    assert caught.value.code == code
    assert {path: path.read_bytes() for path in lab.addon.rglob("*") if path.is_file()} == before
    return caught.value


def test_without_edits_there_is_nothing_to_do(lab: Lab) -> None:
    outcome = pulled(lab)
    assert (outcome.edited, outcome.left) == ((), ())


def test_the_command_shows_the_edits_then_takes_them(lab: Lab) -> None:
    edit(lab)
    seen = command(lab, "pull", "--dry-run")
    assert seen.returncode == 0, seen.stderr
    assert "+while :; do sleep 0.3; done" in seen.stdout
    assert lab.git("status", "--porcelain", "addon") == ""
    done = command(lab, "pull", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["changed"] == ["notes.txt", "run.sh"]
    assert (lab.addon / "run.sh").read_bytes() == (folder(lab) / "run.sh").read_bytes()
    assert (lab.addon / "run.sh").stat().st_mode & 0o100
    assert (lab.addon / "notes.txt").read_text() == "mine\n"
    lab.git("add", "-A")
    lab.git("commit", "-qm", "Pull")
    sent = command(lab, "deploy", "--yes")
    assert sent.returncode == 0, sent.stderr
    assert "TOKEN: VERIFY_OK" in sent.stdout


def test_a_file_that_changes_between_the_hash_and_the_copy_is_not_taken(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(lab)
    real = SshFiles.fetch

    def fetch(files: SshFiles, paths: Sequence[str]) -> dict[str, bytes]:
        (folder(lab) / "run.sh").write_text("#!/bin/sh\n# another version\n")
        return real(files, paths)

    monkeypatch.setattr(SshFiles, "fetch", fetch)
    assert "changed after it was hashed" in refused(lab, "PULL_NO_BASE").cause


def test_later_commits_here_are_merged_with_the_edits(lab: Lab) -> None:
    edit(lab)
    lab.write(run_sh=(lab.addon / "run.sh").read_text().replace("#!/bin/sh\n", "#!/bin/sh\n# newer\n"))
    lab.write(config=config("1.0.1"))
    lab.git("commit", "-qam", "Go on")
    assert pulled(lab).changed == ("notes.txt", "run.sh")
    text = (lab.addon / "run.sh").read_text()
    assert "# newer" in text
    assert "sleep 0.3" in text
    assert 'version: "1.0.1"' in (lab.addon / "config.yaml").read_text()


def test_edits_of_the_same_lines_are_a_conflict(lab: Lab) -> None:
    edit(lab)
    lab.write(run_sh=(lab.addon / "run.sh").read_text().replace("sleep 0.2", "sleep 9"))
    lab.git("commit", "-qam", "Sleep longer")
    error = refused(lab, "PULL_CONFLICT")
    assert error.details == ("run.sh",)


def test_uncommitted_work_is_not_overwritten(lab: Lab) -> None:
    edit(lab)
    text = (lab.addon / "run.sh").read_text()
    (lab.addon / "run.sh").write_text(text.replace("#!/bin/sh\n", "#!/bin/sh\n# in work\n"))
    refused(lab, "PULL_OVER_CHANGES")


def test_a_new_file_here_that_git_does_not_know_is_not_overwritten(lab: Lab) -> None:
    edit(lab)
    (lab.addon / "notes.txt").write_text("my own\n")
    refused(lab, "PULL_CONFLICT")


def test_what_was_sent_from_an_uncommitted_workspace_is_not_known_later(lab: Lab) -> None:
    lab.write(config=config("1.0.1"))
    lab.deploy()
    edit(lab)
    lab.write(config=config("1.0.2"))
    lab.git("commit", "-qam", "Another one")
    refused(lab, "PULL_NO_BASE")


def test_another_apps_folder_is_not_pulled(lab: Lab) -> None:
    (folder(lab) / "config.yaml").write_text("slug: other\n")
    refused(lab, "RUNTIME_NOT_OURS")


def test_a_folder_without_a_stamp_has_no_known_edits(lab: Lab) -> None:
    (folder(lab) / "build_stamp.json").unlink()
    refused(lab, "PULL_NO_BASE")
