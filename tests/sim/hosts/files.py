"""The app folder of the simulated host, behind the product's own protocol for files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from tests.sim.engine.faults import Fault
from tests.sim.engine.wire import Wire
from tests.sim.hosts.world import PARENT, SEALED, Before, Content, Host, Lock, digest, found

from bb8deploy.base.errors import Bb8Error, CheckFailed, Unreachable
from bb8deploy.catalogue.errors.host import HOST_DISK_FULL, LOCK_LOST, PREVIOUS_MISSING
from bb8deploy.host.files.app_folder_interface import (
    PREVIOUS,
    Earlier,
    EarlierTree,
    InPlace,
    Transfer,
    put_back_record,
)
from bb8deploy.host.files.ignored_files import RestoredTree
from bb8deploy.host.lock.lock_owner import Held, HostLocked, Owner
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import STAMP, FoundTree, PutIn, digest_of

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

    def ask(
        self,
        what: str,
        effect: Callable[[], T],
        *,
        also: Sequence[Fault] = (),
        torn: Callable[[], object] = lambda: None,
    ) -> T:
        """One call over this connection. Raises Unreachable once it has ended."""
        try:
            return self.wire.call(
                what, lambda: self._alive(effect), self._lose, also=also, torn=lambda: self._alive(torn)
            )
        except Unreachable:
            self._lose()
            raise

    def _alive(self, effect: Callable[[], T]) -> T:
        if self.broken or self.boots != self.host.boots:
            raise lost()
        return effect()

    def _lose(self) -> Unreachable:
        self.broken = True
        self.host.drop(self.wire.tasks.current)
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

    def ask(
        self,
        what: str,
        effect: Callable[[], T],
        *,
        also: Sequence[Fault] = (),
        torn: Callable[[], object] = lambda: None,
    ) -> T:
        """One call over the connection."""
        return self.connection.ask(what, effect, also=also, torn=torn)

    def saw(self, tree: FoundTree) -> FoundTree:
        """Remembers for the laws what this task has seen."""
        task = self.wire.tasks.current
        entries = tree.manifest.entries
        of_app = digest_of((e.path, e.content[1]) for e in entries if not e.path.startswith(SEALED))
        self.host.seen[task.name if task else ""] = of_app if len(entries) > 4 else tree.manifest.digest
        return tree

    @contextlib.contextmanager
    def session(self, run_id: str) -> Iterator[SimSession]:
        """A look, and the way to deliver."""
        yield SimSession(self, self.look(), run_id)

    def look(self) -> FoundTree:
        """The tree as it is now."""
        host = self.host

        def effect() -> FoundTree:
            tree = found(host.tree)
            times = {} if host.timeless else tree.times
            return replace(tree, put_in=host.put_in, times=times)

        return self.saw(self.ask("look", effect))

    def fetch(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Contents of files."""
        tree = self.host.tree or {}
        return self.ask("fetch", lambda: {path: tree[path] for path in paths if path in tree})

    def earlier(self) -> tuple[EarlierTree, ...]:
        """The kept trees."""

        def effect() -> tuple[EarlierTree, ...]:
            stamps = [tree.get(STAMP, b"").decode() for tree in self.host.previous]
            return tuple(EarlierTree(_kept_name(n), stamp) for n, stamp in enumerate(stamps))

        return self.ask("earlier", effect)

    def in_place(self) -> InPlace:
        """The stamp of the tree that is there, and the record beside it."""
        return self.ask("in place", lambda: InPlace.of(_stamp(self.host.tree), self.host.put_in))

    def restore_previous(self, run_id: str, ignore: Ignore, name: str = PREVIOUS) -> RestoredTree:
        """Swaps an earlier tree in. No app of the simulation has ignored files."""

        def effect() -> FoundTree:
            names = [_kept_name(n) for n in range(len(self.host.previous))]
            if name not in names:
                raise PREVIOUS_MISSING("there is no earlier tree")
            tree = self.host.previous[names.index(name)]
            record = put_back_record(_stamp(tree), _stamp(self.host.tree))
            swapped = self.swap(tree, run_id)
            self.host.put_in, self.host.back = record, (digest(tree), run_id)
            return swapped

        return RestoredTree(self.saw(self.ask("restore", effect, also=(Fault.TORN,))))

    def swap(self, tree: Content, run_id: str) -> FoundTree:
        """Two renames; the lock is looked at before, as the host's program does."""
        if not self.host.has_space:
            raise HOST_DISK_FULL("the disk of the host is full")
        if self.host.lock is None or self.host.lock.run != run_id:
            raise LOCK_LOST(f"the lock of {self.where} was lost")
        self.host.put_in, self.host.back = PutIn(), ("", "")
        self.host.previous = [kept for kept in self.host.previous if kept is not tree]
        if self.host.tree is not None:
            self.host.previous.insert(0, self.host.tree)
            for pruned in self.host.previous[KEPT:]:
                self.host.edits.pop(id(pruned), None)
            del self.host.previous[KEPT:]
        self.host.folders[self.host.folder] = tree
        return found(tree)

    def cut(self) -> None:
        """The first of the two renames alone; the next owner of the lock puts the tree back."""
        if self.host.tree is not None:
            self.host.cut = self.host.folders.pop(self.host.folder)

    def withdraw(self, run_id: str, confirm: Callable[[FoundTree], bool]) -> bool:
        """Moves the folder away, if it is confirmed and still the same; an interrupted removal is undone."""
        seen = self.look()
        if not confirm(seen):
            return False

        def effect() -> bool:
            if self.host.lock is None or self.host.lock.run != run_id:
                raise LOCK_LOST(f"the lock of {self.where} was lost")
            if found(self.host.tree) != seen:
                return False
            del self.host.folders[self.host.folder]
            return True

        return self.ask("withdraw", effect, also=(Fault.TORN,), torn=self.cut)

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


