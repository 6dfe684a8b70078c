"""The base images whose entry point is known, by name.

Sources: the Dockerfiles of home-assistant/docker-base, hassio-addons/addon-base and linuxserver's base images
(all start s6-overlay's /init), and those of Docker's official images.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownBase:
    """What an image starts by itself, and the shell of its shell-form instructions, empty if not known.

    `shell` is what SHELL is in the image; every known base has /bin/sh, env and the tools of the seal.
    """

    entry: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()


_SH = ("/bin/sh", "-c")
_ASH = ("/bin/ash", "-o", "pipefail", "-c")
_BASH = ("/bin/bash", "-o", "pipefail", "-c")
_INIT = ("/init",)
_REGISTRY = r"(?:(?:docker\.io|index\.docker\.io|public\.ecr\.aws/docker)/)?(?:library/)?"
_TAG = r"(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
_ARCH = r"(?:(?:amd64|aarch64|armhf|armv7|i386)-)?"
_OF_ARCH = r"(?:/(?:amd64|aarch64|armhf|armv7|i386))?"
_KNOWN: tuple[tuple[str, KnownBase], ...] = (
    (
        rf"(?:ghcr\.io/home-assistant|(?:docker\.io/)?homeassistant)/{_ARCH}base-(?:debian|ubuntu)",
        KnownBase(_INIT, _BASH),
    ),
    (
        rf"(?:ghcr\.io/home-assistant|(?:docker\.io/)?homeassistant)/{_ARCH}base(?:-python)?",
        KnownBase(_INIT, _ASH),
    ),
    (
        rf"(?:ghcr\.io/hassio-addons|(?:docker\.io/)?hassioaddons)/[\w.-]*base[\w.-]*{_OF_ARCH}",
        KnownBase(_INIT),
    ),
    (r"(?:lscr\.io/|ghcr\.io/|docker\.io/)?linuxserver/[\w.-]+", KnownBase(_INIT)),
    (
        rf"{_REGISTRY}(?:alpine|debian|ubuntu|busybox|python|golang|rust|ruby|perl|buildpack-deps|fedora|gcc)",
        KnownBase((), _SH),
    ),
    (rf"{_REGISTRY}node", KnownBase(("docker-entrypoint.sh",), _SH)),
    (rf"{_REGISTRY}nginx", KnownBase(("/docker-entrypoint.sh",), _SH)),
    (rf"{_REGISTRY}redis", KnownBase(("docker-entrypoint.sh",), _SH)),
)
_COMPILED = tuple((re.compile(name + _TAG), base) for name, base in _KNOWN)
_SHELLESS = re.compile(r"scratch|(?:.*/)?distroless/.*|cgr\.dev/chainguard/.*")


def known_base(image: str) -> KnownBase | None:
    """What is known of the image, None for a foreign one."""
    return next((base for pattern, base in _COMPILED if pattern.fullmatch(image)), None)


def is_shellless(image: str) -> bool:
    """Whether the image has no shell, by its name: `scratch` and distroless images."""
    return bool(_SHELLESS.fullmatch(image))
