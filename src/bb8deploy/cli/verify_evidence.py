"""`bb8deploy verify-evidence`: holds a kept folder of evidence against its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bb8deploy.cli.common import Modes, plain_errors
from bb8deploy.cli.options import AsJson


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("verify-evidence")(verify_evidence)


def verify_evidence(
    path: Annotated[Path, typer.Argument(help="A run's folder, or its evidence_manifest.json.")],
    json_output: AsJson = False,
) -> None:
    """Check a run's evidence, later and elsewhere; says which file and which byte is wrong."""
    with plain_errors(Modes(as_json=json_output)) as console:
        from bb8deploy.errors import CheckFailed
        from bb8deploy.receipts.evidence import verify

        artifacts, flaws = verify(path)
        rows = [{"path": f.path, "what": f.what, "offset": f.offset} for f in flaws]
        if json_output and not flaws:
            console.document({"verdict": "PASS", "files": len(artifacts), "flaws": rows})
        if flaws:
            raise CheckFailed(
                "EVIDENCE_DAMAGED",
                f"{len(flaws)} of {len(artifacts)} files are not what was recorded",
                "Fetch the folder again from where it was kept, and find out who changed it.",
                details=[f"{flaw.path}: {flaw.what}" for flaw in flaws],
            )
        console.text(f"{len(artifacts)} files are as they were recorded.")
