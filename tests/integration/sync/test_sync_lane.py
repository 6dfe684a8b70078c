"""Lane 2 against real hosts: what arrives, what survives, what is said."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from tests.integration.sync.conftest import FILES, Lab, MakeLab

from bb8deploy.base.errors import Bb8Error, CheckFailed, UsageError
from bb8deploy.host.open_host import open_host
from bb8deploy.lanes.release.lane_calls import real_lanes
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.sync.sync import sync
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.settings.load_settings import load
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import walk

IGNORE = Ignore.parse("")


def go(lab: Lab, **options: object) -> SyncOutcome:
    """One whole sync."""
    with lab.host() as host:
        return sync(lab.run(), host, **options)  # type: ignore[arg-type]


def tokens(lab: Lab) -> list[str]:
    return (lab.workspace / "reports/deploy_receipt.txt").read_text().splitlines()


def test_the_whole_tree_arrives_with_odd_names_links_and_executable_bits(lab: Lab) -> None:
    outcome = go(lab)
    assert lab.on_host() == FILES
    assert os.access(lab.runtime / "run.sh", os.X_OK)
    assert not os.access(lab.runtime / "config.yaml", os.X_OK)
    assert (lab.runtime / "a b/link").readlink() == Path("../run.sh")
    assert outcome.digest == walk(lab.addon, Ignore.of_workspace(lab.workspace)).digest
    assert not lab.lock_folder.exists()


def test_the_tokens_say_what_was_seen(lab: Lab) -> None:
    outcome = go(lab)
    lines = tokens(lab)
    assert [line.split()[1] for line in lines] == (["SSH_HA_OK"] if lab.sshd else []) + ["CLEAN_RUNTIME_OK"]
    assert f"tree={outcome.digest}" in lines[-1]


def test_the_stamp_names_version_tree_commit_and_run(lab: Lab) -> None:
    outcome = go(lab)
    stamp = json.loads((lab.runtime / "build_stamp.json").read_text())
    assert (stamp["version"], stamp["tree"], stamp["run"]) == (
        "2026.1.1.0",
        outcome.digest,
        outcome.run_id_on_host,
    )
    assert stamp["commit"].endswith("-dirty")
    assert not (lab.addon / "build_stamp.json").exists()


def test_a_second_sync_sends_nothing_and_names_the_earlier_run(lab: Lab) -> None:
    first = go(lab)
    before = (lab.runtime / "config.yaml").stat()
    second = go(lab)
    assert second.nothing_to_do
    assert second.run_id_on_host == first.run_id_on_host
    assert second.archive is None
    assert (lab.runtime / "config.yaml").stat().st_mtime_ns == before.st_mtime_ns
    assert (lab.runtime / "config.yaml").stat().st_ino == before.st_ino
    assert tokens(lab)[-1].startswith("TOKEN: CLEAN_RUNTIME_OK")


def test_changes_deletions_and_new_executable_bits_arrive(lab: Lab) -> None:
    go(lab)
    (lab.addon / "run.sh").write_text("#!/bin/sh\nexec false\n")
    (lab.addon / "-dash").unlink()
    (lab.addon / "Dockerfile").chmod(0o755)
    (lab.addon / "a b/link").unlink()
    (lab.addon / "a b/link").write_text("now a file")
    (lab.addon / "deep/er").mkdir(parents=True)
    (lab.addon / "deep/er/x").write_text("x")
    (lab.addon / "é/ü.txt").unlink()
    outcome = go(lab)
    expected = {**FILES, "run.sh": "#!/bin/sh\nexec false\n", "a b/link": "now a file", "deep/er/x": "x"}
    del expected["-dash"], expected["é/ü.txt"]
    assert lab.on_host() == expected
    assert os.access(lab.runtime / "Dockerfile", os.X_OK)
    assert not (lab.runtime / "é").exists()
    assert outcome.plan.changes.modes == ("Dockerfile",)
    assert outcome.archive == f"{lab.state}/previous"


def test_the_earlier_tree_is_kept_whole_and_can_be_put_back(lab: Lab) -> None:
    go(lab)
    (lab.addon / "run.sh").write_text("#!/bin/sh\nexec false\n")
    go(lab)
    assert (lab.state / "previous/run.sh").read_text() == FILES["run.sh"]
    assert not list(lab.state.glob("next.*"))
    with lab.host() as host:
        run = lab.run()
        with host.lock(run):
            back = host.files.look_back("run.sh")
            assert (json.loads(back.stamp)["version"], back.same) == ("2026.1.1.0", False)
            assert host.files.look_back("config.yaml").same
            assert host.files.look_back("in/neither").same
            found = host.files.restore_previous(run.id, IGNORE).tree
    assert lab.on_host() == FILES
    assert "run.sh" in found.manifest.by_path
    assert (lab.state / "previous/run.sh").read_text() == "#!/bin/sh\nexec false\n"


@pytest.mark.parametrize("share_from", [1, 1_000_000_000])
def test_only_a_large_tree_shares_its_files_with_the_earlier_one(
    ssh_lab: Lab, monkeypatch: pytest.MonkeyPatch, share_from: int
) -> None:
    monkeypatch.setattr("bb8deploy.host.files.ssh_folder.SHARE_FROM", share_from)
    go(ssh_lab)
    (ssh_lab.addon / "run.sh").write_text("#!/bin/sh\nexec false\n")
    go(ssh_lab)
    now, before = ssh_lab.runtime / "Dockerfile", ssh_lab.state / "previous/Dockerfile"
    assert now.samefile(before) is (share_from == 1)
    assert (ssh_lab.state / "previous/run.sh").read_text() == FILES["run.sh"]
    with ssh_lab.host() as host:
        run = ssh_lab.run()
        with host.lock(run):
            host.files.restore_previous(run.id, IGNORE)
    assert ssh_lab.on_host() == FILES


def test_without_an_earlier_tree_there_is_nothing_to_put_back(lab: Lab) -> None:
    go(lab)
    with lab.host() as host:
        run = lab.run()
        with host.lock(run), pytest.raises(CheckFailed) as caught:
            host.files.restore_previous(run.id, IGNORE)
    assert caught.value.code == "PREVIOUS_MISSING"
    assert lab.on_host() == FILES


def test_ignored_files_of_the_host_survive_and_secrets_are_never_sent(lab: Lab) -> None:
    go(lab)
    (lab.runtime / "secrets.yaml").write_text("host's own")
    (lab.runtime / "bb8_core/cached.pyc").write_text("cache")
    (lab.runtime / "stray.txt").write_text("goes")
    (lab.runtime / "empty/folder").mkdir(parents=True)
    (lab.addon / "run.sh").write_text("#!/bin/sh\n")
    outcome = go(lab)
    assert (lab.runtime / "secrets.yaml").read_text() == "host's own"
    assert (lab.runtime / "bb8_core/cached.pyc").read_text() == "cache"
    assert not (lab.runtime / "stray.txt").exists()
    assert not (lab.runtime / "empty").exists()
    assert outcome.plan.kept == ("bb8_core/cached.pyc", "secrets.yaml")


def test_the_config_file_becomes_the_newest_even_when_it_did_not_change(lab: Lab) -> None:
    go(lab)
    old = time.time() - 10_000
    os.utime(lab.runtime / "config.yaml", (old, old))
    (lab.addon / "run.sh").write_text("#!/bin/sh\n")
    go(lab)
    newest = max(p.stat().st_mtime_ns for p in lab.runtime.rglob("*") if p.is_file())
    assert (lab.runtime / "config.yaml").stat().st_mtime_ns == newest


def test_a_hand_edit_on_the_host_is_seen_and_put_right(lab: Lab) -> None:
    go(lab)
    (lab.runtime / "bb8_core/main.py").write_text("print('hacked')\n")
    with lab.host() as host:
        foreseen = real_lanes().preview(lab.run(dry_run=True))
        outcome = sync(lab.run(), host)
    assert outcome.changed == ("bb8_core/main.py",)
    assert lab.on_host() == FILES
    assert foreseen[0].startswith("would refuse (HAND_EDITED) without --yes: files on ")
    assert foreseen[1].startswith("1 file(s) differ on the host")
    assert real_lanes().preview(lab.run(dry_run=True, assume_yes=True)) == [
        "0 file(s) differ on the host before the bump"
    ]
    warned = [line for line in lab.watcher.lines if "were edited by hand" in line]
    assert len(warned) == 1
    kept = warned[0].partition("kept in ")[2].partition(" until")[0]
    assert (Path(kept) / "bb8_core/main.py").read_text() == "print('hacked')\n"


def test_a_share_that_is_asked_for_and_not_set_is_named(ssh_lab: Lab) -> None:
    with pytest.raises(UsageError) as caught:
        open_host(load(ssh_lab.workspace, environ=ssh_lab.environ), ssh_lab.watcher, via="mount")
    assert (caught.value.code, "HA_MOUNT" in caught.value.cause) == ("SETTING_MISSING", True)
    assert "HA_SSH_HOST_ALIAS" not in caught.value.cause


def test_a_dry_run_shows_the_plan_and_changes_nothing(lab: Lab) -> None:
    go(lab)
    (lab.addon / "run.sh").write_text("#!/bin/sh\nexec false\n")
    (lab.addon / "blob").write_bytes(b"\0\1")
    (lab.addon / "-dash").unlink()
    before = sorted((str(p), p.lstat().st_mtime_ns) for p in lab.runtime.parent.rglob("*"))
    run = lab.run(dry_run=True)
    with lab.host() as host:
        outcome = sync(run, host, with_diff=True)
    assert sorted((str(p), p.lstat().st_mtime_ns) for p in lab.runtime.parent.rglob("*")) == before
    assert run.ledger.lines == []
    assert outcome.changed == ("-dash", "blob", "run.sh")
    assert outcome.diffs == (
        "--- host/-dash\n+++ /dev/null\n@@ -1 +0,0 @@\n-dash\n",
        "binary or large file blob: none -> 2 bytes\n",
        "--- host/run.sh\n+++ workspace/run.sh\n@@ -1,2 +1,2 @@\n #!/bin/sh\n-exec true\n+exec false\n",
    )


def test_a_dry_run_works_while_another_run_holds_the_lock(lab: Lab) -> None:
    go(lab)
    with lab.host() as other, other.lock(lab.run()), lab.host() as host:
        assert sync(lab.run(dry_run=True), host).nothing_to_do


@pytest.mark.parametrize("own", [False, True], ids=["absent", "with ours"])
def test_the_folder_of_all_apps_is_never_replaced(lab: Lab, own: bool) -> None:
    """The app's own name was forgotten in the setting; `--yes` does not lift it."""
    if own:
        go(lab)
    local_root, other = lab.runtime.parent, lab.runtime.parent / "zigbee"
    other.mkdir(parents=True)
    (other / "config.yaml").write_text("name: Z\nversion: '1'\nslug: zigbee\n")
    name = "HA_REMOTE_RUNTIME" if lab.sshd else "HA_MOUNT"
    before = {path: path.read_bytes() for path in local_root.rglob("*") if path.is_file()}
    lab.environ[name] = str(local_root)
    with lab.host() as host, pytest.raises(CheckFailed) as caught:
        sync(lab.run(assume_yes=True), host)
    assert caught.value.code == "RUNTIME_NOT_OURS"
    assert all(path.read_bytes() == data for path, data in before.items())
    assert other.is_dir()


