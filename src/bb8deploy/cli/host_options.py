"""The options that commands that change an app on a host share, as one value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, get_type_hints

from bb8deploy.cli.open_run import Modes
from bb8deploy.cli.shared_options import (
    AcceptNew,
    Addon,
    As,
    AsJson,
    DryRun,
    LockWait,
    Quiet,
    Verify,
    Via,
    ViaChoice,
)

if TYPE_CHECKING:
    from bb8deploy.lanes.host_session import Access


@dataclass(frozen=True, slots=True)
class HostOptions:
    """The values of these options."""

    via: Via = ViaChoice.AUTO
    dry_run: DryRun = False
    accept_new: AcceptNew = False
    lock_wait: LockWait = None
    addon: Addon = None
    as_name: As = None
    json_output: AsJson = False
    quiet: Quiet = False

    @property
    def proof(self) -> str | None:
        """The level of proof that was asked for, None for that of the settings."""
        return None

    @property
    def own(self) -> dict[str, object]:
        """Options of this kind of command that the commands in its messages get too."""
        return {}

    def modes(self, *, yes: bool = False, ports: str = "", own: Mapping[str, object] | None = None) -> Modes:
        """The modes of the command's run; `own` are options that only this command has."""
        return Modes(
            as_json=self.json_output,
            quiet=self.quiet,
            dry_run=self.dry_run,
            yes=yes,
            via=self.via.value,
            lock_wait=self.lock_wait,
            as_name=self.as_name,
            ports=ports,
            verify=self.proof,
            own={**self.own, **(own or {})},
        )

    @property
    def access(self) -> Access:
        """How to reach the host."""
        from bb8deploy.lanes.host_session import Access

        return Access(self.via.value, self.accept_new)


@dataclass(frozen=True, slots=True)
class ProofOptions(HostOptions):
    """The same for a command that proves what runs."""

    verify_level: Verify = None

    @property
    def proof(self) -> str | None:
        """The level that was asked for."""
        return self.verify_level


def takes_host_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer calls it: its parameter `host` is replaced by an option per field of its type."""
    own_hints = get_type_hints(command, include_extras=True)
    kind: type[HostOptions] = own_hints["host"]
    names = [field.name for field in fields(kind)]

    @functools.wraps(command)
    def called(**given: object) -> None:
        host = kind(**{name: given.pop(name) for name in names})  # type: ignore[arg-type]
        command(host=host, **given)

    hints = {**own_hints, **get_type_hints(kind, include_extras=True)}
    own = [one for name, one in inspect.signature(command).parameters.items() if name != "host"]
    shared = [*inspect.signature(kind).parameters.values()]
    called.__annotations__ = {name: hint for name, hint in hints.items() if name != "host"}
    called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [one.replace(annotation=hints[one.name]) for one in (*own, *shared)]
    )
    return called
