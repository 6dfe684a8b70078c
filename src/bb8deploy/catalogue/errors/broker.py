"""The MQTT broker and the attestation: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, Refused, Unreachable
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
ATTEST_FAILED = ErrorCode(
    Code("ATTEST_FAILED"), Area.BROKER, CheckFailed, "the attestation failed",
    "The measurement was completed, but at least one criterion was not met: 10 seconds, three answered"
    " echoes, 95 of 100 round trips within 250 ms and, with `--require-ble`, a ping that the robot answered."
    " No token is written.",
    "Look at reports/stp5/metrics_summary.json, and at the load of the host and the broker. Then run"
    " `bb8deploy attest` again.",
)
ATTEST_REQUIRED = ErrorCode(
    Code("ATTEST_REQUIRED"), Area.BROKER, CheckFailed, "the attestation is required, but not possible",
    "`--require-attest` is used, but `MQTT_HOST` is not set, or the app has `enable_echo: false`.",
    "Set MQTT_HOST and turn on the app's echo, or leave out --require-attest.",
)
BRIDGE_OFFLINE = Symptom(
    Code("BRIDGE_OFFLINE"), Area.BROKER, "the app is not online on the broker",
    "The bridge's retained status below the base topic is missing or is not `online`. Home Assistant shows"
    " the robot's entities as unavailable.",
    "Start the app; if it runs, compare its options base_topic and mqtt_host with MQTT_BASE_TOPIC and"
    " MQTT_HOST.",
)
BROKER_ACL = ErrorCode(
    Code("BROKER_ACL"), Area.BROKER, Refused, "the broker does not allow reading the app's topics",
    "The login worked, but an access list refused the subscription. Without these topics nothing can be"
    " attested.",
    "Give the user in MQTT_USERNAME read and write access below MQTT_BASE_TOPIC. It also needs read"
    " access to `homeassistant/device/+/config`.",
)
BROKER_DENIED = ErrorCode(
    Code("BROKER_DENIED"), Area.BROKER, Refused, "the broker refused the login",
    "The broker does not accept this user name and password. The app has its own login, so it may still"
    " work.",
    "Correct MQTT_USERNAME and MQTT_PASSWORD. The Mosquitto app accepts every user of Home Assistant; a"
    " separate user for bb8deploy is better.",
)
BROKER_LEFTOVERS = Symptom(
    Code("BROKER_LEFTOVERS"), Area.BROKER, "leftover retained messages",
    "There are retained messages below the base topic that the current app does not write, or an"
    " announcement of another robot. Retained commands are refused at every start, and an old"
    " announcement leaves entities that never answer.",
    "Clear each topic with an empty retained message: `mosquitto_pub -r -n -t TOPIC`.",
)
BROKER_LOST = ErrorCode(
    Code("BROKER_LOST"), Area.BROKER, Unreachable, "the connection was lost during the attestation",
    "The connection ended during the window: the broker stopped, or another client used the same client"
    " id.",
    "Check the broker's log, then run `bb8deploy attest` again.",
)
BROKER_STORM = Symptom(
    Code("BROKER_STORM"), Area.BROKER, "the broker refuses the app again and again",
    "The app's log has many failed connections to the broker: a refused login, missing rights, or no"
    " broker. The bridge tries again every 1 to 5 seconds.",
    "Correct the MQTT login in the app's Configuration tab, or start the broker, then restart the app."
    " With an empty mqtt_host the app uses Home Assistant's own broker.",
)
BROKER_TLS = ErrorCode(
    Code("BROKER_TLS"), Area.BROKER, Unreachable, "no TLS connection to the broker",
    "`MQTT_TLS` is on, and the handshake failed: the certificate is not trusted or names another host,"
    " or the port does not use TLS. Certificates are always checked.",
    "Set MQTT_CA_FILE to the authority that signed the broker's certificate, and MQTT_PORT to its TLS"
    " port (usually 8883). MQTT_HOST must be the name in the certificate.",
)
BROKER_UNREACHABLE = ErrorCode(
    Code("BROKER_UNREACHABLE"), Area.BROKER, Unreachable, "the MQTT broker does not answer",
    "bb8deploy could not connect to MQTT_HOST:MQTT_PORT within 10 seconds. Nothing was changed.",
    "Start the broker, or correct MQTT_HOST and MQTT_PORT. If MQTT_HOST is empty, nothing is attested.",
)
ECHO_FROM_OTHER = ErrorCode(
    Code("ECHO_FROM_OTHER"), Area.BROKER, CheckFailed, "another app answers the echo",
    "The retained identity on `<base>/status/identity` names another version, digest or run than the"
    " one that this run deployed and verified.",
    "Set MQTT_HOST to the broker of the deployed app, or give each app its own base_topic (and"
    " MQTT_BASE_TOPIC here).",
)
ECHO_FROM_UNKNOWN = ErrorCode(
    Code("ECHO_FROM_UNKNOWN"), Area.BROKER, CheckFailed, "it is unknown which app answers the echo",
    "This run deployed and verified a version, and an app answers echoes, but `<base>/status/identity`"
    " is empty or not a JSON object. Another app could be answering.",
    "Let the app publish its identity to `<base>/status/identity`, retained, or set MQTT_HOST to the"
    " broker that it uses. To release an app that cannot do so, leave MQTT_HOST empty. `bb8deploy"
    " attest` alone attests any responder.",
)
ECHO_MISSING = ErrorCode(
    Code("ECHO_MISSING"), Area.BROKER, CheckFailed, "no answer to the echo",
    "Echo commands were published for 30 seconds, and no answer came on `<base>/echo/ack`. The measurement"
    " did not start.",
    "Check in `bb8deploy logs` that the responder logs `Connected` and `Subscribed`, and check the app's"
    " options enable_echo, base_topic and mqtt_host. base_topic must equal MQTT_BASE_TOPIC, and the app"
    " must use the broker in MQTT_HOST.",
)
RESPONDER_TWICE = Symptom(
    Code("RESPONDER_TWICE"), Area.BROKER, "two echo responders on one base topic",
    "According to the app's log, another echo responder took over its base topic. An attestation then"
    " measures the other one.",
    "Stop the other bridge on this broker, or give it another base_topic, then restart the app.",
)
