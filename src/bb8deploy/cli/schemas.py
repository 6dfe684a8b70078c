"""The JSON Schemas that `bb8deploy schema` prints, by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from bb8deploy.catalogue.errors.tool import SCHEMA_UNKNOWN


def names() -> list[str]:
    """Every name that `document` knows."""
    return ["config", *sorted(_contracts())]


def document(name: str) -> dict[str, Any]:
    """The schema of that name; raises UsageError for an unknown name."""
    if name == "config":
        from bb8deploy.checks.output.editor_schema import config_schema

        return config_schema()
    known = _contracts()
    if name not in known:
        raise SCHEMA_UNKNOWN(f"there is no schema `{name}`", f"Known: config, {', '.join(known)}.")
    result: dict[str, Any] = known[name].model_json_schema()
    return result


def _contracts() -> dict[str, Any]:
    """Each contract model by its contract's name: the `contract` default, else the module's name."""
    from bb8deploy.runs import contracts
    from bb8deploy.runs.contracts.base import Contract

    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(contracts.__path__):
        loaded = importlib.import_module(f"bb8deploy.runs.contracts.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, Contract) and value is not Contract:
                default = value.model_fields["contract"].default
                found[default if isinstance(default, str) else f"{module.name}_contract_v1"] = value
    return found
