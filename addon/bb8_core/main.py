"""Starts the bridge: reads the options, logs what it is, and runs the app until a signal."""

from __future__ import annotations

import asyncio
import importlib
import logging
import signal

from bb8_core import build_identity as identities
from bb8_core import logging_setup
from bb8_core.app import App
from bb8_core.app_options import Options, load_options, options_path
from bb8_core.build_identity import Identity
from bb8_core.process_exit import leave

LIBRARIES = ("paho.mqtt.client", "bleak", "bleak_retry_connector", "h11", "wsproto", "urllib.request")
LIBRARIES_FOR_PROXIES = ("aioesphomeapi", "aioesphomeapi._frame_helper.noise")
"""Takes as long to import as all others together, and is needed with the option `proxies` only."""

_log = logging.getLogger("bb8.main")


async def run(options: Options, identity: Identity) -> None:
    """Run the bridge until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await App(options, identity).run(stopping)


def load_libraries(options: Options) -> None:
    """Import what the modules of this app import inside of functions.

    All of the app's own code was loaded before it reported its identity; the libraries, which take as long
    again, follow at once, because an import later would hold up the event loop.
    """
    for name in LIBRARIES + (LIBRARIES_FOR_PROXIES if options.proxies and not options.simulate else ()):
        importlib.import_module(name)


def main() -> int:
    """Start; returns the exit code."""
    options = load_options(options_path())
    logging_setup.setup(options.log_level)
    for secret in (options.mqtt_password, *(proxy.key for proxy in options.proxies)):
        logging_setup.hide(secret)
    identity = identities.load(identities.stamp_path())
    logging_setup.bare(_log, identities.first_line(identity))
    if identities.run_sh_present():
        logging_setup.bare(_log, "RUN_SH_PRESENT")
    load_libraries(options)
    for problem in options.problems:
        _log.warning("%s", problem)
    try:
        asyncio.run(run(options, identity))
    except Exception:  # noqa: BLE001 - the last stop before the exit code, in one line of the log
        _log.critical("the bridge ends because of an internal error", exc_info=True)
        return 1
    return 0


if __name__ == "__main__":
    leave(main())
