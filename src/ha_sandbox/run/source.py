"""Checks what `sandbox run` was given before anything is built: the app's config, options, folder of logs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from bb8deploy.base.yaml_loader import load
from bb8deploy.catalogue.errors.tool import SANDBOX_NO_APP, SANDBOX_OPTION_INVALID
from ha_sandbox.json_types import Config
from ha_sandbox.local_app import config_file
from ha_sandbox.supervisor.config_and_options_checks import (
    ConfigCrash,
    ConfigRefused,
    OptionsRefused,
    accept_config,
    accept_options,
)


def config_of(tree: Path) -> Config:
    """The app's config as the Supervisor keeps it. Raises UsageError SANDBOX_NO_APP if it refuses it."""
    import yaml

    file = config_file(tree)
    try:
        return accept_config(load(file.read_bytes()))
    except (OSError, yaml.YAMLError) as error:
        raise SANDBOX_NO_APP(f"{file} cannot be read: {error}") from error
    except (ConfigRefused, ConfigCrash) as error:
        raise SANDBOX_NO_APP(f"the Supervisor refuses {file}: {error}") from error


def need_options(options: Mapping[str, object], config: Config) -> None:
    """Raises UsageError SANDBOX_OPTION_INVALID for an option that the app does not have, or a wrong value.

    A Supervisor drops an unknown option without an error; in a test that would go unnoticed.
    """
    schema = config.get("schema")
    if not isinstance(schema, Mapping):
        return
    for name in options:
        if name not in schema:
            near = difflib.get_close_matches(name, list(schema), 1)
            hint = f"; did you mean {near[0]}?" if near else f" (it has {', '.join(schema) or 'none'})"
            raise SANDBOX_OPTION_INVALID(f"the app has no option {name}{hint}")
    if options:
        _need_values({**config.get("options", {}), **options}, config)


def _need_values(options: Mapping[str, object], config: Config) -> None:
    try:
        accept_options(config["schema"], options, config["name"], config["slug"])
    except OptionsRefused as error:
        name = ".".join(str(step) for step in error.path)
        raise SANDBOX_OPTION_INVALID(f"the Supervisor refuses the option {name}: {error.problem}") from error


def need_folder(logs: Path | None) -> None:
    """Creates the folder of `--logs`. Raises UsageError SANDBOX_OPTION_INVALID if that is not possible."""
    try:
        if logs is not None:
            logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SANDBOX_OPTION_INVALID(f"--logs {logs} is not a folder: {error.strerror}") from error
