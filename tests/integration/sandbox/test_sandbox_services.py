"""The tools of s6 in a container of the sandbox, /init behind an entry point, and the mount of local apps."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ha_sandbox import Sandbox
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.runtime.process_container import LAST_LINES

pytestmark = pytest.mark.skipif(not bubblewrap.allowed(), reason="SKIPPED: no user namespaces")
CONFIG = """name: Two
version: "1.0"
slug: two
description: x
arch: [amd64, aarch64]
init: false
map:
  - type: local_apps
    path: /.seen
"""
DOCKERFILE = """ARG BUILD_FROM=x
FROM ${BUILD_FROM}
COPY services.d /etc/services.d
COPY before.sh /before.sh
COPY hello /usr/bin/hello-of-the-app
COPY hello /usr/share/of-the-app/words
ENTRYPOINT ["/bin/sh", "/before.sh", "/init"]
"""
BEFORE = """echo "first of all"
echo "its own program: $(hello-of-the-app)"
grep -q "own words" /usr/share/of-the-app/words && echo "its own data"
echo "#!/usr/bin/with-contenv sh
echo new words" >/usr/bin/hello-of-the-app
echo "its program after a push: $(hello-of-the-app)"
cat /.seen/two/config.yaml >/copy && echo "the root can be written"
if (echo x >/.seen/two/new) 2>/dev/null; then echo "the mount can be written"; fi
(
  PATH=/command:$PATH
  until [ "$(s6-svstat -o up /run/service/one)" = true ]; do sleep 0.02; done
  old=$(s6-svstat -o up,pid /run/service/one)
  s6-svc -wd -T 5000 -d /run/service/one && echo "down: $(s6-svstat -o up,wantedup,pid /run/service/one)"
  s6-svc -wu -T 5000 -u /run/service/one
  new=$(s6-svstat -o up,pid /run/service/one)
  [ "$old" != "$new" ] && echo "back: ${new% *}"
) &
exec "$@"
"""
STAYS = """sh -c 'trap "" TERM; while :; do sleep 0.1; done' &
exec "$@"
"""


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def app(tmp_path: Path, before: str) -> Path:
    """The source of an app with one service and this entry point."""
    folder = tmp_path / "two"
    (folder / "services.d" / "one").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "before.sh").write_text(before)
    (folder / "hello").write_text("#!/bin/sh\necho own words\n")
    (folder / "hello").chmod(0o755)
    run = folder / "services.d" / "one" / "run"
    run.write_text("#!/bin/sh\necho one begins\nexec sleep infinity\n")
    run.chmod(0o755)
    return folder


def test_services_follow_the_entry_point_and_obey_the_tools_of_s6(box: Sandbox, tmp_path: Path) -> None:
    box.install(app(tmp_path, BEFORE), {})

    def log() -> list[str]:
        return [line.rpartition("] ")[2] for line in box.manager.log_of("local_two").latest(100).splitlines()]

    try:
        wait_for(lambda: any("back:" in line for line in log()))
        assert log()[0] == "first of all"
        told = [line for line in log() if line != "one begins"]
        assert told == [
            "first of all",
            "its own program: own words",
            "its own data",
            "its program after a push: new words",
            "the root can be written",
            "down: false false -1",
            "back: true",
        ]
        assert log().count("one begins") == 2
        assert box.call("GET", "/addons/local_two/info")["state"] == "started"
    finally:
        box.call("POST", "/addons/local_two/uninstall")


def test_the_end_of_a_container_ends_what_its_app_left_in_the_background(
    box: Sandbox, tmp_path: Path
) -> None:
    """The process holds the container's output open and ignores SIGTERM."""
    box.install(app(tmp_path, STAYS), {})
    log = box.manager.log_of("local_two")
    try:
        wait_for(lambda: "one begins" in log.latest(100))
        stop = Thread(target=box.call, args=("POST", "/addons/local_two/stop"), daemon=True)
        stop.start()
        stop.join(LAST_LINES - 1)
        assert not stop.is_alive(), "the stop waits for the process in the background"
    finally:
        box.call("POST", "/addons/local_two/uninstall")
