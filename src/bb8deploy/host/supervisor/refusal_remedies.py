"""What to do about each refusal of the Supervisor and about each kind of silence: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

LOOK = "See the Supervisor's log (`bb8deploy logs --supervisor`)."
# Source: the reasons of the Supervisor's resolution center, 2026.08.
_UNHEALTHY = {
    "setup": "Fix the config file that the Supervisor could not load, then run `ha supervisor restart`: "
    "only a restart clears `setup`.",
    "supervisor": "Run `ha supervisor update` on the host: the Supervisor could not update itself.",
    "privileged": "Start the Supervisor's container with `privileged`, as Home Assistant's installer does.",
    "docker": "Repair or update Docker on the host: the Supervisor does not support it as it is.",
    "oserror_bad_message": "Check the host's disk, which returns damaged data, and restore a backup.",
}
_IN_MESSAGE = re.compile(r"not healthy - (?P<reasons>[\w, ]+)")
_CORE_DOWN = "Check that Home Assistant Core runs, and its port: 80 on a new installation, 8123 on others."
_CONTAINER_DOWN = (
    "Start the Supervisor's container, which has stopped: reboot the host, or run "
    "`docker start hassio_supervisor` on it."
)
_NAME_UNKNOWN = "Check the host name in HA_URL or SUPERVISOR_URL, or use an IP address."
_NO_NETWORK = "Check the network between this machine and the host."
_NO_TLS = "Set HA_CA_FILE to the authority that signed the certificate, and use its host name in HA_URL."
_SILENCES = tuple(
    (re.compile(pattern, re.IGNORECASE), remedy)
    for pattern, remedy in (
        (r"connection refused|errno 111|actively refused", _CORE_DOWN),
        (r"no route to host|172\.30\.32\.2", _CONTAINER_DOWN),
        (r"name or service not known|name resolution|nodename nor|getaddrinfo", _NAME_UNKNOWN),
        (r"host is down|unreachable", _NO_NETWORK),
        (r"certificate|ssl", _NO_TLS),
    )
)
AFTER_SILENCE = "Wait until `ha jobs info` on the host shows no job for the app, then run the command again."


def unhealthy(reasons: Iterable[str]) -> str:
    """The remedy for an unhealthy Supervisor, by the first reason that is known."""
    known = (_UNHEALTHY[reason] for reason in reasons if reason in _UNHEALTHY)
    return next(known, "Fix what `ha resolution info` on the host names, then run again.")


def unhealthy_in(message: str) -> str:
    """The remedy for a refusal that names the reasons, such as `system is not healthy - setup, docker`."""
    found = _IN_MESSAGE.search(message)
    return unhealthy(reason.strip() for reason in found["reasons"].split(",")) if found else unhealthy(())


def silence(why: str) -> str:
    """The remedy for a call without an answer, by what the connection reported."""
    return next((remedy for pattern, remedy in _SILENCES if pattern.search(why)), AFTER_SILENCE)
