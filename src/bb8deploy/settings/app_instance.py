"""A second copy of an app on a host, such as `beta`: its slug and its ports."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bb8deploy.catalogue.errors.settings import INSTANCE_INVALID

# The name becomes a part of the slug, which names the container, its host and its data.
_NAME = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_LONGEST = 20
_MOVED = re.compile(r"\+([1-9][0-9]{0,4})")
DROP = "drop"


@dataclass(frozen=True, slots=True)
class Instance:
    """`name` is what was given with `--as`. `ports` is what happens to the ports on the host: `drop`, `+N`,
    or empty for what the instance on the host has, `drop` if there is none.
    """

    name: str
    ports: str = ""

    @classmethod
    def parse(cls, name: str, ports: str = "") -> Instance:
        """The instance of `--as NAME --ports PORTS`. Raises UsageError INSTANCE_INVALID."""
        if not _NAME.fullmatch(name) or len(name) > _LONGEST:
            raise INSTANCE_INVALID(
                f"`--as {name}` cannot name an instance",
                f"Use at most {_LONGEST} lower-case letters, digits and single `_`, as in `--as beta`.",
            )
        if ports and ports != DROP and not _MOVED.fullmatch(ports):
            raise INSTANCE_INVALID(f"`--ports {ports}` is neither `drop` nor a number to add")
        return cls(name, ports)

    def slug(self, slug: str) -> str:
        """The slug of the instance of the app with this slug."""
        return f"{slug}_{self.name}"

    @property
    def offset(self) -> int | None:
        """What is added to each port on the host; None if they are dropped."""
        moved = _MOVED.fullmatch(self.ports)
        return int(moved[1]) if moved else None
