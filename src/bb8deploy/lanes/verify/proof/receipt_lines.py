"""The receipt lines of lane 3; the caller writes each after it observed the fact."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.lanes.verify.verify_types import Installed
from bb8deploy.plan.install_action import Action
from bb8deploy.plan.logs.identity_line import Identity, Proof
from bb8deploy.runs.tokens import Ledger, Token

OF_CONTAINER = (Token.RUN_SH_PRESENT, Token.PY_OK, Token.VERIFY_OK)


@dataclass(frozen=True, slots=True)
class VerifyLines:
    """Lines about what was installed, by the route on which it was observed."""

    ledger: Ledger
    version: str
    installed: Installed
    route: str

    def after_action(self) -> None:
        """DEPLOY_OK for an install or update. A rebuild changes no version that could be looked at, so its
        token waits for the identity.
        """
        if self.installed.action in {Action.INSTALL, Action.UPDATE}:
            self._deployed()
        elif self.installed.action is not Action.REBUILD:
            self.ledger.skip(Token.DEPLOY_OK, f"nothing was put in: {self.installed.decision.why}")

    def running(self) -> None:
        """RUNNING_OK, after the app stayed started."""
        self.ledger.emit(
            Token.RUNNING_OK,
            version=self.version,
            action=self.installed.action.value,
            proof=Proof.RUNNING.value,
            route=self.route,
        )

    def container(self, said: Identity, proof: Proof) -> None:
        """What the running container reported, proven as `proof`, and with it that a rebuild was put in."""
        ledger = self.ledger
        if self.installed.action is Action.REBUILD:
            self._deployed()
        if said.run_sh:
            ledger.emit(Token.RUN_SH_PRESENT, seen="identity")
        else:
            ledger.skip(Token.RUN_SH_PRESENT, "the app did not report it")
        if said.python_known:
            ledger.emit(Token.PY_OK, python=said.python)
        else:
            ledger.skip(Token.PY_OK, f"the app reports python={said.python}")
        ledger.emit(
            Token.VERIFY_OK,
            version=said.version,
            tree=said.tree,
            stamp_run=said.run,
            proof=proof.value,
            route=self.route,
        )

    def no_identity(self, reason: str) -> None:
        """The tokens of the container are skipped; a rebuild whose end the Supervisor reported was put in."""
        if self.installed.action is Action.REBUILD and self.installed.answered:
            self._deployed()
        for token in OF_CONTAINER:
            self.ledger.skip(token, reason)

    def _deployed(self) -> None:
        self.ledger.emit(
            Token.DEPLOY_OK, version=self.version, action=self.installed.action.value, route=self.route
        )


def skip_all(ledger: Ledger, reason: str) -> None:
    """Skips every token of lane 3, because nothing can be observed."""
    for token in (Token.DEPLOY_OK, *OF_CONTAINER, Token.RUNTIME_TOPOLOGY_OK):
        ledger.skip(token, reason)
