"""The receipt on the host: whatever ends a lane, its lines go there too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.connect import Host
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import DEPLOY


@contextmanager
def kept_on_host(run: Run, host: Host, lane: str) -> Iterator[None]:
    """Makes a failure a DRIFT line of `lane`, if it is none yet, and appends the run's lines on the host."""
    try:
        yield
    except Bb8Error as error:
        if not any(line.kind == "DRIFT" and line.name == error.code for line in run.ledger.lines):
            run.ledger.drift(lane, error.code, run.clean(error.cause))
        raise
    finally:
        _append(run, host)


def _append(run: Run, host: Host) -> None:
    """A host that is gone keeps no receipt, and we say so."""
    try:
        kept = host.append_receipt(run.ledger.texts(DEPLOY))
    except Bb8Error as error:
        run.progress.warn(f"the receipt on the host was not written: {error.cause}")
        return
    if not kept:
        run.progress.note("SKIPPED: receipt on the host reason=no way to its reports folder")
