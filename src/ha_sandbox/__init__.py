"""An embedded Home Assistant host for tests, demonstrations and trying things out.

from ha_sandbox import Sandbox, Situation

with Sandbox(folder) as host:
    host.install(app_folder, options={})
    host.faults.begin(Situation.UPDATE_PENDING)
"""

from __future__ import annotations

from ha_sandbox.local_app import LocalApp
from ha_sandbox.sandbox import Sandbox
from ha_sandbox.situations import Faults, Situation

__all__ = ["Faults", "LocalApp", "Sandbox", "Situation"]
