"""YAML is read as the Supervisor reads it, with PyYAML's loader in C."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import bb8deploy
from bb8deploy.base.yaml_loader import load

SOURCES = Path(bb8deploy.__file__).parent.parent


def test_a_question_mark_before_the_end_of_a_mapping_is_part_of_the_text() -> None:
    if not hasattr(yaml, "CSafeLoader"):
        pytest.skip("SKIPPED: this PyYAML was built without libyaml")
    assert load("{password: password?}") == {"password": "password?"}


def test_a_text_that_nests_without_end_is_an_error_of_yaml() -> None:
    """libyaml would end the process."""
    with pytest.raises(yaml.YAMLError, match="nests deeper"):
        load("[" * 50_000)


def test_no_module_reads_yaml_with_another_loader() -> None:
    packages = ("bb8deploy", "ha_sandbox")
    files = [file for package in packages for file in (SOURCES / package).rglob("*.py")]
    assert [f.name for f in files if "yaml.safe_load(" in f.read_text(encoding="utf-8")] == []
