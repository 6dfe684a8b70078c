"""The two ways an app gets onto a host: built there from its folder, or pulled from a registry."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """LOCAL_DEV: no `image:`, the host builds. PUBLISH: `image:` names what the host pulls."""

    LOCAL_DEV = "LOCAL_DEV"
    PUBLISH = "PUBLISH"
