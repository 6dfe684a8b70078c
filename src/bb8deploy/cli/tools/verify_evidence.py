"""`bb8deploy verify-evidence`: checks the files of a run against its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.tool import EVIDENCE_DAMAGED
from bb8deploy.cli.open_run import Modes, plain_errors
from bb8deploy.cli.shared_options import AsJson
from bb8deploy.cli.shell_completion import run_folders

if TYPE_CHECKING:
    from bb8deploy.runs.evidence.file_record import Artifact, Flaw
    from bb8deploy.runs.evidence.manifest_signature import Signed


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("verify-evidence")(verify_evidence)


def verify_evidence(
    path: Annotated[
        Path,
        typer.Argument(help="A run's folder, or its evidence_manifest.json.", autocompletion=run_folders),
    ],
    allowed_signers: Annotated[
        Path | None,
        typer.Option("--allowed-signers", help="Require a signature by a key in this ssh file."),
    ] = None,
    json_output: AsJson = False,
) -> None:
    """Check the files of a run against its manifest. Reports which file and byte changed."""
    with plain_errors(Modes(as_json=json_output)) as console:
        from bb8deploy.runs.evidence.evidence_manifest import NAME, verify
        from bb8deploy.runs.evidence.manifest_signature import check

        artifacts, flaws = verify(path)
        signed = check(path if path.is_file() else path / NAME, allowed_signers)
        flaws = (*flaws, signed.flaw) if signed and signed.flaw else flaws
        verdict = "FAIL" if flaws else "PASS"
        if json_output:
            signature = {"key": signed.key, "signer": signed.signer} if signed and not signed.flaw else None
            console.document(
                {
                    "verdict": verdict,
                    "files": len(artifacts),
                    "flaws": [*map(asdict, flaws)],
                    "signature": signature,
                }
            )
        if not flaws:
            console.text(f"{len(artifacts)} files are as they were recorded{_by(signed)}.")
            return
        error = _damaged(artifacts, flaws)
        console.error(error)
    raise typer.Exit(error.exit_code)


def _by(signed: Signed | None) -> str:
    """Who signed, as far as it is known."""
    if signed is None:
        return ""
    if signed.signer:
        return f", signed by {signed.signer} ({signed.key})"
    return f", signed with {signed.key} (use --allowed-signers FILE to check whose key that is)"


def _damaged(artifacts: Sequence[Artifact], flaws: Sequence[Flaw]) -> CheckFailed:
    return EVIDENCE_DAMAGED(
        f"{len(flaws)} difference(s) from the record of {len(artifacts)} files",
        details=[f"{flaw.path}: {flaw.what}" for flaw in flaws],
    )
