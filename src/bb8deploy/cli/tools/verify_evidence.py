"""`bb8deploy verify-evidence`: checks the files of a run against its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.tool import EVIDENCE_DAMAGED
from bb8deploy.cli.common import Modes, plain_errors
from bb8deploy.cli.complete import run_folders
from bb8deploy.cli.options import AsJson

if TYPE_CHECKING:
    from bb8deploy.runs.evidence.manifest import Artifact, Flaw


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("verify-evidence")(verify_evidence)


def verify_evidence(
    path: Annotated[
        Path,
        typer.Argument(help="A run's folder, or its evidence_manifest.json.", autocompletion=run_folders),
    ],
    json_output: AsJson = False,
) -> None:
    """Check the files of a run against its manifest. Names the file and the byte that changed."""
    with plain_errors(Modes(as_json=json_output)) as console:
        from bb8deploy.runs.evidence.manifest import verify

        artifacts, flaws = verify(path)
        verdict = "FAIL" if flaws else "PASS"
        if json_output:
            console.document({"verdict": verdict, "files": len(artifacts), "flaws": [*map(asdict, flaws)]})
        if not flaws:
            console.text(f"{len(artifacts)} files are as they were recorded.")
            return
        error = _damaged(artifacts, flaws)
        console.error(error)
    raise typer.Exit(error.exit_code)


def _damaged(artifacts: Sequence[Artifact], flaws: Sequence[Flaw]) -> CheckFailed:
    return EVIDENCE_DAMAGED(
        f"{len(flaws)} of {len(artifacts)} recorded files differ from their record",
        details=[f"{flaw.path}: {flaw.what}" for flaw in flaws],
    )
