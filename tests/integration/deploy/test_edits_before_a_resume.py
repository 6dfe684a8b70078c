"""A deploy that was stopped after its sync never proves what may have been built from an edit on the host."""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import suppress

import pytest
from tests.integration.deploylab import SLUG, Lab, builds_fail, config
from tests.integration.small_addon import DOCKERFILE, RUN_SH, SILENT
from tests.integration.witness import runtime

from bb8deploy.base.errors import Bb8Error, NotVerified
from bb8deploy.lanes.deploy import deploy as deploys
from bb8deploy.lanes.deploy.deploy import DeployOptions
from bb8deploy.lanes.verify.verify import verify_host
from bb8deploy.lanes.verify.verify_attempt import Attempt
from bb8deploy.lanes.verify.verify_types import VerifyOutcome
from ha_sandbox.runtime.process_runtime import ProcessRuntime
from ha_sandbox.runtime.runtime_interface import BuildRequest

pytestmark = pytest.mark.e2e

SEALED = """FROM ghcr.io/home-assistant/base:3.23
COPY run.sh /usr/src/app/
CMD ["sh", "/usr/src/app/run.sh"]
"""
RESUME, AGAIN = DeployOptions(resume=True), DeployOptions()


class Killed(BaseException):
    """The end of a process in the middle of a deploy."""


@pytest.fixture(params=["ssh", "mount"])
def stopped(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """1.0.0 runs; a deploy of 1.0.1 was stopped between its sync and its verification."""
    if request.param == "mount":
        lab.leave_ssh_for_the_mount()
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    lab.deploy()
    lab.write(config=config("1.0.1"))
    stop_after_the_sync(lab)
    return lab


def stop_after_the_sync(lab: Lab, **flags: str) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deploys, "carry_out", killed)
        with pytest.raises(Killed):
            lab.deploy(**flags)


def build_from(lab: Lab, name: str, more: bytes) -> None:
    """Somebody edits a file on the host, updates the app there, and takes the edit back with its time."""
    path = runtime(lab) / name
    sent, info = path.read_bytes(), path.stat()
    path.write_bytes(sent + more)
    update(lab)
    path.write_bytes(sent)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def update(lab: Lab) -> None:
    lab.box.call("POST", "/store/reload")
    lab.box.call("POST", f"/store/addons/{SLUG}/update")
    assert lab.state()["version"] == "1.0.1"
    end = time.monotonic() + 60
    while not reports(lab, "1.0.1"):
        assert time.monotonic() < end, "1.0.1 runs and does not report itself"
        time.sleep(0.05)


def reports(lab: Lab, version: str) -> bool:
    """Whether the app that was started has reported its identity: the Supervisor does not wait for that."""
    logs = (path.read_text() for path in (lab.box.root / "logs").iterdir() if path.is_file())
    return any(f"IDENTITY version={version}" in log for log in logs)


def proofs(lab: Lab) -> list[str]:
    """The levels of proof in the newest run's VERIFY_OK lines."""
    return [
        dict(line.fields)["proof"]
        for line in lab.runs[-1].ledger.lines
        if str(line).startswith("TOKEN: VERIFY_OK")
    ]


def action(lab: Lab, options: DeployOptions, **flags: str) -> str:
    outcome = lab.deploy(options, **flags)
    assert outcome.verified
    return outcome.verified.action


