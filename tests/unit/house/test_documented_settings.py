"""Every setting that pages, messages and workflows name is one that bb8deploy reads."""

from __future__ import annotations

import ast
import re

from ops.docs import commands, generate
from tests.unit.house.sources import ROOT, TOOL, modules

from bb8deploy.catalogue.code_lookup import entries
from bb8deploy.settings.settings_table import KEYS

_LOOKS_LIKE = re.compile(r"(?<![\w/.-])(?:HA|MQTT|REMOTE|BB8)_[A-Z][A-Z_]*[A-Z]\b")
# Codes of errors may begin like a setting (HA_URL_MISSING).
KNOWN = {name for key in KEYS for name in (key.name, *key.aliases)} | entries().keys()


def test_pages_and_workflows_name_settings_that_exist() -> None:
    pages = [*commands.pages(), *(ROOT / ".github" / "workflows").glob("*.yml")]
    named = {page: set(_LOOKS_LIKE.findall(page.read_text(encoding="utf-8"))) for page in pages}
    assert not {str(page.relative_to(ROOT)): names - KNOWN for page, names in named.items() if names - KNOWN}


def test_messages_name_settings_that_exist() -> None:
    strange = {
        name: f"{module.path.relative_to(ROOT)}:{node.lineno}"
        for module in modules(TOOL)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
        for name in _LOOKS_LIKE.findall(node.value)
        if name not in KNOWN
    }
    assert not strange


def test_the_variables_of_the_program_itself_are_not_settings() -> None:
    """What stands in both tables would be read twice, with two meanings."""
    assert not {name for name, _ in generate.ENVIRONMENT} & KNOWN
