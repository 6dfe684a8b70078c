"""The connection to the broker: paho in its own thread, with bounded retries and without Nagle's delay."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bb8_core.mqtt.broker_credentials import Broker

if TYPE_CHECKING:
    import paho.mqtt.client as paho

KEEPALIVE_S = 15
RETRY_FIRST_S = 1
RETRY_LONGEST_S = 5
CONNECT_TIMEOUT_S = 5.0
SHORT_LIFE_S = 3.0
SHORT_LIVES = 3
"""After so many connections in a row that ended so soon, two clients share our client id."""
MAX_INFLIGHT = 200
MAX_QUEUED = 2000
"""Messages held for a slow broker; beyond it new ones are dropped. Nothing is held for an absent one."""

_log = logging.getLogger("bb8.mqtt")


@dataclass(frozen=True, slots=True)
class Will:
    """The last will, which the broker publishes when the connection is lost; retained, QoS 1."""

    topic: str
    payload: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it arrived; `expiry_s` is the rest of its MQTT 5 expiry, None if it has none."""

    topic: str
    payload: bytes
    retained: bool = False
    expiry_s: float | None = None


@dataclass(frozen=True, slots=True)
class Handlers:
    """Called in the client's own thread: hand over quickly and never raise."""

    on_up: Callable[[], None]
    """Connected and subscribed."""
    on_down: Callable[[str], None]
    """The connection ended or was refused; the text gives the reason."""
    on_message: Callable[[Message], None]
    on_end: Callable[[], None] = lambda: None
    """The thread ended by itself: nothing is received on this connection any more."""


