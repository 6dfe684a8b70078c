"""The dev loop of the benches: `bb8deploy dev --json` as a process, and the edits that are saved for it."""

from __future__ import annotations

import hashlib
import json
import queue
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from tests.integration.deploylab import Lab, environment

from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import walk

LOST = 30.0
FIRST = 300.0
"""Seconds after which an edit, or the first build, counts as lost."""
KINDS = ("change", "change", "new", "delete", "rename", "burst", "syntax")
Edit = Callable[[int, Random], None]
_TEXTS = count(1000)


@dataclass
class Measured:
    """Seconds of each edit, and what went wrong."""

    seconds: list[float] = field(default_factory=list)
    false: int = 0
    lost: int = 0
    ways: dict[str, int] = field(default_factory=dict)
    steps: dict[str, list[float]] = field(default_factory=dict)

    @property
    def p50(self) -> float:
        """The median in seconds; the limit of a lost edit if there is none."""
        return statistics.median(self.seconds) if self.seconds else LOST

    @property
    def p95(self) -> float:
        """95 of 100 edits took at most these seconds."""
        ranked = sorted(self.seconds)
        return ranked[int(0.95 * (len(ranked) - 1))] if ranked else LOST

    def __str__(self) -> str:
        parts = {name: round(statistics.median(each), 3) for name, each in self.steps.items()}
        return f"{len(self.seconds)} edits, {self.ways}, p50 {self.p50:.2f} s, p95 {self.p95:.2f} s, {parts}"


class DevProcess:
    """`bb8deploy dev --json`, its events with the moment at which each was read."""

    def __init__(self, lab: Lab) -> None:
        self.contents: list[str] = []
        self._came: queue.Queue[tuple[float, dict[str, object]]] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bb8deploy", "dev", "--json", "--accept-new"],
            cwd=lab.folder,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment(), "PYTHONUNBUFFERED": "1"},
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        if self._process.stdout is None:
            return
        for line in self._process.stdout:
            event = json.loads(line)
            if event.get("event") == "log" and str(event["line"]).startswith("CONTENT "):
                self.contents.append(str(event["line"]).split()[1])
            self._came.put((time.monotonic(), event))

    def until_live(self, tree: str, seconds: float) -> tuple[float, dict[str, object]] | None:
        """When the tree was reported as live, None if it was not in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                at, event = self._came.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                return None
            if event.get("event") == "live" and event["tree"] == tree:
                return at, event
        return None

    def stop(self) -> None:
        """Ends it as Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)


def tree_of(lab: Lab) -> str:
    """The digest of the workspace's app now."""
    return walk(lab.addon, Ignore.of_workspace(lab.folder)).digest


def content(source: Path) -> str:
    """What the app of 150 files prints of its own files."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    rows = sorted(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  ./{f.relative_to(source)}\n" for f in files)
    return hashlib.sha256("".join(rows).encode()).hexdigest()


def edits_of_files(source: Path) -> Edit:
    """Each kind of edit in turn; the last write of it ends as late as possible.

    No text is written twice, in all sessions: an edit that changes nothing is answered without a push.
    """

    def edit(number: int, chance: Random) -> None:
        kind, one = KINDS[number % len(KINDS)], chance.choice(sorted(source.rglob("m*.py")))
        text = f"x = {next(_TEXTS)}\n"
        extras = sorted(source.glob("extra/*.py"))
        if kind == "new":
            (source / "extra").mkdir(exist_ok=True)
            (source / "extra" / f"new{number}.py").write_text(text)
        elif kind == "delete":
            (extras[0] if extras else one).unlink()
        elif kind == "rename":
            one.rename(one.with_name(f"m{number}_{one.name[1:]}"))
        elif kind == "burst":
            _burst(one, text)
        elif kind == "syntax":
            _broken(one, text)
        else:
            one.write_text(text)

    return edit


def edits_of_the_bridge(addon: Path) -> Edit:
    """Changes, bursts and syntax errors in the bridge's own modules, which go on to work."""

    def edit(number: int, chance: Random) -> None:
        one = chance.choice(sorted((addon / "bb8_core").rglob("*.py")))
        kind, text = KINDS[number % len(KINDS)], f"{one.read_text()}# saved {number}\n"
        if kind == "burst":
            _burst(one, text)
        elif kind == "syntax":
            _broken(one, text)
        else:
            one.write_text(text)

    return edit


def _burst(one: Path, text: str) -> None:
    for turn in range(3):
        one.write_text(f"{text}# {turn}\n")
        time.sleep(0.03)


def _broken(one: Path, text: str) -> None:
    """A syntax error that is fixed after it was noticed."""
    one.write_text("def (:\n")
    time.sleep(0.4)
    one.write_text(text)


def measure(lab: Lab, edit: Edit, edits: int, seed: int, *, source: Path | None = None) -> Measured:
    """One session with so many edits; a `source` is compared with what the app prints of its files."""
    found, chance = Measured(), Random(seed)
    loop = DevProcess(lab)
    try:
        if loop.until_live(tree_of(lab), FIRST) is None:
            raise SystemExit("the first build was not proven")
        for number in range(edits):
            edit(number, chance)
            saved = time.monotonic()
            seen = loop.until_live(tree_of(lab), LOST)
            if seen is None:
                found.lost += 1
                continue
            _count(found, seen[0] - saved, seen[1])
            if source is not None:
                found.false += loop.contents[-1:] != [content(source)]
    finally:
        loop.stop()
    return found


def _count(found: Measured, seconds: float, event: dict[str, object]) -> None:
    found.seconds.append(seconds)
    way, steps = str(event["way"]), event["steps"]
    found.ways[way] = found.ways.get(way, 0) + 1
    for step in steps if isinstance(steps, list) else []:
        found.steps.setdefault(step["name"], []).append(step["seconds"])
