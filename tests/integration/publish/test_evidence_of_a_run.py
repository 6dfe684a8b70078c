"""The evidence of a run stays whole, whatever its passwords are."""

from __future__ import annotations

import json
from datetime import datetime

from tests.integration.desk import Desk

from bb8deploy.lanes.release.collect_evidence import keep_evidence
from bb8deploy.runs.evidence.evidence_manifest import verify


def test_a_secret_that_is_in_it_by_chance_breaks_no_provenance(desk: Desk) -> None:
    head = desk.git("rev-parse", "HEAD")
    secrets = {"HA_LLAT": "_type", "SUPERVISOR_TOKEN": "2026", "MQTT_PASSWORD": head[:4]}
    run = desk.run(secrets)
    run.journal.write("publish", "started")
    manifest = keep_evidence(run, None, {"note": f"_type {head[:4]}"})
    document = json.loads((run.folder / "provenance.intoto.jsonl").read_text())
    definition, details = document["predicate"]["buildDefinition"], document["predicate"]["runDetails"]
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert definition["resolvedDependencies"][0]["digest"] == {"gitCommit": head}
    assert definition["externalParameters"]["note"] == "*** ***"
    assert details["metadata"]["invocationId"] == run.id
    assert datetime.fromisoformat(details["metadata"]["startedOn"]).tzinfo
    assert not verify(manifest).flaws
