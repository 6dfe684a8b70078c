"""What the dev loop reports of saves that come during a push."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.unit.lanes.dev.test_container_state import BUILT, app

from bb8deploy.base.errors import Unreachable
from bb8deploy.catalogue.errors.dev import DEV_NOT_UP
from bb8deploy.catalogue.errors.ssh import SSH_LOST
from bb8deploy.lanes.dev import loop as module
from bb8deploy.lanes.dev.container_state import Container
from bb8deploy.lanes.dev.host_connection import Overtaken, Session
from bb8deploy.lanes.dev.loop import DevOptions, _Loop
from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.live.choose_way import Choice, Way
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Ledger


class Saves:
    """A watcher whose saves the test makes."""

    def __init__(self) -> None:
        self.pending = False
        self.noticed = time.monotonic()
        self.paths: tuple[str, ...] = ()

    def take(self) -> tuple[float, tuple[str, ...]]:
        self.pending = False
        return self.noticed, self.paths


class Bench:
    """A loop, and a session whose app is `source` and whose pushes run `during`."""

    def __init__(self, folder: Path) -> None:
        self.source: AppSource = BUILT
        self.during: Callable[[], None] = lambda: None
        self.container: Container | None = None
        self.steps: list[object] = []
        self.host = None
        self.pushed: list[str] = []
        self.told: list[str] = []
        self.seconds: list[float] = []
        run = SimpleNamespace(id="r1", clean=str, ledger=Ledger("r1", folder), addon=folder, workspace=folder)
        self.loop = _Loop(cast("Run", run), cast("Any", self), DevOptions())
        self.saves = Saves()
        self.loop.watcher = cast("Any", self.saves)

    def read(self, _number: int) -> object:
        return SimpleNamespace(app=self.source)

    def way(self, _wanted: object, _forced: Way | None) -> Choice:
        return Choice(Way.LIVE, "")

    def push(self, wanted: Any, choice: Choice) -> Choice:
        tree = wanted.app.tree
        self.container = self.container.sees(tree) if self.container else Container.of_build("r", tree)
        self.during()
        self.container = self.container.live(tree)
        return choice

    def step(self) -> None:
        """What a save, or the first connection, leads to."""
        self.loop._push(cast("Session", self))

    def saved(self, _paths: object) -> None: ...

    def log(self, _line: str) -> None: ...

    def note(self, text: str) -> None:
        self.told.append(text)

    def overtaken(self, _number: int) -> None:
        self.told.append("overtaken")

    def pushed_tree(self, push: Any) -> None:
        self.pushed.append(push.tree)
        self.seconds.append(push.seconds)

    def failed(self, text: str, _details: object) -> None:
        self.told.append(text)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(module, "smoke", lambda *_: None)
    made = Bench(tmp_path)
    made.loop.view = cast("Any", SimpleNamespace(**_view(made)))
    return made


def _view(bench: Bench) -> dict[str, object]:
    names: dict[str, object] = {
        "saved": bench.saved,
        "note": bench.note,
        "overtaken": bench.overtaken,
        "failed": bench.failed,
    }
    return {**names, "pushed": bench.pushed_tree, "unchanged": lambda _tree: bench.told.append("unchanged")}


def save(bench: Bench) -> None:
    bench.saves.pending = True


def test_a_save_that_the_push_had_already_is_reported_by_it(bench: Bench) -> None:
    """The watcher notices the save after its file was read: nothing is left for another push."""
    bench.during = lambda: save(bench)
    bench.step()
    assert (bench.pushed, bench.told) == ([], ["overtaken"])
    bench.step()
    assert bench.pushed == [BUILT.tree.digest]


def test_what_was_overtaken_is_never_reported(bench: Bench) -> None:
    bench.during = lambda: save(bench)
    bench.step()
    bench.source, bench.during = app(app__a="2"), lambda: None
    bench.step()
    bench.step()
    assert bench.pushed == [bench.source.tree.digest]


def test_an_undone_save_is_delivered_again_if_the_one_before_it_was_not_proven(bench: Bench) -> None:
    bench.step()

    def overtake() -> None:
        raise Overtaken

    bench.source, bench.during = app(app__a="2"), overtake
    bench.step()
    bench.source, bench.during = BUILT, lambda: None
    bench.step()
    assert bench.pushed == [BUILT.tree.digest] * 2


def test_a_save_that_changes_nothing_is_answered(bench: Bench) -> None:
    bench.step()
    bench.step()
    assert (len(bench.pushed), bench.told) == (1, ["unchanged"])


def test_the_time_of_a_push_begins_with_the_save_that_a_lost_connection_kept_back(bench: Bench) -> None:
    def lose() -> None:
        raise SSH_LOST("the connection was lost")

    bench.step()
    bench.source = app(app__a="2")
    bench.saves.noticed, bench.saves.paths, bench.during = time.monotonic() - 100, ("a",), lose
    with pytest.raises(Unreachable):
        bench.step()
    bench.saves.noticed, bench.saves.paths, bench.during = time.monotonic(), (), lambda: None
    bench.step()
    assert bench.pushed[1:] == [bench.source.tree.digest]
    assert bench.seconds[1] >= 100


def test_an_app_that_ended_is_noticed_once() -> None:
    """By the look that also renews the lock."""
    told: list[str] = []
    session = SimpleNamespace(ended=False, files=SimpleNamespace(ping=lambda: True))
    session.look = lambda: setattr(session, "ended", True)
    for _ in range(2):
        module._keep(cast("Session", session), cast("Any", SimpleNamespace(container_changed=told.append)))
    assert told == ["the app does not run: its container ended; the next save starts it"]


def test_the_container_of_a_failed_push_is_not_taken_for_one_of_another_program(bench: Bench) -> None:
    def end() -> None:
        bench.loop.starts.read("BB8LIVE on mode=main run=r1-1")
        raise DEV_NOT_UP("its container ended")

    bench.during = end
    bench.step()
    assert bench.told == ["its container ended"]
    assert bench.loop.options.inbox.empty()