def test_a_build_that_is_still_at_work_when_the_resume_looks_is_not_taken(
    stopped: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build reads an edit that is undone before the resume looks at the host."""
    reads, resumed = threading.Event(), threading.Event()
    building, real = threading.Thread(target=update, args=(stopped,)), ProcessRuntime.build

    def slow(self: ProcessRuntime, request: BuildRequest) -> str:
        if threading.current_thread() is not threading.main_thread() and not reads.is_set():
            built = real(self, request)
            reads.set()
            assert resumed.wait(60)
            return built
        return real(self, request)

    path = runtime(stopped) / "Dockerfile.amd64"
    sent = path.read_bytes()
    path.write_bytes(sent + b"ENV EDITED=yes\n")
    monkeypatch.setattr(ProcessRuntime, "build", slow)
    building.start()
    assert reads.wait(60)
    path.write_bytes(sent)
    going_on = deploys.carry_out

    def seen(attempt: Attempt) -> VerifyOutcome:
        resumed.set()
        return going_on(attempt)

    monkeypatch.setattr(deploys, "carry_out", seen)
    with suppress(NotVerified):  # the other job may start its container while ours is watched
        assert action(stopped, RESUME) == "rebuild"
    built_again = any("TOKEN: DEPLOY_OK" in line and "action=rebuild" in line for line in stopped.lines())
    assert proofs(stopped) == (["sealed"] if built_again else [])
    building.join(60)


@pytest.mark.parametrize("options", [RESUME, AGAIN], ids=["resume", "deploy again"])
def test_a_build_from_an_edit_that_was_taken_back_is_built_again(
    stopped: Lab, options: DeployOptions
) -> None:
    build_from(stopped, "Dockerfile.amd64", b"ENV EDITED=yes\n")
    assert action(stopped, options) == "rebuild"
    assert proofs(stopped) == ["sealed"]
    assert action(stopped, AGAIN) == "none"


def test_a_build_that_nothing_disturbed_is_not_made_again(stopped: Lab) -> None:
    update(stopped)
    assert action(stopped, RESUME) == "none"
    assert proofs(stopped) == ["sealed"]


def test_without_a_record_of_the_sync_nothing_is_taken_for_proven(stopped: Lab) -> None:
    update(stopped)
    shutil.rmtree(stopped.folder / "reports")
    assert action(stopped, AGAIN) == "rebuild"


def test_an_edit_that_is_still_there_stops_the_resume(stopped: Lab) -> None:
    (runtime(stopped) / "run.sh").write_text(SILENT + "# edited\n")
    update(stopped)
    with pytest.raises(Bb8Error) as caught:
        stopped.deploy(RESUME)
    assert caught.value.code == "HAND_EDITED"
    assert proofs(stopped) == []


def test_verify_alone_does_not_take_such_a_build_either(stopped: Lab) -> None:
    build_from(stopped, "Dockerfile.amd64", b"ENV EDITED=yes\n")
    run = stopped.run()
    assert verify_host(run).action == "rebuild"


def test_a_resume_with_a_stronger_level_proves_that_level(lab: Lab) -> None:
    lab.write(run_sh=RUN_SH, dockerfile=DOCKERFILE)
    lab.deploy()
    lab.write(config=config("1.0.1"))
    stop_after_the_sync(lab, BB8_VERIFY="stamp")
    update(lab)
    assert action(lab, RESUME, BB8_VERIFY="sealed") == "rebuild"
    assert proofs(lab) == ["sealed"]
    lab.write(config=config("1.0.2"))
    stop_after_the_sync(lab, BB8_VERIFY="sealed")
    assert action(lab, RESUME, BB8_VERIFY="stamp") == "update"
    assert proofs(lab) == ["stamp"]


def test_an_edit_between_two_deploys_that_was_taken_back_is_built_again(lab: Lab) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    lab.deploy()
    path = runtime(lab) / "Dockerfile.amd64"
    sent = path.read_bytes()
    path.write_bytes(sent + b"ENV EDITED=yes\n")
    lab.box.call("POST", f"/addons/{SLUG}/rebuild")
    path.write_bytes(sent)
    assert action(lab, AGAIN) == "rebuild"
    assert action(lab, AGAIN) == "none"


def test_another_workstation_takes_the_hosts_record(lab: Lab) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    lab.deploy()
    shutil.rmtree(lab.folder / "reports")
    assert action(lab, AGAIN) == "none"
    assert proofs(lab) == ["sealed"]


@builds_fail
def test_a_version_that_was_rolled_back_to_is_not_built_again(lab: Lab) -> None:
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    lab.deploy()
    lab.write(config=config("1.0.1"), dockerfile=f"{SEALED}RUN false\n")
    with pytest.raises(Bb8Error, match=r"1\.0\.0 runs again, verified"):
        lab.deploy()
    lab.write(config=config("1.0.0"), dockerfile=SEALED)
    assert action(lab, AGAIN) == "none"
