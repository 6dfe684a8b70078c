"""One line per event on standard output, with secrets masked."""

from __future__ import annotations

import logging
import sys

_BARE = "bare"
_secrets: set[str] = set()


def hide(secret: str) -> None:
    """Mask this text in every line that is logged from now on."""
    if secret:
        _secrets.add(secret)


class OneLine(logging.Formatter):
    """Writes a record, its traceback included, as one line without control characters or secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the finished line; a record marked bare has no time and level in front."""
        text = record.getMessage() if getattr(record, _BARE, False) else super().format(record)
        for secret in _secrets:
            text = text.replace(secret, "***")
        lines = (line.strip() for line in text.splitlines())
        return "".join(c if c.isprintable() else "?" for c in " | ".join(line for line in lines if line))


def setup(level: str) -> None:
    """Send the root logger to standard output; `level` is one of debug, info, warning, error."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("aioesphomeapi", "bleak", "bleak_retry_connector", "dbus_fast"):
        logging.getLogger(chatty).setLevel(max(logging.INFO, root.level))


def bare(logger: logging.Logger, text: str) -> None:
    """Write a line that programs look for at the line's start, whatever the level."""
    record = logger.makeRecord(logger.name, logging.CRITICAL, __file__, 0, text, (), None)
    setattr(record, _BARE, True)
    logger.handle(record)
