"""What this build is: the version, tree digest, commit and run that a deploy baked into the image."""

from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

UNKNOWN = "unknown"
MAX_STAMP_BYTES = 16384

_VALUE = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Identity:
    """What was built and what runs it; `tree` is `unknown` if no deploy stamped the build."""

    version: str
    tree: str
    commit: str
    run: str
    python: str
    started: str
    """RFC 3339, UTC."""

    def as_json(self) -> dict[str, str]:
        """The payload of `<base>/status/identity`."""
        return asdict(self)


def stamp_path() -> Path:
    """Path of the stamp: BB8_STAMP, else next to the package in the app's folder."""
    default = Path(__file__).resolve().parents[1] / "build_stamp.json"
    return Path(os.environ.get("BB8_STAMP", default))


def load(path: Path) -> Identity:
    """Read the stamp; without a whole one every value of it is `unknown`, the version BUILD_VERSION."""
    stamp = _read(path)
    return Identity(
        version=_word(stamp.get("version") or os.environ.get("BUILD_VERSION")),
        tree=_word(stamp.get("tree")),
        commit=_word(stamp.get("commit")),
        run=_word(stamp.get("run")),
        python=platform.python_version(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            stamp = json.loads(file.read(MAX_STAMP_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _word(value: Any) -> str:
    """A value that cannot break the log line's `key=value` form, else `unknown`."""
    return value if isinstance(value, str) and _VALUE.fullmatch(value) else UNKNOWN


def first_line(identity: Identity) -> str:
    """The first log line of each start, read by the deploy's verification."""
    return (
        f"IDENTITY version={identity.version} tree={identity.tree} commit={identity.commit} "
        f"run={identity.run} python={identity.python}"
    )


def run_sh_present() -> bool:
    """Whether the start script is there and executable: BB8_RUN_SH, else /usr/src/app/run.sh."""
    path = Path(os.environ.get("BB8_RUN_SH", "/usr/src/app/run.sh"))
    return path.is_file() and os.access(path, os.X_OK)
