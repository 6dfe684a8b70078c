"""Follows a Dockerfile into a folder: copies for real, runs for real, keeps slow steps for the next time."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from ha_sandbox.runtime import dockerfile
from ha_sandbox.runtime.base import BuildFailed, BuildRequest
from ha_sandbox.runtime.dockerfile import Step

CACHE_WORTH = 1.0  # seconds that a RUN must have taken to be kept
_IGNORED = ("LABEL", "EXPOSE", "VOLUME", "STOPSIGNAL", "USER", "SHELL", "MAINTAINER", "ONBUILD")
BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Runs a shell command with the tree as root: tree, command, folder, environment -> exit code and output.
Runner = Callable[[Path, str, str, Mapping[str, str]], tuple[int, str]]


@dataclass(slots=True)
class Image:
    """What an image says about its containers; stands next to its tree as image.json."""

    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: dict[str, object] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Writes it."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Image:
        """Reads it."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


class Build:
    """One build. `follow` does it all and gives the image; the log grows in `log`."""

    def __init__(self, request: BuildRequest, tree: Path, cache: Path, runner: Runner, seed: str) -> None:
        self._request = request
        self._tree = tree
        self._cache = cache
        self._runner = runner
        self._key = seed
        self._args: dict[str, str] = {}
        self._before_from: dict[str, str] = {}
        self._started = False
        self._number = 0
        self.image = Image()
        self.log: list[str] = []

    def follow(self) -> Image:
        """Carries out every step; raises BuildFailed with the whole log."""
        text = self._request.dockerfile.read_text(encoding="utf-8")
        steps = dockerfile.steps(text)
        for step in steps:
            self._number += 1
            self._note(f"[{self._number}/{len(steps)}] {step.name} {step.text}")
            self._carry_out(step, text)
        if not self._started:
            self._fail(Step("FROM", "", 1), text, "no build stage in current context")
        return self.image

    def _carry_out(self, step: Step, text: str) -> None:
        handlers: dict[str, Callable[[Step], None]] = {
            "FROM": self._from,
            "ARG": self._arg,
            "ENV": self._env,
            "WORKDIR": self._workdir,
            "COPY": self._copy,
            "ADD": self._copy,
            "RUN": self._run,
            "CMD": self._cmd,
            "ENTRYPOINT": self._entrypoint,
            "HEALTHCHECK": self._health,
        }
        if step.name in _IGNORED:
            return
        if step.name not in handlers:
            self._fail(step, text, f"unknown instruction: {step.name}")
        if step.name not in {"FROM", "ARG"} and not self._started:
            self._fail(step, text, "no build stage in current context")
        try:
            handlers[step.name](step)
        except _StepFailed as error:
            self._fail(step, text, str(error))

    # ------------------------------------------------------------ instructions

    def _from(self, step: Step) -> None:
        base = dockerfile.expand(dockerfile.flags(step.text)[1], self._before_from).split()
        if not base:
            raise _StepFailed(f"base name ({step.text}) should not be blank")
        if self._started:
            raise _StepFailed(
                "the sandbox follows one build stage only; Docker follows more: `sandbox up --docker`"
            )
        self._started = True
        self._key = _hash(self._key, base[0])
        self._note(f"{base[0]}: stands for this machine's own system, no registry is asked")

    def _arg(self, step: Step) -> None:
        name, _, default = step.text.partition("=")
        values = self._values() if self._started else self._before_from
        value = self._request.args.get(name, dockerfile.expand(default.strip("\"'"), values))
        (self._args if self._started else self._before_from)[name] = value

    def _env(self, step: Step) -> None:
        self.image.environment |= dockerfile.pairs(dockerfile.expand(step.text, self._values()))

    def _workdir(self, step: Step) -> None:
        path = PurePosixPath(self.image.workdir) / dockerfile.expand(step.text, self._values())
        self.image.workdir = str(path)
        self._inside(str(path)).mkdir(parents=True, exist_ok=True)

    def _copy(self, step: Step) -> None:
        words = self._copy_words(step)
        if len(words) < 2:
            raise _StepFailed(f"{step.name} requires at least two arguments")
        *sources, target = words
        files = [file for source in sources for file in self._matching(source)]
        if not files and not any(_is_pattern(source) for source in sources):
            raise _StepFailed(f'failed to compute cache key: "/{sources[0]}": not found')
        folder = target.endswith("/") or len(sources) > 1
        for path in files:
            self._copy_one(path, target, into=folder)

    def _copy_words(self, step: Step) -> list[str]:
        _, rest = dockerfile.flags(step.text)
        rest = dockerfile.expand(rest, self._values())
        return [str(w) for w in json.loads(rest)] if rest.startswith("[") else rest.split()

    def _matching(self, source: str) -> list[Path]:
        context = self._request.context
        pattern = source.lstrip("/").removeprefix("./")
        if pattern in {"", "."}:
            return [context]
        found = sorted(context.glob(pattern)) if _is_pattern(pattern) else [context / pattern]
        return [path for path in found if path.exists()]

    def _copy_one(self, path: Path, target: str, *, into: bool) -> None:
        destination = self._inside(str(PurePosixPath(self.image.workdir) / target))
        ignored = _Ignore(self._request.context)
        if path.is_file():
            if ignored(path):
                raise _StepFailed(f'"/{path.relative_to(self._request.context)}": not found')
            place = destination / path.name if into or destination.is_dir() else destination
            self._put(path, place)
            return
        for file in sorted(path.rglob("*")):
            if file.is_file() and not ignored(file):
                self._put(file, destination / file.relative_to(path))
        destination.mkdir(parents=True, exist_ok=True)

    def _put(self, source: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        shutil.copymode(source, place)
        relative = place.relative_to(self._tree)
        self._key = _hash(self._key, str(relative), hashlib.sha256(source.read_bytes()).hexdigest())

    def _run(self, step: Step) -> None:
        _, script = dockerfile.flags(step.text)
        environment = {"PATH": BASE_PATH, "HOME": "/root", **self._args, **self.image.environment}
        self._key = _hash(self._key, script, self.image.workdir, json.dumps(environment, sort_keys=True))
        kept = self._cache / self._key
        if kept.is_dir():
            self._note("CACHED")
            shutil.rmtree(self._tree)
            shutil.copytree(kept, self._tree, symlinks=True)
            return
        begin = time.monotonic()
        script = " ".join(dockerfile.command(script)) if script.startswith("[") else script
        code, output = self._runner(self._tree, script, self.image.workdir, environment)
        for line in output.splitlines():
            self._note(line)
        if code:
            raise _StepFailed(
                f'process "/bin/sh -c {script}" did not complete successfully: exit code: {code}'
            )
        if time.monotonic() - begin >= CACHE_WORTH:
            _keep(self._tree, kept)

    def _cmd(self, step: Step) -> None:
        self.image.command = dockerfile.command(step.text)

    def _entrypoint(self, step: Step) -> None:
        self.image.entrypoint = dockerfile.command(step.text)

    def _health(self, step: Step) -> None:
        options, rest = dockerfile.flags(step.text)
        if not rest.startswith("CMD"):
            self.image.health = {}
            return
        self.image.health = {
            "command": dockerfile.command(rest.removeprefix("CMD").strip()),
            "interval": dockerfile.seconds(options.get("interval", ""), 30.0),
            "timeout": dockerfile.seconds(options.get("timeout", ""), 30.0),
            "start_period": dockerfile.seconds(options.get("start-period", ""), 0.0),
            "retries": int(options.get("retries", "3")),
        }

    # ------------------------------------------------------------ helpers

    def _values(self) -> dict[str, str]:
        return {**self._args, **self.image.environment}

    def _inside(self, path: str) -> Path:
        return self._tree / path.lstrip("/")

    def _note(self, line: str) -> None:
        self.log.append(f"#{self._number} {line}")

    def _fail(self, step: Step, text: str, why: str) -> None:
        lines = text.splitlines()
        self.log.append(f"#{self._number} ERROR: {why}")
        self.log.append(f"------\n > [{self._number}] {step.name} {step.text}:\n------")
        self.log.append(f"{self._request.dockerfile.name}:{step.line}\n--------------------")
        for number in range(max(1, step.line - 1), min(len(lines), step.line + 2) + 1):
            mark = ">>>" if number == step.line else "   "
            self.log.append(f"{number:4} | {mark} {lines[number - 1]}")
        self.log.append(f"--------------------\nERROR: failed to build: failed to solve: {why}")
        raise BuildFailed("\n".join(self.log))


class _StepFailed(Exception):
    """A step did not work; the text says why."""


class _Ignore:
    """The rules of .dockerignore: last match wins, `!` takes back."""

    def __init__(self, context: Path) -> None:
        self._context = context
        file = context / ".dockerignore"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        self._rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]

    def __call__(self, path: Path) -> bool:
        relative = PurePosixPath(path.relative_to(self._context))
        candidates = [str(relative), *(str(p) for p in relative.parents if str(p) != ".")]
        ignored = False
        for rule in self._rules:
            pattern = rule.lstrip("!").strip("/")
            if any(_matches(name, pattern) for name in candidates):
                ignored = not rule.startswith("!")
        return ignored


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        tail = pattern[3:]
        return fnmatch.fnmatch(name, tail) or fnmatch.fnmatch(name, f"*/{tail}")
    return fnmatch.fnmatch(name, pattern) and name.count("/") == pattern.count("/")


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _keep(tree: Path, kept: Path) -> None:
    """Copies the tree into the cache in one step; another process may have been quicker, which is as good."""
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".new-") as folder:
        fresh = Path(folder) / "tree"
        shutil.copytree(tree, fresh, symlinks=True)
        try:
            fresh.rename(kept)
        except OSError:
            if not kept.is_dir():
                raise
