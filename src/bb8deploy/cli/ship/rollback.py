"""`bb8deploy rollback`: run the earlier version again, or a tagged one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.catalogue.errors.ship.release import RESUME_NOTHING
from bb8deploy.catalogue.errors.tool import USAGE_INVALID
from bb8deploy.cli.host_options import takes_host_options
from bb8deploy.cli.open_run import Opened, open_run
from bb8deploy.cli.print_outcomes import show_preview
from bb8deploy.cli.rollouts import RolloutOptions, asked_for, is_rollout, show_rollout
from bb8deploy.cli.shared_options import Targets
from bb8deploy.cli.shell_completion import tags

if TYPE_CHECKING:
    from bb8deploy.lanes.host_session import Access
    from bb8deploy.plan.sync_plan import Stamp


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(takes_host_options(rollback))


def rollback(
    host: RolloutOptions,
    version: Annotated[
        str,
        typer.Argument(
            metavar="[VERSION]", help="A tag. Default: the tree before the last deploy.", autocompletion=tags
        ),
    ] = "",
    listed: Annotated[
        bool, typer.Option("--list", help="List the earlier trees that the host keeps, and stop.")
    ] = False,
    target: Targets = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Of several hosts, continue with those not yet rolled back.")
    ] = False,
) -> None:
    """Run an earlier version again and verify it.

    Without a version, go back to the newest kept tree that is older than the present one. Run it again to go
    back further, or to complete a rollback that was interrupted or failed. With a group or several --target
    options, the hosts are rolled back in waves. If that stopped, use --resume: without it, hosts that are
    already rolled back go back one tree further.
    """
    lane = "" if listed else "rollback"
    with open_run("rollback", host.modes(), target=asked_for(target), addon=host.addon, lane=lane) as opened:
        if is_rollout(opened):
            _several(opened, host, version, listed=listed, resume=resume)
        elif resume:
            raise RESUME_NOTHING("a rollback of one host is not resumed")
        elif listed:
            _list(opened, host.access)
        else:
            _one(opened, host, version)


def _one(opened: Opened, host: RolloutOptions, version: str) -> None:
    from bb8deploy.lanes.deploy.rollback import roll_back_host

    outcome = roll_back_host(opened.run, host.access, version)
    if host.dry_run:
        show_preview(opened, outcome.preview)
        return
    opened.result.update(
        version=outcome.version, tree=outcome.tree, action=outcome.action, proof=outcome.proof
    )
    opened.console.note(f"{outcome.in_words}; action: {outcome.action}")


def _several(opened: Opened, host: RolloutOptions, version: str, *, listed: bool, resume: bool) -> None:
    """Raises UsageError USAGE_INVALID for `--list`, which is about one host."""
    from bb8deploy.lanes.rollout.host_commands import RollbackHost

    if listed:
        raise USAGE_INVALID("`--list` shows the trees of one host", "Name one host with `--target NAME`.")
    show_rollout(opened, host, RollbackHost(host.access, version), resume=resume)


def _sender(stamp: Stamp) -> str:
    """The run that sent a tree."""
    return f"{stamp.run} (dev loop)" if stamp.of_dev_loop else stamp.run


def _list(opened: Opened, access: Access) -> None:
    """The earlier trees of the host, the newest first."""
    from bb8deploy.lanes.deploy.earlier_trees import earlier_trees

    kept = earlier_trees(opened.run, access)
    opened.result["earlier"] = [
        {"name": tree.name, **(asdict(tree.stamp) if tree.stamp else {})} for tree in kept
    ]
    rows = [
        (tree.name, *((s.version, s.tree[7:19], _sender(s)) if (s := tree.stamp) else ("", "", "")))
        for tree in kept
    ]
    if kept:
        opened.console.table("Earlier trees", ("name", "version", "tree", "run"), rows)
    else:
        opened.console.note("the host keeps no earlier tree")
