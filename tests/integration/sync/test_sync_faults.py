"""Faults of lane 2, as data: the right error and exit code, no false token, and a whole tree on the host."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.relay import Relay
from tests.integration.sshlab import Sshd, start_sshd
from tests.integration.sync.conftest import FILES, Lab, MakeLab, ssh_settings

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.lock.lock_owner import HostLocked
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.sync.sync import sync
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import Ignore

CASES = json.loads((Path(__file__).parents[2] / "cases/faults/sync_host.json").read_text())["cases"]
IGNORE = Ignore.parse("")
NEW_RUN_SH = "#!/bin/sh\nexec new\n"
NEW = {**{k: v for k, v in FILES.items() if k != "-dash"}, "run.sh": NEW_RUN_SH, "more": "x" * 20_000}
DEADLINE = 60.0
WHOLE = {"earlier", "new", "between"}


@pytest.fixture(scope="session")
def faulty_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A host whose commands are looked for in a folder of faults first."""
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "faults").mkdir()
    script = folder / "command"
    script.write_text(f'#!/bin/sh\nPATH={folder}/faults:$PATH exec sh -c "$SSH_ORIGINAL_COMMAND"\n')
    script.chmod(0o755)
    with start_sshd(folder, options=[f"ForceCommand {script}"]) as server:
        yield server


def arm(lab: Lab, case: dict[str, Any]) -> None:
    """Puts a program before the real one that goes wrong at its nth call."""
    assert lab.sshd
    hasher = "openssl" if shutil.which("openssl") else "sha256sum"
    name = hasher if case["tool"] == "hasher" else case["tool"]
    real = shutil.which(name)
    actions = {
        "kill": "kill -9 $PPID; exit 1",
        "kill after": f'{real} "$@"; kill -9 $PPID; exit 1',
        "fail": f'echo "{case.get("says", "")}" >&2; exit 1',
        "lie": "cat >/dev/null; exit 0",
        "stray": f'echo x > "{lab.runtime}/stray"; exec {real} "$@"',
        "wrong hash": f'{real} "$@" | sed "s/^[0-9a-f]/0/;s/^0[0-9a-f]/ff/"; exit 0',
    }
    place = lab.sshd.folder / "faults" / name
    count = lab.folder / "count"
    place.write_text(
        f"#!/bin/sh\nn=$(($(/bin/cat {count} 2>/dev/null || echo 0) + 1)); echo $n > {count}\n"
        f'if [ $n = {case["nth"]} ]; then {actions[case["how"]]}; fi\nexec {real} "$@"\n'
    )
    place.chmod(0o755)


def disarm(lab: Lab) -> None:
    assert lab.sshd
    for place in (lab.sshd.folder / "faults").iterdir():
        place.unlink()


def change(lab: Lab) -> None:
    """Gives the workspace something to send, remove and replace."""
    (lab.addon / "run.sh").write_text(NEW_RUN_SH)
    (lab.addon / "more").write_text("x" * 20_000)
    (lab.addon / "-dash").unlink()


def state(lab: Lab) -> str:
    """Which tree the runtime folder holds; anything that is neither is called torn."""
    if not lab.runtime.exists():
        beside = {child.name.split(".")[0] for child in lab.state.iterdir()}
        whole = (lab.state / "previous/-dash").exists() and "next" in beside
        return "between" if whole else "lost"
    found = {name: text for name, text in lab.on_host().items() if name != "secrets.yaml"}
    names = {"earlier": FILES, "new": NEW, "new and stray": {**NEW, "stray": "x\n"}}
    return next((name for name, files in names.items() if files == found), "torn")


def settle(lab: Lab) -> None:
    """Waits until the host has noticed that its client is gone: the lock goes by itself."""
    end = time.monotonic() + DEADLINE
    while lab.lock_folder.exists():
        assert time.monotonic() < end, "the lock did not go away with its connection"
        time.sleep(0.05)


def settled_state(lab: Lab) -> str:
    """What the host holds once the last command of a cut connection has ended.

    It may begin after the cut, and swap the tree while we look; what is torn stays torn.
    """
    end = time.monotonic() + DEADLINE
    while True:
        settle(lab)
        now = state(lab)
        if now in WHOLE or time.monotonic() > end:
            return now
        time.sleep(0.05)


