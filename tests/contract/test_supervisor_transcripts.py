"""The sandbox's Supervisor against recorded exchanges of the real one, replayed in order.

The recordings are outside of the repository. Changes to the app's files between two exchanges were not
recorded; the edits below are what the notes and the answers imply. Exchanges whose answer depends on the
machine, on a race or on an unknown edit are left out.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ha_sandbox import Sandbox
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.supervisor.images import machine_arch

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "transcripts" / "supervisor_api.jsonl"
ENOUGH = 5  # differences; the first tells most, and each costs the seconds that an answer may take to settle
LAST = 143  # later scenarios start from edits that cannot be told
LEFT_OUT = (
    {
        88: "a race: the job may be over",
        91: "a race: the state one moment after the start",
        92: "the watchdog was at work",
        93: "follows from 92",
        124: "needs a build that takes seconds",
        125: "needs a build that takes seconds",
        126: "needs a build that takes seconds",
        127: "needs a build that takes seconds",
        129: "needs the app's own token",
        130: "needs the app's own token",
        144: "Core is not behind this port",
    }
    | dict.fromkeys((131, 138, 139, 140, 141), "tells about the machine")
    | dict.fromkeys((136, 137), "other repositories")
)
# Fields whose value depends on the machine, the moment or a file of the recording rig.
VOLATILE = {"ip_address", "job_id", "repositories"}


class Probe:
    """The probe app's files, changed as the recording's were."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.config: dict[str, Any] = {
            "name": "Probe One",
            "version": "1.0.0",
            "slug": "probe_one",
            "description": "probe add-on",  # as it was recorded
            "arch": ["amd64", "aarch64"],
            "host_dbus": True,
            "options": {"level": "info", "n": 3},
            "schema": {"level": "list(debug|info|warn)", "n": "int(1,10)", "extra": "str?"},
        }
        self.tick = 2_000_000_000
        self.good()
        self.runs("trap 'exit 0' TERM; echo run; while :; do echo tick; sleep 1; done")
        self.write()

    def write(self, *without: str, **changes: Any) -> None:
        self.config |= changes
        kept = {key: value for key, value in self.config.items() if key not in without}
        (self.folder / "config.yaml").write_text(json.dumps(kept))
        self.tick += 10
        for path in (self.folder.parent, self.folder, self.folder / "config.yaml"):
            os.utime(path, (self.tick, self.tick))

    def forget(self, *keys: str) -> None:
        for key in keys:
            self.config.pop(key, None)

    def runs(self, script: str) -> None:
        (self.folder / "run.sh").write_text(script + "\n")

    def good(self) -> None:
        (self.folder / "Dockerfile").write_text(
            'FROM base\nCOPY run.sh /run.sh\nCMD ["/bin/sh", "/run.sh"]\n'
        )

    def bad(self) -> None:
        (self.folder / "Dockerfile").write_text("FROM base\nRUN echo BOOM && false\n")


def edits(probe: Probe) -> dict[int, Callable[[], object]]:
    """What happened to the files before an exchange, by its number."""

    def image_again() -> None:
        probe.forget("image")
        probe.config["options"] = {"level": "info", "n": 3}
        probe.write(version="1.0.5")

    def second_life() -> None:
        probe.forget("host_dbus")
        probe.bad()
        probe.write(version="2.0.0", arch=["amd64"], hassio_api=True, hassio_role="manager")

    def build_key() -> None:
        (probe.folder / "build.yaml").unlink()
        probe.write(build={"args": {"BUILD_FROM": "nothing"}})

    return {
        22: lambda: probe.write(version="1.0.1"),
        60: probe.bad,
        63: probe.good,
        65: (probe.folder / "Dockerfile").unlink,
        66: lambda: (probe.good(), probe.write("arch")),
        70: lambda: probe.write(map=None),
        72: lambda: (probe.forget("map"), probe.write(version="1.0.2", arch=["aarch64"])),
        74: lambda: probe.write(version="1.0.0", arch=["amd64", "aarch64"]),
        79: lambda: probe.write(version="1.0.3", options={"level": "info", "n": 99}),
        83: lambda: probe.write(version="1.0.4", image="example/probe-{arch}"),
        86: image_again,
        89: lambda: probe.runs("echo dying; exit 1"),
        99: second_life,
        102: lambda: (
            probe.good(),
            probe.runs("trap 'exit 0' TERM; echo run; while :; do echo tick; sleep 1; done"),
        ),
        104: lambda: (probe.bad(), probe.write(version="2.0.1")),
        108: probe.good,
        111: probe.bad,
        115: probe.good,
        118: lambda: (probe.folder / "build.yaml").write_text("build_from: {amd64: base}\n"),
        121: build_key,
    }


