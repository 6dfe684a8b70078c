"""Changes the config file of a delivery: the host gets another one than the workspace has."""

from __future__ import annotations

import json
from collections.abc import Callable

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.overlay.delivery_draft import Draft
from bb8deploy.workspace.app_config import CONFIG_NAMES, parse_config

_HEAD = b"# Written by bb8deploy for this host; the workspace and the published app have another one.\n"


def config_of(draft: Draft) -> JsonObject:
    """The config as it will be delivered; empty if there is none that can be read."""
    name = config_name(draft)
    try:
        return parse_config(draft.text(name) or b"", name) if name else {}
    except Bb8Error:
        return {}


def with_config(draft: Draft, change: Callable[[JsonObject], JsonObject]) -> Draft:
    """The draft with a changed config; the same draft if the change changes nothing."""
    name, config = config_name(draft), config_of(draft)
    changed = change(config)
    return draft if not config or changed == config else draft.put(name, _written(name, changed))


def config_name(draft: Draft) -> str:
    """The config file that the Supervisor takes, empty if there is none."""
    return next((name for name in CONFIG_NAMES if draft.text(name) is not None), "")


def _written(name: str, config: JsonObject) -> bytes:
    """The text of a config. JSON is written as JSON, which is what the Supervisor expects by the name."""
    if name.endswith(".json"):
        return (json.dumps(config, indent=2, ensure_ascii=False) + "\n").encode()
    import yaml

    return _HEAD + yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode()
