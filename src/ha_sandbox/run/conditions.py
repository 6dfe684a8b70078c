"""What an app has to do before it counts as up: as the user asks, or as its config.yaml says; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bb8deploy.catalogue.errors.tool import SANDBOX_OPTION_INVALID
from ha_sandbox.json_types import Config
from ha_sandbox.supervisor.installed_app import tcp_ports

_PORT = re.compile(r"(\d{1,5})(/tcp)?")
_PAGE = re.compile(r"(\d{1,5})?(/\S*)")


class Kind(StrEnum):
    """The kinds of conditions."""

    RUNNING = "running"
    IDENTITY = "identity"
    LOG = "log"
    PORT = "port"
    PAGE = "page"
    TOPIC = "topic"
    HTTP = "http"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `what` is a regular expression, a topic or a path; `port` a TCP port of the container.

    An HTTP condition without a port asks for a path of the app's page, through ingress.
    """

    kind: Kind
    what: str = ""
    port: int = 0

    def __str__(self) -> str:
        """The condition as the object of `wait for`."""
        texts = {
            Kind.RUNNING: "the app to run",
            Kind.IDENTITY: "the app's identity",
            Kind.LOG: f"a line of its log that matches {self.what}",
            Kind.PORT: f"port {self.port}",
            Kind.PAGE: "the ingress port",
            Kind.TOPIC: f"a message on {self.what}",
            Kind.HTTP: f"GET {self.port or 'ingress '}{self.what}",
        }
        return texts[self.kind]


RUNNING = Condition(Kind.RUNNING)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for, as written."""

    identity: bool = False
    logs: Sequence[str] = ()
    ports: Sequence[str] = ()
    topics: Sequence[str] = ()
    pages: Sequence[str] = ()


def conditions_of(asked: Asked, config: Config) -> tuple[Condition, ...]:
    """The conditions that are asked for, or those of the app's config.yaml if there are none.

    Raises UsageError SANDBOX_OPTION_INVALID if one cannot be read or does not fit the app.
    """
    wanted = [Condition(Kind.IDENTITY)] if asked.identity else []
    wanted += [Condition(Kind.LOG, _expression(text)) for text in asked.logs]
    wanted += [_port(text, config) for text in asked.ports]
    wanted += [_page(text, config) for text in asked.pages]
    wanted += [Condition(Kind.TOPIC, _topic(text)) for text in asked.topics]
    return (RUNNING, *(wanted or by_default(config)))


def by_default(config: Config) -> list[Condition]:
    """The ingress port and every TCP port that the app publishes: somebody has to listen there."""
    page = [Condition(Kind.PAGE)] if config.get("ingress") else []
    return page + [Condition(Kind.PORT, port=port) for port, host in _tcp_ports(config).items() if host]


def _tcp_ports(config: Config) -> dict[int, int | None]:
    return tcp_ports(config.get("ports") or {})


def _expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise SANDBOX_OPTION_INVALID(f"--wait-log `{text}` is not a regular expression: {error}") from error
    return text


def _topic(text: str) -> str:
    """A topic filter. Source: MQTT 3.1.1, section 4.7."""
    levels = text.split("/")
    misplaced = any("+" in level and level != "+" for level in levels)
    misplaced |= any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#")
    if not text or misplaced or "\0" in text:
        raise SANDBOX_OPTION_INVALID(f"--wait-topic `{text}` is not a topic or a topic filter")
    return text


def _port(text: str, config: Config) -> Condition:
    found = _PORT.fullmatch(text)
    if found is None:
        raise SANDBOX_OPTION_INVALID(f"--wait-port `{text}` is not a TCP port such as 8080")
    return Condition(Kind.PORT, port=_declared("--wait-port", int(found[1]), config))


def _page(text: str, config: Config) -> Condition:
    found = _PAGE.fullmatch(text)
    if found is None:
        raise SANDBOX_OPTION_INVALID(
            f"--wait-http `{text}` is neither a path of the ingress page such as /health "
            "nor a port with a path such as 8080/health"
        )
    if found[1] is None and not config.get("ingress"):
        raise SANDBOX_OPTION_INVALID(
            f"--wait-http {text} asks for the ingress page, but the app's config has no `ingress: true`",
            "Add the port to the path, such as 8080/health.",
        )
    port = _declared("--wait-http", int(found[1]), config) if found[1] else 0
    return Condition(Kind.HTTP, found[2], port)


def _declared(option: str, port: int, config: Config) -> int:
    """The port. Raises UsageError SANDBOX_OPTION_INVALID if config.yaml does not name it."""
    declared = _tcp_ports(config)
    if port not in declared:
        names = ", ".join(map(str, declared)) or "none"
        raise SANDBOX_OPTION_INVALID(
            f"{option} {port}: `ports` in the app's config does not have this TCP port (it has {names})"
        )
    return port
