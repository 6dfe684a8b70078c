"""Settings of an app: what changes, what is sent, what may be shown."""

from __future__ import annotations

import pytest

from bb8deploy.base.secret import Secret
from bb8deploy.plan.app_settings import (
    AppSettings,
    body_of,
    changes,
    ignored_flag,
    is_hidden,
    is_stored,
    merged,
    of_info,
    password_kinds,
    password_options,
    password_values,
    shown,
)

INFO = {
    "options": {"level": "info", "mqtt_password": "hunter22", "pin": "1234"},
    "schema": [{"name": "pin", "format": "password"}, {"name": "level"}],
    "network": {"8080/tcp": 8080, "9/udp": None},
    "boot": "auto",
    "watchdog": False,
    "auto_update": False,
    "ingress_panel": None,
}
NOW = of_info(INFO)


def test_only_what_changes_is_sent_and_maps_are_sent_whole() -> None:
    new = merged(NOW, AppSettings(options={"level": "debug"}, network={"9/udp": 9}, flags={"boot": "auto"}))
    assert body_of(NOW, new) == {
        "options": {"level": "debug", "mqtt_password": "hunter22", "pin": "1234"},
        "network": {"8080/tcp": 8080, "9/udp": 9},
    }
    assert body_of(NOW, merged(NOW, AppSettings())) == {}


def test_an_option_without_a_value_goes_back_to_its_default() -> None:
    new = merged(NOW, AppSettings(options={"level": None}))
    assert "level" not in new.options
    assert [str(one) for one in changes(NOW, new, frozenset())] == ['options.level: "info" -> not set']


def test_passwords_are_known_by_schema_and_by_name_and_never_shown() -> None:
    hidden = password_options(INFO)
    assert hidden == {"pin", "mqtt_password"}
    new = merged(NOW, AppSettings(options={"pin": "9999", "mqtt_password": "!secret broker"}))
    lines = [str(one) for one in changes(NOW, new, hidden)]
    assert lines == ['options.mqtt_password: "***" -> "!secret broker"', 'options.pin: "***" -> "***"']


def test_a_value_from_the_environment_is_shown_nowhere() -> None:
    wanted = AppSettings(options={"url": "mqtt://me:topsecret@h"}, secrets=(Secret("topsecret"),))
    (change,) = changes(NOW, merged(NOW, wanted), frozenset())
    assert "topsecret" not in str(change)


def test_passwords_within_lists_and_mappings_are_masked() -> None:
    value = {"users": [{"name": "ann", "password": "hunter22"}]}
    assert shown("x", value, frozenset()) == {"users": [{"name": "ann", "password": "***"}]}
    proxies = [{"address": "node", "encryption_key": "QRTIErOb"}]
    assert shown("proxies", proxies, frozenset()) == [{"address": "node", "encryption_key": "***"}]


NESTED = {
    "options": {"broker": {"word": "hunter22", "host": "h"}, "users": [{"word": "hunter22"}], "codes": ["a"]},
    "schema": [
        {"name": "broker", "schema": [{"name": "word", "format": "password"}, {"name": "host"}]},
        {"name": "users", "multiple": True, "schema": [{"name": "word", "format": "password"}]},
        {"name": "codes", "multiple": True, "format": "password"},
        {"name": "word"},
    ],
}
NESTED_NAMES = {"broker.word", "users.word", "codes"}


def test_passwords_of_a_nested_schema_are_never_shown() -> None:
    hidden = password_options(NESTED)
    assert hidden == NESTED_NAMES
    now, other = of_info(NESTED), {"broker": {"word": "opensesame", "host": "h"}, "users": [], "codes": []}
    lines = [str(one) for one in changes(now, merged(now, AppSettings(options=other)), hidden)]
    assert not [line for line in lines if "hunter22" in line or "opensesame" in line]
    assert lines[0] == 'options.broker: {"word": "***", "host": "h"} -> {"word": "***", "host": "h"}'
    assert shown("word", "plain", hidden) == "plain"
    assert shown("codes", ["1234"], hidden) == "***"


