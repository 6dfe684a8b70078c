"""The broker's address and login, from the options or else from the Supervisor."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bb8_core.app_options import Options

TIMEOUT_S = 10.0
PORT = 1883
TLS_PORT = 8883

_NO_SERVICE = (
    "Home Assistant has no MQTT broker to offer. Install and start the Mosquitto broker (Settings, Apps, "
    "App store, Mosquitto broker), or enter mqtt_host, mqtt_username and mqtt_password of your own broker "
    "in this app's Configuration tab."
)


class NoBroker(Exception):
    """There is no broker to connect to; the message names where to click."""


@dataclass(frozen=True, slots=True)
class Broker:
    """The broker's address and login; `source` is where this comes from."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    tls_insecure: bool = False
    ca_file: str = ""
    protocol: str = "5"
    source: str = "options"


def find(options: Options, environ: Mapping[str, str] = os.environ) -> Broker:
    """Return the broker, asking the Supervisor (blocks 10 s at most) if no host is set; NoBroker if none."""
    if options.mqtt_host:
        return _from_options(options)
    token = environ.get("SUPERVISOR_TOKEN", "")
    if not token:
        raise NoBroker(
            "No broker is configured, and there is no Supervisor to ask: enter mqtt_host in the app's "
            "Configuration tab."
        )
    base = environ.get("SUPERVISOR_URL", "http://supervisor")
    return from_service(_ask_supervisor(base, token), options)


def _from_options(options: Options) -> Broker:
    default_port = TLS_PORT if options.mqtt_tls else PORT
    return Broker(
        options.mqtt_host,
        options.mqtt_port or default_port,
        options.mqtt_username,
        options.mqtt_password,
        options.mqtt_tls,
        options.mqtt_tls_insecure,
        options.mqtt_ca_file,
        options.mqtt_protocol,
    )


def from_service(answer: Any, options: Options) -> Broker:
    """Read the Supervisor's answer; the options' TLS and protocol settings still count."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("host"), str) or not data["host"]:
        raise NoBroker(_NO_SERVICE)
    tls = data.get("ssl") is True or options.mqtt_tls
    port = data.get("port")
    return Broker(
        data["host"],
        port if isinstance(port, int) and 0 < port < 65536 else (TLS_PORT if tls else PORT),
        options.mqtt_username or _text(data.get("username")),
        options.mqtt_password or _text(data.get("password")),
        tls,
        options.mqtt_tls_insecure,
        options.mqtt_ca_file,
        options.mqtt_protocol,
        "supervisor",
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _ask_supervisor(base: str, token: str) -> Any:
    import urllib.error
    import urllib.request

    request = urllib.request.Request(  # noqa: S310 - the address is the Supervisor's
        f"{base.rstrip('/')}/services/mqtt", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
            return json.loads(reply.read(65536))
    except urllib.error.HTTPError as error:
        error.close()  # it holds the socket of the response
        if error.code in {401, 403}:
            raise NoBroker(
                "The Supervisor does not let this app ask for the broker: reinstall the app, or enter "
                "mqtt_host in its Configuration tab."
            ) from error
        raise NoBroker(_NO_SERVICE) from error
    except (OSError, ValueError) as error:
        raise NoBroker(
            f"The Supervisor could not be asked for the broker ({type(error).__name__}): it is tried again; "
            "entering mqtt_host in the app's Configuration tab avoids the question."
        ) from error
