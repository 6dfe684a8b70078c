"""The watchdog thread for the event loop."""

from __future__ import annotations

import threading

from bb8_core.motion.motion_watchdog import Deadman


def test_the_dead_man_acts_only_if_it_is_not_disarmed() -> None:
    fired = threading.Event()
    deadman = Deadman(fired.set, grace_s=0.0)
    deadman.start()
    deadman.arm(0.05)
    assert fired.wait(60)
    fired.clear()
    deadman.arm(0.2)
    deadman.disarm()
    assert not fired.wait(0.3)
    deadman.close()


async def test_the_dead_man_acts_although_the_event_loop_hangs() -> None:
    fired = threading.Event()
    deadman = Deadman(fired.set, grace_s=0.0)
    deadman.start()
    deadman.arm(0.02)
    assert fired.wait(60), "this very wait blocks the loop"
    deadman.close()
