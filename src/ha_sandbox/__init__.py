"""An embedded Home Assistant host for tests, demonstrations and trying things out."""

from __future__ import annotations

from ha_sandbox.box import Sandbox

__all__ = ["Sandbox"]
