"""The commands that come after `bb8deploy new`, from the first check to a published version."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.lanes.new.app_template import Language
from bb8deploy.lanes.new.new import BRANCH, Created


@dataclass(frozen=True, slots=True)
class Step:
    """A command to paste, and what it is for."""

    command: str
    why: str


def next_steps(created: Created, here: Path) -> tuple[Step, ...]:
    """The steps from the folder `here`."""
    docker = created.language is Language.SHELL and shutil.which("jq") is None
    return tuple(_steps(created, here, docker=docker))


def _steps(created: Created, here: Path, *, docker: bool) -> Iterator[Step]:
    root, slug = created.place.root, created.name.slug
    inside = created.app if not created.place.fresh else root
    if inside != here:
        yield Step(f"cd {shlex.quote(os.path.relpath(inside, here))}", "into the new folder")
    if not created.committed:
        yield from _commit(created)
    yield Step("bb8deploy validate", "the Supervisor's rules and the app's tests")
    runtime = " --docker" if docker else ""
    yield Step(f"bb8deploy sandbox up --detach --write{runtime}", "a Home Assistant host on this machine")
    yield Step("bb8deploy deploy --target sandbox", "build, start and verify the app there")
    if created.place.fresh:
        store = f"../{slug}.git"
        made = f"git init -q --bare -b {BRANCH} {store} && git remote add origin {store}"
        yield Step(made, "to publish to; later its address on GitHub")
    yield Step("bb8deploy release patch --target sandbox", "a new version: verified, published, tagged")
    yield Step("bb8deploy sandbox down", "stop the host")


def _commit(created: Created) -> Iterator[Step]:
    """The commit that `new` did not make: git has no author, or the store is not ours to commit to."""
    if created.place.fresh:
        who = 'git config --global user.name "YOUR NAME" && git config --global user.email "YOU@EXAMPLE.ORG"'
        yield Step(who, "git does not know you yet")
    what = "--all" if created.place.fresh else f". ../tests/{created.name.slug}"
    message = shlex.quote(f"Add the app {created.name.title}")
    yield Step(f"git add {what} && git commit --message {message}", "the first version")
