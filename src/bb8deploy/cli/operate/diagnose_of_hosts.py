"""What `bb8deploy diagnose` prints about several hosts: what is wrong on each, then one table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from bb8deploy.cli.open_run import Opened
from bb8deploy.cli.rollouts import for_host, read_secrets, show_host_error
from bb8deploy.console.console import as_dict

if TYPE_CHECKING:
    from bb8deploy.lanes.diagnose.several_hosts import HostDiagnosis

_COLUMNS = ("target", "failed", "to look at", "fine", "skipped")


def diagnose_several(opened: Opened) -> None:
    """Diagnoses every named host. Raises typer.Exit 1 if something failed, 3 if it was only silence."""
    from bb8deploy.lanes.diagnose.several_hosts import diagnose_hosts

    names = opened.targets.names
    read_secrets(opened, names[1:])  # the settings of the first are loaded
    with opened.run.step(f"check everything on {len(names)} hosts"):
        found = diagnose_hosts(opened.run, names, lambda name, text: for_host(opened, name)(text))
    for host in found:
        opened.console.hidden.extend(host.diagnosis.secrets if host.diagnosis else ())
        _tell(opened, host)
    opened.result["hosts"] = [_as_dict(opened, host) for host in found]
    opened.console.table("Hosts", _COLUMNS, [_cells(host) for host in found])
    codes = {host.exit_code for host in found} - {0}
    if codes:
        raise typer.Exit(3 if codes == {3} else 1)


def _tell(opened: Opened, host: HostDiagnosis) -> None:
    """What failed or deserves attention, each with what to do."""
    mark = f"[{host.target}]"
    if host.error:
        show_host_error(opened, host.target, host.error)
        return
    for check in host.diagnosis.checks if host.diagnosis else ():
        if check.remedy:
            style = "red" if check.level == "fail" else "yellow"
            line = f"{mark} {check.level}: {check.subject}, {check.name}: {check.seen}"
            opened.console.text(line, style)
            opened.console.text(f"{mark}   do: {check.remedy}")


def _cells(host: HostDiagnosis) -> tuple[str, ...]:
    from bb8deploy.lanes.diagnose.check_result import CheckLevel

    found = host.diagnosis
    if found is None:
        return (host.target, host.error.code if host.error else "-", "-", "-", "-")
    levels = (CheckLevel.FAIL, CheckLevel.WARN, CheckLevel.OK, CheckLevel.SKIPPED)
    return (host.target, *(str(found.count(level)) for level in levels))


def _as_dict(opened: Opened, host: HostDiagnosis) -> dict[str, object]:
    found, complete = host.diagnosis, for_host(opened, host.target)
    return {
        "target": host.target,
        "exit_code": host.exit_code,
        "checks": [asdict(check) for check in found.checks] if found else [],
        "troubles": [asdict(trouble) for trouble in found.troubles] if found else [],
        "contract": host.contract,
        "error": as_dict(host.error, complete) if host.error else None,
    }
