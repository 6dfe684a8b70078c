"""Provenance: the statement has the shape that in-toto and SLSA ask for."""

from __future__ import annotations

import json

from bb8deploy.runs.provenance import Build, Subject, as_line, statement


def test_a_statement_names_tree_images_commit_and_run() -> None:
    build = Build(
        run_id="run-1",
        source="https://example.org/bb8.git",
        commit="a" * 40,
        started="2026-11-23T10:00:00.000Z",
        finished="2026-11-23T10:01:00.000Z",
        parameters={"command": "release patch"},
    )
    made = statement([Subject("addon", {"gitTree": "b" * 40}), Subject("r/x:1", {"sha256": "c" * 64})], build)
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"] == "https://slsa.dev/provenance/v1"
    assert [s["name"] for s in made["subject"]] == ["addon", "r/x:1"]
    definition = made["predicate"]["buildDefinition"]
    assert definition["resolvedDependencies"][0]["digest"] == {"gitCommit": "a" * 40}
    assert definition["externalParameters"] == {"command": "release patch"}
    assert made["predicate"]["runDetails"]["metadata"]["invocationId"] == "run-1"


def test_a_line_is_one_line_and_the_same_every_time() -> None:
    line = as_line({"b": "ö\n", "a": 1})
    assert line == '{"a":1,"b":"ö\\n"}\n'
    assert json.loads(line) == {"b": "ö\n", "a": 1}
