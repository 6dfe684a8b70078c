"""The Supervisor's rules by small cases of our own; the recorded verdicts are in tests/contract."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

from bb8deploy.checks.output.editor_schema import config_schema
from bb8deploy.checks.reading.yaml_json_reader import read_source
from bb8deploy.checks.schema import (
    rating_costs,
    regex_deadline,
    security_rating,
    ui_schema,
    validate_build,
    validate_config,
    validate_options,
    validate_translation,
)
from bb8deploy.checks.schema.table.config_fields import FIELDS

BASE: dict[str, Any] = {
    "name": "x",
    "version": "1",
    "slug": "x",
    "description": "x",
    "arch": ["amd64"],
}


@pytest.mark.parametrize("key", ["name", "version", "slug", "description", "arch"])
def test_what_is_required_is_missed(key: str) -> None:
    verdict = validate_config({k: v for k, v in BASE.items() if k != key})
    assert (verdict.valid, verdict.stage) == (False, "schema")
    assert verdict.errors[0].path == (key,)


@pytest.mark.parametrize(
    "bad",
    [
        {"map": None},
        {"map": 3},
        {"devices": None},
        {"devices": [5]},
        {"arch": None},
        {"machine": None},
        {"machine": [3]},
        {"map": [{"type": []}]},
        {"ingress": True, "ingress_port": 0, "ports": None},
    ],
)
def test_what_kills_a_reload_is_distinguished(bad: dict[str, Any]) -> None:
    assert validate_config({**BASE, **bad}).stage == "crash"


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        ({"timeout": 9}, ("timeout",)),
        ({"ports": {"80/tcp": 0}}, ("ports", "80/tcp")),
        ({"services": ["redis:need"]}, ("services", 0)),
        ({"privileged": ["CAP_NET_ADMIN"]}, ("privileged", 0)),
        ({"image": "a/b:latest"}, ("image",)),
        ({"image": "localhost:5000/a@sha256:0"}, ("image",)),
        ({"schema": {"a": [["str"]]}}, ("schema", "a", 0)),
        ({"schema": {"a": "int(1,2"}}, ("schema", "a")),
        ({"ingress": True, "ingress_port": 0, "ports": {"62000/tcp": 1}}, ("ports", "62000/tcp")),
    ],
)
def test_a_value_out_of_its_range_is_refused_at_its_path(bad: dict[str, Any], path: tuple[Any, ...]) -> None:
    verdict = validate_config({**BASE, **bad})
    assert verdict.stage == "schema"
    assert path in [error.path for error in verdict.errors]


def test_old_words_are_read_as_todays() -> None:
    old = {"auto_uart": True, "snapshot": "cold", "startup": "before", "devices": ["/dev/a:/dev/a:rwm"]}
    verdict = validate_config({**BASE, **old, "map": ["ssl", "share:rw", "nonsense"]})
    assert verdict.normalised is not None
    assert {key: verdict.normalised[key] for key in ("uart", "backup", "startup", "devices", "map")} == {
        "uart": True,
        "backup": "cold",
        "startup": "services",
        "devices": ["/dev/a"],
        "map": [{"type": "ssl", "read_only": True}, {"type": "share", "read_only": False}],
    }
    assert len(verdict.warnings) == 5


def test_the_config_that_was_given_stays_as_it_was() -> None:
    config = {**BASE, "map": ["ssl"], "auto_uart": True}
    validate_config(config)
    assert config == {**BASE, "map": ["ssl"], "auto_uart": True}


def test_a_number_as_version_becomes_text() -> None:
    verdict = validate_config({**BASE, "version": 1.10})
    assert verdict.normalised is not None
    assert verdict.normalised["version"] == "1.1"


@pytest.mark.parametrize(
    ("rights", "profile", "rating"),
    [
        ({}, False, 5),
        ({"host_dbus": True}, True, 6),
        ({"host_dbus": True, "auth_api": True}, True, 7),
        ({"host_dbus": True, "ingress": True}, True, 8),
        ({"ingress": True, "host_network": True}, True, 7),
        ({"apparmor": False, "host_network": True, "privileged": ["NET_ADMIN"]}, False, 2),
        ({"ingress": True, "docker_api": True}, True, 1),
        ({"host_uts": True, "privileged": ["SYS_ADMIN"]}, False, 3),
        ({"host_pid": True, "hassio_role": "admin", "apparmor": False}, False, 1),
    ],
)
def test_the_rating_is_the_supervisors(rights: dict[str, Any], profile: bool, rating: int) -> None:
    config = validate_config({**BASE, **rights}).normalised
    assert config is not None
    assert security_rating(config, apparmor_present=profile) == rating


def test_each_cost_names_its_key() -> None:
    config = validate_config({**BASE, "host_network": True, "privileged": ["SYS_RAWIO"]}).normalised
    assert config is not None
    costs = {cost.key: cost.points for cost in rating_costs(config, apparmor_present=False)}
    assert costs == {"host_network": -1, "privileged": -1}


@pytest.mark.parametrize(
    ("kind", "value", "normalised"),
    [
        ("str(2,3)", "abc", "abc"),
        ("int(-5,5)", "-3", -3),
        ("float(0.5,)", 1, 1.0),
        ("bool", "off", False),
        ("port", "8080", 8080),
        ("match(^a+$)", "aa", "aa"),
        ("list(a|b)", "b", "b"),
        ("password", "!secret pw", "hidden"),
        ("device(subsystem=tty)", "/dev/tty0", "/dev/tty0"),
        ("email", "a@b.cd", "a@b.cd"),
        ("url", "http://a.bc", "http://a.bc"),
    ],
)
def test_an_option_of_each_type_is_taken(kind: str, value: Any, normalised: Any) -> None:
    verdict = validate_options(
        {"o": kind}, {"o": value}, secrets={"pw": "hidden"}, devices={"/dev/tty0": "tty"}
    )
    assert verdict.normalised == {"o": normalised}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("str(2,3)", "a"),
        ("str", 5),
        ("int(1,2)", 3),
        ("float", "x"),
        ("bool", "perhaps"),
        ("port", 0),
        ("match(^a$)", "b"),
        ("list(a|b)", "c"),
        ("password", "!secret other"),
        ("device", "/dev/none"),
        ("device(subsystem=usb)", "/dev/tty0"),
        ("email", "x"),
        ("url", "x"),
        ("str?", None),
        ("", "x"),
        (["str"], "x"),
        ({"a": "str"}, []),
        ([], []),
    ],
)
def test_an_option_that_does_not_fit_is_refused_at_its_path(kind: Any, value: Any) -> None:
    verdict = validate_options({"o": kind}, {"o": value}, secrets={"pw": "x"}, devices={"/dev/tty0": "tty"})
    assert not verdict.valid
    assert verdict.errors[0].path[0] == "o"


def test_a_missing_option_is_refused_unless_it_is_optional() -> None:
    schema = {"a": "str?", "b": ["int?"], "c": {"d": "str"}}
    assert validate_options(schema, {"c": {"d": "x"}}).valid
    assert validate_options(schema, {"c": {}}).errors[0].path == ("c", "d")


def test_an_unknown_option_is_dropped_with_a_warning() -> None:
    verdict = validate_options({"a": "str"}, {"a": "x", "z": 1})
    assert verdict.normalised == {"a": "x"}
    assert verdict.warnings[0].path == ("z",)


def test_the_form_reports_what_each_option_wants() -> None:
    assert ui_schema({"a": "int(1,9)?", "b": ["list(x|y)"], "c": {"d": "password"}}) == [
        {"name": "a", "lengthMin": 1.0, "lengthMax": 9.0, "optional": True, "type": "integer"},
        {"name": "b", "multiple": True, "required": True, "type": "select", "options": ["x", "y"]},
        {
            "name": "c",
            "type": "schema",
            "optional": True,
            "multiple": False,
            "schema": [{"name": "d", "required": True, "type": "string", "format": "password"}],
        },
    ]
    assert ui_schema(False) is None


def test_build_and_translation_files_are_held_to_their_schemas() -> None:
    assert validate_build({"args": {"A": "1"}}).valid
    assert validate_build({"args": {"A": 1.0}}).errors[0].path == ("args", "A")
    assert validate_translation({"configuration": {"a": {"name": "A"}}}).valid
    assert not validate_translation({"configuration": {"a": {"description": "no name"}}}).valid


def test_our_own_config_uses_only_what_the_editors_schema_knows_and_is_rated_eight() -> None:
    source = read_source(Path(__file__).parents[3] / "addon", "config.yaml")
    properties = config_schema()["properties"]
    assert source.data.keys() <= properties.keys()
    assert source.data["startup"] in properties["startup"]["enum"]
    pattern = config_schema()["definitions"]["element"]["anyOf"][0]["pattern"]
    element = re.compile(pattern.replace("?<", "?P<"))
    kinds = dict(source.data["schema"])
    (proxy,) = kinds.pop("proxies")
    assert all(element.match(kind) for kind in (*kinds.values(), *proxy.values()))
    assert validate_config(source.data).rating_with_profile == 8


def test_the_editors_schema_knows_every_field_and_is_json() -> None:
    schema = config_schema()
    assert {field.name for field in FIELDS} <= schema["properties"].keys()
    assert schema["required"] == ["name", "version", "slug", "description", "arch"]
    assert schema["properties"]["timeout"]["minimum"] == 10
    assert schema["properties"]["advanced"]["deprecated"]


def test_every_option_that_does_not_fit_is_named_and_the_supervisors_first_one_comes_first() -> None:
    schema = {"level": "list(info|debug)", "port": "port", "deep": {"on": "bool", "n": "int"}, "must": "str"}
    options = {"level": "loud", "port": 1, "deep": {"on": "perhaps"}, "stray": 1}
    verdict = validate_options(schema, options)
    assert [problem.path for problem in verdict.errors] == [
        ("level",),
        ("deep", "on"),
        ("deep", "n"),
        ("must",),
    ]
    assert [problem.path for problem in verdict.warnings] == [("stray",)]
    assert (verdict.valid, verdict.normalised) == (False, None)


class Waiting:
    """A pattern that fits at once, on a machine that runs something else meanwhile."""

    pattern = "a+b+"

    def match(self, _text: str) -> bool:
        time.sleep(2 * regex_deadline.DEADLINE)
        return True


def test_a_pattern_that_waits_for_a_busy_machine_is_not_late() -> None:
    assert regex_deadline._with_deadline(Waiting(), "x")  # type: ignore[arg-type]


def test_a_pattern_that_never_ends_is_unusable_in_the_main_thread_and_in_others() -> None:
    def ask() -> None:
        with pytest.raises(vol.Invalid, match="does not finish"):
            regex_deadline._with_deadline(re.compile("(a+)+$"), "a" * 40 + "b")

    ask()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask).result()
