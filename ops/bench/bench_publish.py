"""Times a publish against `git subtree split` on 800 commits; writes reports/bench/publish.json.

Run it with the project's Python: `python ops/bench/bench_publish.py [COMMITS]`. Both give the same tree id,
which is checked. The publish goes to a bare repository on the same disk, its push and read-back included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from ops.bench.parts.sshd import Quiet  # noqa: E402

from bb8deploy.base.atomic_files import write_text  # noqa: E402
from bb8deploy.lanes.publish.publish import publish  # noqa: E402
from bb8deploy.runs.journal import Journal  # noqa: E402
from bb8deploy.runs.run import Run, new_run_id  # noqa: E402
from bb8deploy.runs.tokens import Ledger  # noqa: E402
from bb8deploy.settings.load_settings import load  # noqa: E402

LIMIT = 0.05
LIMITS = {"publish_to_split": f"<= {LIMIT}"}
CONFIG = 'name: Bench\nversion: "1.0.0"\nslug: bench\ndescription: A bench\narch: [amd64]\n'
DOCKERFILE = "FROM ghcr.io/home-assistant/base:3.23\n"


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    """Runs git and gives what it printed."""
    done = subprocess.run(["git", "-C", str(folder), *words], input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def make_history(folder: Path, commits: int) -> None:
    """A linear history of which every second commit touches the app."""
    lines = ["blob", "mark :1", f"data {len(CONFIG)}", CONFIG]
    lines += ["blob", "mark :9999", f"data {len(DOCKERFILE)}", DOCKERFILE]
    for number in range(2, commits + 2):
        text = f"{number}\n" * 20
        path = f"addon/part{number % 50}.txt" if number % 2 else f"docs/page{number % 50}.txt"
        first = ["M 644 :1 addon/config.yaml", "M 644 :9999 addon/Dockerfile"] if number == 2 else []
        lines += [
            "commit refs/heads/main",
            f"committer Bench <bench@example.org> {1_700_000_000 + number} +0000",
            f"data {len(str(number))}",
            str(number),
            *first,
            f"M 644 inline {path}",
            f"data {len(text)}",
            text,
        ]
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "fast-import", "--quiet", stdin="\n".join(lines).encode() + b"\n")
    git(folder, "reset", "-q", "--hard", "main")
    (folder / ".git" / "info" / "exclude").write_text("reports/\n")


def make_run(folder: Path, store: Path) -> Run:
    """A run that publishes to `store`."""
    run_id, reports = new_run_id(), folder / "reports"
    return Run(
        id=run_id,
        command="publish",
        workspace=folder,
        addon=folder / "addon",
        settings=load(folder, environ={}, flags={"HA_PUBLISH_REMOTE": str(store)}),
        reports=reports,
        ledger=Ledger(run_id, reports),
        journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
        progress=Quiet(),
    )


@contextmanager
def timed(into: dict[str, float], name: str) -> Iterator[None]:
    """Wall and CPU seconds of this process and its children."""
    wall, before = time.perf_counter(), os.times()
    yield
    after = os.times()
    into[f"{name}_wall_s"] = round(time.perf_counter() - wall, 3)
    into[f"{name}_cpu_s"] = round(sum(after[:4]) - sum(before[:4]), 3)


def publish_once(folder: Path, store: Path) -> tuple[dict[str, float], str]:
    """Publishes to a new bare repository; gives the seconds, and the tree that it then holds."""
    git(store.parent, "init", "-q", "--bare", str(store))
    run, seconds = make_run(folder, store), dict[str, float]()
    with timed(seconds, "publish"):
        outcome = publish(run)
    git(folder, "tag", "-d", outcome.version)
    return seconds, git(store, "rev-parse", "main^{tree}")


def main(commits: int) -> int:
    """Measures, writes the figures, and ends with 1 where the ratio is over the limit.

    The first publish loads Python modules, which a release has loaded long before. Of the others the least
    counts: other work on the machine hits something so short by chance.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "work"
        make_history(folder, commits)
        all_of_them = [publish_once(folder, Path(scratch) / f"store{n}.git") for n in range(4)]
        first, *others = [seconds for seconds, _ in all_of_them]
        tree = all_of_them[-1][1]
        figures = min(others, key=lambda one: one["publish_wall_s"])
        figures["first_publish_wall_s"] = first["publish_wall_s"]
        with timed(figures, "subtree_split"):
            split = git(folder, "subtree", "split", "-q", "-P", "addon", "HEAD").splitlines()[-1]
        same = git(folder, "rev-parse", f"{split}^{{tree}}") == tree == git(folder, "rev-parse", "HEAD:addon")
    figures["publish_to_split"] = round(figures["publish_wall_s"] / figures["subtree_split_wall_s"], 4)
    report = {"figures": figures, "limits": LIMITS, "commits": commits, "same_tree": same}
    write_text(ROOT / "reports" / "bench" / "publish.json", json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return 0 if same and figures["publish_to_split"] <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 800))
