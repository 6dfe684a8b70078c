"""Measures the dev loop, from a save to the new process's own report; writes reports/bench/dev.json.

    python -m ops.bench.bench_dev [--edits 200] [--bridge 40] [--docker 20] [--rtt 0 40]

An app of 150 files and this repository's bridge run in a sandbox, behind OpenSSH and a relay that delays
it; with --docker also in real containers, where `deploy` of the same edit is measured with and without the
builder's cache. Edits are changes, new files, deletions, renames, bursts of three saves, and syntax errors
that are fixed. The app hashes its own files when it starts: a LIVE_OK whose digest is not the workspace's,
or whose process saw other files, is a false one. An edit that is not reported within 30 s is a lost one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from ops.bench.parts import dev_edits as edits  # noqa: E402
from ops.bench.parts.sshd import settings_for, sshd  # noqa: E402
from ops.lab import bases  # noqa: E402
from ops.lab.engine import Engine, engine  # noqa: E402
from ops.lab.errors import LabUnavailable  # noqa: E402
from tests.integration.deploylab import Lab, command, env_file, open_lab  # noqa: E402
from tests.integration.relay import Relay  # noqa: E402

from ha_sandbox.runtime.docker_runtime import DockerRuntime  # noqa: E402

LIMITS = {
    **{f"p50 s, {app}{rtt} ms": "<= 1.0" for app in ("", "bridge, ") for rtt in (0, 40)},
    **{f"p95 s, {app}{rtt} ms": "<= 1.5" for app in ("", "bridge, ") for rtt in (0, 40)},
    "false LIVE_OK": "<= 0",
    "lost edits": "<= 0",
    "idle % of a core": "<= 1",
    "deploy to live, docker, cold": ">= 10",
    "deploy to live, docker, bridge, cold": ">= 10",
}
FILES = 150
DOCKERFILE = """ARG BUILD_FROM=debian:stable
FROM ${BUILD_FROM}
COPY src build_stamp.jso[n] /usr/src/app/
CMD ["sh", "/usr/src/app/run.sh"]
"""
INSTALLS = "RUN python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir pyyaml==6.0.3\nCOPY src"
RUN_SH = """#!/bin/sh
cd /usr/src/app || exit 1
value() { sed -n "s/.*\\"$1\\": \\"\\([^\\"]*\\)\\".*/\\1/p" build_stamp.json; }
echo "CONTENT $(find . -type f ! -name build_stamp.json -exec sha256sum {} + | sort | sha256sum) $(value run)"
who="version=$(value version) tree=$(value tree) commit=$(value commit) run=$(value run)"
echo "IDENTITY $who python=3.13.0"
trap 'exit 0' TERM
while :; do sleep 0.2; done
"""


@dataclass
class Figures:
    """What was measured, by name."""

    values: dict[str, float] = field(default_factory=lambda: {"false LIVE_OK": 0, "lost edits": 0})

    def add(self, name: str, found: edits.Measured) -> None:
        """The figures of one session."""
        self.values[f"p50 s, {name}"] = round(found.p50, 3)
        self.values[f"p95 s, {name}"] = round(found.p95, 3)
        self.values["false LIVE_OK"] += found.false
        self.values["lost edits"] += found.lost
        print(f"{name}: {found}", flush=True)

    def missed(self) -> list[str]:
        """The limits that were not kept."""
        missed = []
        for name, limit in LIMITS.items():
            sign, number = limit.split()
            value = self.values.get(name)
            if value is not None and not (value <= float(number) if sign == "<=" else value >= float(number)):
                missed.append(name)
        return missed


@contextmanager
def lines_to(lab: Lab, folder: Path, rtts: Sequence[float]) -> Iterator[Callable[[float], None]]:
    """Real ssh servers in front of the sandbox; the result turns the settings to the line of an RTT in ms."""
    place = folder / "sshd"
    place.mkdir()
    environment = dict(lab.box.ssh._login.environment())  # noqa: SLF001 - what its own server gives to commands
    with sshd(place, environment) as port:
        relays = {rtt: Relay(("127.0.0.1", port), rtt=rtt / 1000) for rtt in rtts}
        try:
            yield lambda rtt: env_file(
                lab, **settings_for(place, relays[rtt].port), BB8_BUILD_DEADLINE="600", BB8_SETTLE_SECONDS="0"
            )
        finally:
            for relay in relays.values():
                relay.close()


def make_files(lab: Lab, dockerfile: str) -> None:
    """150 files in 10 packages."""
    (lab.addon / "run.sh").unlink()
    lab.write(dockerfile=dockerfile)
    for number in range(FILES - 3):
        path = lab.addon / "src" / f"p{number % 10}" / f"m{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"x = {number}\n" * 20)
    (lab.addon / "src" / "run.sh").write_text(RUN_SH)


def make_bridge(lab: Lab) -> None:
    """This repository's app with a simulated robot."""
    shutil.rmtree(lab.addon)
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
    shutil.copytree(ROOT / "addon", lab.addon, ignore=ignored)
    lab.box.install(lab.addon, {"simulate": True, "keep_connected": True})


def idle_cost() -> float:
    """Per cent of a core that the agent uses while nothing is saved."""

    def used() -> float:
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if b"agent.sh" in stat.with_name("cmdline").read_bytes():
                    ticks += sum(map(int, stat.read_text().rpartition(")")[2].split()[11:15]))
            except OSError:
                continue
        return ticks / os.sysconf("SC_CLK_TCK")

    before, began = used(), time.monotonic()
    time.sleep(20)
    return 100 * (used() - before) / (time.monotonic() - began)


def deploy(lab: Lab) -> float:
    """The seconds of a deploy."""
    began = time.monotonic()
    done = command(lab, "deploy", "--accept-new", "--yes")
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.monotonic() - began


def in_sandbox(figures: Figures, number: int, bridge: int, rtts: Sequence[float]) -> None:
    """Both apps in the process runtime."""
    with lab_of(None) as (folder, lab), lines_to(lab, folder, rtts) as take:
        make_files(lab, DOCKERFILE)
        source = lab.addon / "src"
        for rtt in rtts:
            take(rtt)
            edit = edits.edits_of_files(source)
            figures.add(f"{rtt:g} ms", edits.measure(lab, edit, number // len(rtts), int(rtt), source=source))
        figures.values["idle % of a core"] = round(idle_cost(), 2)
    if not bridge:
        return
    with lab_of(None) as (folder, lab), lines_to(lab, folder, rtts) as take:
        make_bridge(lab)
        for rtt in rtts:
            take(rtt)
            edit = edits.edits_of_the_bridge(lab.addon)
            figures.add(f"bridge, {rtt:g} ms", edits.measure(lab, edit, bridge // len(rtts), int(rtt)))


@contextmanager
def lab_of(runtime: type[DockerRuntime] | None) -> Iterator[tuple[Path, Lab]]:
    """A lab in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_lab(folder, runtime) if runtime else open_lab(folder) as lab:
            yield folder, lab


def in_docker(figures: Figures, number: int) -> None:
    """Both apps in real containers, and the same edit by `deploy` with and without the builder's cache."""
    with engine() as docker, pytest.MonkeyPatch.context() as patch:
        found = re.search(r"^ARG BUILD_FROM=(\S+)", (ROOT / "addon" / "Dockerfile").read_text(), re.MULTILINE)
        base = found[1] if found else ""
        docker.docker("import", "--change", 'ENTRYPOINT ["/init"]', str(bases.alpine_base()), base)
        docker.docker("import", str(bases.debian_base()), "debian:stable")
        patch.setenv("DOCKER_HOST", f"unix://{docker.socket}")
        with lab_of(DockerRuntime) as (folder, lab), lines_to(lab, folder, (0,)) as take:
            make_files(lab, DOCKERFILE.replace("COPY src", INSTALLS))
            take(0)
            source = lab.addon / "src"
            live = edits.measure(lab, edits.edits_of_files(source), number, 1, source=source)
            _compare(figures, docker, lab, "docker", live, source / "p0" / "m0.py")
        with lab_of(DockerRuntime) as (folder, lab), lines_to(lab, folder, (0,)) as take:
            make_bridge(lab)
            take(0)
            live = edits.measure(lab, edits.edits_of_the_bridge(lab.addon), number, 1)
            _compare(figures, docker, lab, "docker, bridge", live, lab.addon / "bb8_core" / "identity.py")


def _compare(figures: Figures, docker: Engine, lab: Lab, name: str, live: edits.Measured, one: Path) -> None:
    """The ratio of `deploy` to the dev loop for a change of `one` file."""
    figures.add(name, live)
    deploy(lab)  # ends the dev loop
    taken: dict[str, list[float]] = {"warm": [], "cold": []}
    for turn, kind in enumerate(("warm", "cold", "warm", "cold", "warm")):
        with one.open("a") as file:
            file.write(f"# deployed {turn}\n")
        if kind == "cold":
            docker.docker("builder", "prune", "--all", "--force")
        taken[kind].append(deploy(lab))
    for kind, seconds in taken.items():
        whole = statistics.median(seconds)
        figures.values[f"deploy s, {name}, {kind}"] = round(whole, 2)
        figures.values[f"deploy to live, {name}, {kind}"] = round(whole / live.p50, 1)


def save(figures: Figures) -> None:
    """Writes what was measured so far."""
    place = ROOT / "reports" / "bench" / "dev.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"figures": figures.values, "limits": LIMITS}, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--edits", type=int, default=200, help="of the app of 150 files")
    parser.add_argument("--bridge", type=int, default=40, help="edits of the bridge; 0 leaves it out")
    parser.add_argument("--docker", type=int, default=20, help="edits of each app in Docker; 0 leaves it out")
    parser.add_argument("--rtt", type=float, nargs="*", default=[0, 40])
    asked = parser.parse_args()
    figures = Figures()
    in_sandbox(figures, asked.edits, asked.bridge, asked.rtt)
    save(figures)
    if asked.docker:
        try:
            in_docker(figures, asked.docker)
        except LabUnavailable as reason:
            print(f"SKIPPED: Docker: {reason}", flush=True)
    save(figures)
    print(json.dumps(figures.values, indent=2))
    for name in figures.missed():
        print(f"MISSED: {name} is {figures.values[name]}, limit {LIMITS[name]}")
    return 1 if figures.missed() else 0


if __name__ == "__main__":
    raise SystemExit(main())
