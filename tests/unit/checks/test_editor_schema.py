"""The editor schema: valid for any validator, published, with words to complete."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bb8deploy.checks.output.editor_schema import PUBLISHED, config_schema, published
from bb8deploy.checks.schema.table.config_fields import FIELDS

ROOT = Path(__file__).parents[3]


def patterns(node: Any) -> Iterator[str]:
    """Every pattern of the schema."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "pattern" and isinstance(value, str):
                yield value
            else:
                yield from patterns(value)
    elif isinstance(node, list):
        for value in node:
            yield from patterns(value)


def test_the_patterns_are_the_same_in_python_and_javascript() -> None:
    found = list(patterns(config_schema()))
    assert len(found) > 5
    for pattern in found:
        re.compile(pattern)
        assert not re.search(r"\(\?(?:P?<[A-Za-z]|P=)", pattern)
        assert not re.search(r"\\[-_ ]", pattern)  # with its u flag JavaScript refuses such escapes


def test_every_field_has_a_description_and_lists_have_words() -> None:
    schema = config_schema()["properties"]
    assert all(schema[field.name]["description"] for field in FIELDS)
    for name in ("arch", "machine", "privileged", "services"):
        assert len(schema[name]["items"]["enum"]) > 3


def test_the_published_file_is_up_to_date() -> None:
    assert (ROOT / PUBLISHED).read_text() == published()
    assert json.loads(published())["$schema"].endswith("draft-07/schema#")
