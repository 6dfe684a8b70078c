"""Built on the host or pulled from a registry: the config must say what the run is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.mode import Mode
from bb8deploy.checks.reading.facts import AddonFacts


def check(facts: AddonFacts) -> Iterator[Finding]:
    """The guard of both modes."""
    image = "image" in facts.raw
    if facts.mode is Mode.LOCAL_DEV and image:
        message = "`image:` is set, so the Supervisor pulls it and never builds this folder"
        hint = "Remove `image:`, or validate with --mode publish."
        yield facts.at("IMAGE_OUTSIDE_PUBLISH", Level.ERROR, message, "image", hint=hint)
    if facts.mode is Mode.PUBLISH and facts.config and facts.config.readable and not image:
        message = "`image:` is missing, so there is nothing for the Supervisor to pull"
        hint = "Set `image:`, or validate with --mode local_dev."
        yield facts.at("IMAGE_MISSING", Level.ERROR, message, hint=hint)
    if facts.profile == "bb8" and facts.mode is Mode.LOCAL_DEV:
        yield from _build_block(facts)


def _build_block(facts: AddonFacts) -> Iterator[Finding]:
    """The block has no effect on the Supervisor; the guard reads it to know what the workspace is for."""
    block = facts.raw.get("build")
    if facts.raw and not isinstance(block, dict):
        message = "the `build:` block that marks a locally built add-on is missing"
        hint = "Add build: with dockerfile and args, as the procedure asks."
        yield facts.at("BUILD_BLOCK_MISSING", Level.ERROR, message, hint=hint)
        return
    named = _base(block)
    real = next((d.defaults().get("BUILD_FROM") for d in facts.dockerfiles), None)
    if named and real and named != real:
        message = f"`build:` names the base {named}, the Dockerfile's default is {real}"
        hint = "Make both the same; the Dockerfile's is the one that counts."
        yield facts.at("BUILD_BLOCK_DIFFERS", Level.ERROR, message, "build", "args", "BUILD_FROM", hint=hint)


def _base(block: Any) -> str:
    args = block.get("args") if isinstance(block, dict) else None
    return str(args.get("BUILD_FROM") or "") if isinstance(args, dict) else ""
