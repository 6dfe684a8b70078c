"""What `bb8deploy status` prints about several hosts: one table, or one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from bb8deploy.cli.open_run import Opened
from bb8deploy.cli.rollouts import for_host, read_secrets, show_host_error
from bb8deploy.console.console import as_dict

if TYPE_CHECKING:
    from bb8deploy.lanes.status.all_hosts import HostStatus
    from bb8deploy.runs.past_runs import PastRun

_COLUMNS = ("target", "runs", "state", "content", "drift", "last deploy (UTC)")


def show_hosts(opened: Opened, *, every: bool) -> None:
    """Shows the named hosts, or those of every target. Raises typer.Exit 3 if one could not be reached."""
    from bb8deploy.lanes.status.all_hosts import all_hosts

    names = _every_target(opened) if every else list(opened.targets.names)
    read_secrets(opened, names)
    found = all_hosts(opened.run, names)
    opened.result["here"] = asdict(found.here)
    opened.result["hosts"] = [_as_dict(opened, host) for host in found.hosts]
    here = found.here
    opened.console.text(f"here: {here.version}, content {_short(here.tree)}, {here.detail}")
    opened.console.table("Hosts", _COLUMNS, [_cells(host) for host in found.hosts])
    for host in found.hosts:
        _tell(opened, host)
    code = max((host.error.exit_code for host in found.hosts if host.error), default=0)
    if code:
        raise typer.Exit(code)


def _every_target(opened: Opened) -> list[str]:
    """The named targets of the workspace, and `.env` alone if it names a host."""
    from bb8deploy.lanes.host_session import names_host
    from bb8deploy.settings.load_settings import target_names

    own = ["default"] if names_host(opened.run) else []
    return [*own, *target_names(opened.project.root)]


def _tell(opened: Opened, host: HostStatus) -> None:
    """The error of a host, else each difference with what to do."""
    complete = for_host(opened, host.target)
    if host.error:
        show_host_error(opened, host.target, host.error)
    for sentence in host.drift:
        opened.console.text(f"! [{host.target}] {complete(sentence)}", "yellow")


def _cells(host: HostStatus) -> tuple[str, ...]:
    running = host.running
    return (
        host.target,
        running.version or "-",
        running.state.value if not running.version else running.detail.partition(",")[0],
        _short(running.tree),
        ", ".join(host.brief) or "none",
        _last(host.last),
    )


def _last(past: PastRun | None) -> str:
    if past is None:
        return "-"
    words = [past.when[:16].replace("T", " "), past.version, past.result]
    by = f" by {past.by}" if past.by else ""
    return f"{' '.join(word for word in words if word)}{by}"


def _short(tree: str) -> str:
    return tree.removeprefix("sha256:")[:12] or "-"


def _as_dict(opened: Opened, host: HostStatus) -> dict[str, object]:
    complete = for_host(opened, host.target)
    return {
        "target": host.target,
        "version": host.running.version,
        "tree": host.running.tree,
        "state": host.running.state.value,
        "drift": [complete(sentence) for sentence in host.drift],
        "brief": list(host.brief),
        "places": [asdict(host.files), asdict(host.running)],
        "last_deploy": asdict(host.last) if host.last else None,
        "error": as_dict(host.error, complete) if host.error else None,
    }
