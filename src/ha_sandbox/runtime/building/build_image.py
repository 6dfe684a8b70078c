"""Follows a Dockerfile into folders, stage by stage; the last stage becomes the image."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from bb8deploy.checks.reading.dockerfile_evaluation import global_scope, platform_args
from bb8deploy.checks.reading.dockerfile_parser import Instruction, Stage, parse_dockerfile
from bb8deploy.checks.reading.dockerfile_words import expand
from ha_sandbox.runtime.building.build_log import NO_BASE, BuildLog, StepFailed
from ha_sandbox.runtime.building.build_stage import Runner, StageBuild, Surroundings, hashed
from ha_sandbox.runtime.building.copy_and_add import Origin
from ha_sandbox.runtime.building.image_config import Image
from ha_sandbox.runtime.runtime_interface import BuildRequest


def _make_folder(tree: Path) -> None:
    tree.mkdir(parents=True, exist_ok=True)


class Build:
    """One build into `tree`. `follow` does all of it and returns the image; `log` grows meanwhile.

    `prepare` makes the tree of a stage that is built on no earlier one. `seed` names what every layer
    depends on beside the Dockerfile.
    """

    def __init__(
        self,
        request: BuildRequest,
        tree: Path,
        cache: Path,
        runner: Runner,
        seed: str,
        prepare: Callable[[Path], None] = _make_folder,
    ) -> None:
        self._request = request
        self._tree = tree
        self._seed = seed
        self._prepare = prepare
        text = request.dockerfile.read_text(encoding="utf-8")
        self._document = parse_dockerfile(text, request.dockerfile.name)
        self._stages = self._document.stages
        self._done: dict[int, StageBuild] = {}
        self._log = BuildLog(self._document.path, text, len(self._document.instructions))
        self._around = Surroundings(
            args=request.args,
            platform=platform_args(request.arch),
            globals=global_scope(self._document, request.arch, request.args),
            origin=self._origin,
            cache=cache,
            runner=runner,
            log=self._log,
            escape=self._document.escape,
        )

    @property
    def log(self) -> list[str]:
        """What was logged so far."""
        return self._log.lines

    def follow(self) -> Image:
        """Builds the last stage and those that it needs; raises BuildFailed with the whole log."""
        stray = next((one for one in self._document.instructions if one.word not in {"ARG", "FROM"}), None)
        begins = self._stages[0].base.line if self._stages else 0
        if not self._stages or (stray is not None and stray.line < begins):
            first = stray or Instruction("FROM", "", 1)
            self._log.fail(first, "no build stage in current context")
        try:
            return self._stage(len(self._stages) - 1).image
        finally:
            for index in range(len(self._stages) - 1):
                shutil.rmtree(self._folder(index), ignore_errors=True)

    def _stage(self, index: int) -> StageBuild:
        """The stage, built now if nothing needed it before."""
        if index not in self._done:
            stage = self._stages[index]
            self._log.begin(stage.base)
            try:
                self._done[index] = self._begun(index, stage)
            except StepFailed as error:
                self._log.fail(stage.base, str(error), error.hint)
            self._done[index].follow(stage)
        return self._done[index]

    def _begun(self, index: int, stage: Stage) -> StageBuild:
        """The stage with the files and the image of its base."""
        base = expand(stage.image, self._around.globals, escape=self._document.escape).text
        if not base:
            raise StepFailed(f"base name ({stage.image}) should not be blank")
        tree, earlier = self._folder(index), self._named(base, index)
        if earlier is None:
            self._prepare(tree)
            self._log.note(f"{base}: this machine's own system is used for it, no registry is asked")
            return StageBuild(self._around, tree, Image(), hashed(self._seed, base))
        parent = self._stage(earlier)
        shutil.copytree(parent.tree, tree, symlinks=True, dirs_exist_ok=True)
        return StageBuild(self._around, tree, parent.image.inherited(), hashed(parent.key))

    def _named(self, name: str, before: int) -> int | None:
        """The stage before `before` with this name or number."""
        if name.isdigit() and int(name) < before:
            return int(name)
        found = (i for i in range(before) if self._stages[i].name == name.lower())
        return next(found, None)

    def _origin(self, name: str) -> Origin:
        """What `--from` names: a stage; the build context if it names nothing."""
        if not name:
            return Origin.of_context(self._request.context, self._request.dockerfile)
        index = self._named(name, len(self._stages) - 1)
        if index is None:
            raise StepFailed(f"{name} is an image, which the sandbox cannot pull for COPY --from", NO_BASE)
        return Origin(self._stage(index).tree)

    def _folder(self, index: int) -> Path:
        last = index == len(self._stages) - 1
        return self._tree if last else self._tree.with_name(f"{self._tree.name}-stage-{index}")
