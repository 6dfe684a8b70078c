"""Two users publish to one store while others push into it; each then publishes again without faults."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.sim.engine.choices import Choices
from tests.sim.engine.swap import swapped
from tests.sim.engine.tasks import Broken, Tasks
from tests.sim.engine.wire import Wire
from tests.sim.hosts.git_remote import remote_call
from tests.sim.hosts.registry import SimRegistry
from tests.sim.hosts.world import Host
from tests.sim.laws import Laws
from tests.sim.stories.repositories import GIT, Store, commit, copied, files_of, git, template, write_app
from tests.sim.stories.scene import FOLDER, SLUG, Stage, Variant
from tests.sim.stories.users import Quiet
from tests.sim.wiring import wired

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.publish.outcome import PublishOptions
from bb8deploy.lanes.publish.publish import publish
from bb8deploy.plan.release.image_commands import TREE_LABEL
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Ledger, Line
from bb8deploy.settings.load_settings import load
from bb8deploy.workspace import git as git_module
from bb8deploy.workspace import git_remote

RARE_CALLS = 6
"""A publish makes few calls over the network, so that a fault at each is so many times as likely."""
IMAGES = ("registry.example/sim/{arch}-app", "registry.example/sim/app")
NEXT = Variant("next", "1.0.1", "ann's next")
OTHERS = (NEXT, Variant("other content", "1.0.1", "ben's own"), Variant("later", "1.0.2", "ben's later"))
"""What a second user publishes: the same, other content as the same version, or a later version."""
APP, WORKSPACE = "addon", "."
"""What is published: the app's folder as a tree of its own, or the workspace, which is a store itself."""
MAY_REFUSE = {"REMOTE_AHEAD", "REMOTE_EDITED", "REMOTE_FOREIGN", "TAG_EXISTS", "TAG_STRAY", "IMAGE_EXISTS"}
"""How a publish without faults may end if others have pushed."""


@dataclass(slots=True)
class Publisher:
    """One user with a workspace, and how their newest publish ended."""

    name: str
    work: Path
    image: str = ""
    last: Bb8Error | None = None
    tokens: list[str] = field(default_factory=list)
    app: dict[str, str] = field(default_factory=dict)
    tree: str = ""

    def reads_app(self, of: str) -> None:
        """Remembers the files that are to be published, and the app's tree."""
        files = files_of(self.work, "HEAD" if of == WORKSPACE else "HEAD:addon")
        self.app = {path: blob for path, blob in files.items() if path != "config.yaml" or not self.image}
        self.tree = git(self.work, "rev-parse", "HEAD:addon")


