"""Decides how a change comes into effect: in the running container, in a new one, or by a build."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bb8deploy.overlay.live.image_map import ImageMap, Target
from bb8deploy.workspace.tree_digest import TreeDiff


class Way(StrEnum):
    """How a change comes into effect, the lightest first."""

    LIVE = "live"
    RESTART = "restart"
    BUILD = "build"


@dataclass(frozen=True, slots=True)
class Choice:
    """The way of a change and the reason for it; `without_agent`: only builds can change this app."""

    way: Way
    reason: str
    without_agent: bool = False


# The Supervisor and the builder read these themselves, at an install, update or rebuild.
_READ_AT_BUILD = re.compile(
    r"config\.(ya?ml|json)|build\.(ya?ml|json)|Dockerfile(\..+)?|\.dockerignore|apparmor\.txt"
)
# s6-overlay reads these once, while a container starts.
_READ_AT_START = re.compile(
    r"/etc/(cont-init\.d|cont-finish\.d|fix-attrs\.d|services\.d|s6-overlay)/.*|/init"
)
# Here the base image, or a package, may have a file of the same name, which a deletion would uncover.
_OF_THE_BASE = re.compile(
    r"/(bin|boot|dev|etc|lib\w*|proc|root|run|sbin|sys|usr(?!/src/)|var|tmp|home)(/.*)?|/[^/]+"
)
_ODD_NAME = re.compile(r"[\n\r\t\\]")
_ORDER = (Way.BUILD, Way.RESTART, Way.LIVE)


def choose(change: TreeDiff, image: ImageMap) -> Choice:
    """The lightest way that is right for every path of `change`.

    `image` is the map of the files before and after the change.
    """
    choices = [one for path in change.paths for one in _of_path(path, change, image)]
    for way in _ORDER:
        for one in choices:
            if one.way is way:
                return one
    return Choice(Way.LIVE, "nothing in the image changed")


def is_live(path: str, image: ImageMap) -> bool:
    """Whether the file at `path` is in the image as it is, and may be replaced there."""
    odd = path in image.feeds or _READ_AT_BUILD.fullmatch(path) or _ODD_NAME.search(path)
    return bool(image.targets.get(path)) and not odd


def _of_path(path: str, change: TreeDiff, image: ImageMap) -> Iterator[Choice]:
    if _READ_AT_BUILD.fullmatch(path):
        yield Choice(Way.BUILD, f"{path}: it is read when the app is built")
    elif path in image.feeds:
        yield Choice(Way.BUILD, f"{path}: {image.feeds[path]}")
    elif _ODD_NAME.search(path):
        yield Choice(Way.BUILD, f"{path!r}: a name with such characters is copied by a build only")
    elif path in image.targets:
        for target in image.targets[path]:
            yield _of_target(path, target, change)
    elif image.doubt:
        yield Choice(Way.BUILD, f"{path}: {image.doubt}")
    else:
        yield Choice(Way.LIVE, f"{path}: it is not in the image")


def _of_target(path: str, target: Target, change: TreeDiff) -> Choice:
    if path in change.removed and _OF_THE_BASE.fullmatch(target.path):
        return Choice(Way.BUILD, f"{path}: without it, a file of the base image may be at {target.path}")
    if path in change.added and (why := _rights_unknown(target)):
        return Choice(Way.BUILD, f"{path}: {why}")
    if path in change.modes and (target.chmod or target.rights):
        return Choice(Way.LIVE, f"{path}: the Dockerfile sets its mode")
    if _READ_AT_START.fullmatch(target.path):
        return Choice(Way.RESTART, f"{path}: {target.path} is read when a container starts")
    return Choice(Way.LIVE, f"{path}: COPY puts it at {target.path}")


def _rights_unknown(target: Target) -> str:
    """Why owner and mode of a new file are those that only a build gives, empty if they are not."""
    if target.rights:
        return f"`RUN {target.rights[0].text}` on line {target.rights[0].line} sets its rights"
    if target.owned:
        return "COPY --chown gives it an owner that only the image knows"
    if target.chmod and not re.fullmatch(r"0?[0-7]{3}", target.chmod):
        return f"COPY --chmod={target.chmod} depends on the builder"
    return ""
