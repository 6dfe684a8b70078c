"""Passwords of the app's options, which a diagnosis must never show, at any depth of the schema."""

from __future__ import annotations

from bb8deploy.host.supervisor.route_interface import AddonState
from bb8deploy.lanes.diagnose.areas.app import passwords

SCHEMA: dict[str, object] = {
    "speed": "int",
    "pin": "password",
    "broker": {"user": "str", "word": "password?"},
    "proxies": [{"address": "str", "encryption_key": "password?"}],
    "codes": ["password"],
    "empty": [],
}


def found(options: object) -> list[str]:
    state = AddonState.parse("x", {"options": options})
    return [secret.reveal() for secret in passwords({"schema": SCHEMA}, state)]


def test_passwords_are_found_at_any_depth() -> None:
    options = {
        "speed": 3,
        "pin": "1234",
        "broker": {"user": "me", "word": "deep"},
        "proxies": [{"address": "a", "encryption_key": "k1"}, {"address": "b"}],
        "codes": ["c1", "c2"],
        "empty": ["x"],
    }
    assert found(options) == ["1234", "deep", "k1", "c1", "c2"]


def test_options_that_do_not_fit_the_schema_are_no_error() -> None:
    assert found({"broker": "text", "proxies": "text", "codes": {"a": 1}}) == []
    assert found(None) == []


def test_without_an_answer_of_the_host_those_of_the_config_count() -> None:
    config = {"schema": {"word": "password", "level": "str"}, "options": {"word": "sesame", "level": "info"}}
    assert [secret.reveal() for secret in passwords(config, None)] == ["sesame"]
