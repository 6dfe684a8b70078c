"""What each tool takes, as a model with a JSON Schema, and the command line that it stands for: pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Target = Annotated[
    str | None,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="The host: NAME of a settings file `.env.NAME`. Default: the host in `.env`.",
    ),
]
Folder = Annotated[
    str | None,
    Field(
        pattern=r"^[^-/\\][^\\]*$",
        description="The app's folder, relative to the workspace. Needed only if there are several apps.",
    ),
]
InstanceName = Annotated[
    str | None,
    Field(
        pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$",
        description="A second copy of the app on the host, such as `beta`. Default: the app itself.",
    ),
]
Version = Annotated[
    str | None,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$",
        description="A tagged version. Default: the tree before the last deploy.",
    ),
]
Digest = Annotated[
    str | None,
    Field(
        pattern=r"^sha256:[0-9a-f]{64}$",
        description=(
            "Files that were edited on the host are overwritten if its tree is still this one:"
            " `result.previous_tree` of `plan`. Show the edits to the user and ask first."
        ),
    ),
]


class ToolInput(BaseModel):
    """The fields that every tool has. Unknown fields are refused, and no value is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    addon: Folder = None

    def words(self) -> list[str]:
        """The options of the command line; each value is in one word with its option."""
        return [f"--addon={self.addon}"] if self.addon else []


class ValidateInput(ToolInput):
    """The input of `validate`."""

    run_tests: Annotated[bool, Field(description="Run the app's tests too.")] = True

    def words(self) -> list[str]:
        """`bb8deploy validate`."""
        return ["validate", *super().words(), *([] if self.run_tests else ["--no-tests"])]


class HostInput(ToolInput):
    """The fields of a tool that looks at a host."""

    target: Target = None

    def words(self) -> list[str]:
        """The options of the command line."""
        return [*super().words(), *([f"--target={self.target}"] if self.target else [])]


class DiagnoseInput(HostInput):
    """The input of `diagnose`."""

    def words(self) -> list[str]:
        """`bb8deploy diagnose`."""
        return ["diagnose", *super().words()]


class InstanceInput(HostInput):
    """The fields of a tool that looks at the app on a host, or at an instance of it."""

    instance: InstanceName = None

    def words(self) -> list[str]:
        """The options of the command line."""
        return [*super().words(), *([f"--as={self.instance}"] if self.instance else [])]


class StatusInput(InstanceInput):
    """The input of `status`."""

    def words(self) -> list[str]:
        """`bb8deploy status`."""
        return ["status", *super().words()]


class LogsInput(InstanceInput):
    """The input of `logs`."""

    lines: Annotated[int, Field(ge=2, le=10000, description="The number of lines.")] = 100
    source: Annotated[
        Literal["app", "supervisor"], Field(description="Whose log; the Supervisor's has the builds.")
    ] = "app"

    def words(self) -> list[str]:
        """`bb8deploy logs`."""
        supervisor = ["--supervisor"] if self.source == "supervisor" else []
        return ["logs", *super().words(), f"--lines={self.lines}", *supervisor]


class PlanInput(InstanceInput):
    """The input of `plan`."""

    diff: Annotated[bool, Field(description="Show the changes of text files as unified diffs.")] = False

    def words(self) -> list[str]:
        """`bb8deploy deploy --dry-run`."""
        return ["deploy", "--dry-run", *super().words(), *(["--diff"] if self.diff else [])]


class DeployConfirmation(BaseModel):
    """What the user has confirmed for a deploy."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    overwrite_tree: Digest = None


class DeployInput(InstanceInput):
    """The input of `deploy`."""

    backup: Annotated[bool, Field(description="Let the Supervisor back up the app before an update.")] = False
    resume: Annotated[bool, Field(description="Continue the newest deploy that did not finish.")] = False
    confirm: Annotated[
        DeployConfirmation | None,
        Field(description="What the user has confirmed. Without it, deploy refuses instead of asking."),
    ] = None

    def words(self) -> list[str]:
        """`bb8deploy deploy`."""
        chosen = [*(["--backup"] if self.backup else []), *(["--resume"] if self.resume else [])]
        tree = self.confirm.overwrite_tree if self.confirm else None
        return ["deploy", *super().words(), *chosen, *([f"--overwrite-tree={tree}"] if tree else [])]


class RollbackInput(InstanceInput):
    """The input of `rollback`."""

    version: Version = None
    dry_run: Annotated[bool, Field(description="Show what would happen and change nothing.")] = False

    def words(self) -> list[str]:
        """`bb8deploy rollback`."""
        chosen = [*(["--dry-run"] if self.dry_run else []), *([self.version] if self.version else [])]
        return ["rollback", *super().words(), *chosen]