def test_passwords_of_a_nested_schema_of_config_yaml_are_known() -> None:
    users = [{"word": "password?", "name": "str"}]
    schema = {"broker": {"word": "password", "host": "str"}, "users": users, "codes": ["password"]}
    assert password_kinds(schema) == NESTED_NAMES
    assert not list(password_kinds(None))


@pytest.mark.parametrize(
    ("path", "expected"),
    [(("broker", "word"), True), (("codes", 0), True), (("broker", "host"), False), (("a", "api_key"), True)],
)
def test_the_place_of_a_value_shows_whether_it_is_hidden(path: tuple[object, ...], expected: bool) -> None:
    assert is_hidden(path, frozenset(NESTED_NAMES)) is expected


@pytest.mark.parametrize(
    ("now", "wanted", "changes_it"),
    [
        (3, "3", False),
        ("3", 3, False),
        (True, "true", False),
        (3, "4", True),
        (None, "", True),
        ([3], "[3]", True),
    ],
)
def test_a_value_that_the_supervisor_stores_in_another_type_is_not_a_change(
    now: object, wanted: object, changes_it: bool
) -> None:
    before = AppSettings(options={"size": now})
    new = merged(before, AppSettings(options={"size": wanted}))
    assert bool(body_of(before, new)) == changes_it


def test_the_values_of_passwords_are_found_by_the_same_walk_as_their_paths() -> None:
    schema = {"word": "password?", "logins": [{"name": "str", "pass": "password"}], "level": "int"}
    options = {"word": "a", "logins": [{"name": "x", "pass": "b"}, {"pass": "c"}], "level": 3}
    assert sorted(password_values(schema, options)) == ["a", "b", "c"]
    assert password_kinds(schema) == {"word", "logins.pass"}
    for wrong in (None, [], {"logins": "x", "word": ""}, {"logins": ["x"]}):
        assert list(password_values(schema, wrong)) == []


@pytest.mark.parametrize(
    ("wanted", "now", "stored"),
    [
        (True, True, True),
        (True, False, False),
        (False, True, False),
        ("yes", True, True),
        ("off", True, False),
        (1, True, True),
        (True, None, False),
        ("3", 3, True),
        ("3.50", 3.5, True),
        (3, 4, False),
        ("a", "b", False),
        ("Info", "info", True),
        (None, "default", True),
        ([1, 2], [1, "2"], True),
        ([1, 2], [1], False),
        ([1, 2], [1, 3], False),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, True),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, False),
        ({"a": 1}, {}, False),
        ({"a": 1}, [1], False),
        ("/dev/serial/by-id/stick", "/dev/ttyUSB0", True),
        ("/dev/ttyUSB0", "none", False),
    ],
)
def test_a_value_counts_as_set_only_if_the_supervisor_reports_it(
    wanted: object, now: object, stored: bool
) -> None:
    assert is_stored(wanted, now) is stored


@pytest.mark.parametrize(
    ("flags", "info", "name"),
    [
        ({"ingress_panel": True}, {"ingress": False}, "ingress_panel"),
        ({"ingress_panel": True}, {"ingress": True}, ""),
        ({"watchdog": True}, {"startup": "once"}, "watchdog"),
        ({"watchdog": False}, {"startup": "once"}, ""),
        ({"watchdog": True}, {"startup": "services"}, ""),
        ({"boot": "auto"}, {"ingress": False, "startup": "once"}, ""),
        ({"ingress_panel": True, "watchdog": True}, {}, ""),
    ],
)
def test_a_setting_that_the_supervisor_ignores_is_named(
    flags: dict[str, object], info: dict[str, object], name: str
) -> None:
    said = ignored_flag(AppSettings(flags=flags), info)
    assert said.partition(":")[0] == (f"`{name}`" if name else "")
