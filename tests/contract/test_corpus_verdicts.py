"""Our verdicts against those of a real Supervisor, case by case, where the recorded cases are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bb8deploy.checks.fix.safe_fixes import fixed_config
from bb8deploy.checks.reading.yaml_json_reader import parse_source
from bb8deploy.checks.schema import (
    ui_schema,
    validate_build,
    validate_config,
    validate_options,
    validate_translation,
)

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"


def cases(name: str) -> list[dict[str, Any]]:
    """The recorded cases of one file; the test is skipped where they are not there."""
    path = CORPUS / name
    if not path.is_file():
        pytest.skip(f"SKIPPED: no recorded verdicts at {path}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def plain(value: Any) -> Any:
    """The value as JSON would carry it."""
    return json.loads(json.dumps(value, default=str))


def config_differs(case: dict[str, Any]) -> str:
    """What our verdict on a config gets wrong, "" for nothing."""
    source = parse_source(case["text"].encode(), f"config{case['suffix']}")
    known = case["verdict"]
    if not source.readable:
        return "" if known["stage"] == "read" else f"unreadable: {source.findings}"
    ours = validate_config(source.data)
    if ours.stage != known["stage"]:
        return f"{ours.stage} for {known['stage']}: {ours.errors}"
    if plain(ours.normalised) != known["normalised"]:
        return "normalised values differ"
    if ours.rating != known["security_rating"]:
        return f"rating {ours.rating} for {known['security_rating']}"
    if known["stage"] == "ok" and ours.rating_with_profile != known["security_rating_with_profile"]:
        return "rating with a profile differs"
    return "" if len(ours.warnings) == len(known["warnings"]) else f"{ours.warnings} for {known['warnings']}"


def options_differ(case: dict[str, Any]) -> str:
    """What our verdict on options gets wrong."""
    known, devices = case["verdict"], dict.fromkeys(case["devices"], "")
    ours = validate_options(case["schema"], case["options"], secrets=case["secrets"], devices=devices)
    if ours.valid != known["valid"]:
        return f"{ours.valid} for {known['valid']}: {ours.errors} {known}"
    return "" if plain(ours.normalised) == known.get("normalised") else "normalised values differ"


def file_differs(case: dict[str, Any]) -> str:
    """What our verdict on a build or translation file gets wrong."""
    check = validate_build if case["kind"] == "build" else validate_translation
    source = parse_source(case["text"].encode(), case["path"])
    ours, known = check(source.data), case["verdict"]
    if ours.valid != known["valid"]:
        return f"{ours.valid} for {known['valid']}: {ours.errors}"
    return "" if plain(ours.normalised) == known.get("normalised") else "normalised values differ"


def form_differs(case: dict[str, Any]) -> str:
    """What our option form, or our verdict on the default options, gets wrong."""
    known = case["verdict"]
    if known["stage"] != "ok":
        return ""
    data = parse_source(case["text"].encode(), f"config{case['suffix']}").data
    config = validate_config(data).normalised or {}
    if plain(ui_schema(config["schema"])) != known["schema_ui"]:
        return f"{ui_schema(config['schema'])} for {known['schema_ui']}"
    ours = validate_options(config["schema"], config["options"])
    if ours.valid != known["default_options"]["valid"]:
        return f"default options: {ours} for {known['default_options']}"
    return ""


@pytest.mark.parametrize(
    ("name", "differs"),
    [
        ("addon_configs.jsonl", config_differs),
        ("addon_configs.jsonl", form_differs),
        ("addon_options.jsonl", options_differ),
        ("build_and_translations.jsonl", file_differs),
    ],
)
def test_every_recorded_verdict_of_the_supervisor_is_ours_too(name: str, differs: Any) -> None:
    wrong = {
        case.get("id") or f"{case['path']}-{index}": why
        for index, case in enumerate(cases(name))
        if (why := differs(case))
    }
    assert wrong == {}


def test_no_fix_changes_more_than_it_reports() -> None:
    wrong = {}
    for index, case in enumerate(cases("addon_configs.jsonl")):
        path = f"config{case['suffix']}"
        after, words = fixed_config(case["text"], path) if case["suffix"] != ".json" else (case["text"], [])
        if not words:
            if after != case["text"]:
                wrong[index] = "changed without a word"
            continue
        old, new = (parse_source(text.encode(), path).data for text in (case["text"], after))
        changed = {key for key in old if old[key] != new[key]}
        if old.keys() != new.keys() or not changed <= {"version", "map", "devices"}:
            wrong[index] = f"{changed}"
    assert wrong == {}
