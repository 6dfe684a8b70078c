"""Measures how many packets a second our decoder and spherov2's read, in the same run on the same bytes.

Run from the repository's root: `python ops/bench/addon/bench_decode.py`. It installs spherov2 into a folder
that goes away again, writes reports/bench/decode.json and exits 1 if ours is not at least three times as
fast.
"""

from __future__ import annotations

import importlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "addon"))

from bb8_core.robot.packet_framing import StreamDecoder, chunks  # noqa: E402
from bb8_core.simulator import packet_codec  # noqa: E402

ROUNDS = 15
REPEATS = 100
LIMIT = 3.0
SPHEROV2 = "spherov2==0.12.1"

Run = Callable[[], int]


def notifications() -> list[bytes]:
    """The traffic of a driving robot: answers, ten-value sensor frames, a collision, battery reports."""
    packets = [packet_codec.response(0, seq, b"") for seq in range(20)]
    packets += [packet_codec.event(3, bytes(range(20)))] * 20
    packets += [
        packet_codec.response(0, 7, bytes(8)),
        packet_codec.event(7, bytes(16)),
        packet_codec.event(1, b"\x02"),
    ]
    return [piece for packet in packets for piece in chunks(packet)]


def ours(pieces: list[bytes]) -> Run:
    """Decode with the app's decoder; returns how many packets came out."""

    def run() -> int:
        found: list[object] = []
        decoder = StreamDecoder()
        for _ in range(REPEATS):
            for piece in pieces:
                found += decoder.feed(piece, 0.0)
        return len(found)

    return run


def theirs(pieces: list[bytes], packet: Any) -> Run:
    """Decode with spherov2's collector."""

    def run() -> int:
        found: list[object] = []
        collector = packet.Collector(found.append)
        for _ in range(REPEATS):
            for piece in pieces:
                collector.add(piece)
        return len(found)

    return run


def packets_per_second(run: Run) -> float:
    """One round."""
    started = time.perf_counter()
    count = run()
    return count / (time.perf_counter() - started)


def spherov2_packet() -> Any:
    """spherov2's packet class; None if it cannot be had."""
    with tempfile.TemporaryDirectory(prefix="spherov2-") as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, SPHEROV2]
        if subprocess.run(pip, stdout=subprocess.DEVNULL, check=False).returncode:
            return None
        sys.path.insert(0, folder)
        return importlib.import_module("spherov2.controls.v1").Packet


def main() -> int:
    """Measure in turns, so that a busy machine slows both; compare the medians."""
    packet = spherov2_packet()
    if packet is None:
        print("SKIPPED: spherov2 cannot be installed here, so there is nothing to compare with")
        return 0
    pieces = notifications()
    runs = {"ours": ours(pieces), "spherov2": theirs(pieces, packet)}
    if len({run() for run in runs.values()}) != 1:
        print("the decoders do not find the same number of packets")
        return 1
    rounds = [{name: packets_per_second(run) for name, run in runs.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(each[name] for each in rounds) for name in runs}
    ratio = statistics.median(each["ours"] / each["spherov2"] for each in rounds)
    report = {
        "packets_per_second": {name: round(value) for name, value in medians.items()},
        "figures": {"ratio_to_spherov2": round(ratio, 2)},
        "limits": {"ratio_to_spherov2": f">= {LIMIT}"},
        "rounds": ROUNDS,
        "python": sys.version.split()[0],
        "ok": ratio >= LIMIT,
    }
    place = ROOT / "reports" / "bench" / "decode.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
