"""Reads who deployed what and when from the text of a host's receipt: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bb8deploy.runs.receipt_reader import parse_line
from bb8deploy.runs.tokens import Line

_ROLLED_BACK = "rolled back"
_UNCONFIRMED = f"{_ROLLED_BACK}, not confirmed"
_RUN = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{6}")
# What a run reached, from the most to the least: the first token that it has.
_REACHED: Mapping[str, str] = {
    "REMOVE_OK": "removed",
    "VERIFY_OK": "verified",
    "RUNNING_OK": "running, not proven",
    "DEPLOY_OK": "deployed, not verified",
    "CLEAN_RUNTIME_OK": "sent",
    "TELEMETRY_ATTEST_OK": "attested",
    "SSH_HA_OK": "nothing changed",
}


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run in a receipt. `when` is RFC 3339 in UTC; a text is empty if the receipt does not have it.

    `proof` is the level of proof of what ran at the end: `sealed`, `stamp` or `running`. `result` is in
    words; `error` is the code of the first failure. Receipts of earlier versions do not name the app and the
    user.
    """

    run: str
    when: str
    slug: str
    version: str
    tree: str
    by: str
    result: str
    error: str
    proof: str = ""

    @property
    def restored(self) -> bool:
        """Whether the run ended with an earlier version in place."""
        return _ROLLED_BACK in self.result


def past_runs(text: str) -> tuple[PastRun, ...]:
    """The runs of a receipt, the newest first; lines that are not receipt lines are left out."""
    groups: dict[str, list[Line]] = {}
    for line in map(parse_line, text.splitlines()):
        run = dict(line.fields).get("run", "") if line else ""
        if line and run:
            groups.setdefault(run, []).append(line)
    return tuple(sorted((_past(run, lines) for run, lines in groups.items()), key=lambda past: past.run))[
        ::-1
    ]


def runs_of_app(runs: Sequence[PastRun], slug: str) -> tuple[PastRun, ...]:
    """The runs of the app, and those that name no app, unless the receipt has another app's runs too."""
    shared = any(run.slug not in {"", slug} for run in runs)
    mine = {slug} if shared else {"", slug}
    return tuple(run for run in runs if run.slug in mine)


def _past(run: str, lines: Sequence[Line]) -> PastRun:
    tokens = {line.name: dict(line.fields) for line in lines if line.kind == "TOKEN"}
    back: Mapping[str, str] | None = tokens.get("ROLLBACK_OK")
    how = _ROLLED_BACK
    if back is None and "VERIFY_OK" not in tokens:
        back, how = _rollback_without_token(lines), _UNCONFIRMED
    sources = [
        *([back] if back else []),
        *(tokens[name] for name in _REACHED if name in tokens),
        *tokens.values(),
        *(dict(line.fields) for line in lines if line.kind == "DRIFT"),
    ]
    error = next((line.name for line in lines if line.kind == "DRIFT"), "")
    return PastRun(
        run=run,
        when=_when(run),
        slug=_first(sources, "slug"),
        version=_first(sources, "version"),
        tree=_first(sources, "tree"),
        by=_first(sources, "by"),
        result=_result(tokens, error, how if back else ""),
        error=error,
        proof=_proof(tokens, failed=bool(error)),
    )


def _first(sources: Sequence[Mapping[str, str]], name: str) -> str:
    return next((source[name] for source in sources if source.get(name)), "")


def _rollback_without_token(lines: Sequence[Line]) -> Mapping[str, str] | None:
    """The facts of a rollback that earned no token: its line names the version that runs again."""
    skipped = (dict(x.fields) for x in lines if (x.kind, x.name) == ("SKIPPED", "ROLLBACK_OK"))
    return next((facts for facts in skipped if facts.get("version")), None)


def _result(tokens: Mapping[str, object], error: str, rolled_back: str) -> str:
    """`rolled_back` is how, empty if the run was not."""
    if rolled_back:
        return f"failed, {rolled_back}" if error else rolled_back
    if error:
        return "failed"
    return next((words for name, words in _REACHED.items() if name in tokens), "nothing observed")


def _proof(tokens: Mapping[str, Mapping[str, str]], *, failed: bool) -> str:
    """The level of what ran when the run ended: after a failure, only a rollback shows one."""
    names = ("ROLLBACK_OK",) if failed else ("ROLLBACK_OK", "VERIFY_OK", "RUNNING_OK")
    reached = next((name for name in names if name in tokens), "")
    return tokens[reached].get("proof", "running" if reached == "RUNNING_OK" else "") if reached else ""


def _when(run: str) -> str:
    """The time in a run's id, empty for an id of another form."""
    found = _RUN.match(run)
    if not found:
        return ""
    try:
        moment = datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return ""
    return moment.isoformat().replace("+00:00", "Z")
