"""What an error of lane 3 advises follows what was seen."""

from __future__ import annotations

from bb8deploy.lanes.verify.failure_errors import stale


def test_who_did_not_report_again_is_looked_for_where_its_traces_are() -> None:
    spoke = stale("bb8 1.0", "started", "rebuild", ["Traceback", "boom"])
    assert "container's last lines" in spoke.remedy
    assert spoke.details == ("Traceback", "boom")
    mute = stale("bb8 1.0", "started", "rebuild", [])
    assert "logs --supervisor" in mute.remedy
