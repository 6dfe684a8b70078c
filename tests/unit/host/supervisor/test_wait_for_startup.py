"""A host that is not ready is waited for, in every call, with a deadline and one line."""

from __future__ import annotations

from typing import Any

import pytest

from bb8deploy.host.supervisor import wait_for_startup
from bb8deploy.host.supervisor.route_interface import LookExtras, NoAnswer, RefusalKind, SupervisorError
from bb8deploy.host.supervisor.wait_for_startup import PatientSupervisor

NOT_READY = SupervisorError(RefusalKind.NOT_READY, "x", "System is not ready with state: setup")
CALLS = {
    "look": lambda way: way.look("s", 1, LookExtras("r", 1.0, ("host/info",))),
    "info": lambda way: way.info("s"),
    "reload_store": lambda way: way.reload_store(),
    "act": lambda way: way.act("start", "s", backup=True, deadline=1.0),
    "logs": lambda way: way.logs("s", 1),
    "supervisor_logs": lambda way: way.supervisor_logs(1),
    "jobs": lambda way: way.jobs(),
    "health": lambda way: way.health(),
    "documents": lambda way: way.documents("host/info"),
}


class Starting:
    """A route that raises some errors before it answers with the name of the call."""

    route, log_is_current = "ha", True

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def __getattr__(self, name: str) -> Any:
        def call(*_words: object, **_more: object) -> str:
            if self.errors:
                raise self.errors.pop(0)
            return name

        return call


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait_for_startup, "POLL", 0.001)


@pytest.mark.parametrize("name", CALLS)
def test_every_call_waits_until_the_host_is_ready(name: str) -> None:
    said: list[str] = []
    way = PatientSupervisor(Starting(NOT_READY, NOT_READY), said.append)
    assert CALLS[name](way) in {name, None}
    assert len(said) == 1
    assert "180 s" in said[0]
    assert "not ready" in said[0]


def test_a_call_at_once_gets_the_answer_that_the_host_is_not_ready() -> None:
    said: list[str] = []
    way = PatientSupervisor(Starting(NOT_READY), said.append)
    with pytest.raises(SupervisorError):
        way.at_once.info("s")
    assert said == []


def test_the_wait_has_a_deadline() -> None:
    way = PatientSupervisor(Starting(*[NOT_READY] * 10_000), lambda _text: None, deadline=0.05)
    with pytest.raises(SupervisorError) as caught:
        way.info("s")
    assert caught.value.problem is RefusalKind.NOT_READY


@pytest.mark.parametrize(
    "error", [SupervisorError(RefusalKind.BUSY, "x", "another job"), NoAnswer("x", "h", "gone")]
)
def test_nothing_else_is_waited_for(error: Exception) -> None:
    with pytest.raises(type(error)):
        PatientSupervisor(Starting(error), lambda _text: None).info("s")
