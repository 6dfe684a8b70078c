"""Measures lane 2 against rsync over the same ssh server and relay; writes reports/bench/sync.json.

    python ops/bench/bench_sync.py [--files 2000] [--megabytes 50] [--rounds 5] [--rtt 0 10 40]

Round trips are the relay's count of turns, the least of the rounds, our goodbye at the end among them; the
slope of the time over the relay's delay stands beside it. rsync runs over ssh with curve25519, so that it
does not pay for a slower key exchange than ours. The lane (connect, lock, sync, let go) is compared with
rsync in turns, medians against medians, so that a busy machine slows both; the whole command, with Python's
start, stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from ops.bench.parts.sshd import Quiet, scratch_root, settings_for, ssh_words, sshd  # noqa: E402
from tests.integration.relay import Relay  # noqa: E402

from bb8deploy.base.atomic_files import write_text  # noqa: E402
from bb8deploy.host.files.app_folder_interface import SyncSession, Transfer  # noqa: E402
from bb8deploy.host.open_host import Host, open_host  # noqa: E402
from bb8deploy.plan.sync_plan import Stamp, differences, plan_sync  # noqa: E402
from bb8deploy.settings.load_settings import load  # noqa: E402
from bb8deploy.workspace.ignore_patterns import Ignore  # noqa: E402
from bb8deploy.workspace.tree_digest import STAMP, Manifest, walk  # noqa: E402

CONFIG = 'name: "Bench"\nversion: "1.0.0"\nslug: "bench"\ndescription: "x"\narch: [amd64]\n'
IGNORE = Ignore.parse("")
CASES = ("cold", "one file", "nothing")
LIMITS = {
    "exec beyond two round trips, ms": "<= 10",
    "open connection, nothing, round trips": "<= 2",
    "open connection, one file, round trips": "<= 3",
    "from cold, nothing, round trips": "<= 7",
    "from cold, one file, round trips": "<= 8",
    "large tree, lane to rsync, cold": "<= 1.2",
    "large tree, lane to rsync, one file": "<= 1.5",
    "large tree, peak memory, MB": "<= 80",
}


@dataclass(frozen=True, slots=True)
class Bench:
    """A scratch folder with a running sshd."""

    folder: Path
    port: int

    @property
    def runtime(self) -> Path:
        """Where the tree goes."""
        return self.folder / "host/addons/bench"

    def environ(self, port: int) -> dict[str, str]:
        """The settings that lead here through a relay's port."""
        return {
            **settings_for(self.folder, port),
            "HA_REMOTE_RUNTIME": str(self.runtime),
            "HA_REPORTS_DIR": str(self.folder / "host/reports"),
        }