def test_a_refusal_leaves_nothing_beside_a_folder_that_is_no_app(lab: Lab) -> None:
    wrong = lab.runtime.parent.parent / "media" / "films"
    wrong.mkdir(parents=True)
    (wrong / "one.txt").write_text("mine")
    lab.environ["HA_REMOTE_RUNTIME" if lab.sshd else "HA_MOUNT"] = str(wrong)
    before = sorted(wrong.parent.rglob("*"))
    with lab.host() as host, pytest.raises(CheckFailed) as caught:
        sync(lab.run(assume_yes=True), host)
    assert caught.value.code == "RUNTIME_NOT_OURS"
    assert sorted(wrong.parent.rglob("*")) == before


def test_a_repository_in_the_runtime_folder_is_left_alone(lab: Lab) -> None:
    (lab.runtime / ".git").mkdir(parents=True)
    (lab.runtime / ".git/HEAD").write_text("work")
    run = lab.run()
    with lab.host() as host, pytest.raises(CheckFailed) as caught:
        sync(run, host)
    assert caught.value.code == "RUNTIME_HAS_GIT"
    assert (lab.runtime / ".git/HEAD").read_text() == "work"
    assert "CLEAN_RUNTIME_OK" not in run.ledger.held()


def test_the_contract_reports_plan_cost_and_digests(lab: Lab) -> None:
    run = lab.run()
    with lab.host() as host:
        outcome = sync(run, host)
    told = json.loads((run.folder / "sync_contract_v1.json").read_text())
    assert told["verdict"] == "PASS"
    assert told["tree"] == told["digest_after"] == outcome.digest
    assert told["digest_before"] == ""
    assert told["plan"]["added"] == sorted(told["plan"]["added"])
    assert (told["connection"] is not None) is (lab.sshd is not None)
    assert outcome.expected == Expected("2026.1.1.0", outcome.digest, run.id)


