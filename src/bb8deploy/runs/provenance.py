"""provenance.intoto.jsonl: an in-toto Statement v1 with SLSA provenance v1 of what was published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bb8deploy import __version__
from bb8deploy.base.untrusted_json import JsonObject

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "https://github.com/e-app-404/ha-bb8-addon/publish/v1"
BUILDER = "https://github.com/e-app-404/ha-bb8-addon/bb8deploy"


@dataclass(frozen=True, slots=True)
class Subject:
    """A thing that was made: its name and digests by algorithm (`gitTree`, `sha256`, hex without prefix)."""

    name: str
    digest: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Build:
    """How it was made. `source` is where the commit lives, without credentials; times are RFC 3339.

    `parameters` are the command and the settings that shape the result, never a secret.
    """

    run_id: str
    source: str
    commit: str
    started: str
    finished: str
    parameters: JsonObject


def statement(subjects: Sequence[Subject], build: Build) -> JsonObject:
    """The statement as in-toto's Statement v1 and SLSA's provenance v1 lay it out."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": s.name, "digest": dict(s.digest)} for s in subjects],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": dict(build.parameters),
                "internalParameters": {},
                "resolvedDependencies": [
                    {"uri": f"git+{build.source}", "digest": {"gitCommit": build.commit}}
                ],
            },
            "runDetails": {
                "builder": {"id": BUILDER, "version": {"bb8deploy": __version__}},
                "metadata": {
                    "invocationId": build.run_id,
                    "startedOn": build.started,
                    "finishedOn": build.finished,
                },
            },
        },
    }


def as_line(document: JsonObject) -> str:
    """One JSON line with sorted keys, so that the same facts give the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
