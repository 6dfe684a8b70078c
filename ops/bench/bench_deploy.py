"""Measures lanes 2 and 3 together against the seed's own commands; writes reports/bench/deploy.json.

    python ops/bench/bench_deploy.py [--rounds 5] [--rtt 0 10 40]

Both put one changed file into the same sandbox host, through the same OpenSSH server and the same relay, and
have it rebuilt: the seed by rsync and six ssh calls, bb8deploy as lanes in this process and as a command.
The time that the rebuild takes by itself is measured in each round and left out; the settle time is none.
The rounds take turns and the medians are compared, so that a busy machine slows all of them alike.
Host and relay live in a process of their own. The sandbox's `ha` is a Python program, whose start costs ten
times that of the real Go program: a shell script around curl stands in for it, for both.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from ops.bench.parts.sshd import Quiet, scratch_root, settings_for, ssh_words, sshd  # noqa: E402
from tests.integration.relay import Relay  # noqa: E402
from tests.integration.small_addon import DOCKERFILE, RUN_SH  # noqa: E402

from bb8deploy.base.atomic_files import write_text  # noqa: E402
from bb8deploy.lanes.deploy.deploy import DeployOutcome, deploy  # noqa: E402
from bb8deploy.runs.journal import Journal  # noqa: E402
from bb8deploy.runs.run import Run, new_run_id  # noqa: E402
from bb8deploy.runs.tokens import Ledger  # noqa: E402
from bb8deploy.settings.load_settings import load  # noqa: E402
from ha_sandbox import LocalApp, Sandbox  # noqa: E402

APP = LocalApp.named("beep_boop_bb8")
SLUG = APP.slug
LIMITS = {
    "lanes to seed, 0 ms": "<= 0.8",
    "lanes to seed, 10 ms": "<= 0.5",
    "lanes to seed, 40 ms": "<= 0.5",
    "turns, nothing to do, 400 files": "<= 13",
    "turns, nothing to do, 80 files": "<= 13",
}
FILES = (400, 80)  # the times are taken with the latter, the size of this repository's own app
CONFIG = (
    'name: Bench\nversion: "1.0.0"\nslug: beep_boop_bb8\ndescription: x\narch: [amd64, aarch64]\n'
    "init: false\noptions: {}\nschema: {}\n"
)


HA = """#!/bin/sh
raw=0; words=; lines=100
while [ $# -gt 0 ]; do
  case $1 in --raw-json) raw=1 ;; -n) lines=$2; shift ;; -*) ;; *) words="$words $1" ;; esac
  shift
done
set -- $words
api() { curl -s -X "$1" -H "Authorization: Bearer $SUPERVISOR_TOKEN" "http://$SUPERVISOR_ENDPOINT$2"; }
text() { if [ $raw = 1 ]; then cat; else tr ',{}' '\\n' | tr -d '"'; fi; }
case "$1 $2" in
  "store reload") api POST /store/reload ;;
  "addons reload") api GET /addons | text ;;
  "jobs info") api GET /jobs/info ;;
  *" info") api GET "/addons/$3/info" | text ;;
  *" logs") api GET "/addons/$3/logs?lines=$lines" ;;
  *) api POST "/addons/$3/$2" ;;
