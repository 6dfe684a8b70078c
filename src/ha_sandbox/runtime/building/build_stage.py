"""One stage of a build: carries out its instructions in a folder."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from bb8deploy.checks.reading.dockerfile_parser import Copy, Instruction, Stage
from bb8deploy.checks.reading.dockerfile_words import expand, json_form, pairs, split_flags
from ha_sandbox.runtime.bubblewrap import search_path
from ha_sandbox.runtime.building.build_log import NO_BASE, BuildLog, StepFailed
from ha_sandbox.runtime.building.copy_and_add import Copier, Origin
from ha_sandbox.runtime.building.image_config import Image

CACHE_WORTH = 1.0
"""Seconds that a RUN must have taken to be kept."""
BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_IGNORED = frozenset({"LABEL", "EXPOSE", "VOLUME", "STOPSIGNAL", "USER", "MAINTAINER", "ONBUILD"})
_MOUNT = re.compile(r"--mount=(\S+)")
_DEFAULT_SHELL = ["/bin/sh", "-c"]


class Runner(Protocol):
    """Runs a shell script with a tree as root; `mounts` are read-only folders and where they appear."""

    def __call__(
        self,
        tree: Path,
        script: str,
        folder: str,
        environment: Mapping[str, str],
        mounts: Sequence[tuple[Path, str]],
    ) -> tuple[int, str]:
        """The exit code and the output."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every stage of a build shares; `origin` finds what `--from` names, "" being the context."""

    args: Mapping[str, str]
    platform: Mapping[str, str]
    globals: Mapping[str, str]
    origin: Callable[[str], Origin]
    cache: Path
    runner: Runner
    log: BuildLog
    escape: str


