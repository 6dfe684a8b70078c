"""Finds in the Supervisor's log why a build failed: the failing step and its error first, each line once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_BEGINS, _PULLS = "Starting build for ", "Downloading docker image "
# A log line of the Supervisor itself: time, level, thread, module.
_OWN_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ [A-Z]+ \(.*?\) \[([\w.]+)\]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# BuildKit's own words: the failing step, and its last line.
_STEP_ERROR = re.compile(r"^#\d+ ERROR:")
_LAST = re.compile(
    r"^(?:ERROR: failed to (?:build|solve)|failed to solve with frontend|executor failed running)"
)
_BLANK_BASE = re.compile(r"base name \(.*\) should not be blank")
_PULL = re.compile(
    r"failed to resolve source metadata for (\S+?):? |pull access denied for (\S+?),|"
    r"[Cc]an't (?:install|pull) (\S+?):? |manifest for (\S+?) not found|"
    r"> \[internal\] load metadata for (\S+?):?\n"
)
# In the words of curl and git, wget, npm, apk, apt and pip.
_UNREACHED = re.compile(
    r"Could not resolve host: ([\w.-]+)|unable to resolve host address \W?([\w.-]+)|"
    r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([\w.-]+)|"
    r"fetching https?://([\w.-]+)\S*: (?:DNS|temporary|network)|"
    r"Temporary failure resolving '([\w.-]+)'|host='([\w.-]+)', port=\d+\): Max retries"
)
WIDEST = 400
"""Characters of a line that are shown: a step of the Dockerfile may be one line of many thousands."""
_BUILDER = re.compile(r"(?:^|/)docker:\d[\w.]*-cli\b")


class Cause(StrEnum):
    """Why a build failed, as far as its output shows."""

    STEP = "a step of the Dockerfile failed"
    UNREACHED = "a step of the Dockerfile could not reach a server"
    BASE_BLANK = "the Dockerfile has no base image: ARG BUILD_FROM has no default"
    BASE_PULL = "the base image could not be pulled"
    BUILDER_PULL = "the Supervisor's builder image could not be pulled"
    IMAGE_PULL = "the app's own image could not be pulled"
    UNKNOWN = "the build output names no error"


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """`image` is the image that could not be pulled, or the server that a step could not reach, if one is
    named; `lines` have the error first.

    `advice` is the hint that the builder prints after its error, empty if there is none.
    """

    cause: Cause
    lines: tuple[str, ...]
    image: str = ""
    advice: str = ""


def read_build(log: Sequence[str], most: int, slug: str = "") -> BuildFailure:
    """The newest build or pull of `slug` in the Supervisor's log; at most `most` lines, the error first.

    The slug is that of config.yaml. Without one, the newest build of any app counts. The Supervisor logs a
    failed build twice; each line is shown once.
    """
    build = [line for line in _newest(log, slug) if line.strip()]
    end = next((at for at, line in enumerate(build) if _LAST.search(line)), None)
    output = build if end is None else build[: end + 1]
    output = [line for line in output if not _OWN_LINE.search(line)] or [*build]
    failed = next((at for at, line in enumerate(output) if _STEP_ERROR.search(line)), None)
    text = "\n".join(output)
    pulled = _PULL.search(f"{text}\n")
    image = next(filter(None, pulled.groups()), "") if pulled else ""
    cause = _cause(text, image, build)
    if cause is Cause.UNREACHED:
        image = _unreached(text)
    output = [line if len(line) <= WIDEST else f"{line[:WIDEST]}..." for line in output]
    if end is None:
        return BuildFailure(cause, tuple(output[-most:]), image)
    step = output[failed:-1] if failed is not None else []
    before = output[: failed if failed is not None else -1]
    room = max(0, most - 1 - len(step))
    lines = (output[-1], *step, *(before[-room:] if room else ()))
    return BuildFailure(cause, lines[:most], image, _advice(build[end + 1 :]))


def unreadable_config(log: Sequence[str], slug: str) -> tuple[str, ...]:
    """The lines with the reason why a config file cannot be read, those that name the app first."""
    found = [_plain(line) for line in log if "Can't read" in line or slug in line]
    mine = [line for line in found if "Can't read" in line and slug in line]
    return tuple(dict.fromkeys([*mine, *(line for line in found if "Can't read" in line), *found]))


def _newest(log: Sequence[str], slug: str) -> list[str]:
    """The log from the newest build or pull of the app; empty if only other apps were built."""
    begun = [at for at, line in enumerate(log) if _BEGINS in line]
    own = [at for at in begun if not slug or f"-addon-{slug}:" in log[at]]
    began = own[-1] if own else 0
    ended = next((at for at in range(began, len(log)) if _LAST.search(_plain(log[at]))), began)
    pulled = max((at for at, line in enumerate(log) if _PULLS in line), default=-1)
    if pulled > ended and pulled > max(begun, default=-1):
        return [_plain(line) for line in log[pulled:]]
    return [_plain(line) for line in log[began:]] if own or not begun else []


def _advice(after: Sequence[str]) -> str:
    """The builder's own words after its error; the Supervisor's next line ends them."""
    line = after[0] if after else ""
    return "" if _OWN_LINE.search(line) else line


def _plain(line: str) -> str:
    return _COLOUR.sub("", line).rstrip()


def _cause(text: str, image: str, build: Sequence[str]) -> Cause:
    if _BLANK_BASE.search(text):
        return Cause.BASE_BLANK
    if image and _BUILDER.search(image):
        return Cause.BUILDER_PULL
    if image:
        return Cause.IMAGE_PULL if _PULLS in build[0] else Cause.BASE_PULL
    if _unreached(text):
        return Cause.UNREACHED
    return Cause.STEP if "ERROR" in text else Cause.UNKNOWN


def _unreached(text: str) -> str:
    """The server that a step could not reach, empty if none is named."""
    found = _UNREACHED.search(text)
    return next(filter(None, found.groups()), "") if found else ""