def _stamp(tree: Content | None) -> str:
    """The text of the stamp in a tree, empty if there is none."""
    return (tree or {}).get(STAMP, b"").decode(errors="replace")


def _kept_name(number: int) -> str:
    """`previous`, then those before it."""
    return f"earlier.{KEPT - number}" if number else PREVIOUS


@dataclass(slots=True)
class SimSession:
    """`SyncSession`: one look and at most one delivery."""

    files: SimFiles
    tree: FoundTree
    run_id: str

    def apply(self, delivery: Transfer) -> FoundTree:
        """The new tree is what is there now, less the removals, plus the entries; then it is hashed."""
        self.files.ask("apply", lambda: self._apply(delivery), also=(Fault.TORN,), torn=self.files.cut)
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
        return self.files.swap(now, self.run_id)


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
        lock, now = self.files.host.lock, self.files.host.clock(self.files.wire.tasks.now)
        return self.files.ask("look at the lock", lambda: _held(lock, now) if lock else None)

    def remove(self, held: Held) -> bool:
        """No command of the simulation removes one."""
        return False


class SimHolding:
    """The lock of the simulated host, held for as long as the connection lasts."""

    notes: tuple[str, ...] = ()
    facts = None
    surroundings = None

    def __init__(self, files: SimFiles, owner: Owner, lease: float) -> None:
        self._files = files
        files.ask("lock", lambda: self._take(owner, lease))

    def _take(self, owner: Owner, lease: float) -> None:
        host, tasks = self._files.host, self._files.wire.tasks
        now = host.clock(tasks.now)
        if host.lock and host.lock.holder is not tasks.current and host.lock.expires > now:
            raise HostLocked(_held(host.lock, now), self._files.where)
        host.lock = Lock(owner.line(), owner.run, tasks.current, now + lease)
        if host.cut is not None:
            host.folders[host.folder], host.cut = host.cut, None
        ran = host.running()
        host.at_lock[tasks.current.name if tasks.current else ""] = Before(
            digest(host.tree or {}),
            ran.known_as if ran else "",
            frozenset(digest(tree) for tree in host.previous),
            host.ran,
            host.installed.container.built if host.installed and host.installed.container else None,
            host.put_back,
        )
        host.last = owner.run

    def take_session(self) -> None:
        """No look comes with the lock here."""

    def record_put_in(self, put_in: PutIn) -> None:
        """Records what was put in; lost if the connection is, and never waited for."""
        if not self._files.connection.broken:
            self._files.host.put_in = put_in

    def append_receipt(self, lines: Sequence[str]) -> bool:
        """Appends to the host's receipt."""

        receipt = self._files.host.receipt

        def effect() -> bool:
            if not self._files.host.has_space:
                return False
            receipt.extend(lines)
            return True

        def torn() -> None:
            receipt.extend([*lines[:1], *(line[: len(line) // 2] for line in lines[1:2])])

        try:
            return self._files.ask("receipt", effect, also=(Fault.DOUBLED, Fault.TORN), torn=torn)
        except CheckFailed:
            return False

    def release(self) -> None:
        """Releases the lock; a lost connection has released it already."""
        with contextlib.suppress(Bb8Error):
            self._files.ask("unlock", lambda: None)
        self._files.host.drop(self._files.wire.tasks.current)
