"""Ten faults put into the product on purpose: the simulation must find each of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from bb8deploy.host.lock.lock import HostLock
from bb8deploy.lanes.sync import sync as sync_lane
from bb8deploy.lanes.verify.attempt import Attempt
from bb8deploy.lanes.verify.proof import prove
from bb8deploy.lanes.verify.proof.folder import AppFolder
from bb8deploy.lanes.verify.proof.prove import Prover
from bb8deploy.plan.logs.identity import Identity, newest
from bb8deploy.runs.tokens import Token


@contextlib.contextmanager
def _no_lock(_lock: HostLock, *_: Any, **__: Any) -> Iterator[Any]:
    holding = mock.Mock(notes=(), facts=None)
    holding.take_session.return_value = None
    yield holding


def _newest_at_once(prover: Prover) -> Identity | None:
    prover.watch.look(600)
    prover.observed = newest(prover.watch.log)
    return prover.observed


def _emitted_early(attempt: Attempt) -> Any:
    expected = attempt.delivered.expected
    attempt.run.ledger.emit(Token.VERIFY_OK, version=expected.version, tree=expected.tree)
    return _CARRY_OUT(attempt)


def _unproven(attempt: Attempt, _installed: Any) -> Identity:
    expected = attempt.delivered.expected
    return Identity(expected.version, expected.tree, "none", expected.run, "3.13")


_CARRY_OUT = Attempt.carry_out

MUTANTS: dict[str, Callable[[], Any]] = {
    "the tree is not hashed again after the build": lambda: mock.patch.object(
        AppFolder, "check_tree", return_value=None
    ),
    "the lock is not taken": lambda: mock.patch.object(HostLock, "held", _no_lock),
    "the lock is not released": lambda: mock.patch.object(HostLock, "release", return_value=None),
    "VERIFY_OK is written before the build": lambda: mock.patch.object(Attempt, "carry_out", _emitted_early),
    "any identity in the log counts": lambda: mock.patch.object(Prover, "_reported", _newest_at_once),
    "every identity is the expected one": lambda: mock.patch.object(Identity, "is_", return_value=True),
    "the settle time is skipped": lambda: mock.patch.object(Prover, "_settle", return_value=None),
    "the tree after the sync is not compared": lambda: mock.patch.object(
        sync_lane, "differences", return_value=()
    ),
    "a rollback is not verified": lambda: mock.patch.object(Attempt, "prove", _unproven),
    "old lines of the log count": lambda: mock.patch.object(
        prove, "newer_lines", lambda _b, after, **_: after
    ),
}
