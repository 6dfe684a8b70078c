"""Puts the simulated host, clock and files behind the product's protocols for one schedule."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from tests.sim.engine import disk
from tests.sim.engine.disk import MemoryPath
from tests.sim.engine.swap import Swap, everywhere, once, swapped
from tests.sim.engine.wire import Wire
from tests.sim.hosts.broker import Broker, attest_swaps
from tests.sim.hosts.files import Connection, SimFiles, SimLockFolder
from tests.sim.hosts.removal import SimRemoval
from tests.sim.hosts.supervisor import SimSupervisor, SimWay
from tests.sim.hosts.world import Host, config

from bb8deploy.base import atomic_files
from bb8deploy.checks.rules import external_linters
from bb8deploy.host import folder_rehash
from bb8deploy.host import open_host as connect
from bb8deploy.host.config_slug import Claims
from bb8deploy.host.slug_folders import Topology
from bb8deploy.host.supervisor.find_route import Capabilities, Reached, RouteAnswer, options_route
from bb8deploy.host.supervisor.route_interface import STATE_AND_LOG, LookExtras
from bb8deploy.host.supervisor.wait_for_startup import PatientSupervisor
from bb8deploy.lanes import host_session
from bb8deploy.lanes.deploy import static_rules_check, supervisor_precheck
from bb8deploy.lanes.remove import removal_check
from bb8deploy.lanes.remove import remove as remove_lane
from bb8deploy.lanes.sync import sync as sync_lane
from bb8deploy.lanes.sync.plan_from_workspace import read_source
from bb8deploy.lanes.verify import verify_attempt
from bb8deploy.runs import report_files, run
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.git import Head, head_state, resolve
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import walk

REAL_BYTES = atomic_files.write_bytes


def _open_host(wire: Wire, host: Host) -> Callable[..., connect.Host]:
    def open_host(settings: Any, tell: Any, **_: Any) -> connect.Host:
        files = SimFiles(host, wire, Connection(host, wire, host.boots))
        files.ask("connect", lambda: None)
        return connect.Host(settings, files, tell, lock_folder=SimLockFolder(files))

    return open_host


def _reach(wire: Wire, sim: Host) -> Callable[..., Reached]:
    def reach(
        _settings: Any, _addon: Any, host: Any, slug: str, extras: LookExtras = STATE_AND_LOG
    ) -> Reached:
        connection = host.files.connection if wire.over_ssh else None
        supervisor = PatientSupervisor(SimSupervisor(sim, wire, connection), host.note)
        first = supervisor.look(slug, 600, extras)
        return Reached(
            supervisor,
            first,
            Capabilities((RouteAnswer(supervisor.route, works=True, answer=""),), supervisor.route),
        )

    return reach


def _topology(sim: Host) -> Callable[[Any], Topology]:
    def look(host: Any) -> Topology:
        def effect() -> Topology:
            names = tuple(sorted(sim.tree or {}))
            slugs = [(name, config(tree).get("slug", "")) for name, tree in sim.folders.items()]
            return Topology(names, sim.folder, Claims(tuple(pair for pair in slugs if pair[1])))

        return host.files.ask("topology", effect)

    return look


def _receipt(host: connect.Host, lines: Any) -> bool:
    """The receipt on the host goes the way of the lock, as it does over ssh."""
    holding = host._lock.holding
    return bool(holding and holding.append_receipt(lines))


def _write_bytes(wire: Wire) -> Callable[..., None]:
    """A file is written: the process may be killed before or after it, or the disk be full."""

    def write(path: Any, data: bytes, **kw: Any) -> None:
        in_memory = isinstance(path, MemoryPath)
        real = partial(disk.write, path, data) if in_memory else partial(REAL_BYTES, path, data, **kw)
        wire.write(path.name, real)

    return write


def _append_line(wire: Wire) -> Callable[..., None]:
    """A line is written: as above, and the process may be killed in the middle of it."""

    def append(path: Any, line: str, **_: Any) -> None:
        whole = line.encode("utf-8", "backslashreplace") + b"\n"
        do = partial(disk.append, path) if isinstance(path, MemoryPath) else partial(_append_bytes, path)
        wire.write(path.name, partial(do, whole), partial(do, whole[: len(whole) // 2]))

    return append


def _append_bytes(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)


@cache
def _that_use_time() -> tuple[object, ...]:
    """The modules of the product, loaded by now, that read the clock or sleep."""
    rooms = ("bb8deploy.lanes.", "bb8deploy.host.")
    return tuple(m for m, name in everywhere(time) if name == "time" and m.__name__.startswith(rooms))


@cache
def _that_set_options() -> tuple[tuple[object, str], ...]:
    return tuple(everywhere(options_route))


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
def wired(wire: Wire, host: Host) -> Iterator[Broker]:
    """For as long as it lasts, the lanes reach this schedule's host, broker and clock."""
    broker = Broker(wire, host)
    clock = SimpleNamespace(
        monotonic=lambda: wire.tasks.now, sleep=wire.tasks.sleep, time=lambda: wire.tasks.now
    )
    opens, write = _open_host(wire, host), _write_bytes(wire)
    reaches, beside = _reach(wire, host), _topology(host)
    swaps: list[Swap] = [
        *((module, "time", clock) for module in _that_use_time()),
        (host_session, "open_host", opens),
        (connect, "open_host", opens),
        (connect.Host, "append_receipt", _receipt),
        *((module, "reach", reaches) for module in (verify_attempt, supervisor_precheck, remove_lane)),
        *((module, "look_beside", beside) for module in (supervisor_precheck, folder_rehash, removal_check)),
        (connect.Host, "removal", lambda opened, run_id: SimRemoval(opened.files, run_id)),
        *(
            (module, name, lambda *_: SimWay(SimSupervisor(host, wire)))
            for module, name in _that_set_options()
        ),
        (atomic_files, "write_bytes", write),
        (report_files, "append_line", _append_line(wire)),
        (os, "fsync", lambda _handle: None),
        (sync_lane, "ThreadPoolExecutor", _AtOnce),
        (external_linters, "_answer", lambda *_: {"comments": []}),
        (run, "json", SimpleNamespace(dumps=lambda data, **_: json.dumps(data))),  # indenting is slow
        *attest_swaps(broker),
    ]
    with swapped(swaps):
        yield broker


@contextlib.contextmanager
def still_workspaces() -> Iterator[None]:
    """The workspaces of deploys are in no repository and never change: what is read of them is read once."""
    with swapped(_still()):
        yield


@cache
def _still() -> tuple[Swap, ...]:
    def of_folder(folder: Path, *_: Any) -> Path:
        return folder

    kept = {
        read_addon: once(read_addon, of_folder),
        walk: once(walk, of_folder),
        read_source: once(read_source, of_folder),
        head_state: lambda _folder: Head("", dirty=True),
        resolve: lambda _folder, _name: "",
    }
    rules = once(Ignore.of_workspace, of_folder)
    swaps: list[Swap] = [(module, name, new) for old, new in kept.items() for module, name in everywhere(old)]
    return (
        *swaps,
        (Ignore, "of_workspace", staticmethod(rules)),
        (Settings, "secrets", once(Settings.secrets, id)),
        (static_rules_check, "_errors", once(static_rules_check._errors, lambda run_: run_.addon)),
    )
