"""Compares the host's clock with ours: versions by date, token expiry and certificates depend on it."""

from __future__ import annotations

from bb8deploy.catalogue.errors.host import CLOCK_SKEW
from bb8deploy.lanes.diagnose.check_result import Check, Sheet

SUBJECT = "clock"
NOTICED, HARMFUL = 10.0, 300.0


def checks(ahead: float | None, error: float = 0.0) -> list[Check]:
    """`ahead` is how many seconds the host is ahead of us, `error` how far off that may be."""
    sheet = Sheet(SUBJECT)
    if ahead is None:
        sheet.skip("skew", "the host did not report its time")
        return sheet.checks
    off = max(0.0, abs(ahead) - error)
    way = "ahead of" if ahead > 0 else "behind"
    seen = f"the host is {abs(ahead):.0f} s {way} this machine"
    remedy = "Let both keep their time by NTP."
    if off > HARMFUL:
        sheet.fail("skew", seen, remedy, CLOCK_SKEW.code)
    elif off > NOTICED:
        sheet.warn("skew", seen, remedy, CLOCK_SKEW.code)
    else:
        sheet.ok("skew", f"the same within {max(error, abs(ahead)):.0f} s")
    return sheet.checks
