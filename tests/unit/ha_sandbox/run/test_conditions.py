"""What `sandbox run` waits for: as asked, or as config.yaml says."""

from __future__ import annotations

from typing import Any

import pytest

from bb8deploy.base.errors import UsageError
from ha_sandbox.run.command import port_addresses
from ha_sandbox.run.conditions import RUNNING, Asked, Condition, Kind, conditions_of
from ha_sandbox.run.source import need_options

CONFIG: dict[str, Any] = {
    "name": "Probe",
    "slug": "probe",
    "ingress": True,
    "ports": {"8080/tcp": 80, "53/udp": 53, "90": None},
    "options": {"level": 1, "word": "default"},
    "schema": {"level": "int(1,5)", "word": "str"},
}


def test_each_port_has_its_address_on_loopback() -> None:
    assert port_addresses({8080: ("127.0.0.1", 8080), 90: ("127.0.0.1", 23456)}, "TCP") == {
        "SANDBOX_PORT_8080_TCP": "127.0.0.1:8080",
        "SANDBOX_PORT_90_TCP": "127.0.0.1:23456",
    }
    assert port_addresses({53: ("127.0.0.1", 53)}, "UDP") == {"SANDBOX_PORT_53_UDP": "127.0.0.1:53"}


def test_no_address_is_made_up_for_a_container_without_ports() -> None:
    assert port_addresses({}, "TCP") == {}


def test_by_default_the_page_and_the_published_ports_have_to_listen() -> None:
    expected = (RUNNING, Condition(Kind.PAGE), Condition(Kind.PORT, port=8080))
    assert conditions_of(Asked(), CONFIG) == expected
    assert conditions_of(Asked(), {}) == (RUNNING,)


def test_what_is_asked_for_replaces_the_default() -> None:
    asked = Asked(True, ("^up$",), ("90", "8080/tcp"), ("a/+/#",), ("/x?y=1", "90/health"))
    assert conditions_of(asked, CONFIG) == (
        RUNNING,
        Condition(Kind.IDENTITY),
        Condition(Kind.LOG, "^up$"),
        Condition(Kind.PORT, port=90),
        Condition(Kind.PORT, port=8080),
        Condition(Kind.HTTP, "/x?y=1"),
        Condition(Kind.HTTP, "/health", 90),
        Condition(Kind.TOPIC, "a/+/#"),
    )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(logs=("(",)), "not a regular expression"),
        (Asked(ports=("53",)), "does not have this TCP port"),
        (Asked(ports=("53/udp",)), "not a TCP port"),
        (Asked(ports=("http",)), "not a TCP port"),
        (Asked(pages=("8081/",)), "does not have this TCP port"),
        (Asked(pages=("health",)), "neither a path"),
        (Asked(pages=("http://x/",)), "neither a path"),
        (Asked(topics=("",)), "not a topic"),
        (Asked(topics=("a/#/b",)), "not a topic"),
        (Asked(topics=("a+",)), "not a topic"),
        (Asked(topics=("a/b#",)), "not a topic"),
    ],
)
def test_what_cannot_come_true_is_refused_at_once(asked: Asked, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        conditions_of(asked, CONFIG)
    assert caught.value.code == "SANDBOX_OPTION_INVALID"


def test_a_path_without_a_port_needs_ingress() -> None:
    with pytest.raises(UsageError, match="no `ingress: true`"):
        conditions_of(Asked(pages=("/",)), {})


def test_a_mistyped_option_is_named_with_the_nearest_one() -> None:
    need_options({"level": 1}, CONFIG)
    need_options({"anything": 1}, {"schema": False})
    with pytest.raises(UsageError, match="no option levle; did you mean level"):
        need_options({"levle": 1}, CONFIG)


def test_a_value_that_the_supervisor_refuses_is_an_error_that_quotes_no_other_option() -> None:
    with pytest.raises(UsageError, match="the option level: value must be") as caught:
        need_options({"level": 9, "word": "secret"}, CONFIG)
    assert caught.value.code == "SANDBOX_OPTION_INVALID"
    assert "secret" not in str(caught.value)