@dataclass(slots=True)
class PublishStory:
    """The store holds version 1.0.0; what follows is pushed by users and by others at once."""

    tasks: Tasks
    laws: Laws
    wire: Wire
    site: Path
    store: Store
    registry: SimRegistry
    what: str
    users: list[Publisher] = field(default_factory=list)
    disturbed: bool = False
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def at(cls, stage: Stage, tasks: Tasks, chance: float) -> PublishStory:
        """The story with repositories of its own."""
        host = Host(SLUG, FOLDER, {}, met=tasks.met)
        wire = Wire(tasks, host, RARE_CALLS * chance)
        what = (APP, APP, WORKSPACE)[tasks.choices.setup(3)]
        if what not in stage.sites:
            stage.sites[what] = _first_version(stage, what)
        return cls._in(copied(stage.sites[what]), wire, what)

    @classmethod
    def _in(cls, site: Path, wire: Wire, what: str) -> PublishStory:
        laws = Laws(wire.tasks, wire.host)
        return cls(wire.tasks, laws, wire, site, Store(site / "store.git"), SimRegistry(wire), what)

    def play(self) -> None:
        """Plays it. Raises Broken or Stuck."""
        try:
            with self._wired():
                self._play()
        finally:
            shutil.rmtree(self.site, ignore_errors=True)

    def _play(self) -> None:
        self.store.look()
        self._everybody(Publisher("ann", self.site / "work"))
        self._part("everybody publishes", self.users)
        self.wire.quiet()
        for user in self.users:
            self._part(f"{user.name} publishes again", [user])
            self._must_work(user)

    def begin(self) -> None:
        """The first version, without faults. Raises Broken."""
        with self._wired():
            ann = Publisher("ann", self.site / "work")
            self._part("the first version", [ann])
            self._must_work(ann)

    def _everybody(self, ann: Publisher) -> None:
        setup = self.tasks.choices.setup
        image = IMAGES[setup(2)] if setup(3) == 0 and self.what == APP else ""
        self.users = [ann]
        if setup(2):
            self.users.append(Publisher("ben", self.site / "ben", image))
            shutil.copytree(ann.work, self.site / "ben", symlinks=True)
            self._commit(self.users[1], OTHERS[setup(len(OTHERS))])
        self._commit(ann, NEXT)
        ann.image = image
        for _ in range((0, 0, 1, 2)[setup(4)]):
            self._disturb(setup(4), setup(40) * 0.05)

    def _commit(self, user: Publisher, variant: Variant) -> None:
        write_app(user.work, variant, beside=self.what)
        commit(user.work, f"Make it {variant.version}")

    def _disturb(self, what: int, after: float) -> None:
        """Another user pushes: an edit of the app, a file of their own, a tag, or the tag of the version."""
        pushes = (
            lambda: self.store.edit(f"{self._folder}run.sh", b"#!/bin/sh\n# edited\nexec sleep 1\n"),
            lambda: self.store.edit("NOTES.md", b"Of others.\n"),
            lambda: self.store.tag("unrelated"),
            lambda: self.store.tag(NEXT.version),
        )

        def body() -> None:
            self.tasks.call("somebody pushes")
            self.disturbed = True
            pushes[what]()

        self.tasks.spawn("somebody", body, after=after)

    @property
    def _folder(self) -> str:
        """The app's folder in the store, with a slash."""
        return "" if self.what == APP else "addon/"

    def _part(self, name: str, users: list[Publisher]) -> None:
        for user in users:
            user.reads_app(self.what)
            self.tasks.spawn(user.name, lambda user=user: self._publish(user))
        self.tasks.play(name)

    def _publish(self, user: Publisher) -> None:
        user.last, user.tokens = None, []
        try:
            publish(self._run(user), PublishOptions(image=bool(user.image)))
        except Bb8Error as error:
            user.last = error
            self.tasks.note(f"ended: {error.code}: {error.cause} {error.details}")

    def _run(self, user: Publisher) -> Run:
        run_id, reports = f"20261126T{next(self.numbers):06d}Z-{user.name}", user.work / "reports"
        layout = "store" if self.what == WORKSPACE else "subtree"
        flags = {
            "HA_PUBLISH_REMOTE": str(self.store.folder),
            "HA_IMAGE": user.image,
            "BB8_LAYOUT": layout,
        }
        return Run(
            id=run_id,
            command="publish",
            workspace=user.work,
            addon=user.work / "addon",
            settings=load(user.work, environ={}, flags=flags),
            reports=reports,
            ledger=Ledger(run_id, reports, listener=lambda line: self._token(user, line)),
            journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
            progress=Quiet(),
        )

    def _token(self, user: Publisher, line: Line) -> None:
        """Checks a token against the store and the registry."""
        self.laws.token(line)
        fields = dict(line.fields)
        if line.kind != "TOKEN":
            return
        user.tokens.append(line.name)
        if line.name == "SUBTREE_PUBLISH_OK":
            self._published(user, fields)
        elif line.name == "TAG_OK":
            self._tagged(user, fields)
        elif line.name == "IMAGE_PUBLISH_OK":
            self._image(user, fields)

    def _published(self, user: Publisher, fields: dict[str, str]) -> None:
        """The branch was there at that commit when it was read; what others pushed since comes after it."""
        said = fields["ref"].rpartition("@")[2]
        commit_said = git(self.store.folder, "rev-parse", said)
        self._is_on_branch(commit_said, "SUBTREE_PUBLISH_OK")
        folder = self._folder.rstrip("/")
        tree = git(self.store.folder, "rev-parse", f"{said}:{folder}" if folder else f"{said}^{{tree}}")
        if tree != fields["tree"] or self._of_workspace(user, said) != user.app:
            raise Broken(f"SUBTREE_PUBLISH_OK, but {said} does not hold the app of {user.name}")

    def _tagged(self, user: Publisher, fields: dict[str, str]) -> None:
        tag = git(self.store.folder, "rev-parse", f"refs/tags/{fields['tag']}^{{commit}}")
        self._is_on_branch(tag, "TAG_OK")
        if self._of_workspace(user, tag) != user.app:
            raise Broken(f"TAG_OK, but {fields['tag']} does not hold the app of {user.name}")

    def _is_on_branch(self, commit_: str, name: str) -> None:
        base = git(self.store.folder, "merge-base", commit_, "main")
        if base != commit_:
            raise Broken(f"{name} names {commit_}, which is not on the branch")

    def _of_workspace(self, user: Publisher, ref: str) -> dict[str, str]:
        """What of a published tree must be as it is in the workspace: with images the config is another."""
        return {path: blob for path, blob in self.store.files(ref).items() if path in user.app}

    def _image(self, user: Publisher, fields: dict[str, str]) -> None:
        """Another publisher may have pushed since the registry was read: what it showed then counts."""
        held = fields["digest"]
        if not self.registry.showed(fields["image"], held):
            raise Broken(f"IMAGE_PUBLISH_OK names {held}, which the registry did not show")
        if fields["arch"] == "manifest":
            return
        config = self.registry.config_of(held)
        if config["config"]["Labels"].get(TREE_LABEL) != user.tree:
            raise Broken("IMAGE_PUBLISH_OK, but the image was made from another tree")

    def _pushed(self) -> None:
        """After every push: refs only went forward, and no image that the store names is missing."""
        self.store.look()
        config = git(self.store.folder, "show", f"main:{self._folder}config.yaml").splitlines()
        pairs = dict(line.split(": ", 1) for line in config if ": " in line)
        if image := pairs.get("image", "").strip('"'):
            reference = f"{image.replace('{arch}', 'amd64')}:{pairs['version'].strip(chr(34))}"
            if reference not in self.registry.tags:
                raise Broken(f"the store names {reference}, which the registry does not have")

    def _must_work(self, user: Publisher) -> None:
        """Without faults a publish works; if others have pushed meanwhile, it may say that."""
        self.store.look()
        if user.last is None:
            if {"SUBTREE_PUBLISH_OK", "TAG_OK"} <= set(user.tokens):
                return
            raise Broken(f"a publish ended well with {user.tokens}")
        alone = len(self.users) < 2 and not self.disturbed
        if alone or user.last.code not in MAY_REFUSE:
            raise Broken(f"a publish without faults ended with {user.last.code}: {user.last.cause}")

    @contextlib.contextmanager
    def _wired(self) -> Iterator[None]:
        calls = remote_call(self.wire, git_module.call, self._pushed)
        before = {name: os.environ.get(name) for name in GIT}
        os.environ.update(GIT)
        try:
            with (
                wired(self.wire, self.laws.host),
                swapped([(git_remote, "call", calls), (git_module, "call", calls), *self.registry.swaps()]),
            ):
                yield
        finally:
            for name, value in before.items():
                os.environ.update({name: value}) if value is not None else os.environ.pop(name, None)


def _first_version(stage: Stage, what: str) -> Path:
    """A workspace whose first version is in its store."""
    tasks = Tasks(Choices(0, replay={}))
    site = copied(template(stage.root, what))
    PublishStory._in(site, Wire(tasks, Host(SLUG, FOLDER, {}), 0.0), what).begin()
    return site