def make_tree(root: Path, files: int, size: int) -> None:
    """`files` files of `size` bytes in all; every second one compresses like source text."""
    noise = random.Random(7)
    words = [f"word{n} " for n in range(500)]
    each = size // files
    for n in range(files):
        path = root / f"part{n % 40}" / f"file{n}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        if n % 2:
            path.write_bytes(noise.randbytes(each))
        else:
            path.write_text("".join(noise.choices(words, k=each // 8)))
    (root / "config.yaml").write_text(CONFIG)


def change_one(root: Path, number: int) -> None:
    """Changes one small file."""
    (root / "config.yaml").write_text(f"{CONFIG}# {number}\n")


def once(host: Host, source: Path, run_id: str) -> bool:
    """One sync as the lane does it, without receipts; True if nothing had to be sent."""
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(walk, source, IGNORE)
        with host.session(run_id) as session:
            return _deliver(session, reading.result(), source, run_id)


def _deliver(session: SyncSession, want: Manifest, source: Path, run_id: str) -> bool:
    stamp = Stamp("1.0.0", want.digest, "none", run_id)
    plan = plan_sync(session.tree, want, IGNORE, stamp)
    if plan.nothing:
        return True
    made = {STAMP: stamp.data()}
    after = session.apply(Transfer(source, plan.removals, plan.entries, made, want.size))
    problems = differences(after, plan, IGNORE, stamp.data())
    if problems:
        raise SystemExit(f"the host's tree is wrong: {problems[:3]}")
    return False


def timed(
    work: Callable[[], object], rounds: int, before: Callable[[int], None] = lambda _n: None
) -> list[float]:
    """Seconds of each round; `before` is not timed."""
    seconds = []
    for n in range(rounds):
        before(n)
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


def fresh_host(bench: Bench) -> None:
    """Removes everything from the host."""
    shutil.rmtree(bench.folder / "host", ignore_errors=True)
    bench.runtime.parent.mkdir(parents=True)


def milliseconds(seconds: list[float]) -> dict[str, float]:
    """Minimum and median."""
    return {"min": round(min(seconds) * 1000, 1), "median": round(statistics.median(seconds) * 1000, 1)}


@dataclass(slots=True)
class Counted:
    """Times and round trips of one case at one delay."""

    seconds: list[float]
    turns: list[int]

    def told(self) -> dict[str, float]:
        """For the report."""
        return {**milliseconds(self.seconds), "turns": min(self.turns)}


def counted(
    relay: Relay, work: Callable[[], object], rounds: int, before: Callable[[int], None] = lambda _n: None
) -> Counted:
    """Seconds and turns of each round."""
    found = Counted([], [])
    for n in range(rounds):
        settle(relay)
        start, relay.counts.last = relay.counts.turns, ""
        found.seconds += timed(work, 1, lambda _one, n=n: before(n))  # type: ignore[misc]
        found.turns.append(relay.counts.turns - start)
    return found


def settle(relay: Relay) -> None:
    """Lets what nobody waits for, such as a channel's goodbye, pass before the next round is counted."""
    seen = -1
    while seen != relay.counts.up + relay.counts.down:
        seen = relay.counts.up + relay.counts.down
        time.sleep(2 * relay.rtt + 0.02)


def own(bench: Bench, source: Path, rtt: float, rounds: int) -> dict[str, dict[str, float]]:
    """Our own times at one delay: a command, a sync on an open connection, a sync from cold."""
    run = SimpleNamespace(id="bench", command="bench")
    with Relay(("127.0.0.1", bench.port), rtt=rtt) as relay:
        settings = load(bench.folder, environ=bench.environ(relay.port))
        fresh_host(bench)
        with open_host(settings, Quiet(), via="ssh") as host, host.lock(run):
            assert host.transport
            transport = host.transport
            cases = {"exec": counted(relay, lambda: transport.run(["true"], deadline=60), rounds * 3)}
            once(host, source, "bench")
            cases["open connection, cold"] = counted(
                relay, lambda: once(host, source, "bench"), rounds, lambda _n: fresh_tree(bench)
            )
            cases["open connection, nothing"] = counted(relay, lambda: once(host, source, "bench"), rounds)
            cases["open connection, one file"] = counted(
                relay, lambda: once(host, source, "bench"), rounds, lambda n: change_one(source, n)
            )
        cases["from cold, nothing"] = counted(relay, lambda: in_process(settings, source), rounds)
        cases["from cold, one file"] = counted(
            relay, lambda: in_process(settings, source), rounds, lambda n: change_one(source, 50 + n)
        )
    return {name: case.told() for name, case in cases.items()}


def fresh_tree(bench: Bench) -> None:
    """An empty host that still has its lock."""
    shutil.rmtree(bench.runtime, ignore_errors=True)
    shutil.rmtree(bench.runtime.parent / ".bb8deploy/bench", ignore_errors=True)


def process(bench: Bench, workspace: Path, port: int) -> tuple[float, int]:
    """One whole `bb8deploy sync`: seconds, and the peak of its resident memory in bytes."""
    environ = {**os.environ, **bench.environ(port), "PYTHONPATH": str(ROOT / "src")}
    words = [sys.executable, "-m", "bb8deploy", "sync", "--quiet"]
    started = time.perf_counter()
    child = subprocess.Popen(
        words, cwd=workspace, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = child.stdout.read(), child.stderr.read()  # type: ignore[union-attr]
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode or b"CLEAN_RUNTIME_OK" not in out:
        raise SystemExit(f"sync failed: {err.decode()}")
    return seconds, usage.ru_maxrss * 1024


def rsync(bench: Bench, source: Path, port: int) -> None:
    """The peer: rsync with checksums, fresh ssh."""
    ssh = " ".join(ssh_words(bench.folder, port))
    subprocess.run(
        [
            *("rsync", "-a", "--checksum", "--delete", "-e", ssh),
            *(f"{source}/", f"root@127.0.0.1:{bench.folder}/host/addons/rsync/"),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def against_rsync(bench: Bench, workspace: Path, rounds: int) -> dict[str, float]:
    """Against rsync in turns, without the relay, which would slow down the measured process."""
    source = workspace / "addon"
    settings = load(bench.folder, environ=bench.environ(bench.port))
    times: dict[str, list[float]] = {}
    peaks = []
    for n in range(rounds):
        for way in ("rsync", "lane", "command"):
            fresh_host(bench)
            for case in CASES:
                if case == "one file":
                    change_one(source, 1000 + n)
                if way == "rsync":
                    seconds = timed(lambda: rsync(bench, source, bench.port), 1)[0]
                elif way == "lane":
                    seconds = in_process(settings, source)
                else:
                    seconds, peak = process(bench, workspace, bench.port)
                    peaks.append(peak)
                times.setdefault(f"{way}, {case}", []).append(seconds)
            change_one(source, 0)
    medians = {name: statistics.median(found) for name, found in times.items()}
    told = {f"{name}, ms": round(seconds * 1000, 1) for name, seconds in medians.items()}
    for case in CASES:
        for way in ("lane", "command"):
            told[f"{way} to rsync, {case}"] = round(medians[f"{way}, {case}"] / medians[f"rsync, {case}"], 2)
    told["peak memory, MB"] = round(max(peaks) / 1e6, 1)
    return told


def in_process(settings: object, source: Path) -> float:
    """Connect, lock, sync, let go: the part of a deploy that rsync stands for."""
    run = SimpleNamespace(id="bench", command="bench")
    started = time.perf_counter()
    with open_host(settings, Quiet(), via="ssh") as host, ThreadPoolExecutor(1) as pool:  # type: ignore[arg-type]
        reading = pool.submit(walk, source, IGNORE)
        with host.lock(run), host.session("bench") as session:
            _deliver(session, reading.result(), source, "bench")
    return time.perf_counter() - started


def slope(results: dict[float, dict[str, dict[str, float]]], case: str) -> float:
    """Round trips by time: the growth of the minimum from the smallest to the largest delay."""
    least, most = min(results), max(results)
    grown = results[most][case]["min"] - results[least][case]["min"]
    return round(grown / (most - least), 2) if most > least else 0.0


def figures_of(results: dict[float, dict[str, dict[str, float]]]) -> dict[str, float]:
    """What the limits are about, of the small tree."""
    # Of something so short the least counts: other work on the machine hits it by chance.
    beyond = (cases["exec"]["min"] - 2 * rtt for rtt, cases in results.items())
    figures = {"exec beyond two round trips, ms": max(beyond)}
    for case in next(iter(results.values())):
        figures[f"{case}, round trips"] = min(cases[case]["turns"] for cases in results.values())
        figures[f"{case}, round trips by time"] = slope(results, case)
    return figures


def main() -> int:
    """Runs everything, judges, writes; 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rtt", type=float, nargs="+", default=[0, 10, 40], help="milliseconds")
    asked = parser.parse_args()
    place = tempfile.TemporaryDirectory(prefix="bb8-bench-", dir=scratch_root())
    with place as scratch, sshd(Path(scratch)) as port:
        bench = Bench(Path(scratch), port)
        small, large = bench.folder / "small", bench.folder / "large"
        make_tree(small / "addon", 150, 1_500_000)
        make_tree(large / "addon", asked.files, int(asked.megabytes * 1_000_000))
        results = {r: own(bench, small / "addon", r / 1000, asked.rounds) for r in asked.rtt}
        figures = figures_of(results)
        compared = against_rsync(bench, large, asked.rounds) if shutil.which("rsync") else {}
    figures |= {f"large tree, {name}": value for name, value in compared.items()}
    missed = [name for name, limit in LIMITS.items() if figures.get(name, 0.0) > float(limit[3:])]
    report = {
        "figures": figures,
        "limits": LIMITS,
        "missed": missed,
        "rounds": asked.rounds,
        "trees": f"small: 150 files, 1.5 MB; large: {asked.files} files, {asked.megabytes:g} MB",
        "by round trip time, ms": results,
        "load": os.getloadavg()[0],
    }
    write_text(ROOT / "reports/bench/sync.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    if not compared:
        print("SKIPPED: rsync is not installed, so there is nothing to compare with")
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
