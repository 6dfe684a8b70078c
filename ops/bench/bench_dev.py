"""Measures the dev loop, from a save to the new process's own report; writes reports/bench/dev.json.

    python ops/bench/bench_dev.py [--edits 200] [--rtt 0 40]

An app of 150 files runs in a sandbox behind a relay that delays ssh. Edits are changes, new files, deletions,
renames, bursts of three saves, and syntax errors that are fixed. The app hashes its own files when it starts:
a LIVE_OK whose digest is not the workspace's, or whose process saw other files, is a false one. An edit that
is not reported within 30 s is a lost one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.integration.deploylab import Lab, command, env_file, environment, open_lab  # noqa: E402
from tests.integration.relay import Relay  # noqa: E402

from bb8deploy.workspace.ignore_patterns import Ignore  # noqa: E402
from bb8deploy.workspace.tree_digest import walk  # noqa: E402

LIMITS = {
    "p50 s, 0 ms": "<= 1.0",
    "p95 s, 0 ms": "<= 1.5",
    "p50 s, 40 ms": "<= 1.0",
    "p95 s, 40 ms": "<= 1.5",
    "false LIVE_OK": "<= 0",
    "lost edits": "<= 0",
    "idle % of a core": "<= 1",
}
FILES = 150
LOST = 30.0
DOCKERFILE = """ARG BUILD_FROM=debian:stable
FROM ${BUILD_FROM}
COPY src build_stamp.jso[n] /usr/src/app/
CMD ["sh", "/usr/src/app/run.sh"]
"""
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
class Measured:
    """Seconds of each edit, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    false: int = 0
    lost: int = 0
    ways: dict[str, int] = field(default_factory=dict)
    steps: dict[str, list[float]] = field(default_factory=dict)


class Loop:
    """`bb8deploy dev --json`, its events with the moment at which each was read."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.contents: dict[str, str] = {}
        self.came: queue.Queue[tuple[float, dict[str, object]]] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bb8deploy", "dev", "--json", "--accept-new"],
            cwd=lab.folder,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("event") == "log" and str(event["line"]).startswith("CONTENT "):
                _, digest, _, run = str(event["line"]).split()
                self.contents[run] = digest
            self.came.put((time.monotonic(), event))

    def until_live(self, tree: str) -> tuple[float, dict[str, object]] | None:
        """When the tree was reported as live, None if it was not in time."""
        end = time.monotonic() + LOST
        while time.monotonic() < end:
            try:
                at, event = self.came.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                return None
            if event.get("event") == "live" and event["tree"] == tree:
                return at, event
        return None

    def stop(self) -> None:
        """Ends it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def content(source: Path) -> str:
    """What the app prints of its own files."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    rows = sorted(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  ./{f.relative_to(source)}\n" for f in files)
    return hashlib.sha256("".join(rows).encode()).hexdigest()


def tree_of(lab: Lab) -> str:
    """The digest of the workspace's app now."""
    return walk(lab.addon, Ignore.of_workspace(lab.folder)).digest


def edit(source: Path, number: int, chance: Random) -> str:
    """One edit; returns its kind. The last write of it ends as late as possible."""
    kind = ("change", "change", "new", "delete", "rename", "burst", "syntax")[number % 7]
    python = sorted(source.rglob("m*.py"))
    one = chance.choice(python)
    if kind == "new":
        (source / "extra").mkdir(exist_ok=True)
        (source / "extra" / f"new{number}.py").write_text(f"x = {number}\n")
    elif kind == "delete":
        extras = sorted(source.glob("extra/*.py"))
        (extras[0] if extras else one).unlink()
    elif kind == "rename":
        one.rename(one.with_name(f"m{number}_{one.name[1:]}"))
    elif kind == "burst":
        for turn in range(3):
            one.write_text(f"x = '{number}.{turn}'\n")
            time.sleep(0.03)
    elif kind == "syntax":
        one.write_text("def (:\n")
        time.sleep(0.4)
        one.write_text(f"y = {number}\n")
    else:
        one.write_text(f"x = {number}\n")
    return kind


def measure(lab: Lab, edits: int, seed: int) -> Measured:
    """One session with so many edits."""
    found, chance, source = Measured(), Random(seed), lab.addon / "src"
    loop = Loop(lab)
    try:
        if loop.until_live(tree_of(lab)) is None:
            raise SystemExit("the first build was not proven")
        for number in range(edits):
            edit(source, number, chance)
            saved = time.monotonic()
            seen = loop.until_live(tree_of(lab))
            if seen is None:
                found.lost += 1
                continue
            at, event = seen
            found.seconds.append(at - saved)
            found.ways[str(event["way"])] = found.ways.get(str(event["way"]), 0) + 1
            newest = list(loop.contents.values())[-1:]
            for step in event["steps"]:  # type: ignore[attr-defined]
                found.steps.setdefault(step["name"], []).append(step["seconds"])
            found.false += newest != [content(source)]
    finally:
        loop.stop()
    return found


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
    time.sleep(10)
    return 100 * (used() - before) / (time.monotonic() - began)


def make_app(lab: Lab) -> None:
    """150 files in 10 packages."""
    (lab.addon / "run.sh").unlink()
    lab.write(dockerfile=DOCKERFILE)
    for number in range(FILES - 3):
        path = lab.addon / "src" / f"p{number % 10}" / f"m{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"x = {number}\n" * 20)
    (lab.addon / "src" / "run.sh").write_text(RUN_SH)


def deploys(lab: Lab, rounds: int) -> float:
    """The median seconds of a deploy of one edit."""
    taken = []
    for number in range(rounds):
        (lab.addon / "src" / "p0" / "m0.py").write_text(f"deploy = {number}\n")
        began = time.monotonic()
        done = command(lab, "deploy", "--accept-new", "--yes")
        if done.returncode:
            raise SystemExit(done.stderr)
        taken.append(time.monotonic() - began)
    return statistics.median(taken)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--rtt", type=float, nargs="*", default=[0, 40])
    asked = parser.parse_args()
    figures: dict[str, float] = {"false LIVE_OK": 0, "lost edits": 0}
    with tempfile.TemporaryDirectory() as folder, open_lab(Path(folder)) as lab:
        make_app(lab)
        for rtt in asked.rtt:
            with Relay(("127.0.0.1", lab.box.ssh.port), rtt=rtt / 1000) as line:
                env_file(lab, HA_SSH_HOST_ALIAS=f"root@127.0.0.1:{line.port}")
                found = measure(lab, asked.edits // len(asked.rtt), int(rtt))
                if rtt == asked.rtt[0]:
                    figures["idle % of a core"] = round(idle_cost(), 2)
                whole = deploys(lab, 3)
            ranked = sorted(found.seconds)
            p50 = statistics.median(ranked)
            figures[f"p50 s, {rtt:g} ms"] = round(p50, 3)
            figures[f"p95 s, {rtt:g} ms"] = round(ranked[int(0.95 * (len(ranked) - 1))], 3)
            figures[f"deploy to live, {rtt:g} ms"] = round(whole / p50, 1)
            figures["false LIVE_OK"] += found.false
            figures["lost edits"] += found.lost
            parts = {name: round(statistics.median(each), 3) for name, each in found.steps.items()}
            print(f"{rtt:g} ms: {len(ranked)} edits, {found.ways}, {parts}, deploy {whole:.1f} s", flush=True)
    place = ROOT / "reports" / "bench" / "dev.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"figures": figures, "limits": LIMITS}, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    missed = [name for name, limit in LIMITS.items() if figures.get(name, 0) > float(limit.split()[1])]
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
