"""The name of an instance and its ports."""

from __future__ import annotations

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.settings.app_instance import Instance


@pytest.mark.parametrize("name", ["beta", "b2", "next_one", "a" * 20])
def test_a_name_becomes_the_end_of_the_slug(name: str) -> None:
    assert Instance.parse(name).slug("lamp") == f"lamp_{name}"


@pytest.mark.parametrize("name", ["", "Beta", "_b", "b_", "a__b", "a-b", "a b", "a/b", "..", "ä", "a" * 21])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        Instance.parse(name)
    assert caught.value.code == "INSTANCE_INVALID"


@pytest.mark.parametrize(("ports", "offset"), [("", None), ("drop", None), ("+1", 1), ("+1000", 1000)])
def test_ports_are_dropped_or_moved(ports: str, offset: int | None) -> None:
    assert Instance.parse("beta", ports).offset == offset


@pytest.mark.parametrize("ports", ["1000", "+0", "-1", "+x", "keep", "+1000000"])
def test_any_other_word_about_ports_is_refused(ports: str) -> None:
    with pytest.raises(UsageError) as caught:
        Instance.parse("beta", ports)
    assert caught.value.code == "INSTANCE_INVALID"