class StageBuild:
    """A stage under way; its files are in `tree`, `key` names everything that they depend on."""

    def __init__(self, around: Surroundings, tree: Path, image: Image, key: str) -> None:
        self._around = around
        self.tree = tree
        self.image = image
        self.key = key
        self._args: dict[str, str] = {}
        self._shell = _DEFAULT_SHELL

    def follow(self, stage: Stage) -> None:
        """Carries out every instruction; raises BuildFailed with the whole log."""
        for step in stage.instructions:
            self._around.log.begin(step)
            try:
                self._carry_out(step, stage)
            except StepFailed as error:
                self._around.log.fail(step, str(error), error.hint)

    def _carry_out(self, step: Instruction, stage: Stage) -> None:
        handlers: dict[str, Callable[[Instruction], None]] = {
            "ARG": self._arg,
            "ENV": self._env,
            "WORKDIR": self._workdir,
            "RUN": self._run,
            "CMD": self._cmd,
            "ENTRYPOINT": self._entrypoint,
            "HEALTHCHECK": self._health,
            "SHELL": self._set_shell,
        }
        if step.word in {"COPY", "ADD"}:
            copy = next((one for one in stage.copies() if one.instruction is step), None)
            self._copy(step, copy)
        elif step.word in handlers:
            handlers[step.word](step)
        elif step.word not in _IGNORED:
            raise StepFailed(f"unknown instruction: {step.word}")

    def _arg(self, step: Instruction) -> None:
        around = self._around
        known = {**around.globals, **around.platform}
        for name, default in pairs(step.value):
            value = known.get(name) if default is None else self._expand(default)
            value = around.args.get(name, value)
            if value is not None:
                self._args[name] = value

    def _env(self, step: Instruction) -> None:
        values = {name: self._expand(value) for name, value in pairs(step.value) if value is not None}
        self.image.environment |= values

    def _workdir(self, step: Instruction) -> None:
        self.image.workdir = str(PurePosixPath(self.image.workdir) / self._expand(step.value))
        (self.tree / self.image.workdir.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def _copy(self, step: Instruction, copy: Copy | None) -> None:
        if copy is None:
            raise StepFailed(f"{step.word} requires at least two arguments")
        if any(source.startswith(("http://", "https://", "git@")) for source in copy.sources):
            raise StepFailed("ADD of an address is not supported in the sandbox", NO_BASE)
        chmod = copy.flags.get("chmod", "")
        mode = int(chmod, 8) if chmod.isdigit() else None
        copier = Copier(self.tree, self.image.workdir, mode, unpack=step.word == "ADD")
        target = self._expand(copy.target)
        origin = self._around.origin(copy.flags.get("from", ""))
        marks = copier.copy(origin, [self._expand(source) for source in copy.sources], target)
        for heredoc in step.heredocs:
            quoted = re.search(rf"<<-?[\"']{re.escape(heredoc.name)}", step.value)
            body = heredoc.body if quoted else self._expand(heredoc.body)
            marks += copier.write(body, target, heredoc.name)
        self.key = hashed(self.key, *marks)

    def _run(self, step: Instruction) -> None:
        script, mounts = self._script(step), self._mounts(step)
        environment = {"PATH": BASE_PATH, "HOME": "/root", **self._args, **self.image.environment}
        marks = (script, self.image.workdir, json.dumps(environment, sort_keys=True))
        self.key = hashed(self.key, *marks, *(_tree_mark(source) for source, _ in mounts))
        kept = self._around.cache / self.key
        if kept.is_dir():
            self._around.log.note("CACHED")
            shutil.rmtree(self.tree)
            shutil.copytree(kept, self.tree, symlinks=True)
            return
        begin = time.monotonic()
        code, output = self._around.runner(self.tree, script, self.image.workdir, environment, mounts)
        for line in output.splitlines():
            self._around.log.note(line)
        if code:
            why = f'process "/bin/sh -c {script}" did not complete successfully: exit code: {code}'
            raise StepFailed(why, NO_BASE)
        if time.monotonic() - begin >= CACHE_WORTH:
            _keep(self.tree, kept)

    def _script(self, step: Instruction) -> str:
        """The script of a RUN in any of its forms."""
        text = split_flags(step.value)[1]
        words = json_form(text)
        if words is not None:
            return shlex.join(words)
        if step.heredocs:
            only = len(step.heredocs) == 1 and text.startswith("<<") and len(text.split()) == 1
            first = step.heredocs[0]
            text = first.body if only else "\n".join([text, *_with_ends(step)])
        return text if self._shell == _DEFAULT_SHELL else f"exec {shlex.join([*self._shell, text])}"

    def _mounts(self, step: Instruction) -> list[tuple[Path, str]]:
        """The bind mounts of a RUN; a cache or a tmpfs is the tree's own folder."""
        found = []
        for text in _MOUNT.findall(step.value):
            options = dict(part.partition("=")[::2] for part in self._expand(text).split(","))
            target = options.get("target") or options.get("dst") or options.get("destination")
            if options.get("type", "bind") == "bind" and target:
                root = self._around.origin(options.get("from", "")).root
                source = options.get("source") or options.get("src") or ""
                found.append((root / source.lstrip("/"), str(PurePosixPath(self.image.workdir) / target)))
        return found

    def _cmd(self, step: Instruction) -> None:
        self.image.command = self._command(step.value)

    def _entrypoint(self, step: Instruction) -> None:
        self.image.entrypoint = self._command(step.value)

    def _set_shell(self, step: Instruction) -> None:
        self._shell = json_form(step.value) or _DEFAULT_SHELL

    def _health(self, step: Instruction) -> None:
        options, rest = split_flags(step.value)
        if not rest.startswith("CMD"):
            self.image.health = {}
            return
        self.image.health = {
            "command": self._command(rest.removeprefix("CMD").strip()),
            "interval": seconds(options.get("interval", ""), 30.0),
            "timeout": seconds(options.get("timeout", ""), 30.0),
            "start_period": seconds(options.get("start-period", ""), 0.0),
            "retries": int(options.get("retries", "3")),
        }

    def _command(self, text: str) -> list[str]:
        """A command as an argument list: JSON form as it is, also `[]`; shell form through the shell."""
        words = json_form(text)
        return [*self._shell, text] if words is None else words

    def _expand(self, text: str) -> str:
        known = {"PATH": search_path(), **self._args, **self.image.environment}
        return expand(text, known, escape=self._around.escape).text


def hashed(*parts: str) -> str:
    """A key for the cache."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def seconds(text: str, default: float) -> float:
    """A duration such as `1m30s` or `500ms` in seconds."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    found = re.findall(r"([\d.]+)(ms|s|m|h)", text)
    return sum(float(number) * units[unit] for number, unit in found) if found else default


def _with_ends(step: Instruction) -> list[str]:
    return [line for heredoc in step.heredocs for line in (heredoc.body, heredoc.name)]


def _tree_mark(source: Path) -> str:
    """The content of a mounted file or folder, as far as the cache has to know it."""
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    return hashed(*(f"{file} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files))


def _keep(tree: Path, kept: Path) -> None:
    """Copies the tree into the cache in one step; another process may have been faster, with the same."""
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".new-") as folder:
        fresh = Path(folder) / "tree"
        shutil.copytree(tree, fresh, symlinks=True)
        try:
            fresh.rename(kept)
        except OSError:
            if not kept.is_dir():
                raise
