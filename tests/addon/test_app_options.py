"""Options: good ones are taken, bad ones are named and replaced, and nothing makes the reader raise."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples, texts

from bb8_core.app_options import Options, load_options, parse_options

MANIFEST = Path(__file__).parents[2] / "addon" / "config.yaml"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
    max_leaves=8,
)


def test_the_manifest_and_the_reader_know_the_same_options_with_the_same_defaults() -> None:
    manifest = yaml.safe_load(MANIFEST.read_text())
    known = set(Options.__slots__) - {"problems"}
    assert set(manifest["schema"]) == known
    assert parse_options(manifest["options"]) == Options()


def allowed(rule: str, value: object) -> bool:
    """Whether the Supervisor lets a user save this value under this rule of the manifest's schema."""
    kind, _, inside = rule.rstrip("?").partition("(")
    inside = inside.removesuffix(")")
    match kind:
        case "bool":
            return isinstance(value, bool)
        case "int" | "port":
            low, high = (int(part) for part in (inside or "1,65535").split(","))
            return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        case "list":
            return value in inside.split("|")
        case "match":
            return isinstance(value, str) and re.match(inside, value) is not None
    assert kind in {"str", "password"}
    return isinstance(value, str)


def tempting(rule: str) -> st.SearchStrategy[object]:
    """Values at and around what the rule allows."""
    inside = rule.rstrip("?").partition("(")[2].removesuffix(")")
    if rule.startswith("match"):
        return st.from_regex(inside).map(str.strip) | st.from_regex(inside.replace("^", "").replace("$", ""))
    if rule.startswith("list"):
        return st.sampled_from([*inside.split("|"), "neither"])
    low, high = (int(part) for part in inside.split(",")) if inside else (1, 65535)
    return st.sampled_from([low - 1, low, low + 1, high - 1, high, high + 1])


SCHEMA: dict[str, str | list[dict[str, str]]] = yaml.safe_load(MANIFEST.read_text())["schema"]
RULES = {key: rule for key, rule in SCHEMA.items() if isinstance(rule, str)}
values = st.booleans() | st.integers() | st.text(st.characters(exclude_characters="\0\n"), max_size=300)


@examples(50)
@given(
    st.sampled_from(sorted(RULES)).flatmap(lambda key: st.tuples(st.just(key), values | tempting(RULES[key])))
)
def test_the_reader_allows_what_the_manifest_allows_and_nothing_else(option: tuple[str, object]) -> None:
    key, value = option
    if value == "" or (isinstance(value, str) and {"\0", "\n"} & set(value)):
        return
    assert (parse_options({key: value}).problems == ()) == allowed(RULES[key], value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (key, edge)
        for key, rule in RULES.items()
        if rule.startswith("int")
        for edge in re.findall(r"\d+", rule)
    ],
)
def test_the_edges_of_the_manifest_s_ranges_are_the_reader_s(key: str, value: str) -> None:
    step = -1 if RULES[key].startswith(f"int({value},") else 1
    assert parse_options({key: int(value)}).problems == ()
    assert len(parse_options({key: int(value) + step}).problems) == 1


def test_good_options_are_taken_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text(json.dumps({"robot_address": "c9:00:00:00:b5:4a", "speed_cap": 90, "mqtt_port": 1884}))
    options = load_options(file)
    assert (options.robot_address, options.speed_cap, options.mqtt_port) == ("C9:00:00:00:B5:4A", 90, 1884)
    assert options.problems == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("speed_cap", 256),
        ("speed_cap", True),
        ("duration_cap_ms", 0),
        ("duration_cap_ms", "2000"),
        ("base_topic", "bb8/#"),
        ("base_topic", "/bb8"),
        ("mqtt_protocol", "3.1"),
        ("adapter", "/dev/hci0"),
        ("robot_address", "BB-B54A"),
        ("keep_connected", 1),
        ("simulate", "yes"),
    ],
)
def test_a_bad_option_is_named_and_its_default_is_used(key: str, value: object) -> None:
    options = parse_options({key: value})
    assert getattr(options, key) == getattr(Options(), key)
    assert len(options.problems) == 1
    assert key in options.problems[0]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"base_topic": "homeassistant"}, ("bb8", "homeassistant")),
        ({"base_topic": "home", "discovery_prefix": "home/assistant"}, ("bb8", "home/assistant")),
        ({"discovery_prefix": "bb8"}, ("bb8", "homeassistant")),
        ({"discovery_prefix": "bb8/cmd"}, ("bb8", "homeassistant")),
    ],
)
def test_home_assistants_topics_are_not_below_the_bridge_s_own(
    raw: dict[str, object], expected: tuple[str, str]
) -> None:
    options = parse_options(raw)
    assert (options.base_topic, options.discovery_prefix) == expected
    assert len(options.problems) == 1
    assert next(iter(raw)) in options.problems[0]


def test_a_base_topic_may_be_below_the_discovery_prefix_or_begin_like_it() -> None:
    for base in ("homeassistant/bb8", "homeassistant2", "home"):
        assert parse_options({"base_topic": base}).problems == ()


def test_an_empty_optional_value_means_not_set() -> None:
    assert parse_options({"mqtt_host": "", "robot_name": None, "adapter": ""}) == Options()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"null", b"[" * 5000])
def test_an_unreadable_file_gives_the_defaults_and_reports_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "options.json"
    file.write_bytes(content)
    options = load_options(file)
    assert len(options.problems) == 1
    assert options.speed_cap == Options().speed_cap


def test_a_missing_file_gives_the_defaults_and_reports_it(tmp_path: Path) -> None:
    assert "not found" in load_options(tmp_path / "options.json").problems[0]


def test_the_password_never_shows() -> None:
    assert "hunter2" not in repr(parse_options({"mqtt_password": "hunter2"}))


@examples(50)
@given(st.dictionaries(st.sampled_from(sorted(Options.__slots__)) | texts(), json_values))
def test_whatever_the_options_hold_the_result_is_in_range(raw: dict[str, object]) -> None:
    options = parse_options(raw)
    assert 1 <= options.speed_cap <= 255
    assert 100 <= options.duration_cap_ms <= 5000
    assert 20 <= options.min_spacing_ms <= 1000
    assert options.mqtt_protocol in {"5", "3.1.1"}
    assert "#" not in options.base_topic
