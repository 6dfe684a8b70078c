"""Options and rating follow the Supervisor's own rules."""

from __future__ import annotations

from typing import Any

import pytest

from ha_sandbox.supervisor import config_and_options_checks


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int(1,10)", 3, 11),
        ("float(-1.5,)", -1.0, -2),
        ("bool", "yes", "perhaps"),
        ("port", 1883, 70000),
        ("list(a|b)", "b", "c"),
        ("match(^x+$)", "xx", "y"),
        ("str(2,3)", "abc", "abcd"),
        (["int"], [1, 2], ["x"]),
        ({"inner": "int"}, {"inner": 1}, {}),
    ],
)
def test_a_value_fits_its_kind_or_is_refused(kind: Any, good: Any, bad: Any) -> None:
    schema = {"key": kind}
    assert "key" in config_and_options_checks.accept_options(schema, {"key": good}, "Probe", "probe")
    with pytest.raises(config_and_options_checks.OptionsRefused):
        config_and_options_checks.accept_options(schema, {"key": bad}, "Probe", "probe")


def test_a_missing_option_is_named_unless_it_is_optional() -> None:
    assert config_and_options_checks.accept_options({"a": "str?"}, {}, "Probe", "probe") == {}
    with pytest.raises(
        config_and_options_checks.OptionsRefused, match=r"Missing option 'a' in root in Probe \(probe\)"
    ):
        config_and_options_checks.accept_options({"a": "str"}, {}, "Probe", "probe")


def test_the_form_of_the_frontend_is_made_from_the_schema() -> None:
    schema = {"n": "int(1,10)", "level": "list(a|b)", "secret": "password?", "many": ["str"]}
    assert config_and_options_checks.ui_schema(schema) == [
        {"name": "n", "lengthMin": 1.0, "lengthMax": 10.0, "required": True, "type": "integer"},
        {"name": "level", "required": True, "type": "select", "options": ["a", "b"]},
        {"name": "secret", "optional": True, "type": "string", "format": "password"},
        {"name": "many", "multiple": True, "required": True, "type": "string"},
    ]


@pytest.mark.parametrize(
    ("config", "profile", "expected"),
    [
        ({}, False, 5),
        ({"host_dbus": True}, True, 6),
        ({"ingress": True}, True, 8),
        ({"ingress": True, "host_network": True}, True, 7),
        (
            {"apparmor": False, "privileged": ["NET_ADMIN"], "host_network": True, "hassio_role": "manager"},
            False,
            1,
        ),
        ({"docker_api": True, "ingress": True}, True, 1),
    ],
)
def test_the_rating_is_the_supervisors(config: dict[str, Any], profile: bool, expected: int) -> None:
    assert config_and_options_checks.rating(config, profile) == expected