@contextlib.contextmanager
def locked(lab: Lab, run: Run) -> Iterator[Host]:
    """The host under our lock; a busy one may begin the last command of a cut connection only now."""
    end = time.monotonic() + DEADLINE
    with contextlib.ExitStack() as kept:
        while True:
            settle(lab)
            try:
                host = kept.enter_context(lab.host())
                kept.enter_context(host.lock(run))
                break
            except HostLocked:
                assert time.monotonic() < end, "the lock did not go away with its connection"
        yield host


def first_sync(lab: Lab) -> None:
    with lab.host() as host:
        sync(lab.run(), host)
    (lab.runtime / "secrets.yaml").write_text("host's own")


def next_sync_puts_it_right(lab: Lab) -> None:
    """The next command restores what was between, clears what was left over, and brings the new tree."""
    run = lab.run()
    with locked(lab, run) as host:
        sync(run, host)
    assert lab.on_host() == {**NEW, "secrets.yaml": "host's own"}
    assert run.ledger.held() == ["SSH_HA_OK", "CLEAN_RUNTIME_OK"]
    end = time.monotonic() + DEADLINE
    while left := {child.name for child in lab.state.iterdir() if "earlier" not in child.name} - {"previous"}:
        assert time.monotonic() < end, left
        assert all(name.startswith("gone.") for name in left), left
        time.sleep(0.02)
    assert (lab.state / "previous/secrets.yaml").read_text() == "host's own"


def test_the_fault_table_is_not_empty_and_its_names_differ() -> None:
    assert len(CASES) >= 25
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_fault_on_the_host_ends_as_in_the_table(
    make_lab: MakeLab, faulty_sshd: Sshd, case: dict[str, Any]
) -> None:
    lab = make_lab("faulty")
    disarm(lab)
    first_sync(lab)
    change(lab)
    arm(lab, case)
    run = lab.run()
    try:
        with lab.host() as host, pytest.raises(Bb8Error) as caught:
            sync(run, host)
    finally:
        disarm(lab)
    assert caught.value.code.startswith(case["error"]), (caught.value, caught.value.details)
    assert caught.value.exit_code in (case["exit"] if isinstance(case["exit"], list) else [case["exit"]])
    assert run.ledger.held() == case["tokens"]
    assert state(lab) == case["state"]
    next_sync_puts_it_right(lab)


@pytest.fixture
def relayed(make_lab: MakeLab) -> Callable[..., tuple[Lab, Relay]]:
    """A lab whose connection goes through a relay."""
    lab = make_lab("busybox")
    assert lab.sshd
    server = lab.sshd

    def make(**options: Any) -> tuple[Lab, Relay]:
        relay = Relay(("127.0.0.1", server.port), **options)
        lab.environ.update(ssh_settings(server, relay.port))
        return lab, relay

    return make


def measure(relayed: Callable[..., tuple[Lab, Relay]]) -> tuple[Lab, int, int]:
    """A lab with the earlier tree in place, and the bytes up and down that the second sync takes."""
    lab, relay = relayed()
    with relay:
        first_sync(lab)
        counts = relay.counts
        before = counts.up, counts.down
        change(lab)
        with lab.host() as host:
            sync(lab.run(), host)
        return lab, counts.up - before[0], counts.down - before[1]


def back_to_earlier(lab: Lab) -> None:
    """Makes the host hold the earlier tree again, whatever it held."""
    run = lab.run()
    with locked(lab, run) as host:
        if state(lab) == "new":
            host.files.restore_previous(run.id, IGNORE)
    assert state(lab) == "earlier"


