"""Puts the simulated host, clock and files behind the product's protocols for one schedule."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import ModuleType, SimpleNamespace
from typing import Any, Self
from unittest import mock

from tests.sim.faults import Fault, Wire, drop_connections
from tests.sim.files import Connection, SimFiles, SimLockFolder
from tests.sim.supervisor import SimSupervisor
from tests.sim.world import config

from bb8deploy.base import atomic
from bb8deploy.host import connect
from bb8deploy.host.claims import Claims
from bb8deploy.host.supervisor.patient import PatientSupervisor
from bb8deploy.host.supervisor.route import Capabilities, Reached, RouteAnswer
from bb8deploy.host.topology import Topology
from bb8deploy.lanes import session
from bb8deploy.lanes.sync import sync as sync_lane
from bb8deploy.lanes.sync import wanted
from bb8deploy.lanes.verify import attempt
from bb8deploy.lanes.verify.proof import folder
from bb8deploy.runs import store
from bb8deploy.workspace import git
from bb8deploy.workspace.git import Head


def _open_host(wire: Wire) -> Callable[..., connect.Host]:
    def open_host(settings: Any, tell: Any, **_: Any) -> connect.Host:
        files = SimFiles(wire.host, wire, Connection(wire.host, wire, wire.host.boots))
        files.ask("connect", lambda: None)
        return connect.Host(settings, files, tell, lock_folder=SimLockFolder(files))

    return open_host


def _reach(wire: Wire) -> Callable[..., Reached]:
    def reach(_settings: Any, _addon: Any, host: Any, slug: str, **kw: Any) -> Reached:
        connection = host.files.connection if wire.over_ssh else None
        supervisor = PatientSupervisor(SimSupervisor(wire.host, wire, connection), host.note)
        first = supervisor.look(slug, 600, again_after=float(kw.get("again_after", 0.0)))
        return Reached(
            supervisor,
            first,
            Capabilities((RouteAnswer(supervisor.route, works=True, answer=""),), supervisor.route),
        )

    return reach


def _topology(wire: Wire) -> Callable[[Any], Topology]:
    def look(host: Any) -> Topology:
        def effect() -> Topology:
            names = tuple(sorted(wire.host.tree or {}))
            slugs = [(name, config(tree).get("slug", "")) for name, tree in wire.host.folders.items()]
            return Topology(names, wire.host.folder, Claims(tuple(pair for pair in slugs if pair[1])))

        return host.files.ask("topology", effect)

    return look


def _writes(wire: Wire, real: Callable[..., None]) -> Callable[..., None]:
    """A file of ours is written: the process may be killed before or after, or the disk be full."""

    def write(*args: Any, **kw: Any) -> None:
        wire.tasks.call(f"write {args[0].name}")
        chance = wire.chance / 4 if wire.budget > 0 else 0.0
        choice = wire.tasks.choices.pick(2, chance) if chance else 0
        fault = (None, Fault.KILLED_BEFORE, Fault.KILLED_AFTER)[choice]
        if fault is Fault.KILLED_BEFORE:
            _kill(wire)
        real(*args, **kw)
        if fault is Fault.KILLED_AFTER:
            _kill(wire)

    return write


def _kill(wire: Wire) -> None:
    task = wire.tasks.current
    if task and wire.may_kill:
        wire.budget -= 1
        drop_connections(wire.host, task)
        wire.tasks.kill(task)


def _that_use_time() -> list[ModuleType]:
    """The modules of the product, loaded by now, that read the clock or sleep."""
    rooms = ("bb8deploy.lanes.", "bb8deploy.host.")
    loaded = [module for name, module in sys.modules.items() if name.startswith(rooms)]
    return [module for module in loaded if getattr(module, "time", None) is time]


class _AtOnce:
    """A pool that does its work when it is given it: a thread of its own would run unseen."""

    def __init__(self, *_: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        """The finished work."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args))
        except Exception as error:  # noqa: BLE001 - the lane meets it at `result`
            future.set_exception(error)
        return future


@contextlib.contextmanager
def wired(wire: Wire) -> Iterator[None]:
    """For as long as it lasts, the lanes reach this schedule's host and clock."""
    clock = SimpleNamespace(
        monotonic=lambda: wire.tasks.now, sleep=wire.tasks.sleep, time=lambda: wire.tasks.now
    )
    with contextlib.ExitStack() as stack:
        for module in _that_use_time():
            stack.enter_context(mock.patch.object(module, "time", clock))
        for owner, name, new in (
            (session, "open_host", _open_host(wire)),
            (connect, "open_host", _open_host(wire)),
            (attempt, "reach", _reach(wire)),
            (folder, "look_beside", _topology(wire)),
            (atomic, "write_bytes", _writes(wire, atomic.write_bytes)),
            (store, "append_line", _writes(wire, store.append_line)),
            (os, "fsync", lambda _handle: None),
            (sync_lane, "ThreadPoolExecutor", _AtOnce),
        ):
            stack.enter_context(mock.patch.object(owner, name, new))
        yield


@contextlib.contextmanager
def without_git() -> Iterator[None]:
    """The workspaces of deploys are in no repository, which git need not be asked for each time."""
    with contextlib.ExitStack() as stack:
        for owner in (wanted, git):
            stack.enter_context(mock.patch.object(owner, "head_state", return_value=Head("", dirty=True)))
        yield
