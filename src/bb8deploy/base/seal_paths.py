"""The paths on which a sealed image and what builds or runs it agree."""

from __future__ import annotations

SEAL_ROOT = "/bb8deploy-"
"""How the paths of the seal stage begin; they are in no finished image."""
SEAL_CONTEXT = f"{SEAL_ROOT}context"
"""Where the seal stage sees the build context."""
SEAL_OUT = f"{SEAL_ROOT}out"
"""Where it writes."""
LAUNCHER = "/usr/bin/bb8deploy-launch"
"""The launcher in the image: in a folder from which the AppArmor profiles of apps let programs start."""