@pytest.mark.e2e
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_connection_cut_at_any_byte_leaves_a_whole_tree_and_no_false_token(
    relayed: Callable[..., tuple[Lab, Relay]], way: str
) -> None:
    lab, up, down = measure(relayed)
    total = up if way == "up" else down
    direct = dict(lab.environ)
    seen, codes = set(), set()
    for step in range(1, 20):
        lab.environ.update(ssh_settings(lab.sshd))  # type: ignore[arg-type]
        back_to_earlier(lab)
        at = total * step // 20 + step
        _, relay = relayed(**{f"cut_{way}": at})
        run = lab.run()
        with relay:
            try:
                with lab.host() as host:
                    sync(run, host)
            except HostLocked:
                settle(lab)  # by the last command of the connection that was cut before
            except Bb8Error as error:
                codes.add(error.exit_code)
        now = settled_state(lab)
        seen.add(now)
        assert now in WHOLE, f"cut {way} at byte {at} of {total}"
        if "CLEAN_RUNTIME_OK" in run.ledger.held():
            assert now == "new"
    lab.environ.update(direct)
    lab.environ.update(ssh_settings(lab.sshd))  # type: ignore[arg-type]
    assert "earlier" in seen
    assert codes == {3}
    next_sync_puts_it_right(lab)


@pytest.mark.e2e
@pytest.mark.parametrize("slice_", range(6))
def test_a_client_killed_at_any_time_leaves_a_whole_tree_and_a_lock_that_goes_away(
    relayed: Callable[..., tuple[Lab, Relay]], slice_: int
) -> None:
    lab, up, _ = measure(relayed)
    lab.environ.update(ssh_settings(lab.sshd))  # type: ignore[arg-type]
    back_to_earlier(lab)
    _, relay = relayed(rtt=0.02)
    environ = {**os.environ, **lab.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with relay:
        child = subprocess.Popen(
            [sys.executable, "-m", "bb8deploy", "sync"],
            cwd=lab.workspace,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        end = time.monotonic() + DEADLINE
        while relay.counts.up < up * (slice_ + 1) // 7 and child.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.002)
        child.kill()
        child.communicate()
    assert settled_state(lab) in WHOLE
    lab.environ.update(ssh_settings(lab.sshd))  # type: ignore[arg-type]
    next_sync_puts_it_right(lab)


def test_ctrl_c_lets_go_of_the_lock(relayed: Callable[..., tuple[Lab, Relay]]) -> None:
    lab, relay = relayed(rtt=0.05)
    environ = {**os.environ, **lab.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    (lab.addon / "big").write_bytes(os.urandom(3_000_000))
    with relay:
        child = subprocess.Popen(
            [sys.executable, "-m", "bb8deploy", "sync", "--json"],
            cwd=lab.workspace,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        end = time.monotonic() + DEADLINE
        while not lab.lock_folder.exists():
            assert time.monotonic() < end
            assert child.poll() is None, child.communicate()
            time.sleep(0.002)
        child.send_signal(2)
        out, err = child.communicate(timeout=DEADLINE)
    assert child.returncode in {0, 130}, err
    assert not lab.lock_folder.exists()
    assert json.loads(out)["exit_code"] == child.returncode


def test_the_real_rsync_works_over_ssh_too(make_lab: MakeLab, faulty_sshd: Sshd) -> None:
    if not shutil.which("rsync") or not shutil.which("ssh"):
        pytest.skip("SKIPPED: rsync or ssh is not installed")
    lab = make_lab("faulty")
    disarm(lab)
    for expected in (FILES, NEW):
        run = lab.run()
        with lab.host() as host:
            sync(run, host, by_rsync=True)
        assert lab.on_host() == expected
        assert run.ledger.held() == ["SSH_HA_OK", "CLEAN_RUNTIME_OK"]
        if expected is FILES:
            change(lab)
    told = json.loads((run.folder / "sync_contract_v1.json").read_text())
    assert told["route"] == "rsync"


def test_an_rsync_that_fails_leaves_the_earlier_tree(make_lab: MakeLab, faulty_sshd: Sshd) -> None:
    if not shutil.which("rsync") or not shutil.which("ssh"):
        pytest.skip("SKIPPED: rsync or ssh is not installed")
    lab = make_lab("faulty")
    disarm(lab)
    first_sync(lab)
    change(lab)
    arm(lab, {"tool": "rsync", "nth": 1, "how": "fail", "says": "sh: rsync: not found"})
    run = lab.run()
    try:
        with lab.host() as host, pytest.raises(Bb8Error) as caught:
            sync(run, host, by_rsync=True)
    finally:
        disarm(lab)
    assert caught.value.code == "RSYNC_FAILED"
    assert run.ledger.held() == ["SSH_HA_OK"]
    assert state(lab) == "earlier"
    next_sync_puts_it_right(lab)
