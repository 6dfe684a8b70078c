"""`bb8deploy remove`: removes an app from a host, after it has shown everything that goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.host_options import HostOptions, takes_host_options
from bb8deploy.cli.open_run import Opened, open_run
from bb8deploy.cli.shared_options import Target, Yes

if TYPE_CHECKING:
    from bb8deploy.lanes.remove.removal_check import Inventory

RemoveConfig = Annotated[
    bool,
    typer.Option("--remove-config", help="Remove the app's configuration folder (/addon_configs) too."),
]
DiscardEdits = Annotated[
    bool,
    typer.Option("--discard-edits", help="Also remove files on the host that bb8deploy did not send."),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(takes_host_options(remove))


def remove(
    host: HostOptions,
    target: Target = "default",
    remove_config: RemoveConfig = False,
    discard_edits: DiscardEdits = False,
    yes: Yes = False,
) -> None:
    """Uninstall the app, and remove its folder, earlier trees and retained MQTT messages.

    Everything that will be removed is shown first, and removed after a confirmation. The Supervisor removes
    the app's data folder (/data) with the app; make a backup in Home Assistant first if you need it. Run the
    command again to continue an interrupted removal.
    """
    modes = host.modes(yes=yes, own={"--remove-config": remove_config, "--discard-edits": discard_edits})
    with open_run("remove", modes, target=target, addon=host.addon, lane="remove") as opened:
        from bb8deploy.lanes.remove.remove import RemoveOptions
        from bb8deploy.lanes.remove.remove import remove as lane

        options = RemoveOptions(host.access, remove_config, discard_edits)
        found = lane(opened.run, options, lambda inventory: _agreed(opened, inventory))
        opened.result["removed"] = not host.dry_run
        if not host.dry_run:
            opened.console.text(f"{found.where} holds nothing of {found.slug}")


def _agreed(opened: Opened, found: Inventory) -> bool:
    """Shows what goes and what stays, and asks."""
    console, words = opened.console, "would go" if opened.run.dry_run else "goes"
    goes, stays = tuple(found.lines()), tuple(found.stays())
    opened.result.update(slug=found.slug, where=found.where, goes=list(goes), stays=list(stays))
    if not goes:
        console.note(f"there is nothing of {found.slug} on {found.where}")
    for word, lines in ((words, goes), ("stays", stays)):
        for line in lines:
            console.text(f"{word}: {line}")
    if found.nothing or opened.run.assume_yes or opened.run.dry_run:
        return True
    return console.confirm("Remove all of this?")
