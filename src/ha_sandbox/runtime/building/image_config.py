"""The settings that an image has for its containers; image.json next to the image's tree."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


@dataclass(slots=True)
class Image:
    """Environment, working directory, entry point, command and health check."""

    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: dict[str, object] = field(default_factory=dict)

    def inherited(self) -> Image:
        """A copy for a stage that is built on this one."""
        return replace(self, environment=dict(self.environment))

    def save(self, path: Path) -> None:
        """Writes it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Image:
        """Reads it."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))
