"""The MQTT broker: reach, TLS, login, rights by a probe that comes back, what the app left there."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.short_lists import first_few
from bb8deploy.base.untrusted_json import json_object
from bb8deploy.catalogue.errors.broker import BROKER_ACL, BROKER_DENIED, BROKER_LEFTOVERS, BROKER_TLS
from bb8deploy.lanes.diagnose.check_result import Check, Sheet, gave_no_answer
from bb8deploy.runs.run import Run

if TYPE_CHECKING:
    from bb8deploy.transport.mqtt import Address, BrokerLink

SUBJECT = "broker"
PROBE_DEADLINE = 3.0
"""Seconds for a message to come back to its sender; a broker that does not allow it does not answer."""
READY_SECONDS = 3.0
"""Seconds that the app may listen for the robot; a BB-8 that is awake is heard several times a second."""
DISCOVERY = "homeassistant/device/+/config"
# What the bridge keeps on the broker (CONTRACTS section 8); anything else retained there is a leftover.
KEPT = ("status", "echo/owner")
KEPT_BELOW = ("status/", "state/")
SHOWN = 4


@dataclass(frozen=True, slots=True)
class BrokerSeen:
    """The retained messages of the app by topic, and its answer whether the robot can be heard."""

    checks: tuple[Check, ...]
    base: str = ""
    reached: bool = False
    retained: Mapping[str, str] = field(default_factory=dict)
    ready: Mapping[str, object] | None = None


@dataclass(slots=True)
class _Listener:
    """Keeps what comes in; the connection's thread fills it."""

    base: str
    retained: dict[str, str] = field(default_factory=dict)
    live: dict[str, str] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, topic: str, payload: bytes, retained: bool) -> None:
        text = payload.decode("utf-8", "replace")
        with self.changed:
            (self.retained if retained else self.live)[topic] = text
            self.changed.notify_all()

    def wait_for(self, topic: str, word: str, seconds: float) -> bool:
        """Whether a live message with `word` in it came on `topic` in time."""
        with self.changed:
            return self.changed.wait_for(lambda: word in self.live.get(topic, ""), seconds)


def look(run: Run, left: Callable[[], float]) -> BrokerSeen:
    """Looks at the broker; all that is sent is an unretained probe and the question for the robot.

    `left` are the seconds that the connection may take.
    """
    from bb8deploy.transport.mqtt import BrokerLink, address_of

    sheet = Sheet(SUBJECT)
    if not run.settings.mqtt.host:
        sheet.skip("reach", "MQTT_HOST is not set")
        return BrokerSeen(tuple(sheet.checks))
    ear = _Listener(run.settings.mqtt.base_topic)
    link: BrokerLink | None = None
    try:
        address = address_of(run.settings)
        link = BrokerLink(address, ear, deadline=left())
        link.open()
    except Bb8Error as error:
        _login_failed(sheet, run, error)
        return BrokerSeen(tuple(sheet.checks), ear.base)
    try:
        _opened(sheet, address)
        if not _rights(sheet, link, ear):
            return BrokerSeen(tuple(sheet.checks), ear.base, reached=True)
        ready = _ask_for_robot(link, ear)
    finally:
        link.close()
    retained = dict(ear.retained)
    _leftovers(sheet, retained, ear.base)
    return BrokerSeen(tuple(sheet.checks), ear.base, reached=True, retained=retained, ready=ready)


def leftovers(retained: Mapping[str, str], base: str) -> tuple[str, ...]:
    """Retained topics that the current app does not publish, such as retained commands."""
    below = {topic.removeprefix(f"{base}/"): topic for topic in retained if topic.startswith(f"{base}/")}
    strange = [t for name, t in below.items() if name not in KEPT and not name.startswith(KEPT_BELOW)]
    devices = [t for t in retained if "/device/bb8_" in t]
    current = [t for t in devices if t.split("/")[-2] == _device(retained, base)]
    gone = [t for t in devices if current and t not in current]
    return tuple(sorted(strange) + sorted(gone))


def _device(retained: Mapping[str, str], base: str) -> str:
    """The id under which the robot of now is announced."""
    address = connection_of(retained, base).get("address")
    return "bb8_" + str(address).replace(":", "").lower() if address else ""


def connection_of(retained: Mapping[str, str], base: str) -> Mapping[str, object]:
    """What the app last reported about its link to the robot."""
    return json_object(retained.get(f"{base}/status/connection", ""))


def _opened(sheet: Sheet, address: Address) -> None:
    sheet.ok("reach", f"{address} answers")
    if address.tls:
        sheet.ok("tls", "the certificate is trusted")
    else:
        sheet.skip("tls", "MQTT_TLS is off")
    sheet.ok("login", f"as {address.username}" if address.username else "without a name")


def _login_failed(sheet: Sheet, run: Run, error: Bb8Error) -> None:
    """Reports how far the connection to the broker came: address, TLS, login."""
    where = f"{run.settings.mqtt.host}:{run.settings.mqtt.port}"
    if gave_no_answer(error) and error.code != BROKER_TLS.code:
        sheet.error("reach", error)
        sheet.skip("login", "the broker did not answer")
    elif error.code == BROKER_TLS.code:
        sheet.ok("reach", f"{where} answers")
        sheet.fail("tls", error.cause, error.remedy, error.code)
        sheet.skip("login", "no TLS connection came about")
    else:
        if error.code == BROKER_DENIED.code:
            sheet.ok("reach", f"{where} answers")
        sheet.error("login", error)


def _rights(sheet: Sheet, link: BrokerLink, ear: _Listener) -> bool:
    """Publishes and waits for it to come back; by then every retained message has come, too."""
    nonce = secrets.token_hex(8)
    topic = f"{ear.base}/diagnose/{nonce}"
    try:
        link.subscribe(f"{ear.base}/#", DISCOVERY)
    except Bb8Error as error:
        sheet.error("rights", error)
        return False
    link.publish(topic, nonce)
    if ear.wait_for(topic, nonce, PROBE_DEADLINE):
        sheet.ok("rights", f"a probe below {ear.base}/ came back")
        return True
    seen = f"a probe on {ear.base}/diagnose/ did not come back: its user may not write or not read there"
    remedy = "Give the user of MQTT_USERNAME the right to read and write below the base topic."
    sheet.fail("rights", seen, remedy, BROKER_ACL.code)
    return True


def _ask_for_robot(link: BrokerLink, ear: _Listener) -> Mapping[str, object] | None:
    """Asks the running app to listen for the robot, without waking it; None without an answer."""
    online = ear.retained.get(f"{ear.base}/status") == "online"
    state = connection_of(ear.retained, ear.base).get("state")
    if not online or state in {None, "adapter_off"}:
        return None
    nonce = secrets.token_hex(8)
    topic = f"{ear.base}/ble_ready/summary"
    link.publish(f"{ear.base}/ble_ready/cmd", json.dumps({"timeout_s": READY_SECONDS, "nonce": nonce}))
    if not ear.wait_for(topic, nonce, READY_SECONDS + PROBE_DEADLINE):
        return {}
    return json_object(ear.live[topic])


def _leftovers(sheet: Sheet, retained: Mapping[str, str], base: str) -> None:
    found = leftovers(retained, base)
    if not found:
        sheet.ok("retained", "nothing is left over below the base topic")
        return
    seen = f"retained messages without an owner: {first_few(found, SHOWN)}"
    remedy = "Clear each with an empty retained message (`mosquitto_pub -r -n -t TOPIC`)."
    sheet.warn("retained", seen, remedy, BROKER_LEFTOVERS.code)
