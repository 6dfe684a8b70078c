"""Decides how the content that runs can be proven: by a seal, by the app's own stamp, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.delivery import drafted
from bb8deploy.overlay.delivery_draft import Purpose
from bb8deploy.overlay.seal.add_seal import recipes_of
from bb8deploy.overlay.seal.entry_point import Unknown
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.tree_digest import STAMP

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ProofLevel:
    """The proof that a deploy can reach. `why` is why it is not a stronger one, empty for the strongest.

    `reports`: the app most likely reports its stamp by itself too. `possible` is False if a level was asked
    for that the app does not allow.
    """

    proof: Proof
    why: str = ""
    reports: bool = False
    possible: bool = True

    @property
    def in_words(self) -> str:
        """The level and its reason as one line."""
        if self.proof is Proof.SEALED:
            return "proof: sealed; the builder compares every file that it is given with what was sent"
        only = " only" if self.proof is Proof.RUNNING else ""
        return f"proof: {self.proof.value}{only}{f'; {self.why}' if self.why else ''}"


def level_of(app: AppSource, stamp: Stamp, purpose: Purpose, wanted: str = AUTO) -> ProofLevel:
    """The level for a setting: `auto` is the strongest that the app allows."""
    reports = app.names_stamp
    if wanted == Proof.RUNNING:
        return ProofLevel(Proof.RUNNING, "the setting asks for no more", reports)
    if wanted == Proof.STAMP:
        return ProofLevel(Proof.STAMP, "the setting asks for no more", reports)
    unsealed = recipes_of(drafted(app, stamp, replace(purpose, proof=Proof.STAMP)))
    if not isinstance(unsealed, Unknown):
        return ProofLevel(Proof.SEALED, "", reports)
    if wanted == Proof.SEALED:
        return ProofLevel(Proof.SEALED, unsealed.why, reports, possible=False)
    if reports:
        return ProofLevel(Proof.STAMP, unsealed.why, reports)
    why = f"{unsealed.why}; and no file of the app mentions {STAMP}, so it cannot report its content"
    return ProofLevel(Proof.RUNNING, why)
