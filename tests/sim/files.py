"""The app folder of the simulated host, behind the product's own protocol for files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from tests.sim.faults import Wire, drop_connections
from tests.sim.world import PARENT, Content, Host, Lock, digest, found

from bb8deploy.base.errors import Bb8Error, CheckFailed, Unreachable
from bb8deploy.catalogue.errors.host import HOST_DISK_FULL, PREVIOUS_MISSING
from bb8deploy.host.files.protocol import PREVIOUS, Earlier, EarlierTree, Transfer
from bb8deploy.host.lock.owner import Held, HostLocked, Owner
from bb8deploy.workspace.tree import STAMP, FoundTree

KEPT = 3
T = TypeVar("T")


def lost() -> Unreachable:
    """The error of a connection that broke."""
    return Unreachable("SSH_LOST", "the connection was lost", "Run again.")


@dataclass(slots=True)
class Connection:
    """One ssh connection: it ends with the host's boot `boots`, or when a call on it is lost.

    The host then releases the lock that this connection held.
    """

    host: Host
    wire: Wire
    boots: int
    broken: bool = False

    def ask(self, what: str, effect: Callable[[], T], *, twice: bool = False) -> T:
        """One call over this connection. Raises Unreachable once it has ended."""
        try:
            return self.wire.call(what, lambda: self._alive(effect), self._lose, twice=twice)
        except Unreachable:
            self._lose()
            raise

    def _alive(self, effect: Callable[[], T]) -> T:
        if self.broken or self.boots != self.host.boots:
            raise lost()
        return effect()

    def _lose(self) -> Unreachable:
        self.broken = True
        if self.wire.tasks.current:
            drop_connections(self.host, self.wire.tasks.current)
        return lost()


@dataclass(slots=True)
class SimFiles:
    """`RuntimeFiles` of the simulated host."""

    host: Host
    wire: Wire
    connection: Connection

    route: Literal["ssh", "mount"] = "ssh"

    @property
    def where(self) -> str:
        """A name for people."""
        return f"sim:{self.runtime}"

    @property
    def runtime(self) -> str:
        """The app folder's path."""
        return f"{PARENT}/{self.host.folder}"

    def ask(self, what: str, effect: Callable[[], T], *, twice: bool = False) -> T:
        """One call over the connection."""
        return self.connection.ask(what, effect, twice=twice)

    def saw(self, tree: FoundTree) -> FoundTree:
        """Remembers for the laws what this task has seen."""
        task = self.wire.tasks.current
        self.host.seen[task.name if task else ""] = tree.manifest.digest
        return tree

    @contextlib.contextmanager
    def session(self, run_id: str) -> Iterator[SimSession]:
        """A look, and the way to deliver."""
        yield SimSession(self, self.look())

    def look(self) -> FoundTree:
        """The tree as it is now."""
        return self.saw(self.ask("look", lambda: found(self.host.tree)))

    def fetch(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Contents of files."""
        tree = self.host.tree or {}
        return self.ask("fetch", lambda: {path: tree[path] for path in paths if path in tree})

    def earlier(self) -> tuple[EarlierTree, ...]:
        """The kept trees."""
        names = [PREVIOUS, *(f"{PREVIOUS}.{n}" for n in range(2, KEPT + 1))]
        stamps = [tree.get(STAMP, b"").decode() for tree in self.host.previous]
        rows = zip(names, stamps, strict=False)
        return self.ask("earlier", lambda: tuple(EarlierTree(name, stamp) for name, stamp in rows))

    def restore_previous(self, run_id: str, name: str = PREVIOUS) -> FoundTree:
        """Swaps the earlier tree in."""
        return self.saw(self.ask("restore", self._restore))

    def _restore(self) -> FoundTree:
        if not self.host.previous:
            raise PREVIOUS_MISSING("there is no earlier tree")
        back = self.host.previous.pop(0)
        self._keep(self.host.tree)
        self.host.folders[self.host.folder] = back
        return found(back)

    def put(self, tree: Content) -> FoundTree:
        """Swaps a new tree in."""
        if self.host.disk_full:
            raise HOST_DISK_FULL("the disk of the host is full")
        self._keep(self.host.tree)
        self.host.folders[self.host.folder] = tree
        return found(tree)

    def _keep(self, tree: Content | None) -> None:
        if tree is not None:
            self.host.previous.insert(0, tree)
            del self.host.previous[KEPT:]

    def look_back(self, name: str) -> Earlier:
        """The newest earlier tree beside the present one."""

        def effect() -> Earlier:
            back = self.host.previous[0] if self.host.previous else {}
            now = self.host.tree or {}
            return Earlier(back.get(STAMP, b"").decode(), back.get(name) == now.get(name))

        return self.ask("look back", effect)

    def read(self, path: str, *, limit: int = 1_000_000) -> bytes | None:
        """A file of the app folder."""
        relative = path.removeprefix(f"{self.runtime}/")
        return self.ask("read", lambda: (self.host.tree or {}).get(relative))


@dataclass(slots=True)
class SimSession:
    """`SyncSession`: one look and at most one delivery."""

    files: SimFiles
    tree: FoundTree

    def apply(self, delivery: Transfer) -> FoundTree:
        """The new tree is what is there now, less the removals, plus the entries; then it is hashed."""
        self.files.ask("apply", lambda: self._apply(delivery))
        return self.files.look()

    def _apply(self, delivery: Transfer) -> FoundTree:
        now = dict(self.files.host.tree or {})
        for path in delivery.removals:
            now.pop(path, None)
            for inside in [name for name in now if name.startswith(f"{path}/")]:
                del now[inside]
        for entry in delivery.entries:
            made = delivery.made.get(entry.path)
            now[entry.path] = made if made is not None else (delivery.source / entry.path).read_bytes()
        return self.files.put(now)


def _held(lock: Lock, now: float) -> Held:
    return Held(lock.owner, int(lock.expires), int(now))


@dataclass(slots=True)
class SimLockFolder:
    """`LockFolder` of the simulated host."""

    files: SimFiles

    def hold(self, owner: Owner, lease: float, dead: str) -> SimHolding:
        """Takes the lock."""
        return SimHolding(self.files, owner, lease)

    def look(self) -> Held | None:
        """Who holds it."""
        lock, now = self.files.host.lock, self.files.wire.tasks.now
        return self.files.ask("look at the lock", lambda: _held(lock, now) if lock else None)

    def remove(self, held: Held) -> bool:
        """No command of the simulation removes one."""
        return False


class SimHolding:
    """The lock of the simulated host, held for as long as the connection lasts."""

    notes: tuple[str, ...] = ()
    facts = None

    def __init__(self, files: SimFiles, owner: Owner, lease: float) -> None:
        self._files = files
        files.ask("lock", lambda: self._take(owner, lease))

    def _take(self, owner: Owner, lease: float) -> None:
        host, tasks = self._files.host, self._files.wire.tasks
        if host.lock and host.lock.holder is not tasks.current and host.lock.expires > tasks.now:
            raise HostLocked(_held(host.lock, tasks.now), self._files.where)
        host.lock = Lock(owner.line(), tasks.current, tasks.now + lease)
        host.at_lock[tasks.current.name if tasks.current else ""] = digest(host.tree or {})

    def take_session(self) -> None:
        """No look comes with the lock here."""

    def append_receipt(self, lines: Sequence[str]) -> bool:
        """Appends to the host's receipt."""

        def effect() -> bool:
            if self._files.host.disk_full:
                return False
            self._files.host.receipt.extend(lines)
            return True

        try:
            return self._files.ask("receipt", effect, twice=True)
        except CheckFailed:
            return False

    def release(self) -> None:
        """Releases the lock; a lost connection has released it already."""
        task = self._files.wire.tasks.current
        with contextlib.suppress(Bb8Error):
            self._files.ask("unlock", lambda: None)
        host = self._files.host
        if host.lock and host.lock.holder is task:
            host.lock = None
