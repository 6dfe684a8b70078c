"""Apps run in the sandbox: they are built, started, watched and stopped."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from bb8deploy.base.errors import CheckFailed
from ha_sandbox import Sandbox
from ha_sandbox.runtime import bubblewrap

SLUG = "local_beep_boop_bb8"


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def logs(box: Sandbox) -> str:
    return box.manager.log_of(SLUG).latest(1000)


@pytest.fixture(autouse=True)
def clean_host(box: Sandbox) -> Any:
    yield
    if SLUG in box.manager.installed:
        box.call("POST", f"/addons/{SLUG}/uninstall")


def test_an_add_on_runs_with_its_options_and_its_token(box: Sandbox, probe: Path) -> None:
    box.install(probe, {"word": "set by its user"})
    wait_for(lambda: "has token" in logs(box))
    assert "probe runs" in logs(box)
    assert '"word": "set by its user"' in logs(box)
    assert box.call("GET", f"/addons/{SLUG}/info")["state"] == "started"
    assert box.call("GET", f"/addons/{SLUG}/stats")["memory_usage"] > 0


def test_a_service_without_the_containers_environment_has_no_token(box: Sandbox, probe: Path) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    script = '#!/bin/bash\necho "token: ${SUPERVISOR_TOKEN:-none}"; exec sleep infinity\n'
    (probe / "services.d" / "main" / "run").write_text(script)
    box.install(probe, {})
    wait_for(lambda: "token: none" in logs(box))


def test_a_service_that_ends_comes_back_and_a_finish_script_may_halt_the_container(
    box: Sandbox, probe: Path
) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    (probe / "run.sh").write_text("#!/usr/bin/env bash\necho one life\nexit 3\n")
    box.install(probe, {})
    wait_for(lambda: logs(box).count("one life") >= 2)
    assert box.call("GET", f"/addons/{SLUG}/info")["state"] == "started"
    finish = probe / "services.d" / "main" / "finish"
    results = "/run/s6-linux-init-container-results/exitcode"
    finish.write_text(f"#!/bin/sh\necho $1 > {results}\nexec /run/s6/basedir/bin/halt\n")
    finish.chmod(0o755)
    box.call("POST", f"/addons/{SLUG}/uninstall")
    box.install(probe, {})
    wait_for(lambda: box.call("GET", f"/addons/{SLUG}/info")["state"] == "error")


def test_a_command_that_dies_turns_the_state_to_error(box: Sandbox, probe: Path) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    (probe / "Dockerfile").write_text('FROM x\nCMD ["/bin/sh", "-c", "echo dying; exit 4"]\n')
    box.install(probe, {})
    wait_for(lambda: box.call("GET", f"/addons/{SLUG}/info")["state"] == "error")
    assert logs(box) == "dying\n"


def test_start_waits_for_the_health_check(box: Sandbox, probe: Path) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    text = (probe / "Dockerfile").read_text()
    check = "HEALTHCHECK --interval=1s --start-period=60s CMD test -f /data/ready\n"
    (probe / "Dockerfile").write_text(text + check)
    (probe / "run.sh").write_text("#!/usr/bin/env bash\nsleep 1; touch /data/ready\nexec sleep infinity\n")
    box.install(probe, {})
    assert (box.root / "data" / SLUG / "ready").exists()
    assert box.call("GET", f"/addons/{SLUG}/info")["state"] == "started"


def test_the_supervisor_and_the_broker_answer_by_their_own_names(box: Sandbox, probe: Path) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    asks = (
        "import json, os, socket, urllib.request\n"
        "r = urllib.request.Request('http://supervisor/services/mqtt',"
        " headers={'Authorization': 'Bearer ' + os.environ['SUPERVISOR_TOKEN']})\n"
        "d = json.load(urllib.request.urlopen(r))['data']\n"
        "s = socket.create_connection((d['host'], d['port'])); s.close()\n"
        "print('reached', d['host'], d['port'], flush=True)\n"
    )
    (probe / "asks.py").write_text(asks)
    text = (probe / "Dockerfile").read_text() + "COPY asks.py /usr/src/app/asks.py\n"
    (probe / "Dockerfile").write_text(text)
    (probe / "run.sh").write_text("python3 /usr/src/app/asks.py\nexec sleep infinity\n")
    box.install(probe, {})
    wait_for(lambda: "reached core-mosquitto 1883" in logs(box))


def test_a_requirement_that_cannot_be_installed_fails_the_build_with_its_words(
    box: Sandbox, probe: Path
) -> None:
    (probe / "Dockerfile").write_text((probe / "Dockerfile").read_text() + "COPY requirements.txt /\n")
    with pytest.raises(CheckFailed) as caught:
        box.install(probe, {})
    assert caught.value.code == "SANDBOX_REFUSED"
    assert any("requirements.txt" in line and "not found" in line for line in caught.value.details)


def test_data_survives_an_update(box: Sandbox, probe: Path) -> None:
    box.install(probe, {})
    (box.root / "data" / SLUG / "kept").write_text("yes")
    config = box.local_root / "beep_boop_bb8" / "config.yaml"
    config.write_text(config.read_text().replace("1.0.0", "1.0.1"))
    box.call("POST", "/store/reload")
    box.call("POST", f"/store/addons/{SLUG}/update")
    assert box.call("GET", f"/addons/{SLUG}/info")["version"] == "1.0.1"
    assert (box.root / "data" / SLUG / "kept").read_text() == "yes"
    assert json.loads((box.root / "data" / SLUG / "options.json").read_text()) == {"word": "hello"}


def test_a_build_that_needs_the_real_base_and_an_image_name_docker(box: Sandbox, probe: Path) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    whole = (probe / "Dockerfile").read_text()
    (probe / "Dockerfile").write_text(whole + "RUN apk-of-another-system add jq\n")
    with pytest.raises(CheckFailed) as build:
        box.install(probe, {})
    (probe / "Dockerfile").write_text(whole)
    config = (probe / "config.yaml").read_text()
    (probe / "config.yaml").write_text(config + 'image: "example/probe-{arch}"\n')
    with pytest.raises(CheckFailed) as pull:
        box.install(probe, {})
    for caught in (build, pull):
        assert "--docker" in caught.value.remedy


def test_an_app_of_several_stages_is_built_and_runs(box: Sandbox, probe: Path) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    (probe / "Dockerfile").write_text(
        'FROM tools AS made\nARG TARGETARCH\nRUN echo "for $TARGETARCH" > /made.txt\n'
        "RUN --mount=type=bind,target=/context ls /context > /seen.txt\n"
        "FROM final\nCOPY --from=made /made.txt /seen.txt /srv/\n"
        'CMD ["cat", "/srv/made.txt", "/srv/seen.txt"]\n'
    )
    box.install(probe, {})
    wait_for(lambda: "config.yaml" in logs(box))
    assert logs(box).startswith(("for amd64", "for arm64"))
