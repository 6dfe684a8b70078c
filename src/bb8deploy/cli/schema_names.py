"""The JSON Schemas that `bb8deploy schema` prints, by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.tool import SCHEMA_UNKNOWN

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.base import Contract


def names() -> list[str]:
    """Every name that `document` knows."""
    return ["config", *sorted(_contracts())]


def document(name: str) -> JsonObject:
    """The schema of that name; raises UsageError for an unknown name."""
    if name == "config":
        from bb8deploy.checks.output.editor_schema import config_schema

        return config_schema()
    known = _contracts()
    if name not in known:
        raise SCHEMA_UNKNOWN(f"there is no schema `{name}`", f"Known: config, {', '.join(known)}.")
    return known[name].model_json_schema()


def _contracts() -> dict[str, type[Contract]]:
    """Each contract model by the name of its contract."""
    from bb8deploy.runs import contracts
    from bb8deploy.runs.contracts.base import Contract

    found: dict[str, type[Contract]] = {}
    for module in pkgutil.iter_modules(contracts.__path__):
        loaded = importlib.import_module(f"bb8deploy.runs.contracts.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, Contract) and value is not Contract:
                found[value.model_fields["contract"].default] = value
    return found
