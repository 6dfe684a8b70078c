"""Containers of the app that another program started while `dev` runs."""

from __future__ import annotations

import queue
from typing import cast

from bb8deploy.lanes.dev.foreign_starts import BUILT, ForeignStarts
from bb8deploy.lanes.dev.outcome import View


class Told:
    """A view that records."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.reports: list[tuple[str, int | None]] = []
        self.lines: list[str] = []

    def log(self, line: str) -> None:
        self.lines.append(line)

    def container_changed(self, text: str) -> None:
        self.texts.append(text)

    def container_reported(self, tree: str, number: int | None) -> None:
        self.reports.append((tree, number))


def starts() -> tuple[ForeignStarts, Told]:
    told = Told()
    return ForeignStarts("r1", cast("View", told), queue.Queue()), told


def taken(made: ForeignStarts) -> list[str]:
    """What the loop learns of each word that waits."""
    return [made.started(made.inbox.get_nowait()) for _ in range(made.inbox.qsize())]


def identity(run: str) -> str:
    return f"IDENTITY version=1 tree=sha256:{'a' * 64} commit=abc run={run} python=3.13.0"


def test_a_restart_by_another_program_names_the_push_and_what_the_container_reports() -> None:
    made, told = starts()
    made.read("BB8LIVE on mode=s6 run=r1-3")
    made.read(identity("r1-3"))
    assert taken(made) == ["r1-3", ""]
    assert told.texts == ["a new container of the app was started; it has the files of push 3"]
    assert told.reports == [(f"sha256:{'a' * 64}", 3)]
    assert len(told.lines) == 2


def test_files_of_another_session_and_of_the_image_are_named_as_such() -> None:
    made, told = starts()
    made.read("BB8LIVE on mode=s6 run=r0-7")
    made.read("BB8LIVE on mode=s6 run=built")
    assert taken(made) == ["r0-7", BUILT]
    assert ["earlier session" in told.texts[0], "of its image" in told.texts[1]] == [True, True]


def test_what_the_loops_own_pushes_cause_is_not_told() -> None:
    made, told = starts()
    made.read("BB8LIVE on mode=s6 run=r1-3")
    made.read(identity("r1-3"))
    made.inbox.put("changed")
    made.forget()
    made.read(identity("r1-4"))
    assert taken(made) == ["", ""]
    assert (told.texts, told.reports) == ([], [])
