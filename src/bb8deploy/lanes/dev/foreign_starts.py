"""Notices containers of the app that another program started, and what those report about themselves."""

from __future__ import annotations

import queue
from contextlib import suppress
from dataclasses import dataclass

from bb8deploy.lanes.dev.outcome import View
from bb8deploy.plan.logs.dev_agent_log import told
from bb8deploy.plan.logs.identity_line import identities

BUILT = "built"
"""What the agent names as its run if the container has the files of its image only."""
_STARTED, _REPORTED = "started", "reported"


@dataclass(slots=True)
class ForeignStarts:
    """Reads the app's log for one run; its words wait in the loop's `inbox` with those of keys and saves."""

    run: str
    view: View
    inbox: queue.Queue[str]
    _awaits_report: bool = False

    def read(self, line: str) -> None:
        """Shows a line of the app's log and looks for a start in it; called in the thread of the log."""
        said = told(line)
        if said and said.word == "on":
            self.inbox.put(f"{_STARTED} {said.run}")
        for one in identities([line]):
            self.inbox.put(f"{_REPORTED} {one.run} {one.tree}")
        self.view.log(line)

    def forget(self) -> None:
        """Drops what the log showed of containers that the loop started itself."""
        self._awaits_report = False
        words = []
        with suppress(queue.Empty):
            while True:
                words.append(self.inbox.get_nowait())
        for word in words:
            if not word.startswith((_STARTED, _REPORTED)):
                self.inbox.put(word)

    def started(self, word: str) -> str:
        """The run whose files a new container has, if the word is about one; else empty. Shows it."""
        kind, _, run = word.partition(" ")
        if kind == _REPORTED:
            self._report(run)
        if kind != _STARTED:
            return ""
        self._awaits_report = run != BUILT
        self.view.container_changed(f"a new container of the app was started; it has {self._files_of(run)}")
        return run

    def _report(self, values: str) -> None:
        run, _, tree = values.partition(" ")
        if self._awaits_report:
            self._awaits_report = False
            self.view.container_reported(tree, self._push_of(run))

    def _files_of(self, run: str) -> str:
        if run == BUILT:
            return "only the files of its image"
        number = self._push_of(run)
        return f"the files of push {number}" if number else "the files of an earlier session"

    def _push_of(self, run: str) -> int | None:
        """The number of this run's push, None for another run."""
        own, _, number = run.rpartition("-")
        return int(number) if own == self.run and number.isdecimal() else None
