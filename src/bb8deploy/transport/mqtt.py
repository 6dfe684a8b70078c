"""One connection to an MQTT broker: logs in, subscribes, publishes, and explains failures."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from bb8deploy.base.errors import Unreachable
from bb8deploy.base.secret import Secret
from bb8deploy.catalogue.errors.broker import BROKER_ACL, BROKER_DENIED, BROKER_TLS, BROKER_UNREACHABLE
from bb8deploy.catalogue.errors.settings import SETTING_INVALID, SETTING_MISSING
from bb8deploy.settings.settings_type import Settings

DEADLINE = 10.0
"""Seconds for each answer of the broker: the connection, the login, a subscription."""

Listener = Callable[[str, bytes, bool], None]
"""Gets topic, payload and whether the message was retained, in the connection's own thread."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is and how to log in; `ca_file` counts only with `tls`."""

    host: str
    port: int
    username: str = ""
    password: Secret | None = None
    tls: bool = False
    ca_file: Path | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address_of(settings: Settings) -> Address:
    """The broker of the settings. Raises UsageError SETTING_MISSING without MQTT_HOST."""
    host = settings.mqtt.host
    if not host:
        raise SETTING_MISSING(
            "MQTT_HOST is not set, so no broker can be asked",
            "Set MQTT_HOST (and MQTT_USERNAME, MQTT_PASSWORD) in .env.",
        )
    return Address(
        host=host,
        port=settings.mqtt.port,
        username=settings.mqtt.username or "",
        password=settings.mqtt.password,
        tls=settings.mqtt.tls,
        ca_file=settings.mqtt.ca_file,
    )


class BrokerLink:
    """A logged-in connection; use it as a context manager. It does not come back by itself once lost."""

    def __init__(self, address: Address, listener: Listener, *, deadline: float = DEADLINE) -> None:
        self.address = address
        self._deadline = deadline
        self._listener = listener
        self._connected, self._lost = threading.Event(), threading.Event()
        self._subscribed: dict[int, tuple[threading.Event, list[bool]]] = {}
        self._login: ReasonCode | None = None
        self.end = ""
        """How the connection ended, in paho's words; empty while it is open."""
        self._client = self._new_client()

    @property
    def lost(self) -> bool:
        """Whether the broker has gone since the login."""
        return self._lost.is_set()

    def open(self) -> Self:
        """Connects and logs in.

        Raises Unreachable BROKER_UNREACHABLE or BROKER_TLS, Refused BROKER_DENIED.
        """
        address = self.address
        try:
            if address.tls:
                _shake_hands(address)
            self._client.connect(address.host, address.port, keepalive=30)
        except (OSError, ValueError) as error:
            raise _unreachable(address, str(getattr(error, "strerror", "") or error)) from error
        self._client.loop_start()
        try:
            self._await_login()
        except BaseException:
            self.close()
            raise
        return self

    def subscribe(self, *filters: str) -> None:
        """Subscribes and waits for the broker's word. Raises Refused BROKER_ACL for a filter it refuses."""
        code, mid = self._client.subscribe([(name, 1) for name in filters])
        if code != paho.MQTT_ERR_SUCCESS or mid is None:
            raise _unreachable(self.address, "the connection was lost")
        answered, granted = self._subscription(mid)
        if not answered.wait(self._deadline):
            raise _unreachable(self.address, f"no answer to a subscription within {self._deadline:g} s")
        refused = [name for name, fine in zip(filters, granted, strict=True) if not fine]
        if refused:
            raise BROKER_ACL(f"the broker {self.address} does not let this user read {', '.join(refused)}")

    def publish(self, topic: str, payload: str | bytes, *, qos: int = 1) -> bool:
        """Sends one unretained message; False if the connection is lost."""
        return self._client.publish(topic, payload, qos=qos).rc == paho.MQTT_ERR_SUCCESS

    def clear(self, topic: str) -> None:
        """Removes the retained message of a topic. Raises Unreachable BROKER_UNREACHABLE."""
        sent = self._client.publish(topic, b"", qos=1, retain=True)
        try:
            sent.wait_for_publish(self._deadline)
        except (RuntimeError, ValueError) as error:
            raise _unreachable(self.address, "the connection was lost") from error
        if not sent.is_published():
            raise _unreachable(self.address, f"no answer to a message within {self._deadline:g} s")

    def close(self) -> None:
        """Logs out; calling it twice is fine."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_client(self) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        client.connect_timeout = self._deadline
        if self.address.username or self.address.password:
            password = self.address.password.reveal() if self.address.password else None
            client.username_pw_set(self.address.username, password)
        if self.address.tls:
            client.tls_set_context(_context(self.address))
        client.on_socket_open = _without_delay
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _await_login(self) -> None:
        if not self._connected.wait(self._deadline):
            raise _unreachable(self.address, f"no answer to the login within {self._deadline:g} s")
        if self._login is None:
            raise _unreachable(self.address, "it ended the connection during the login; does it speak TLS?")
        if self._login.is_failure:
            raise BROKER_DENIED(f"the broker {self.address} refused the login: {str(self._login).lower()}")

    def _on_connect(self, _c: paho.Client, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        self._login = reason
        self._connected.set()

    def _on_disconnect(self, _c: paho.Client, _u: object, _f: object, reason: ReasonCode, _p: object) -> None:
        self.end = str(reason).lower()
        self._lost.set()
        self._connected.set()

    def _on_subscribe(
        self, _c: paho.Client, _u: object, mid: int, reasons: Sequence[ReasonCode], _p: object
    ) -> None:
        answered, granted = self._subscription(mid)
        granted.extend(not reason.is_failure for reason in reasons)
        answered.set()

    def _subscription(self, mid: int) -> tuple[threading.Event, list[bool]]:
        """The two sides meet here, whichever comes first."""
        return self._subscribed.setdefault(mid, (threading.Event(), []))

    def _on_message(self, _c: paho.Client, _u: object, message: paho.MQTTMessage) -> None:
        self._listener(message.topic, bytes(message.payload), message.retain)


def _without_delay(_c: paho.Client, _u: object, sock: object) -> None:
    """Nagle's algorithm would hold a small message back for up to 40 ms and spoil every measurement."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _shake_hands(address: Address) -> None:
    """Tries TLS on a connection of our own: paho leaves its socket open if the handshake fails."""
    context = _context(address)
    with socket.create_connection((address.host, address.port), DEADLINE) as plain:
        try:
            context.wrap_socket(plain, server_hostname=address.host).close()
        except OSError as error:  # an SSLError is one; a broker without TLS may simply hang up
            raise _tls_failed(address, error) from error


def _context(address: Address) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(address.ca_file) if address.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise SETTING_INVALID(
            f"MQTT_CA_FILE cannot be used: {error}",
            "Set MQTT_CA_FILE to the broker's certificate authority in PEM form.",
        ) from error


def _tls_failed(address: Address, error: OSError) -> Unreachable:
    why = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error.strerror or str(error)
    return BROKER_TLS(f"no TLS connection to the broker {address}: {str(why).lower()}")


def _unreachable(address: Address, why: str) -> Unreachable:
    return BROKER_UNREACHABLE(f"the broker {address} does not answer: {why}")
