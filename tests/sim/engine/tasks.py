"""Runs several commands on one thread, one at a time, and decides at each call which of them continues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from greenlet import GreenletExit, greenlet
from tests.sim.engine.choices import Choices
from tests.sim.engine.faults import Fault

CALL = 0.02
"""Seconds of the simulated clock that a call takes."""
SWITCH = 0.15
"""How likely another task continues at a call."""


@dataclass(slots=True, eq=False)
class Task:
    """A command of a user, a job of the Supervisor, or another user who edits files."""

    name: str
    body: Callable[[], object]
    wakes: float = 0.0
    command: str = ""
    dead: bool = False
    done: bool = False
    error: BaseException | None = None
    thread: greenlet = field(init=False)

    def __post_init__(self) -> None:
        self.thread = greenlet(self._run)

    @property
    def alive(self) -> bool:
        """True until it ended or was killed."""
        return not (self.dead or self.done)

    def _run(self) -> None:
        try:
            self.body()
        except Exception as error:  # noqa: BLE001 - the schedule looks at every way to end
            self.error = error
        self.done = True


class Broken(AssertionError):
    """A law did not hold."""


class Stuck(Exception):
    """A schedule did not end within its number of calls or its time."""


@dataclass(slots=True)
class Tasks:
    """The tasks of a schedule, its clock and its trace. Times are seconds of the simulated clock."""

    choices: Choices
    now: float = 1_000_000.0
    trace: list[str] = field(default_factory=list)
    keep_trace: bool = False
    all: list[Task] = field(default_factory=list)
    current: Task | None = None
    calls: int = 0
    fired: Counter[Fault] = field(default_factory=Counter)
    ending: bool = False
    _main: greenlet = field(init=False)
    _watch: Callable[[], None] = lambda: None
    _broken: Broken | None = None

    MAX_CALLS = 20_000

    def met(self, fault: Fault) -> None:
        """Counts a fault that has happened."""
        self.fired[fault] += 1

    def later(self, seconds: float, body: Callable[[], object]) -> None:
        """Has `body` happen by itself after some seconds."""
        self.spawn("later", body, after=seconds)

    def spawn(self, name: str, body: Callable[[], object], *, after: float = 0.0) -> Task:
        """Adds a task that may begin `after` so many seconds."""
        task = Task(name, body, wakes=self.now + after)
        self.all.append(task)
        return task

    def run(self, watch: Callable[[], None] = lambda: None) -> None:
        """Runs until every task has ended or was killed; `watch` is called at each switch. Raises Stuck."""
        self._main, self._watch = greenlet.getcurrent(), watch
        while waiting := [task for task in self.all if task.alive]:
            ready = [task for task in waiting if task.wakes <= self.now]
            if not ready:
                self.now = min(task.wakes for task in waiting)
                continue
            self._switch(self._next(ready))
            if self._broken:
                raise self._broken
            self.now += CALL
            watch()

    def play(self, part: str, watch: Callable[[], None] = lambda: None) -> None:
        """Runs a part of a story. Raises Broken if a law did not hold, or if a command ended by a defect."""
        self.note(f"--- {part}")
        self.run(watch)
        for task in self.all:
            if isinstance(task.error, Broken):
                raise task.error
            if task.error is not None:
                words = f"{task.name} ended with {type(task.error).__name__}: {task.error}"
                raise Broken(words) from task.error
        self.all.clear()

    def _next(self, ready: list[Task]) -> Task:
        first = self.current if self.current in ready else ready[0]
        others = [task for task in ready if task is not first]
        choice = self.choices.pick(len(others), SWITCH) if others else 0
        return others[choice - 1] if choice else first

    def _switch(self, task: Task) -> None:
        self.current = task
        task.thread.parent = self._main
        task.thread.switch()

    def call(self, what: str) -> None:
        """A call that leaves the process: another task may go on first."""
        if self.ending or self.current is None or greenlet.getcurrent() is not self.current.thread:
            raise GreenletExit
        self.calls += 1
        if self.calls > self.MAX_CALLS:
            raise Stuck(f"{self.calls} calls, the last one {what} by {self.current.name}")
        if self.keep_trace:
            self.trace.append(f"{self.now - 1_000_000:9.2f} {self.current.name:14} {what}")
        self._go_on()

    def _go_on(self) -> None:
        """Back to `run`, which chooses who is next; without a choice this does the same, but faster."""
        task = self.current
        if task is None or self._others_by(max(self.now + CALL, task.wakes)):
            self._main.switch()
            return
        self.now += CALL
        try:
            self._watch()
        except Broken as error:
            self._broken = error
            self._main.switch()
        self.now = max(self.now, task.wakes)

    def _others_by(self, moment: float) -> bool:
        """True if another task could go on by then."""
        return any(
            task.wakes <= moment and not task.dead and not task.done
            for task in self.all
            if task is not self.current
        )

    def note(self, text: str) -> None:
        """A line of the trace that is not a call."""
        if self.keep_trace:
            name = self.current.name if self.current else "-"
            self.trace.append(f"{self.now - 1_000_000:9.2f} {name:14}   {text}")

    def sleep(self, seconds: float) -> None:
        """Lets simulated time pass for the current task."""
        if self.current is None or self.ending:
            raise GreenletExit
        self.current.wakes = self.now + max(0.0, seconds)
        self._go_on()

    def kill(self, task: Task) -> None:
        """Ends a task as SIGKILL does: nothing of it runs any more, no finally block either."""
        task.dead = True
        self.note(f"{task.name} is killed")
        if task is self.current:
            self._main.switch()

    def close(self) -> None:
        """Unwinds what was killed, with every call refused."""
        self.ending = True
        for task in self.all:
            if not task.done and task.thread:
                task.thread.parent = greenlet.getcurrent()
                task.thread.throw(GreenletExit)
