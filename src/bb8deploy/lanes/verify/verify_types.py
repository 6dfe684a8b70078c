"""The values that the parts of lane 3 hand to each other: what must run, what was done, what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bb8deploy.host.supervisor.find_route import Capabilities
from bb8deploy.overlay.proof_level import ProofLevel
from bb8deploy.plan.app_settings import AppSettings, SettingChange
from bb8deploy.plan.install_action import Action, Decision
from bb8deploy.plan.logs.identity_line import Expected, Identity, Proof
from bb8deploy.workspace.tree_digest import FoundTree

PROFILE = "apparmor.txt"


@dataclass(frozen=True, slots=True)
class Delivered:
    """What must run, and what the app folder held when it was last hashed: the build must find the same."""

    expected: Expected
    tree: FoundTree


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """How a delivery is verified.

    - `start`: start the app if it does not run; `backup`: back it up before an update.
    - `sent`: this deploy, or the one that it resumes, changed the app folder; `profile_changed`: apparmor.txt
      among its files.
    - `trusts_log`: the newest identity in the log is that of what is installed.
    - `built_as_sent`: the app folder was not written since the sync, so that what was built is what was sent.
    - `proof`: how the content that runs is proven; `unproven`: why no stronger proof is possible; `reports`:
      the app most likely reports its stamp by itself.
    - `app_options`: options of the app to set before its start; `settings`: those of the target's options
      file; `earlier`: the settings that a rollback restores.
    """

    start: bool = True
    backup: bool = False
    sent: bool = False
    profile_changed: bool = False
    trusts_log: bool = True
    built_as_sent: bool = True
    proof: Proof = Proof.STAMP
    unproven: str = ""
    reports: bool = False
    app_options: Mapping[str, object] = field(default_factory=dict)
    settings: AppSettings | None = None
    earlier: AppSettings | None = None

    @property
    def sets_options(self) -> bool:
        """Whether options are set between the build and the start."""
        return bool(self.app_options) or self.settings is not None or self.earlier is not None

    def at(self, level: ProofLevel) -> VerifyOptions:
        """These options with the proof of a level."""
        return replace(self, proof=level.proof, unproven=level.why, reports=level.reports)


@dataclass(frozen=True, slots=True)
class Task:
    """The app `slug` on the host `where`, what must run there, and under which conditions.

    `unchanged`: the host holds this delivery, and has recorded that it was put in.
    """

    slug: str
    where: str
    expected: Expected
    options: VerifyOptions
    image_based: bool = False
    unchanged: bool = False

    @property
    def what(self) -> str:
        """The app and its version, for messages."""
        return f"{self.slug} {self.expected.version}"


@dataclass(frozen=True, slots=True)
class Installed:
    """How the version was installed; `answered`: the Supervisor itself reported the end of the action.

    `before` is the log from before the action: what came after it is of the new container.
    """

    decision: Decision
    before: tuple[str, ...]
    answered: bool = True

    @property
    def action(self) -> Action:
        """What the Supervisor was asked for."""
        return self.decision.action


@dataclass(frozen=True, slots=True)
class VerifyOutcome:
    """What lane 3 did and saw; `verified` only if VERIFY_OK was earned, else `reason` is why not.

    `running`: RUNNING_OK was earned; `proof` is the level that was reached, None if the app was not observed;
    `settings` are those of an app that was installed before that were changed.
    """

    slug: str
    version: str
    action: str
    route: str
    verified: bool
    observed: Identity | None
    states: tuple[str, ...]
    capabilities: Capabilities
    reason: str = ""
    running: bool = False
    proof: Proof | None = None
    settings: tuple[SettingChange, ...] = ()
