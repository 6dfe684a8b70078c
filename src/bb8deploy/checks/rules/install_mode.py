"""Built on the host or pulled from a registry: the config must fit what the run is for."""

from __future__ import annotations

from collections.abc import Iterator

from bb8deploy.base.findings import Finding
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.reading.app_facts import AddonFacts


def check(facts: AddonFacts) -> Iterator[Finding]:
    """The guard of both modes."""
    image = "image" in facts.raw
    if facts.mode is Mode.LOCAL_DEV and image:
        message = "`image:` is set, so the Supervisor pulls it and never builds this folder"
        yield facts.at_key("IMAGE_OUTSIDE_PUBLISH", message, "image")
    if facts.mode is Mode.PUBLISH and facts.config and facts.config.readable and not image:
        yield facts.at("IMAGE_MISSING", "`image:` is not set, so the Supervisor has nothing to pull")
