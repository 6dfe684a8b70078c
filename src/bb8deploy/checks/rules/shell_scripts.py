"""Scripts that the container runs: the shebang, Unix line endings, the executable bit."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bb8deploy.base.findings import Finding
from bb8deploy.checks.reading import dockerfile_evaluation
from bb8deploy.checks.reading.app_facts import AddonFacts
from bb8deploy.checks.reading.dockerfile_parser import Dockerfile
from bb8deploy.checks.reading.dockerfile_words import json_form, split_words

_SHELLS = re.compile(rb"^#!.*[/ ](sh|bash|dash|ash|ksh|bashio|with-contenv)\b")
_SOURCED = (".sh", ".bash", ".bashio")
# Run by path: each file of cont-init.d and cont-finish.d, and `run` of the old services.d. s6-rc-compile
# sets the bit of `run` and `finish` in s6-rc.d itself.
_LEGACY = re.compile(r"^/etc/(?:cont-(?:init|finish)\.d/[^/]+|services\.d/[^/]+/run)$")
_NEEDS_SHEBANG = re.compile(r"^/etc/(?:services\.d|s6-overlay/s6-rc\.d)/[^/]+/run$")
_UP = re.compile(r"^/etc/s6-overlay/s6-rc\.d/[^/]+/(?:up|down)$")
_ENTRY = re.compile(r"^(rootfs/etc/)?(services\.d|s6-overlay/s6-rc\.d)/[^/]+/(run|finish)$")
_CALL = re.compile(r"^(?:exec\s+|if\s+!?\s*|!\s*)?(/[\w./@+-]+)(?=\s|$|;)")


@dataclass(frozen=True, slots=True)
class InImage:
    """Where files of the folder are in the image: path there to path here; and set executable bits."""

    files: Mapping[str, str] = field(default_factory=dict)
    executable: frozenset[str] = frozenset()
    chmods: tuple[str, ...] = ()

    def runs(self, path: str) -> bool:
        """Whether the Dockerfile sets the executable bit of the file at `path` in the image."""
        return path in self.executable or any(_covers(word, path) for word in self.chmods)


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every rule about scripts but shellcheck's."""
    for path, data in facts.contents.items():
        if b"\r\n" in data and is_script(path, data):
            line = data.count(b"\n", 0, data.index(b"\r\n")) + 1
            message = "the script has Windows line endings; Linux looks for an interpreter named with `\\r`"
            yield facts.found("SCRIPT_CRLF", message, path, (line, 1))
    image = in_image(facts)
    for place, path in image.files.items():
        if _NEEDS_SHEBANG.match(place) and _lacks_shebang(facts.contents.get(path)):
            yield facts.found("SCRIPT_NO_SHEBANG", "the script has no first line with #!", path, (1, 1))
    for path in unexecutable(facts, image):
        yield facts.found("SCRIPT_NOT_EXECUTABLE", "the script has no executable bit", path)


def is_script(path: str, data: bytes) -> bool:
    """A shell script by its first line; without one by its name, as for files that others source."""
    first = data[:80].split(b"\n", 1)[0]
    return bool(_SHELLS.match(first.rstrip())) if first.startswith(b"#!") else path.endswith(_SOURCED)


def _lacks_shebang(data: bytes | None) -> bool:
    return bool(data) and data is not None and not data.startswith((b"#!", b"\x7fELF"))


def in_image(facts: AddonFacts) -> InImage:
    """Where the folder's files end up; without a Dockerfile, `rootfs` counts as the image's root."""
    dockerfile = facts.dockerfile_for("amd64") or next(iter(facts.dockerfiles), None)
    names = frozenset(facts.files)
    if dockerfile is None:
        return InImage({f"/{path[7:]}": path for path in names if path.startswith("rootfs/")})
    stage = dockerfile.stages[-1] if dockerfile.stages else None
    known = dockerfile_evaluation.stage_scope(dockerfile, stage, {}, {}) if stage else {}
    placed = list(dockerfile_evaluation.placements(dockerfile, names, known))
    return InImage(
        {one.path: one.source for one in placed},
        frozenset(one.path for one in placed if one.made_executable),
        tuple(_chmods(dockerfile)),
    )


def _chmods(dockerfile: Dockerfile) -> Iterator[str]:
    """The paths whose executable bits a RUN sets; `*` if the paths cannot be read."""
    for stage in dockerfile_evaluation.chain(dockerfile):
        for one in stage.of("RUN"):
            for found in re.finditer(r"\bchmod\b([^;&|\n]*)", one.text):
                words = [word.strip("\"'") for word in split_words(found[1])]
                paths = [word for word in words if not word.startswith("-")][1:]
                yield from (paths if paths and not _unclear(words) else ["*"])


def _unclear(words: list[str]) -> bool:
    return any("$" in word or "{" in word or "`" in word for word in words)


def _covers(word: str, path: str) -> bool:
    if word == "*":
        return True
    if not word.startswith("/"):
        return posixpath.basename(word) == posixpath.basename(path) or word in (".", "./")
    pattern = "".join({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)) for char in word.rstrip("/"))
    return bool(re.match(f"{pattern}(?:/|$)", path))


def unexecutable(facts: AddonFacts, image: InImage) -> list[str]:
    """Files of the folder that are run by their path in the image without an executable bit, sorted."""
    run = {place for place in image.files if _LEGACY.match(place)}
    run |= {place for place in _entry(facts) if place in image.files}
    run |= _called(facts, image, run)
    found = {image.files[place] for place in run if not image.runs(place)}
    if "run.sh" not in image.files.values():
        found.add("run.sh")  # by convention the start script, however it gets into the image
    if facts.profile == "bb8":
        found |= {path for path in facts.files if path == "run.sh" or _ENTRY.match(path)}
    return sorted(path for path in found if path in facts.files and not facts.files[path].executable)


def _entry(facts: AddonFacts) -> Iterator[str]:
    """The program of ENTRYPOINT and CMD, if it is a path."""
    for dockerfile in facts.dockerfiles:
        for word in ("ENTRYPOINT", "CMD"):
            last = [one for stage in dockerfile_evaluation.chain(dockerfile) for one in stage.of(word)][-1:]
            for one in last:
                words = json_form(one.value) or one.value.split()
                if words and words[0].startswith("/"):
                    yield posixpath.normpath(words[0])


def _called(facts: AddonFacts, image: InImage, run: set[str]) -> set[str]:
    """Scripts that start scripts call by their path, and the program of each oneshot's `up`."""
    callers = run | {place for place in image.files if _NEEDS_SHEBANG.match(place) or _UP.match(place)}
    found: set[str] = set()
    for place in callers:
        data = facts.contents.get(image.files[place], b"")
        if not (_UP.match(place) or is_script(image.files[place], data)):
            continue
        # The line after a continuation is an argument, and no command.
        for line in re.sub(r"\\\r?\n", " ", data.decode("utf-8", "replace")).splitlines():
            called = _CALL.match(line.strip())
            if called and called[1] in image.files:
                found.add(called[1])
    return found