@pytest.fixture(scope="module")
def exchanges() -> list[dict[str, Any]]:
    if not RECORDED.is_file():
        pytest.skip("SKIPPED: the recorded exchanges (../shared/transcripts) are not here")
    if machine_arch() != "amd64":
        pytest.skip("SKIPPED: recorded on amd64")
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: the probe's CMD needs user namespaces")
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


class Client:
    """Sends an exchange as it was recorded."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.port = int(box.supervisor_url.rpartition(":")[2])

    def send(self, exchange: dict[str, Any]) -> tuple[int, str, str]:
        tokens = {"no token": "", "bad token": "wrong", "ping needs no token": ""}
        token = tokens.get(exchange["note"], self.box.supervisor_token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if exchange["note"] == "logs x-log":
            headers["Accept"] = "text/x-log"
        body = None if exchange["body"] is None else json.dumps(exchange["body"]).encode()
        if exchange["note"] == "not json":
            body = b"{"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(exchange["method"], exchange["path"], body, headers)
        response = connection.getresponse()
        answer = response.status, response.headers["Content-Type"], response.read().decode()
        connection.close()
        return answer


def comparable(text: str, kind: str) -> Any:
    """What two answers must agree in: all of an error, the steady values of data, not the text of logs."""
    if not kind.startswith("application/json"):
        return text if text.startswith(("401", "403", "404", "No ")) else "text"
    body = json.loads(text)
    data = body.pop("data", None)
    return body, steady(data)


def steady(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: "..." if key in VOLATILE else steady(value) for key, value in data.items()}
    return [steady(item) for item in data] if isinstance(data, list) else data


def replay(client: Client, exchange: dict[str, Any]) -> tuple[Any, Any]:
    """Recorded and found, asked again for a while where a state settles in its own time."""
    expected = (
        exchange["status"],
        exchange["content_type"],
        comparable(exchange["response"], exchange["content_type"]),
    )
    deadline = time.monotonic() + 60
    while True:
        status, kind, text = client.send(exchange)
        found = (status, kind, comparable(text, kind))
        settles = exchange["method"] == "GET" and exchange["note"] != "jobs"
        if found == expected or not settles or time.monotonic() > deadline:
            return expected, found
        time.sleep(0.1)


def test_the_sandbox_answers_as_the_recorded_supervisor(
    exchanges: list[dict[str, Any]], tmp_path: Path
) -> None:
    differences = []
    with Sandbox(tmp_path / "host") as box:
        probe = Probe(box.local_root / "probe_one")
        box.call("POST", "/store/reload")
        box.call("POST", "/store/addons/local_probe_one/install")
        client, before = Client(box), edits(probe)
        for number, exchange in enumerate(exchanges[: LAST + 1]):
            if number in before:
                before[number]()
            if number in LEFT_OUT:
                continue
            box.manager.jobs.join()
            expected, found = replay(client, exchange)
            if exchange["note"] in {"stats", "jobs"}:
                expected, found = expected[:2], found[:2]
            if expected != found:
                differences.append(f"{number} {exchange['note']}:\n  real {expected}\n  here {found}")
            if len(differences) == ENOUGH:
                break
    assert not differences, "\n".join(differences)
