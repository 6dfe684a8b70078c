"""What holds for every test: programs that it starts can be interrupted."""

from __future__ import annotations

import signal

# A shell without job control starts a background job with SIGINT ignored, and all programs below inherit
# that: a test that interrupts one would wait for ever. A handler of our own is not inherited.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
