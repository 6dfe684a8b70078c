"""Measures a deploy to many hosts against one to a single host; writes reports/bench/waves.json.

    python ops/bench/bench_waves.py [--hosts 20] [--rounds 3]

Each host is a sandbox; they live in processes of their own, reached by ssh. Both ways are the whole command,
with the default settle time. `same` is a deploy with nothing to send, `changed` one with a changed file. The
time that the Supervisor takes to build is left out: the longest build in the journals of the hosts.
The rounds take turns and the medians are compared, so that a busy machine slows both alike. A shell script
around curl stands in for the sandbox's `ha`, a Python program whose start costs ten times the real one's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from ops.bench.bench_deploy import APP, CONFIG, HA, SLUG  # noqa: E402
from ops.bench.parts.sshd import scratch_root  # noqa: E402
from tests.integration.small_addon import DOCKERFILE, RUN_SH  # noqa: E402

from bb8deploy.base.atomic_files import write_text  # noqa: E402
from ha_sandbox import Sandbox  # noqa: E402

LIMITS = {"many to one, same": "<= 1.5", "many to one, changed": "<= 1.5"}
PER_PROCESS = 5
BUILD_STEPS = (f"update {SLUG}", f"rebuild {SLUG}", f"install {SLUG}")


def serve(pipe: Connection, folder: Path, names: list[str]) -> None:
    """Some hosts, until something is sent."""
    with ExitStack() as stack:
        found = {}
        for name in names:
            box = stack.enter_context(Sandbox(folder / name, app=APP))
            if shutil.which("curl"):
                (box.root / "bin/ha").write_text(HA)
                (box.root / "bin/ha").chmod(0o755)
            found[name] = box.env()
        pipe.send(found)
        pipe.recv()


@contextmanager
def hosts(folder: Path, names: list[str]) -> Iterator[dict[str, dict[str, str]]]:
    """The settings of each host by its name."""
    spawn, found = multiprocessing.get_context("spawn"), {}
    with ExitStack() as stack:
        for first in range(0, len(names), PER_PROCESS):
            ours, theirs = multiprocessing.Pipe()
            some = names[first : first + PER_PROCESS]
            process = spawn.Process(target=serve, args=(theirs, folder, some))
            process.start()
            stack.callback(process.join)
            stack.callback(ours.send, "")
            found.update(ours.recv())
        yield found


def fill(work: Path, settings: dict[str, dict[str, str]]) -> None:
    """A small app in a git repository, a target for each host and two groups."""
    (work / "addon").mkdir(parents=True)
    for name, text in (("config.yaml", CONFIG), ("Dockerfile", DOCKERFILE), ("run.sh", RUN_SH)):
        (work / "addon" / name).write_text(text)
    (work / "addon/run.sh").chmod(0o755)
    (work / ".gitignore").write_text("reports/\n.env*\n")
    for name, rows in settings.items():
        (work / f".env.{name}").write_text("".join(f'{key}="{value}"\n' for key, value in rows.items()))
    names = list(settings)
    (work / "bb8deploy.toml").write_text(
        f"[groups]\none = {json.dumps(names[:1])}\nmany = {json.dumps(names)}\n"
    )
    git = ["git", "-C", str(work), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words], check=True)


def deploy(work: Path, group: str) -> float:
    """The seconds of a deploy to a group, the longest build left out."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("HA_", "BB8_"))}
    words = [sys.executable, "-m", "bb8deploy", "deploy", "--target", group, "--json"]
    started = time.perf_counter()
    done = subprocess.run(
        words, cwd=work, env={**environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, check=False
    )
    taken = time.perf_counter() - started
    document = json.loads(done.stdout)
    if "ALL_HOSTS_OK" not in {token["name"] for token in document["tokens"]}:
        raise SystemExit(f"not every host was verified: {done.stderr.decode()[-2000:]}")
    return taken - max(
        build(work, row["target"], document["run_id"]) for row in document["result"]["targets"]
    )


def build(work: Path, target: str, run: str) -> float:
    """How long the Supervisor took to build for one host, 0 if it did not."""
    journal = work / f"reports/targets/{target}/runs/{run}-{target}/journal.jsonl"
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    times = [datetime.fromisoformat(row["ts"]) for row in rows if row["step"] in BUILD_STEPS]
    return (times[-1] - times[0]).total_seconds() if times else 0.0


def main() -> int:
    """Measures, judges, writes; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    names = [f"host{number}" for number in range(asked.hosts)]
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="bb8-bench-", dir=scratch_root()) as scratch:
        work = Path(scratch) / "work"
        with hosts(Path(scratch), names) as settings:
            fill(work, settings)
            deploy(work, "many")  # installs it everywhere
            for number in range(asked.rounds):
                for group in ("one", "many"):
                    times.setdefault(f"{group}, same", []).append(deploy(work, group))
                for group in ("one", "many"):
                    (work / "addon/run.sh").write_text(f"{RUN_SH}# {group} {number}\n")
                    times.setdefault(f"{group}, changed", []).append(deploy(work, group))
    figures = {name: round(statistics.median(found), 3) for name, found in times.items()}
    for kind in ("same", "changed"):
        figures[f"many to one, {kind}"] = round(figures[f"many, {kind}"] / figures[f"one, {kind}"], 2)
    missed = [name for name, limit in LIMITS.items() if figures[name] > float(limit[3:])]
    report = {"figures": figures, "limits": LIMITS, "missed": missed, "load": os.getloadavg()[0]}
    write_text(ROOT / "reports/bench/waves.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