def test_a_failure_leaves_a_contract_that_reports_it(lab: Lab) -> None:
    (lab.runtime / ".git").mkdir(parents=True)
    run = lab.run()
    with lab.host() as host, pytest.raises(Bb8Error):
        sync(run, host)
    told = json.loads((run.folder / "sync_contract_v1.json").read_text())
    assert told["verdict"] == "FAIL"
    assert told["findings"][0]["code"] == "RUNTIME_HAS_GIT"
    assert "CLEAN_RUNTIME_OK" not in told["tokens"]


def test_the_host_receipt_grows_by_each_run(lab: Lab) -> None:
    config = lab.folder / "config"
    config.mkdir()
    lab.environ["HA_CONFIG_MOUNT"] = str(config)
    for n in range(2):
        with lab.host() as host:
            run = lab.run()
            if n:
                with host.lock(run):
                    assert host.append_receipt(["TOKEN: A run=1", 'TOKEN: B x="a b" run=1'])
            else:
                assert host.append_receipt(["TOKEN: A run=0"])
    receipt = (lab.folder if lab.sshd else config) / "reports/deploy_receipt.txt"
    assert receipt.read_text() == 'TOKEN: A run=0\nTOKEN: A run=1\nTOKEN: B x="a b" run=1\n'


def test_a_receipt_without_a_way_to_it_is_reported(lab: Lab) -> None:
    blocked = lab.folder / "blocked"
    blocked.write_text("a file where a folder is needed")
    lab.environ["HA_REPORTS_DIR"] = str(blocked)
    with lab.host() as host:
        assert not host.append_receipt(["TOKEN: A run=0"])
        with host.lock(lab.run()):
            assert not host.append_receipt(["TOKEN: A run=0"])


