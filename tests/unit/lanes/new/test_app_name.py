"""The name of a new app: what is accepted, and that everything else gets one error."""

from __future__ import annotations

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.lanes.new.app_name import LONGEST, AppName
from bb8deploy.workspace.app_config import SLUG


@pytest.mark.parametrize(
    ("text", "slug", "title"),
    [
        ("hello_lamp", "hello_lamp", "Hello Lamp"),
        ("hello-lamp", "hello_lamp", "Hello Lamp"),
        ("Hello Lamp", "hello_lamp", "Hello Lamp"),
        ("  lamp ", "lamp", "Lamp"),
        ("x2y", "x2y", "X2y"),
        ("null", "null", "Null"),
        ("console", "console", "Console"),
        ("a" * LONGEST, "a" * LONGEST, "A" + "a" * (LONGEST - 1)),
    ],
)
def test_a_name_has_a_slug_and_a_title(text: str, slug: str, title: str) -> None:
    assert AppName.parse(text) == AppName(slug, title)
    assert SLUG.fullmatch(slug)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", "..", "../x", "/tmp/x", "a/b", "a\\b", "-x", "_x", "x_", "9lives", "a__b", "a  b",
        "a\nb", "a\0b", "--help", "läuft", "灯", "a.b", "a@b", "$(id)", "a" * (LONGEST + 1),
        "addon", "Tests", "rootfs", "reports", "CON", "nul", "Aux", "prn", "com1", "LPT9",
    ],
)  # fmt: skip
def test_any_other_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        AppName.parse(text)
    assert refused.value.code == "NEW_NAME_INVALID"
    assert refused.value.exit_code == 2
