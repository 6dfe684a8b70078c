"""The token catalogue and the only code that writes a token line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bb8deploy.runs.report_files import save

PATHS, LOCAL = "paths_health_receipt.txt", "local_receipts.txt"
DEPLOY, PUBLISH, DEV = "deploy_receipt.txt", "publish_receipt.txt", "dev_receipt.txt"


class Token(StrEnum):
    """Every token that bb8deploy can write; `CATALOGUE` has their meanings."""

    STRUCTURE_OK = "STRUCTURE_OK"
    DEV_LOCAL_BUILD_FORCED = "DEV_LOCAL_BUILD_FORCED"
    TOOLS_ALLOWED = "TOOLS_ALLOWED"
    SCRIPTS_ALLOWED = "SCRIPTS_ALLOWED"
    MANIFEST_OK = "MANIFEST_OK"
    TESTS_OK = "TESTS_OK"
    WS_READY = "WS_READY"
    SSH_HA_OK = "SSH_HA_OK"
    CLEAN_RUNTIME_OK = "CLEAN_RUNTIME_OK"
    DEPLOY_OK = "DEPLOY_OK"
    RUNNING_OK = "RUNNING_OK"
    RUN_SH_PRESENT = "RUN_SH_PRESENT"
    PY_OK = "PY_OK"
    VERIFY_OK = "VERIFY_OK"
    RUNTIME_TOPOLOGY_OK = "RUNTIME_TOPOLOGY_OK"
    CHECKS_OK = "CHECKS_OK"
    LIVE_OK = "LIVE_OK"
    TELEMETRY_ATTEST_OK = "TELEMETRY_ATTEST_OK"
    ECHO_WINDOW_10S_OK = "ECHO_WINDOW_10S_OK"
    TELEMETRY_ARTIFACTS_EMITTED = "TELEMETRY_ARTIFACTS_EMITTED"
    DEPLOY_SSH_OK = "DEPLOY_SSH_OK"
    BUMP_OK = "BUMP_OK"
    SUBTREE_PUBLISH_OK = "SUBTREE_PUBLISH_OK"
    TAG_OK = "TAG_OK"
    IMAGE_PUBLISH_OK = "IMAGE_PUBLISH_OK"
    ROLLBACK_OK = "ROLLBACK_OK"
    REMOVE_OK = "REMOVE_OK"
    ALL_HOSTS_OK = "ALL_HOSTS_OK"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Which lane writes a token, what it has then observed, and into which receipts it goes."""

    lane: str
    observed: str
    receipts: tuple[str, ...]


CATALOGUE: dict[Token, Meaning] = {
    Token.STRUCTURE_OK: Meaning("validate", "every structure rule passed", (PATHS, LOCAL)),
    Token.DEV_LOCAL_BUILD_FORCED: Meaning(
        "validate", "no `image:` and a Dockerfile: the Supervisor builds on the host", (PATHS,)
    ),
    Token.TOOLS_ALLOWED: Meaning(
        "validate", "addon/tools is used by the Dockerfile or marked as wanted", (PATHS,)
    ),
    Token.SCRIPTS_ALLOWED: Meaning(
        "validate", "addon/scripts is used by the Dockerfile or marked as wanted", (PATHS,)
    ),
    Token.MANIFEST_OK: Meaning(
        "validate", "config, translations and default options pass the Supervisor's rules", (LOCAL,)
    ),
    Token.TESTS_OK: Meaning("validate", "the app's tests ran and none failed", (LOCAL,)),
    Token.WS_READY: Meaning("validate", "every check of the mode passed", (LOCAL,)),
    Token.SSH_HA_OK: Meaning("sync", "the host answered an authenticated command", (DEPLOY,)),
    Token.CLEAN_RUNTIME_OK: Meaning("sync", "the host's tree, hashed again, is the planned one", (DEPLOY,)),
    Token.DEPLOY_OK: Meaning(
        "verify", "the Supervisor listed this version and finished the install, update or rebuild", (DEPLOY,)
    ),
    Token.RUNNING_OK: Meaning(
        "verify",
        "this version runs and stayed started; `proof=running`: this does not prove its content",
        (DEPLOY,),
    ),
    Token.RUN_SH_PRESENT: Meaning("verify", "run.sh was seen in the running container", (DEPLOY,)),
    Token.PY_OK: Meaning("verify", "the container's Python was seen running", (DEPLOY,)),
    Token.VERIFY_OK: Meaning(
        "verify", "the running app reported exactly this content; `proof=sealed` or `proof=stamp`", (DEPLOY,)
    ),
    Token.RUNTIME_TOPOLOGY_OK: Meaning("verify", "one app folder, clean, of the right kind", (DEPLOY,)),
    Token.CHECKS_OK: Meaning(
        "verify", "every smoke check of the project passed on the running app", (DEPLOY,)
    ),
    Token.LIVE_OK: Meaning(
        "dev",
        "the new process itself reported this digest while the dev loop is on; `proof=stamp`",
        (DEV,),
    ),
    Token.TELEMETRY_ATTEST_OK: Meaning("attest", "the echo attestation met every criterion", (DEPLOY,)),
    Token.ECHO_WINDOW_10S_OK: Meaning("attest", "the echo window lasted at least 10 s", (DEPLOY,)),
    Token.TELEMETRY_ARTIFACTS_EMITTED: Meaning("attest", "the attestation's files were written", (DEPLOY,)),
    Token.DEPLOY_SSH_OK: Meaning(
        "deploy", "sync and verify both passed over ssh; `proof=` as in VERIFY_OK", (DEPLOY,)
    ),
    Token.BUMP_OK: Meaning("release", "the new version is committed", (PUBLISH,)),
    Token.SUBTREE_PUBLISH_OK: Meaning(
        "publish",
        "the remote branch was read back: its tree, in a store that of the app's folder, is the planned one",
        (PUBLISH,),
    ),
    Token.TAG_OK: Meaning(
        "publish",
        "the remote tag was read back: a commit of the branch that holds the planned tree",
        (PUBLISH,),
    ),
    Token.IMAGE_PUBLISH_OK: Meaning(
        "publish", "each image's manifest was read back from the registry", (PUBLISH,)
    ),
    Token.ROLLBACK_OK: Meaning(
        "rollback", "the earlier version runs again, verified; `proof=` as in VERIFY_OK", (DEPLOY,)
    ),
    Token.REMOVE_OK: Meaning(
        "remove",
        "the Supervisor neither has nor lists the app, and its folder and earlier trees are gone",
        (DEPLOY,),
    ),
    Token.ALL_HOSTS_OK: Meaning(
        "deploy",
        "every host of the command reached VERIFY_OK with the same content; `proof=` is the weakest",
        (DEPLOY,),
    ),
}

