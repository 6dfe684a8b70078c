"""The simulated host: its folders, its lock, its Supervisor and the containers, with the truth about each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tests.sim.engine.faults import Fault

from bb8deploy.workspace.tree_digest import STAMP, Entry, FoundTree, Manifest, PutIn, bytes_entry, digest_of

Content = Mapping[str, bytes]
PARENT = "/addons"
SEALED = "Dockerfile.amd64"
"""The Dockerfile with the seal; the ignore file that belongs to it begins in the same way."""
_WHO = re.compile(rb"IDENTITY (version=\S+ tree=(\S+) commit=\S+ run=\S+)")


_DIGESTS: dict[int, tuple[Content, str]] = {}
_FOUND: dict[int, tuple[Content, FoundTree]] = {}


def digest(tree: Content) -> str:
    """The digest of a tree, its stamp left out. A tree is never changed once it is somewhere."""
    known = _DIGESTS.get(id(tree))
    if known is None:
        known = _DIGESTS[id(tree)] = (tree, digest_of_content(tree))
    return known[1]


def stamp_of(tree: Content) -> dict[str, str]:
    """The stamp in a tree, empty if it has none."""
    try:
        row = json.loads(tree.get(STAMP, b"{}"))
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in row.items()} if isinstance(row, dict) else {}


def is_as_sent(tree: Content) -> bool:
    """True if the files of a tree are those that its stamp names."""
    return stamp_of(tree).get("tree") == digest(tree)


def digest_of_content(tree: Content) -> str:
    """The same, computed each time. What a deploy generates for the seal is no content of the app."""
    return digest_of((path, bytes_entry(path, data).sha256) for path, data in of_app(tree).items())


def of_app(tree: Content) -> Content:
    """The files of the workspace in a tree."""
    if SEALED not in tree:
        return tree
    return {path: data for path, data in tree.items() if not path.startswith(SEALED)}


def found(tree: Content | None) -> FoundTree:
    """A tree as a look returns it; None is a folder that does not exist."""
    if tree is None:
        return FoundTree(present=False)
    known = _FOUND.get(id(tree))
    if known is None:
        known = _FOUND[id(tree)] = (tree, _found(tree))
    return known[1]


_TIMES: dict[int, tuple[Content, Mapping[str, str]]] = {}


def written(before: Content, path: str, data: bytes, at: float) -> Content:
    """The tree after another program has written a file. No writer can set back the time of that."""
    tree = {**before, path: data}
    _TIMES[id(tree)] = (tree, {**_times(before), path: f"{at:.3f}"})
    return tree


def _times(tree: Content) -> Mapping[str, str]:
    known = _TIMES.get(id(tree))
    return known[1] if known else dict.fromkeys(tree, "0")


_SENT: dict[str, Content] = {}


def may_send(tree: Content) -> None:
    """Makes a content of the workspaces known, which a seal names by its digest."""
    _SENT[digest_of_content(tree)] = tree


def sent_as(tree: str) -> Content:
    """The content with this digest."""
    return _SENT[tree]


def forget() -> None:
    """Drops what was remembered of the trees of a schedule."""
    for known in (_DIGESTS, _FOUND, _TIMES):
        known.clear()


def _found(tree: Content) -> FoundTree:
    entries: list[Entry] = [
        replace(bytes_entry(path, data), executable=path == "run.sh") for path, data in tree.items()
    ]
    stamp = tree.get(STAMP, b"").decode(errors="replace")
    configs = {name: tree[name].decode() for name in tree if name == "config.yaml"}
    return FoundTree(True, Manifest.of(entries), stamp=stamp, configs=configs, times=_times(tree))


def config(tree: Content) -> dict[str, str]:
    """The simulated config.yaml: `key: value` lines."""
    lines = tree.get("config.yaml", b"").decode().splitlines()
    pairs = (line.partition(":") for line in lines if ":" in line and not line.startswith(" "))
    return {key.strip(): value.strip().strip('"') for key, _, value in pairs}


@dataclass(frozen=True, slots=True)
class Container:
    """A container: the tree that it was built from, and how it behaves."""

    built: Content
    version: str
    number: int

    @property
    def stamp(self) -> dict[str, str]:
        """The stamp inside its image."""
        return stamp_of(self.built)

    @property
    def known_as(self) -> str:
        """The digest of its content, as far as a report can show it: a stamp names what was sent."""
        return digest(self.built) if self.seal else self.stamp.get("tree", digest(self.built))

    @property
    def dies(self) -> bool:
        """True for an app that ends right after its start."""
        return b"dies at" in self.built.get("run.sh", b"")

    @property
    def dies_later(self) -> bool:
        """True for an app that ends some seconds after its start."""
        return b"dies later" in self.built.get("run.sh", b"")

    @property
    def seal(self) -> str:
        """The launcher's line: what the builder was given, beside what was sent; empty without a seal."""
        who = _WHO.search(self.built.get(SEALED, b""))
        if who is None:
            return ""
        sent, given = sent_as(who.group(2).decode()), of_app(self.built)
        differ = sorted(path for path in sent if given.get(path) != sent[path])
        extra = sorted(path for path in given if path not in sent and path != STAMP)
        names = "".join(
            f" {name}={','.join(paths)}" for name, paths in (("differs", differ), ("extras", extra)) if paths
        )
        counts = f"seen={len(sent)} differ={len(differ)} extra={len(extra)} not-seen=0"
        return f"IDENTITY {who.group(1).decode()} python=3.13.1 {counts}{names} run-sh=/run.sh"

    @property
    def identity(self) -> str:
        """The line that the app logs first; empty for an app that reports nothing."""
        if b"silent" in self.built.get("run.sh", b""):
            return ""
        stamp = self.stamp
        told = {name: stamp.get(name, "unknown") for name in ("tree", "commit", "run")}
        return (
            f"IDENTITY version={stamp.get('version', self.version)} "
            + " ".join(f"{key}={value}" for key, value in told.items())
            + " python=3.13.1"
        )