class MqttClient:
    """One broker connection that heals itself; `publish` may be called from any thread."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        will: Will | None,
        subscriptions: tuple[str, ...],
        handlers: Handlers,
        stored: tuple[str, ...] = (),
    ) -> None:
        """Prepare; nothing is sent before `start`. Raises OSError if the CA file cannot be read.

        Of `subscriptions` only live messages are requested, of `stored` the retained ones, too.
        """
        self._broker = broker
        self._subscriptions = subscriptions
        self._stored = stored
        self._handlers = handlers
        self._connected = False
        self._leaving = False
        self._up_at = float("-inf")
        self._short_lives = 0
        self._client = new_client(broker, client_id, self._loop_ended)
        if will is not None:
            self._client.will_set(will.topic, will.payload, qos=1, retain=True)
        self._client.on_connect = self._connected_or_refused
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._received
        self._client.on_connect_fail = self._unreachable
        self._client.on_socket_open = without_delay

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and our subscriptions."""
        return self._connected

    def start(self) -> None:
        """Connect in the background, forever: attempts are 1 to 5 s apart."""
        options: dict[str, Any] = {"keepalive": KEEPALIVE_S}
        if self._broker.protocol == "5":
            options["clean_start"] = True
        self._client.connect_async(self._broker.host, self._broker.port, **options)
        self._client.loop_start()

    def publish(self, topic: str, payload: str, qos: int = 0, retain: bool = False) -> bool:
        """Hand a message to the broker; False, and nothing kept, while it is not connected."""
        if not self._client.is_connected():
            return False
        from paho.mqtt.enums import MQTTErrorCode

        try:
            info = self._client.publish(topic, payload, qos=qos, retain=retain)
            return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        except (ValueError, RuntimeError) as error:
            _log.warning("not published on %s: %s", topic, error)
            return False

    def flush_and_stop(self, last_topic: str, last_payload: str, timeout_s: float) -> None:
        """Publish a last retained message, wait for its acknowledgement, disconnect; blocks `timeout_s`.

        If the broker does not take it in time, the connection is cut, so that the last will is published.
        """
        self._leaving = True
        if not self._client.is_connected():
            self.leave()  # and no waiting for a thread that may be in the middle of an attempt
            return
        if not self._acknowledged(last_topic, last_payload, timeout_s):
            self._break_off()
        self.leave()
        self._client.loop_stop()

    def leave(self) -> None:
        """Disconnect without a last message, and without waiting."""
        self._leaving = True
        self._client.disconnect()

    def _acknowledged(self, topic: str, payload: str, timeout_s: float) -> bool:
        info = self._client.publish(topic, payload, qos=1, retain=True)
        try:
            info.wait_for_publish(timeout_s)
            return info.is_published()
        except (ValueError, RuntimeError) as error:
            _log.debug("last message: %s", error)
            return False

    def _break_off(self) -> None:
        sock = self._client.socket()
        with contextlib.suppress(OSError):
            if isinstance(sock, socket.socket):
                sock.shutdown(socket.SHUT_RDWR)

    # In paho's thread

    def _connected_or_refused(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            self._handlers.on_down(refusal(str(reason)))
            return
        live = [(topic, self._how(stored=False)) for topic in self._subscriptions]
        self._client.subscribe(live + [(topic, self._how(stored=True)) for topic in self._stored])

    def _how(self, *, stored: bool) -> Any:
        """QoS 1. MQTT 5 leaves out stored messages, and marks a live one that was sent to be retained."""
        if self._broker.protocol != "5":
            return 1
        from paho.mqtt.subscribeoptions import SubscribeOptions

        handling = (
            SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if stored else SubscribeOptions.RETAIN_DO_NOT_SEND
        )
        return SubscribeOptions(qos=1, retainAsPublished=not stored, retainHandling=handling)

    def _subscribed(self, _c: Any, _u: Any, _mid: int, reasons: list[Any], _p: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._handlers.on_down(f"the broker refused a subscription ({', '.join(refused)})")
            return
        self._connected = True
        self._up_at = time.monotonic()
        self._handlers.on_up()

    def _disconnected(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        was, self._connected = self._connected, False
        if self._leaving:
            _log.info("left the broker")
        elif was:
            self._handlers.on_down(self._ended(str(reason)))

    def _ended(self, reason: str) -> str:
        """Why a connection that was up has ended; one that ends again and again at once is taken over."""
        now = time.monotonic()
        self._short_lives = self._short_lives + 1 if now - self._up_at < SHORT_LIFE_S else 0
        if "taken over" in reason.lower() or self._short_lives >= SHORT_LIVES:
            return (
                "another client with the same client id connects again and again: probably a second bridge "
                "runs with the same base_topic; stop it or give it another one"
            )
        return f"the connection to the broker ended ({reason})"

    def _unreachable(self, _c: Any, _u: Any) -> None:
        self._handlers.on_down(unreachable(self._broker.host, self._broker.port, sys.exception()))

    def _loop_ended(self) -> None:
        if not self._leaving:
            self._handlers.on_end()

    def _received(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        self._handlers.on_message(Message(topic, bytes(message.payload), message.retain, expiry))


def _nothing() -> None:
    """The default for what happens at the end of a loop."""


def new_client(broker: Broker, client_id: str, on_loop_end: Callable[[], None] = _nothing) -> paho.Client:
    """A paho client with our bounds: reconnects within seconds, queues that end, TLS as asked for.

    `on_loop_end` is called in its thread at the end of its loop, even after an error in a callback.
    """
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    class LoopingClient(paho.Client):
        def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> Any:
            try:
                return super().loop_forever(timeout, retry_first_connection)
            except Exception:
                _log.critical("the broker connection ends because of an internal error", exc_info=True)
                raise
            finally:
                on_loop_end()

    five = broker.protocol == "5"
    options: dict[str, Any] = {} if five else {"clean_session": True}
    client = LoopingClient(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        **options,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.reconnect_delay_set(RETRY_FIRST_S, RETRY_LONGEST_S)
    client.max_inflight_messages_set(MAX_INFLIGHT)
    client.max_queued_messages_set(MAX_QUEUED)
    if broker.username:
        client.username_pw_set(broker.username, broker.password or None)
    if broker.tls:
        client.tls_set(ca_certs=broker.ca_file or None, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        client.tls_insecure_set(broker.tls_insecure)
    return client


def without_delay(_c: Any, _u: Any, sock: Any) -> None:
    """Send small packets at once: with Nagle's algorithm a QoS 1 round trip takes 40 ms more."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def unreachable(host: str, port: int, error: BaseException | None) -> str:
    """Why a connection could not be made, in words; paho calls `on_connect_fail` while `error` is handled."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return (
            f"the certificate of the broker {host}:{port} is not trusted ({why}): set "
            "mqtt_ca_file to the CA that signed it, and mqtt_host to the name that it is for"
        )
    if isinstance(error, ssl.SSLError):
        return f"the broker {host}:{port} does not speak TLS there ({error.reason}): check mqtt_port"
    return f"the broker {host}:{port} cannot be reached"


def refusal(reason: str) -> str:
    """A broker's refusal as a sentence that names what to change."""
    text = reason.lower()
    if "authori" in text or "user name" in text or "password" in text:
        return (
            f"the broker refused the login ({reason}): check mqtt_username and mqtt_password in the app's "
            "Configuration tab, or clear mqtt_host to use Home Assistant's own broker"
        )
    if "protocol" in text:
        return f"the broker refused the protocol version ({reason}): set mqtt_protocol to 3.1.1"
    return f"the broker refused the connection ({reason})"
