"""Every option that more than one command has, each defined once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bb8deploy.cli.shell_completion import targets, targets_and_groups


class ViaChoice(StrEnum):
    """How the app folder on the host is reached."""

    AUTO = "auto"
    SSH = "ssh"
    MOUNT = "mount"
    RSYNC = "rsync"


Target = Annotated[
    str,
    typer.Option(
        "--target",
        "-t",
        help="Use the settings of `.env.NAME` in addition to `.env`.",
        metavar="NAME",
        autocompletion=targets,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        help="Use `.env.NAME` in addition to `.env`; a group means each of its targets. Repeatable.",
        metavar="NAME",
        autocompletion=targets_and_groups,
    ),
]
Addon = Annotated[
    Path | None,
    typer.Option("--addon", help="The app's folder. Default: found from the current folder.", metavar="DIR"),
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Use a second copy (instance) of the app, such as beta."),
]
Via = Annotated[
    ViaChoice,
    typer.Option("--via", help="Use ssh, a mounted share, or rsync over ssh. auto uses what is set."),
]
AcceptNew = Annotated[
    bool, typer.Option("--accept-new", help="Accept the key of an unknown host and save it.")
]
NoValidate = Annotated[bool, typer.Option("--no-validate", help="Do not check the app before it is sent.")]
AppOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option", metavar="KEY=VALUE", help="Set an option of the app before its start; repeatable."
    ),
]


class VerifyLevel(StrEnum):
    """How the content that runs is proven."""

    AUTO = "auto"
    SEALED = "sealed"
    STAMP = "stamp"
    RUNNING = "running"


Verify = Annotated[
    VerifyLevel | None,
    typer.Option(
        "--verify",
        help="Prove the content at this level. auto takes the strongest that the app allows. [BB8_VERIFY]",
        show_default=False,
    ),
]
NoStart = Annotated[bool, typer.Option("--no-start", help="Do not start the app if it is stopped.")]
Backup = Annotated[
    bool, typer.Option("--backup", help="Let the Supervisor back up the app before an update.")
]
Image = Annotated[
    bool, typer.Option("--image", help="Build and push images first. The published config names them.")
]
Sign = Annotated[
    bool,
    typer.Option("--sign", help="Sign the evidence with your ssh key (BB8_SIGN_KEY; default: ssh's own)."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Overwrite manual edits on the remote.")]
Diff = Annotated[bool, typer.Option("--diff", help="Show the changes of text files as unified diffs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would happen and change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors, but no progress.")]
YesOverwrite = Annotated[
    bool, typer.Option("--yes", "-y", help="Overwrite files that were edited on the host.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Answer every question with yes.")]
LockWait = Annotated[
    float | None,
    typer.Option(
        "--lock-wait", help="Wait this long for another run to release the lock.", metavar="SECONDS"
    ),
]
Docker = Annotated[
    bool, typer.Option("--docker", help="Build and run apps in Docker, on their real base image.")
]
