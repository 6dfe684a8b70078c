"""Measures lane 2 against rsync over the same ssh server and relay; writes reports/bench/sync.json.

    python ops/bench/bench_sync.py [--files 2000] [--megabytes 50] [--rounds 3] [--rtt 0 10 40]

Round trips are told from the slope of the time over the relay's delay, and from the relay's count of turns.
rsync runs over ssh with curve25519, so that it does not pay for a slower key exchange than ours.
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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from ops.bench.relay import Relay  # noqa: E402

from bb8deploy.host.connect import Host, open_host  # noqa: E402
from bb8deploy.host.files import Delivery, SyncSession  # noqa: E402
from bb8deploy.plan.sync import Stamp, differences, plan_sync  # noqa: E402
from bb8deploy.settings import load  # noqa: E402
from bb8deploy.workspace.ignore import Ignore  # noqa: E402
from bb8deploy.workspace.tree import STAMP, Manifest, walk  # noqa: E402

CONFIG = 'name: "Bench"\nversion: "1.0.0"\nslug: "bench"\ndescription: "x"\narch: [amd64]\n'
IGNORE = Ignore.parse("")
CASES = ("cold", "one file", "nothing")


class Quiet:
    """Hears nothing."""

    def step(self, _name: str, _where: str = "") -> AbstractContextManager[None]:
        """Shows nothing."""
        return nullcontext()

    def note(self, _text: str) -> None:
        """Says nothing."""

    def warn(self, _text: str) -> None:
        """Says nothing."""


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
            "HA_SSH_HOST_ALIAS": f"root@127.0.0.1:{port}",
            "HA_SSH_KEY": str(self.folder / "client"),
            "HA_SSH_KNOWN_HOSTS": str(self.folder / "known_hosts"),
            "HA_REMOTE_RUNTIME": str(self.runtime),
            "HA_REPORTS_DIR": str(self.folder / "host/reports"),
        }

    def ssh_words(self, port: int) -> str:
        """The ssh call for rsync."""
        return (
            f"ssh -p {port} -i {self.folder}/client -o IdentitiesOnly=yes -o BatchMode=yes "
            f"-o UserKnownHostsFile={self.folder}/known_hosts -o KexAlgorithms=curve25519-sha256"
        )


@contextmanager
def server(folder: Path) -> Iterator[Bench]:
    """A private sshd on loopback whose keys are known under any port."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    for name in ("host_key", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "client.pub", folder / "authorized_keys")
    (folder / "known_hosts").write_text(f"[127.0.0.1]:* {(folder / 'host_key.pub').read_text()}")
    (folder / "command").write_text('#!/bin/sh\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n')
    (folder / "command").chmod(0o755)
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPidFile none\nForceCommand {folder}/command\n"
        "SetEnv SHLVL=5\n"  # else root's bash reads its rc file at each command, which measures that file
    )
    sshd = shutil.which("sshd") or "/usr/sbin/sshd"
    Path("/run/sshd").mkdir(exist_ok=True)
    process = subprocess.Popen([sshd, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Bench(folder, port)
    finally:
        process.kill()
        process.wait()


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
    """One sync as the lane does it, without receipts; True where nothing had to be sent."""
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(walk, source, IGNORE)
        with host.session(run_id) as session:
            return _deliver(session, reading.result(), source, run_id)


def _deliver(session: SyncSession, want: Manifest, source: Path, run_id: str) -> bool:
    stamp = Stamp("1.0.0", want.digest, "none", run_id)
    plan = plan_sync(session.tree, want, IGNORE, stamp)
    if plan.nothing:
        return True
    after = session.apply(Delivery(source, plan.removals, plan.entries, {STAMP: stamp.data()}))
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


def own(bench: Bench, source: Path, rtt: float, rounds: int) -> dict[str, object]:
    """Our own times at one delay: a command, a sync on an open connection, a sync from cold."""
    run = SimpleNamespace(id="bench", command="bench")
    with Relay(("127.0.0.1", bench.port), rtt=rtt) as relay:
        settings = load(bench.folder, environ=bench.environ(relay.port))
        fresh_host(bench)
        with open_host(settings, Quiet(), via="ssh") as host, host.lock(run):
            assert host.transport
            transport = host.transport
            transport.run(["true"], deadline=60)
            command = timed(lambda: transport.run(["true"], deadline=60), rounds * 3)
            cold = timed(lambda: once(host, source, "bench"), rounds, lambda _n: fresh_tree(bench))
            before = relay.counts.turns
            none = timed(lambda: once(host, source, "bench"), rounds)
            turns_none = (relay.counts.turns - before) / rounds
            one = timed(lambda: once(host, source, "bench"), rounds, lambda n: change_one(source, n))
            change_one(source, 99)
            before = relay.counts.turns
            once(host, source, "bench")
            turns_one = relay.counts.turns - before
        whole_none = timed(lambda: in_process(settings, source), rounds)
        whole_one = timed(lambda: in_process(settings, source), rounds, lambda n: change_one(source, 50 + n))
        before = relay.counts.turns
        in_process(settings, source)
        turns_whole = relay.counts.turns - before
    return {
        "exec": milliseconds(command),
        "open connection": {
            "cold": milliseconds(cold),
            "one file": milliseconds(one),
            "nothing": milliseconds(none),
            "turns, nothing": turns_none,
            "turns, one file": turns_one,
        },
        "from cold, with lock": {
            "nothing": milliseconds(whole_none),
            "one file": milliseconds(whole_one),
            "turns, nothing": turns_whole,
        },
    }


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
    subprocess.run(
        [
            *("rsync", "-a", "--checksum", "--delete", "-e", bench.ssh_words(port)),
            *(f"{source}/", f"root@127.0.0.1:{bench.folder}/host/addons/rsync/"),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def against_rsync(bench: Bench, workspace: Path, rounds: int) -> dict[str, object]:
    """Against rsync in turns, without the relay, which would slow down whoever shares its process."""
    source = workspace / "addon"
    times: dict[str, list[float]] = {}
    memory = 0
    settings = load(bench.folder, environ=bench.environ(bench.port))
    for n in range(rounds):
        fresh_host(bench)
        for case in CASES:
            change_one(source, 1000 + n if case != "cold" else 0)
            rsyncs = timed(lambda: rsync(bench, source, bench.port), 1)
            seconds, peak = process(bench, workspace, bench.port)
            times.setdefault(f"rsync, {case}", []).extend(rsyncs)
            times.setdefault(f"bb8deploy process, {case}", []).append(seconds)
            memory = max(memory, peak)
        fresh_host(bench)
        for case in CASES:
            change_one(source, 2000 + n if case != "cold" else 0)
            times.setdefault(f"in process, {case}", []).append(in_process(settings, source))
    told: dict[str, object] = {name: milliseconds(seconds) for name, seconds in times.items()}
    for case in CASES:
        base = min(times[f"rsync, {case}"])
        told[f"ratio of processes, {case}"] = round(min(times[f"bb8deploy process, {case}"]) / base, 2)
        told[f"ratio in process, {case}"] = round(min(times[f"in process, {case}"]) / base, 2)
    told["peak memory, MB"] = round(memory / 1e6, 1)
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


def slope(results: dict[str, dict[str, object]], *path: str) -> float | None:
    """Round trips: the growth of the minimum from the smallest to the largest delay."""
    delays = sorted(results, key=float)
    if len(delays) < 2:
        return None
    ends = []
    for delay in (delays[0], delays[-1]):
        place: object = results[delay]
        for name in path:
            place = place[name]  # type: ignore[index]
        ends.append(float(place["min"]))  # type: ignore[index]
    return round((ends[1] - ends[0]) / (float(delays[-1]) - float(delays[0])), 2)


def main() -> None:
    """Runs everything and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rtt", type=float, nargs="+", default=[0, 10, 40], help="milliseconds")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bb8-bench-") as scratch, server(Path(scratch)) as bench:
        small, large = bench.folder / "small", bench.folder / "large"
        make_tree(small / "addon", 150, 1_500_000)
        make_tree(large / "addon", asked.files, int(asked.megabytes * 1_000_000))
        results = {f"{r:g}": own(bench, small / "addon", r / 1000, asked.rounds) for r in asked.rtt}
        told = {
            "about": {
                "rounds": asked.rounds,
                "unit": "ms",
                "small": "150 files, 1.5 MB",
                "cpus": os.cpu_count(),
            },
            "by round trip time": results,
            "round trips": {
                "exec": slope(results, "exec"),
                "sync, nothing": slope(results, "open connection", "nothing"),
                "sync, one file": slope(results, "open connection", "one file"),
                "connect, lock, sync nothing, let go": slope(results, "from cold, with lock", "nothing"),
                "connect, lock, sync one file, let go": slope(results, "from cold, with lock", "one file"),
            },
            f"{asked.files} files, {asked.megabytes:g} MB, against rsync --checksum": against_rsync(
                bench, large, asked.rounds
            ),
        }
    out = ROOT / "reports/bench/sync.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(told, indent=2) + "\n")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