@dataclass(slots=True)
class Installed:
    """The app as the Supervisor has it; `container` is None if its image is gone."""

    version: str
    container: Container | None
    state: str = "stopped"
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Lock:
    """The lock of the app: who holds it, for which run, and by which connection."""

    owner: str
    run: str
    holder: object
    expires: float


@dataclass(frozen=True, slots=True)
class Before:
    """What was there when a run took the lock: digests of the folder, of what ran, of the earlier trees, and
    of all that ever ran; `built` is what the installed container was built from. `back` is the digest of the
    folder if an earlier run had put it back, else empty."""

    folder: str
    ran: str
    kept: frozenset[str]
    ever: frozenset[str] = frozenset()
    built: Content | None = None
    back: str = ""


@dataclass(slots=True)
class Host:
    """One host. `folders` are the trees below /addons by name; `slug` and `folder` are the app's own.

    `cut` is the tree that a swap had moved away when it was cut between its two renames; `edits` are the
    trees that were edited by hand, by their id. A `timeless` host does not say when files were written.
    `back` is the digest of the tree that the newest swap put back, and the run that did so; `last` is the run
    that took the lock last. `builds_no_more` is the digest of a tree whose base image is gone by now.
    """

    slug: str
    folder: str
    folders: dict[str, Content]
    previous: list[Content] = field(default_factory=list)
    lock: Lock | None = None
    receipt: list[str] = field(default_factory=list)
    listed: dict[str, str] = field(default_factory=dict)
    installed: Installed | None = None
    log: list[str] = field(default_factory=list)
    build_log: list[str] = field(default_factory=list)
    job: str = ""
    ready_at: float = 0.0
    disk_full: bool = False
    clock_offset: float = 0.0
    containers: int = 0
    boots: int = 0
    on_start: Callable[[int], object] = lambda _number: None
    met: Callable[[Fault], None] = lambda _fault: None
    edited: bool = False
    ran: frozenset[str] = frozenset()
    edits: dict[int, Content] = field(default_factory=dict)
    cut: Content | None = None
    put_in: PutIn = field(default_factory=PutIn)
    back: tuple[str, str] = ("", "")
    last: str = ""
    builds_no_more: str = ""
    timeless: bool = False
    seen: dict[str, str] = field(default_factory=dict)
    at_lock: dict[str, Before] = field(default_factory=dict)

    @property
    def tree(self) -> Content | None:
        """The app folder's tree, None if there is no such folder."""
        return self.folders.get(self.folder)

    @property
    def put_back(self) -> str:
        """The digest of the app folder if the newest swap put it back, else empty."""
        return self.back[0] if self.tree is not None and digest(self.tree) == self.back[0] else ""

    def clock(self, now: float) -> float:
        """The host's own clock."""
        if self.clock_offset:
            self.met(Fault.CLOCK_MOVED)
        return now + self.clock_offset

    @property
    def has_space(self) -> bool:
        """False while its disk is full."""
        if self.disk_full:
            self.met(Fault.DISK_FULL)
        return not self.disk_full

    def copy(self) -> Host:
        """The same host for another schedule. Trees and containers never change, so they are shared."""
        return replace(
            self,
            folders=dict(self.folders),
            previous=list(self.previous),
            receipt=list(self.receipt),
            listed=dict(self.listed),
            installed=replace(self.installed) if self.installed else None,
            log=list(self.log),
            build_log=list(self.build_log),
            edits={},
            seen={},
            at_lock={},
        )

    def reload(self) -> None:
        """The store's listing becomes what is in the folders."""
        rows = [config(tree) for tree in self.folders.values()]
        self.listed = {f"local_{row['slug']}": row.get("version", "") for row in rows if "slug" in row}

    def build(self) -> Container:
        """An image of the folder as it is at this moment. Raises ValueError if its Dockerfile is broken."""
        tree = dict(self.tree or {})
        if not self.has_space:
            self.build_log.append("ERROR: failed to copy: no space left on device")
            raise ValueError("build failed")
        if b"broken" in tree.get("Dockerfile", b"broken") or digest(tree) == self.builds_no_more:
            self.build_log.append("ERROR: failed to solve: process did not complete successfully")
            raise ValueError("build failed")
        self.containers += 1
        return Container(tree, config(tree).get("version", ""), self.containers)

    def fail(self, number: int) -> None:
        """The container with this number ends, if it still runs."""
        app = self.installed
        if app and app.container and app.container.number == number and app.state == "started":
            app.state = "error"
            self.log.append("Traceback (most recent call last): RuntimeError")

    def start(self) -> None:
        """Starts the installed container: a new one, which logs its identity."""
        app = self.installed
        if app is None or app.container is None:
            return
        self.containers += 1
        app.container = replace(app.container, number=self.containers)
        app.state = "started"
        self.ran |= {digest(app.container.built), app.container.known_as}
        if app.container.seal:
            self.log.append(app.container.seal)
        if app.container.identity:
            self.log += [app.container.identity, "RUN_SH_PRESENT"]
        self.log.append(f"container {app.container.number} runs")
        if app.container.dies:
            self.log.append("Traceback (most recent call last): ImportError")
            app.state = "error"
        if app.container.dies_later:
            self.on_start(app.container.number)

    def restart(self, now: float) -> None:
        """The host restarts: connections and jobs are lost, what was installed starts again."""
        self.lock, self.job, self.ready_at = None, "", now + 20.0
        self.boots += 1
        if self.installed and self.installed.state == "started":
            self.start()

    def restart_supervisor(self, now: float) -> None:
        """The Supervisor restarts: its job ends, the containers stay."""
        self.job, self.ready_at = "", now + 15.0

    def drop(self, holder: object) -> None:
        """What happens when the connections of a process end: its lock is released."""
        if self.lock and self.lock.holder is holder:
            self.lock = None

    def lost_edits(self) -> bool:
        """True if a tree that was edited by hand is gone, though it was neither edited again nor pruned."""
        kept = {id(tree) for tree in (self.tree, self.cut, *self.previous)}
        return any(edited not in kept for edited in self.edits)

    def running(self) -> Container | None:
        """The container that runs, None if none does."""
        app = self.installed
        return app.container if app and app.state == "started" else None
