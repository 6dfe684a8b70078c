"""`bb8deploy migrate`: the changes of 2025 and 2026 as a codemod, shown as a diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import AsJson, Quiet

if TYPE_CHECKING:
    from bb8deploy.checks.migrate.migration_plan import Plan
    from bb8deploy.console.console import Console


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(migrate)


def migrate(
    folders: Annotated[
        list[str] | None,
        typer.Argument(help="Folders of apps, patterns, or the root of a store (default: this folder)."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the changes.")] = False,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Bring apps up to date: build.yaml into the Dockerfile, deprecated words, the builder workflow.

    The app runs as before. Without --write the changes are shown as a diff.
    """
    from bb8deploy.checks.check_all_apps import find_apps
    from bb8deploy.checks.migrate.migration_plan import apply, plan, workflows
    from bb8deploy.workspace.project import repository_root

    with plain_errors(Modes(as_json=json_output, quiet=quiet)) as console:
        apps = find_apps(folders or [str(Path.cwd())])
        plans = [plan(folder) for folder in apps]
        plans += workflows(dict.fromkeys(root for app in apps if (root := repository_root(app))))
        for one in plans:
            _show(console, one)
            if write:
                apply(one)
        changed = sum(bool(one.changes) for one in plans)
        verb = "changed" if write else "would change"
        console.text(f"{len(apps)} app{'s' if len(apps) != 1 else ''}: {changed} {verb}")
        if json_output:
            console.document(_document(plans, written=write))


def _show(console: Console, plan: Plan) -> None:
    for change in plan.changes:
        console.text(f"{plan.folder.name}/{change.path}", "bold")
        for why in change.why:
            console.text(f"  {why}")
        console.text(change.diff().rstrip("\n"))
    for hint in plan.hints:
        console.note(f"{plan.folder.name}: {hint}")


def _document(plans: list[Plan], *, written: bool) -> dict[str, object]:
    return {
        "command": "migrate",
        "written": written,
        "apps": [
            {
                "folder": one.folder.as_posix(),
                "changes": [
                    {"path": change.path, "removed": change.after is None, "why": list(change.why)}
                    for change in one.changes
                ],
                "hints": list(one.hints),
            }
            for one in plans
        ],
    }
