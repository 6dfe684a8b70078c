"""`bb8deploy unlock`: shows who holds the host's lock, and removes it after a confirmation."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from bb8deploy.cli.open_run import Modes, Opened, open_run
from bb8deploy.cli.shared_options import AcceptNew, Addon, As, AsJson, Target, Via, ViaChoice, Yes

if TYPE_CHECKING:
    from bb8deploy.host.lock.lock_owner import Held
    from bb8deploy.host.open_host import Host


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(unlock)


def unlock(
    target: Target = "default",
    via: Via = ViaChoice.AUTO,
    yes: Yes = False,
    accept_new: AcceptNew = False,
    addon: Addon = None,
    as_name: As = None,
    json_output: AsJson = False,
) -> None:
    """Show who holds the host's lock, and remove it after a confirmation.

    A run that still holds the lock stops before it changes anything.
    """
    modes = Modes(as_json=json_output, yes=yes, via=via.value, as_name=as_name)
    with open_run("unlock", modes, target=target, addon=addon) as opened:
        from bb8deploy.lanes.host_session import Access, connected

        with connected(opened.run, Access(via.value, accept_new)) as host:
            held = host.lock_holder()
            _report(opened, host, held)
            if held is not None:
                _remove(opened, host, held)


def _report(opened: Opened, host: Host, held: Held | None) -> None:
    owner = held.owner if held else None
    opened.result.update(
        where=host.where,
        locked=held is not None,
        owner=asdict(owner) if owner else None,
        expires=held.expires if held else None,
        removed=False,
    )
    opened.console.text(f"{host.where} is locked by {held}" if held else f"{host.where} is not locked")


def _remove(opened: Opened, host: Host, held: Held) -> None:
    """Removes the lock. Raises UsageError UNLOCK_UNCONFIRMED without a yes, HostLocked for a new owner."""
    from bb8deploy.catalogue.errors.host import UNLOCK_UNCONFIRMED
    from bb8deploy.host.lock.lock_owner import HostLocked

    if not opened.run.assume_yes and not opened.console.confirm("Remove this lock?"):
        raise UNLOCK_UNCONFIRMED(f"the lock of {host.where} was not removed: the answer was not yes")
    if not host.remove_lock(held) and (now := host.lock_holder()) is not None:
        raise HostLocked(now, host.where)
    opened.result["removed"] = True
    opened.console.text(f"removed the lock of {host.where}")