LANE_RECEIPTS: dict[str, tuple[str, ...]] = {
    "validate": (PATHS, LOCAL),
    "sync": (DEPLOY,),
    "verify": (DEPLOY,),
    "attest": (DEPLOY,),
    "deploy": (DEPLOY,),
    "dev": (DEV,),
    "rollback": (DEPLOY,),
    "remove": (DEPLOY,),
    "options": (DEPLOY,),
    "publish": (PUBLISH,),
    "release": (PATHS, LOCAL, DEPLOY, PUBLISH),
}

_BARE = re.compile(r"[A-Za-z0-9_.,:@/+%#~^-]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One receipt line: `kind` is TOKEN, SKIPPED or DRIFT; `name` a token or, for DRIFT, a code."""

    kind: str
    name: str
    fields: tuple[tuple[str, str], ...]
    lane: str

    def __str__(self) -> str:
        return " ".join([f"{self.kind}: {self.name}", *(f"{k}={_value(v)}" for k, v in self.fields)])


@dataclass(slots=True)
class Ledger:
    """Collects a run's receipt lines, writes them to `reports` immediately and calls the listener.

    `subject` is what a DRIFT line names besides its detail: the app and the user, once a host is involved.
    """

    run_id: str
    reports: Path
    listener: Callable[[Line], None] = lambda _line: None
    lines: list[Line] = field(default_factory=list)
    subject: Mapping[str, str] = field(default_factory=dict)

    def begin(self, lane: str) -> None:
        """Empties the lane's receipts of every earlier run, so that a grep finds this run alone."""
        for name in LANE_RECEIPTS[lane]:
            self._write(name)

    def emit(self, token: Token, **evidence: object) -> None:
        """Writes a token. Call it only after the fact that `CATALOGUE` names was observed in this run."""
        meaning = CATALOGUE[token]
        self._add(Line("TOKEN", token, self._fields(evidence), meaning.lane), meaning.receipts)

    def skip(self, token: Token, reason: str, **facts: object) -> None:
        """Records that a token was not checked, and why; `facts` are what is known all the same."""
        meaning = CATALOGUE[token]
        fields = self._fields({"reason": reason, **facts})
        self._add(Line("SKIPPED", token, fields, meaning.lane), meaning.receipts)

    def drift(self, lane: str, code: str, detail: str) -> None:
        """Records a failed check of `lane` by its error code."""
        fields = self._fields({"detail": detail, **self.subject})
        self._add(Line("DRIFT", code, fields, lane), LANE_RECEIPTS[lane])

    def has_drift(self, code: str) -> bool:
        """Whether this run has recorded a failure with this error code."""
        return any(line.kind == "DRIFT" and line.name == code for line in self.lines)

    def hold(self, lines: Iterable[Line]) -> None:
        """Makes `lines` the lines of this ledger, and writes the receipts of these and the earlier ones."""
        before, self.lines = self.lines, list(lines)
        for name in {name for line in (*before, *self.lines) for name in _receipts(line)}:
            self._write(name)

    def held(self) -> list[str]:
        """The names of the tokens that this run has earned, in order."""
        return [line.name for line in self.lines if line.kind == "TOKEN"]

    def texts(self, receipt: str) -> list[str]:
        """This run's lines of one receipt, each once: two lanes may record the same failure."""
        return list(dict.fromkeys(str(line) for line in self.lines if receipt in _receipts(line)))

    def _fields(self, evidence: dict[str, object]) -> tuple[tuple[str, str], ...]:
        pairs = [(k, str(v)) for k, v in evidence.items() if v is not None]
        return (*pairs, ("run", self.run_id))

    def _add(self, line: Line, receipts: Iterable[str]) -> None:
        told = line.kind == "DRIFT" and str(line) in map(str, self.lines)
        self.lines.append(line)
        for name in receipts:
            self._write(name)
        if not told:
            self.listener(line)

    def _write(self, receipt: str) -> None:
        save(self.reports / receipt, "".join(f"{line}\n" for line in self.texts(receipt)))


def _receipts(line: Line) -> tuple[str, ...]:
    if line.kind == "DRIFT":
        return LANE_RECEIPTS[line.lane]
    return CATALOGUE[Token(line.name)].receipts


def _value(text: str) -> str:
    """A bare word unchanged, anything else double-quoted as in JSON, in ASCII on one line."""
    return text if _BARE.fullmatch(text) else json.dumps(text)
