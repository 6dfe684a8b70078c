"""`bb8deploy rollback`: run the earlier version again, or a tagged one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.host_options import ProofOptions, takes_host_options
from bb8deploy.cli.open_run import Opened, open_run
from bb8deploy.cli.print_outcomes import show_preview
from bb8deploy.cli.shared_options import Target
from bb8deploy.cli.shell_completion import tags

if TYPE_CHECKING:
    from bb8deploy.lanes.host_session import Access


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(takes_host_options(rollback))


def rollback(
    host: ProofOptions,
    version: Annotated[
        str,
        typer.Argument(
            metavar="[VERSION]", help="A tag. Default: the tree before the last deploy.", autocompletion=tags
        ),
    ] = "",
    listed: Annotated[
        bool, typer.Option("--list", help="List the earlier trees that the host keeps, and stop.")
    ] = False,
    target: Target = "default",
) -> None:
    """Run an earlier version again and verify it.

    Without a version, go back to the newest kept tree that is older than the present one. Run it again to go
    back further.
    """
    lane = "" if listed else "rollback"
    with open_run("rollback", host.modes(), target=target, addon=host.addon, lane=lane) as opened:
        from bb8deploy.lanes.deploy.rollback import roll_back_host

        if listed:
            _list(opened, host.access)
            return
        outcome = roll_back_host(opened.run, host.access, version)
        if host.dry_run:
            show_preview(opened, outcome.preview)
            return
        opened.result.update(
            version=outcome.version, tree=outcome.tree, action=outcome.action, proof=outcome.proof
        )
        opened.console.note(f"{outcome.in_words} ({outcome.action})")


def _list(opened: Opened, access: Access) -> None:
    """The earlier trees of the host, the newest first."""
    from bb8deploy.lanes.deploy.earlier_trees import earlier_trees

    kept = earlier_trees(opened.run, access)
    opened.result["earlier"] = [
        {"name": tree.name, **(asdict(tree.stamp) if tree.stamp else {})} for tree in kept
    ]
    rows = [
        (tree.name, *((s.version, s.tree[7:19], s.run) if (s := tree.stamp) else ("", "", "")))
        for tree in kept
    ]
    opened.console.table("Earlier trees", ("name", "version", "tree", "run"), rows)
    if not kept:
        opened.console.note("the host keeps no earlier tree")
