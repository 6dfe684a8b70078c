"""Each refusal and each kind of silence has a remedy of its own that can be followed."""

from __future__ import annotations

import pytest

from bb8deploy.host.supervisor.core_websocket import other_port
from bb8deploy.host.supervisor.refusal_remedies import AFTER_SILENCE, silence, unhealthy
from bb8deploy.host.supervisor.route_interface import NoAnswer, RefusalKind, SupervisorError, classify


@pytest.mark.parametrize(
    ("message", "problem", "word"),
    [
        (
            "'A.b' blocked from execution, system is not healthy - setup",
            RefusalKind.UNHEALTHY,
            "supervisor restart",
        ),
        ("system is not healthy - docker, setup", RefusalKind.UNHEALTHY, "Docker"),
        ("system is not healthy - new", RefusalKind.UNHEALTHY, "resolution info"),
        (
            "'A.b' blocked from execution, supervisor needs to be updated first",
            RefusalKind.SUPERVISOR_OUTDATED,
            "update",
        ),
        ("no host internet connection", RefusalKind.NO_INTERNET, "internet"),
        ("no supervisor internet connection", RefusalKind.NO_INTERNET, "internet"),
        ("not enough free space (1.2GB) left", RefusalKind.NO_SPACE, "2 GB"),
        ("system is not running - startup", RefusalKind.NOT_READY, "started"),
        ("unsupported system", RefusalKind.BLOCKED, "condition"),
    ],
)
def test_each_condition_of_a_job_has_its_own_remedy(message: str, problem: RefusalKind, word: str) -> None:
    message = f"'AppManager.rebuild' blocked from execution, {message}"
    assert classify(400, "", message) is problem
    error = SupervisorError(problem, "rebuild local_x", message)
    assert word in error.remedy
    assert message in error.cause


@pytest.mark.parametrize(
    ("why", "word"),
    [
        ("[Errno 111] Connection refused", "8123"),
        ("dial tcp 172.30.32.2:80: connect: no route to host", "container"),
        ("[Errno -2] Name or service not known", "host name"),
        ("[Errno 101] Network is unreachable", "network"),
        ("certificate verify failed: self-signed certificate", "HA_CA_FILE"),
        ("no answer within 30 s", "jobs info"),
        ("", "jobs info"),
    ],
)
def test_each_kind_of_silence_has_its_own_remedy(why: str, word: str) -> None:
    assert word in silence(why)
    assert NoAnswer("describe x", "http://h", why).remedy == silence(why)


def test_remedies_are_sentences() -> None:
    for text in (AFTER_SILENCE, unhealthy(["setup"]), unhealthy(())):
        assert text.endswith(".")
        assert text[0].isupper()


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("http://h:8123", "http://h:80"),
        ("http://h", "http://h:8123"),
        ("http://[fe80::1]:80", "http://[fe80::1]:8123"),
        ("https://h:8123", ""),
        ("http://h:9000", ""),
        ("http://h:x", ""),
    ],
)
def test_core_has_two_usual_ports(url: str, other: str) -> None:
    assert other_port(url) == other