def test_a_file_of_the_host_can_be_read(lab: Lab) -> None:
    go(lab)
    (lab.runtime / "secrets.yaml").write_text("HA_LLAT_KEY: é")
    with lab.host() as host:
        assert host.files.read(f"{lab.runtime}/secrets.yaml") == "HA_LLAT_KEY: é".encode()
        assert host.files.read(f"{lab.runtime}/absent") is None


def test_the_real_rsync_gives_the_same_tree(make_lab: MakeLab) -> None:
    if not shutil.which("rsync"):
        pytest.skip("SKIPPED: rsync is not installed")
    lab = make_lab("mount")
    (lab.addon / "only/empty").mkdir(parents=True)
    go(lab, by_rsync=True)
    assert lab.on_host() == FILES
    (lab.runtime / "secrets.yaml").write_text("host's own")
    (lab.addon / "-dash").unlink()
    go(lab, by_rsync=True)
    assert lab.on_host() == {**{k: v for k, v in FILES.items() if k != "-dash"}, "secrets.yaml": "host's own"}
    assert go(lab).nothing_to_do


def test_facts_come_with_the_lock(ssh_lab: Lab) -> None:
    with ssh_lab.host() as host, host.lock(ssh_lab.run()):
        channels = host.transport.stats.channels  # type: ignore[union-attr]
        facts = host.facts()
        assert facts is not None
        assert facts.has("tar", "find", "sha256sum")
        assert abs(facts.clock - time.time()) < 600
        assert host.transport.stats.channels == channels  # type: ignore[union-attr]


def test_commands_go_through_sudo_where_the_settings_say_so(make_lab: MakeLab, tmp_path: Path) -> None:
    lab = make_lab("busybox")
    assert lab.sshd
    sudo = lab.sshd.folder / "busybox/sudo"
    sudo.write_text(f'#!/bin/sh\nprintf "%s " "$1" >> {tmp_path}/asked\nshift\nexec "$@"\n')
    sudo.chmod(0o755)
    lab.environ["HA_SSH_SUDO"] = "yes"
    try:
        go(lab)
        assert set((tmp_path / "asked").read_text().split()) == {"-n"}
        sudo.write_text('#!/bin/sh\necho "sudo: a password is required" >&2\nexit 1\n')
        with pytest.raises(Bb8Error) as caught:
            go(lab)
    finally:
        sudo.unlink()
    assert caught.value.code == "HOST_SUDO_REFUSED"


def test_auto_takes_the_share_when_the_ssh_host_is_away(make_lab: MakeLab) -> None:
    lab = make_lab("mount")
    environ = {**lab.environ, "HA_SSH_HOST_ALIAS": "root@127.0.0.1:1"}
    with open_host(load(lab.workspace, environ=environ), lab.watcher) as host:
        assert host.files.route == "mount"
    assert "using the mounted folder" in lab.watcher.lines[-1]
    with pytest.raises(Bb8Error) as caught:
        open_host(load(lab.workspace, environ=environ), lab.watcher, via="ssh")
    assert caught.value.code == "SSH_NO_CONNECTION"
