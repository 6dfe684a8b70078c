"""What can go wrong in a schedule."""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """The kinds of fault, with what each does."""

    LOST_BEFORE = "a call is lost before it took effect"
    LOST_AFTER = "a call took effect, and its answer is lost"
    LATE = "a call takes seconds"
    DOUBLED = "a call takes effect twice"
    TORN = "a call takes half of its effect"
    REORDERED = "a call takes effect after later ones, and its caller has no answer"
    KILLED_BEFORE = "the process is killed before a call or a write"
    KILLED_AFTER = "the process is killed after a call or a write"
    KILLED_WITHIN = "the process is killed in the middle of a line that it writes"
    HOST_RESTARTED = "the host restarts"
    SUPERVISOR_RESTARTED = "the Supervisor restarts, and its jobs end"
    DISK_FULL = "the disk of the host is full"
    OWN_DISK_FULL = "the disk of this machine is full"
    CLOCK_MOVED = "the clock of the host is moved"


OF_EVERY_CALL = (
    Fault.LOST_BEFORE,
    Fault.LOST_AFTER,
    Fault.LATE,
    Fault.KILLED_BEFORE,
    Fault.KILLED_AFTER,
    Fault.HOST_RESTARTED,
    Fault.SUPERVISOR_RESTARTED,
    Fault.DISK_FULL,
    Fault.CLOCK_MOVED,
)
OF_A_NETWORK = (
    Fault.LOST_BEFORE,
    Fault.LOST_AFTER,
    Fault.LATE,
    Fault.KILLED_BEFORE,
    Fault.KILLED_AFTER,
)
OF_A_WRITE = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.OWN_DISK_FULL)
OF_AN_APPEND = (*OF_A_WRITE, Fault.KILLED_WITHIN)
