"""Collects the records of a run in its folder: receipts, provenance, and the manifest of all of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bb8deploy.base.atomic_files import write_text
from bb8deploy.base.secret import redact_data
from bb8deploy.lanes.publish.outcome import PublishOutcome
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.runs import provenance
from bb8deploy.runs.evidence.evidence_manifest import NAME, write_manifest
from bb8deploy.runs.evidence.manifest_signature import sign as make_signature
from bb8deploy.runs.evidence.manifest_signature import signing_key
from bb8deploy.runs.journal import now
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import LANE_RECEIPTS
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r

FILE = "provenance.intoto.jsonl"
TEST_REPORTS = ("coverage.xml", "pytest-report.xml")
ECHO_FILES = ("stp5",)


def keep_evidence(
    run: Run,
    published: PublishOutcome | None,
    parameters: Mapping[str, str],
    deployed: Expected | None = None,
    *,
    closing: str = "",
    sign: bool = False,
) -> Path:
    """Copies the run's receipts into its folder, writes provenance and manifest, and returns the manifest.

    The copies make the folder complete by itself: it can be checked later and elsewhere. `closing` is the
    last line of the journal, which is appended after the manifest that covers it.
    """
    _copy_receipts(run)
    document = provenance.statement(_subjects(run, published, deployed), _build(run, published, parameters))
    write_text(run.folder / FILE, provenance.as_line(document), mode=0o600)
    return _record(run, closing, evidence_key(run, sign=sign))


def evidence_key(run: Run, *, sign: bool) -> Path | None:
    """The ssh key that signs the evidence, None if neither `--sign` nor BB8_SIGN_KEY asks for one."""
    configured = run.settings.bb8_sign_key
    return signing_key(configured, run.settings.ssh.key) if sign or configured else None


def require_signature(run: Run, *, sign: bool) -> None:
    """Signs a scratch file if the evidence is to be signed. Raises CheckFailed EVIDENCE_NOT_SIGNED."""
    key = evidence_key(run, sign=sign)
    if key:
        with tempfile.TemporaryDirectory() as scratch:
            write_text(Path(scratch) / NAME, "test of the key\n")
            make_signature(Path(scratch) / NAME, key)


def _record(run: Run, closing: str, key: Path | None) -> Path:
    """Writes the manifest as the folder will be, then the signature, then the journal's closing line.

    A run that is killed in between is not finished: its resume writes the evidence again.
    """
    ending = f"{closing}\n".encode() if closing else b""
    manifest = write_manifest(run.folder, run.id, to_come={run.journal.path.name: ending})
    if key:
        make_signature(manifest, key)
    if closing:
        run.journal.append(closing)
    return manifest


def keep_artifacts(run: Run, names: Sequence[str]) -> None:
    """Copies files or folders of `reports/` into the run's folder, before another run replaces them."""
    for name in names:
        source, target = run.reports / name, run.folder / "artifacts" / name
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copy2(source, target)


def _copy_receipts(run: Run) -> None:
    target = run.folder / "receipts"
    target.mkdir(parents=True, exist_ok=True)
    for name in LANE_RECEIPTS["release"]:
        source = run.reports / name
        if source.is_file() and f"run={run.id}" in source.read_text("utf-8", errors="replace"):
            shutil.copyfile(source, target / name)
            (target / name).chmod(0o600)


def _subjects(
    run: Run, published: PublishOutcome | None, deployed: Expected | None
) -> list[provenance.Subject]:
    name = run.clean(run.addon.name)
    tree = published.tree if published else g.folder_tree(run.workspace, run.addon)
    made = [provenance.Subject(name, {"gitTree": tree})]
    if deployed:
        digest = deployed.tree.removeprefix("sha256:")
        made.append(provenance.Subject(f"{name} as deployed", {"sha256": digest}))
    images = published.images if published else ()
    return made + [
        provenance.Subject(run.clean(i.name), {"sha256": i.digest.removeprefix("sha256:")}) for i in images
    ]


def _build(run: Run, published: PublishOutcome | None, parameters: Mapping[str, str]) -> provenance.Build:
    """The build without secrets; its digests and times stay whole whatever the password is."""
    entries = run.journal.entries()
    settings = {"target": run.settings.target, "branch": run.settings.ha_publish_branch}
    remote = published.remote if published else ""
    given = {"command": run.command, **parameters, **settings, "remote": remote}
    origin = r.upstream(run.workspace, g.branch(run.workspace))[0]
    return provenance.Build(
        run_id=run.id,
        source=run.clean(r.address(run.workspace, origin) if origin else run.workspace.name),
        commit=published.source_commit if published else g.resolve(run.workspace, "HEAD"),
        started=entries[0].ts if entries else now(),
        finished=now(),
        parameters=redact_data(given, run.secrets()),
    )
