"""Which retained MQTT messages are an app's: those below its base topic, and its discovery messages. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping


def of_app(messages: Mapping[str, bytes], base: str, prefix: str) -> tuple[str, ...]:
    """The topics of the messages that belong to the app with this base topic, sorted.

    A discovery message (`<prefix>/.../config`) belongs to it only if every topic in it is below `base`. If
    the prefix is below `base`, none do, because then the messages of all apps are below it. Source: MQTT
    discovery of Home Assistant, with its abbreviations.
    """
    if f"{prefix}/".startswith(f"{base}/"):
        return ()
    return tuple(
        sorted(topic for topic, payload in messages.items() if _is_own(topic, payload, base, prefix))
    )


def _is_own(topic: str, payload: bytes, base: str, prefix: str) -> bool:
    if topic.startswith(f"{base}/"):
        return True
    if not (topic.startswith(f"{prefix}/") and topic.endswith("/config")):
        return False
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    named = list(_topics(data, ""))
    return bool(named) and all(name == base or name.startswith(f"{base}/") for name in named)


def _topics(data: object, above: str) -> Iterator[str]:
    """Every topic in a discovery message; `~` is the base that the message names."""
    if isinstance(data, list):
        for item in data:
            yield from _topics(item, above)
    if not isinstance(data, dict):
        return
    tilde = str(data.get("~") or above)
    for key, value in data.items():
        if isinstance(value, str) and _is_topic(key):
            yield value.replace("~", tilde) if tilde and value != tilde else value
        else:
            yield from _topics(value, tilde)


def _is_topic(key: str) -> bool:
    return key in {"topic", "t"} or key.endswith(("_topic", "_t"))