esac
"""


@dataclass(slots=True)
class Desk:
    """A workspace and the host that it goes to; `ports` lead there, by the delay in milliseconds."""

    folder: Path
    pipe: Connection
    settings: dict[str, str]
    ports: dict[float, int]
    changes: int = 0

    @property
    def work(self) -> Path:
        """The workspace."""
        return self.folder / "work"

    def environ(self, rtt: float) -> dict[str, str]:
        """The settings that lead to the host."""
        way = settings_for(self.folder, self.ports[rtt])
        return {**self.settings, **way, "BB8_SETTLE_SECONDS": "0"}

    def ask(self, what: str) -> float:
        """Asks the host's process: `build` has it rebuild and gives the seconds, `turns` those so far."""
        self.pipe.send(what)
        return float(self.pipe.recv())

    def fill(self, files: int) -> None:
        """An app of so many files in a git repository."""
        addon = self.work / "addon"
        shutil.rmtree(addon, ignore_errors=True)
        for n in range(files - 3):
            path = addon / "bb8_core" / f"part{n}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"VALUE = {n}\n" * 400)
        for name, text in (("config.yaml", CONFIG), ("Dockerfile", DOCKERFILE), ("run.sh", RUN_SH)):
            (addon / name).write_text(text)
        (addon / "run.sh").chmod(0o755)
        (self.work / ".gitignore").write_text("reports/\n")
        git = ["git", "-C", str(self.work), "-c", "user.name=x", "-c", "user.email=x@example.org"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", "x"]):
            subprocess.run([*git, *words], check=True)

    def change(self) -> None:
        """Changes one file."""
        self.changes += 1
        (self.work / "addon/run.sh").write_text(f"{RUN_SH}# {self.changes}\n")


def serve(pipe: Connection, folder: Path, delays: Sequence[float]) -> None:
    """The host's process: sandbox, sshd and relays, until it is sent nothing."""
    with ExitStack() as stack:
        box = stack.enter_context(Sandbox(folder / "box", app=APP))
        environment = dict(box.ssh._login.environment())  # noqa: SLF001 - what its own ssh server gives to commands
        (folder / "bin").mkdir()
        if shutil.which("curl"):
            (folder / "bin/ha").write_text(HA)
            (folder / "bin/ha").chmod(0o755)
        environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
        port = stack.enter_context(sshd(folder, environment))
        relays = {rtt: stack.enter_context(Relay(("127.0.0.1", port), rtt=rtt / 1000)) for rtt in delays}
        pipe.send((box.env(), {rtt: relay.port for rtt, relay in relays.items()}))
        while asked := pipe.recv():
            if asked == "build":
                pipe.send(seconds(lambda: box.call("POST", f"/addons/{SLUG}/rebuild")))
            else:
                pipe.send(sum(relay.counts.turns for relay in relays.values()))


@contextmanager
def desk(delays: Sequence[float]) -> Iterator[Desk]:
    """A workspace with a host."""
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory(prefix="bb8-bench-", dir=scratch_root()) as scratch:
        spawn = multiprocessing.get_context("spawn")
        host = spawn.Process(target=serve, args=(theirs, Path(scratch), delays))
        host.start()
        theirs.close()
        try:
            yield Desk(Path(scratch), ours, *ours.recv())
        finally:
            ours.send("")
            host.join()


def seconds(work: Callable[[], object]) -> float:
    """How long it took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def seed(desk: Desk, rtt: float) -> None:
    """The seed's sections 5.B and 6, its commands joined as it joins them: one rsync, six ssh calls."""
    ssh = ssh_words(desk.folder, desk.ports[rtt])
    where, runtime = "root@127.0.0.1", desk.settings["HA_REMOTE_RUNTIME"]
    receipt = f"{desk.settings['HA_REPORTS_DIR']}/deploy_receipt.txt"
    subprocess.run(
        [
            *("rsync", "-avz", "--delete", "--exclude-from", str(ROOT / "ops/rsync_runtime.exclude")),
            *("-e", " ".join(ssh), f"{desk.work}/addon/", f"{where}:{runtime}/"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for command in (
        f"mkdir -p {Path(receipt).parent} && echo 'TOKEN: CLEAN_RUNTIME_OK' | tee -a {receipt}",
        "ha addons reload",
        f"ha addons rebuild {SLUG}",
        f"ha addons start {SLUG} || true",
        f"ha addons info {SLUG} | grep -E 'state:|version:'",
        f'[ -z "$(docker ps -q --filter name=addon_{SLUG} 2>/dev/null)" ]; echo DEPLOY_OK | tee -a {receipt}',
    ):
        subprocess.run([*ssh, where, command], check=True, capture_output=True, stdin=subprocess.DEVNULL)


def lanes(desk: Desk, rtt: float) -> DeployOutcome:
    """The two lanes in this process, as `deploy` and `release` run them."""
    run_id, reports = new_run_id(), desk.work / "reports"
    settings = load(desk.work, environ=desk.environ(rtt))
    ledger = Ledger(run_id, reports)
    journal = Journal(reports / "runs" / run_id / "journal.jsonl")
    run = Run(
        run_id, "deploy", desk.work, desk.work / "addon", settings, reports, ledger, journal, progress=Quiet()
    )
    ledger.begin("deploy")
    outcome = deploy(run)
    if "VERIFY_OK" not in ledger.held():
        raise SystemExit("the deploy was not verified")
    return outcome


def command(desk: Desk, rtt: float) -> None:
    """The whole command, with Python's start."""
    environ = {**os.environ, **desk.environ(rtt), "PYTHONPATH": str(ROOT / "src")}
    words = [sys.executable, "-m", "bb8deploy", "deploy", "--quiet"]
    subprocess.run(words, cwd=desk.work, env=environ, check=True, capture_output=True)


def compare(desk: Desk, rtt: float, rounds: int) -> dict[str, float]:
    """Median seconds of each way at one delay, the build left out."""
    ways: dict[str, Callable[[Desk, float], object]] = {"seed": seed, "lanes": lanes, "command": command}
    times: dict[str, list[float]] = {name: [] for name in (*ways, "build")}
    for _ in range(rounds):
        for name, way in ways.items():
            desk.change()
            times[name].append(seconds(lambda way=way: way(desk, rtt)))  # type: ignore[misc]
        times["build"].append(desk.ask("build"))
    medians = {name: statistics.median(found) for name, found in times.items()}
    return {name: medians[name] - (name != "build") * medians["build"] for name in medians}


def turns(desk: Desk, files: int, rtt: float) -> float:
    """Round trips of a deploy with nothing to do, for a tree of so many files."""
    desk.fill(files)
    lanes(desk, rtt)
    before = desk.ask("turns")
    if not lanes(desk, rtt).synced.nothing_to_do:
        raise SystemExit("there was something to do")
    return desk.ask("turns") - before


def main() -> int:
    """Measures, judges, writes; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rtt", type=float, nargs="+", default=[0, 10, 40], help="milliseconds")
    asked = parser.parse_args()
    figures: dict[str, float] = {}
    with desk(asked.rtt) as at:
        for files in FILES:
            name = f"turns, nothing to do, {files} files"
            figures[name] = turns(at, files, max(asked.rtt))
        for rtt in asked.rtt if shutil.which("rsync") else ():
            found = compare(at, rtt, asked.rounds)
            figures |= {f"{name}, {rtt:g} ms": round(value, 3) for name, value in found.items()}
            for name in ("lanes", "command"):
                figures[f"{name} to seed, {rtt:g} ms"] = round(found[name] / found["seed"], 2)
    missed = [name for name, limit in LIMITS.items() if name in figures and figures[name] > float(limit[3:])]
    report = {"figures": figures, "limits": LIMITS, "missed": missed, "load": os.getloadavg()[0]}
    write_text(ROOT / "reports/bench/deploy.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    if not shutil.which("rsync"):
        print("SKIPPED: rsync is not installed, so the seed's way cannot be timed")
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
