"""The one error of the labs: this machine cannot give what a lab needs."""

from __future__ import annotations


class LabUnavailable(Exception):
    """A tool, right or file is missing; the text is the reason that a skipped test shows."""
