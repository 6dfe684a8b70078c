"""Where an app's files are in its image, and which of them a build step reads.

Sources: Docker's Dockerfile reference (COPY, ADD, RUN --mount) and moby/buildkit, dockerfile2llb.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bb8deploy.checks.reading.dockerfile_evaluation import chain, fill, needed, placed, stage_scope
from bb8deploy.checks.reading.dockerfile_parser import Copy, Dockerfile, Instruction, Stage
from bb8deploy.checks.reading.dockerignore import DockerIgnore
from bb8deploy.overlay.live.run_instructions import RunStep, run_step

_KNOWN_FLAGS = frozenset(("chmod", "chown", "link"))
_ARCHIVE = re.compile(r"\.(tar|tgz|tbz2?|txz|tar\.\w+)$")
_PLAIN_PATTERN = re.compile(r"[A-Za-z0-9._/*-]+")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9._/-]+")


@dataclass(frozen=True, slots=True)
class Target:
    """A file's place in the image; `chmod` is what COPY sets, empty if the file keeps its own mode.

    `owned`: COPY gives it another owner than root. `rights` are later steps that may set its owner or mode.
    """

    path: str
    chmod: str = ""
    owned: bool = False
    rights: tuple[RunStep, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageMap:
    """`targets` by the file's path in the folder; `feeds` is why only a build updates the other files.

    A file in neither is not in the image. `doubt` is a reason to build for files that seem not to be in it.
    """

    targets: Mapping[str, tuple[Target, ...]] = field(default_factory=dict)
    feeds: Mapping[str, str] = field(default_factory=dict)
    doubt: str = ""


def image_map(
    dockerfile: Dockerfile,
    files: Iterable[str],
    ignore: DockerIgnore,
    scope: Mapping[str, str],
    passed: Mapping[str, str],
) -> ImageMap:
    """The map of the `files` that the builder is given; `scope` and `passed` are the build's arguments."""
    seen = sorted(path for path in files if not ignore.ignored(path))
    reader = _Reader(dockerfile, seen, scope, passed)
    reader.read()
    odd = next((p for p, back in ignore.patterns if not _is_plain(p, back=back)), None)
    doubt = f"`{odd}` in .dockerignore may or may not hide it" if odd else ""
    return ImageMap({p: tuple(t) for p, t in reader.targets.items()}, reader.feeds, doubt)


def _is_plain(pattern: str, *, back: bool) -> bool:
    """Whether all builders read the pattern alike; one that takes paths back in must be a plain name."""
    return bool((_PLAIN_NAME if back else _PLAIN_PATTERN).fullmatch(pattern))


class _Reader:
    """One pass over the Dockerfile; each target belongs to the file that is copied there last."""

    def __init__(
        self, dockerfile: Dockerfile, files: list[str], scope: Mapping[str, str], passed: Mapping[str, str]
    ) -> None:
        self.dockerfile, self.files, self.scope, self.passed = dockerfile, files, scope, passed
        self.targets: dict[str, list[Target]] = {}
        self.feeds: dict[str, str] = {}

    def read(self) -> None:
        final = chain(self.dockerfile)
        for stage in needed(self.dockerfile):
            if stage not in final:
                self._feed_stage(stage)
        for stage in final:
            self._read_stage(stage)

    def _feed_stage(self, stage: Stage) -> None:
        """What a stage beside the image takes reaches the image by its own steps."""
        for copy, _folder, known in self._copies(stage):
            why = f"it is used in the stage `{stage.name or stage.image}`"
            self._feed(self._sources(copy, known), why)
        for one in stage.of("RUN"):
            self._feed_mounts(one)

    def _read_stage(self, stage: Stage) -> None:
        known = stage_scope(self.dockerfile, stage, self.scope, self.passed)
        copies = {id(copy.instruction): copy for copy in stage.copies()}
        folder = "/"
        for one in stage.instructions:
            if one.word == "WORKDIR":
                folder = posixpath.join(folder, fill(one.value, known, self.dockerfile).text)
            elif id(one) in copies:
                self._copy(copies[id(one)], folder, known)
            elif one.word == "RUN":
                self._run(one)

    def _copies(self, stage: Stage) -> Iterator[tuple[Copy, str, Mapping[str, str]]]:
        known = stage_scope(self.dockerfile, stage, self.scope, self.passed)
        return ((copy, "/", known) for copy in stage.copies() if "from" not in copy.flags)

    def _copy(self, copy: Copy, folder: str, known: Mapping[str, str]) -> None:
        if "from" in copy.flags:
            return
        why = self._unclear(copy, known)
        if why:
            self._feed(self._sources(copy, known), f"{why} (line {copy.instruction.line})")
            return
        owned = copy.flags.get("chown", "root").partition(":")[0] not in ("root", "0")
        for one in placed(copy, folder, self.files, known):
            self._hide(one.path, by=one.source)
            target = Target(one.path, copy.flags.get("chmod", ""), owned)
            self.targets.setdefault(one.source, []).append(target)

    def _unclear(self, copy: Copy, known: Mapping[str, str]) -> str:
        """Why the files of this COPY cannot be placed, empty if they can."""
        word = copy.instruction.word
        if odd := next((flag for flag in copy.flags if flag not in _KNOWN_FLAGS), ""):
            return f"`{word} --{odd}` decides where it goes"
        if fill(copy.target, known, self.dockerfile).missing:
            return f"the target of `{word}` has a variable without a known value"
        if word == "ADD" and any(_ARCHIVE.search(source) for source in self._sources(copy, known)):
            return "`ADD` unpacks it"
        return ""

    def _sources(self, copy: Copy, known: Mapping[str, str]) -> list[str]:
        """The files that a COPY takes; all of them if one of its sources is not known."""
        if any(fill(source, known, self.dockerfile).missing for source in copy.sources):
            return self.files
        plain = Copy(copy.instruction, copy.sources, "/", {})
        return [one.source for one in placed(plain, "/", self.files, known)]

    def _run(self, one: Instruction) -> None:
        self._feed_mounts(one)
        step = run_step(one)
        if step.reads:
            self._feed(list(self.targets), f"`RUN {step.text}` on line {step.line} may read it")
        elif step.rights:
            self._add_rights(step)

    def _add_rights(self, step: RunStep) -> None:
        for targets in self.targets.values():
            for at, target in enumerate(targets):
                if step.sets_rights_of(target.path):
                    targets[at] = Target(target.path, target.chmod, target.owned, (*target.rights, step))

    def _feed_mounts(self, one: Instruction) -> None:
        """A bind mount of the build context shows its files to the step."""
        for word in one.value.split():
            if word.startswith("--mount=") and "type=" not in word.replace("type=bind", ""):
                options = dict(part.partition("=")[::2] for part in word.removeprefix("--mount=").split(","))
                if "from" not in options:
                    below = (options.get("source") or options.get("src") or "").strip("./")
                    fed = [p for p in self.files if not below or p == below or p.startswith(f"{below}/")]
                    self._feed(fed, f"a mount of `RUN` on line {one.line} shows it to the build")

    def _feed(self, files: Iterable[str], why: str) -> None:
        for path in files:
            self.feeds.setdefault(path, why)

    def _hide(self, target: str, *, by: str) -> None:
        """Another file that a later COPY puts at the same place hides the earlier one, which comes back only
        in a build.
        """
        for source, targets in self.targets.items():
            kept = [one for one in targets if one.path != target]
            if len(kept) != len(targets):
                targets[:] = kept
                if source != by:
                    self._feed([source], f"a later COPY puts {by} at {target}")
