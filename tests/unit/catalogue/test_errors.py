"""The catalogue of error codes: each code once, in its area, with words that a user can follow."""

from __future__ import annotations

import re
from functools import cache

import pytest
from tests.unit.house.sources import ROOT, SANDBOX, TOOL, modules

from bb8deploy.base.errors import CheckFailed, UsageError
from bb8deploy.catalogue.code_lookup import (
    TITLES,
    Listed,
    entries,
    errors,
    find,
    groups,
    module_of,
    nearest,
    of_area,
)
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom, first_sentence
from bb8deploy.catalogue.errors.host import HOST_DISK_FULL
from bb8deploy.catalogue.errors.settings import SETTING_MISSING
from bb8deploy.catalogue.rule_definitions.all_rules import rules

LISTED = [pytest.param(entry, id=code) for code, entry in errors().items()]


@cache
def words_of_the_code() -> frozenset[str]:
    """Each word of the source outside of the catalogue's errors."""
    texts = [m.text for m in (*modules(TOOL), *modules(SANDBOX)) if ".errors." not in m.name]
    return frozenset(word for text in texts for word in re.findall(r"\w+", text))


@pytest.mark.parametrize("area", Area)
def test_each_constant_is_named_as_its_code_and_is_in_the_module_of_its_area(area: Area) -> None:
    module = module_of(area)
    found = {name: one for name, one in vars(module).items() if isinstance(one, ErrorCode | Symptom)}
    assert found
    assert {name: (one.code, one.area) for name, one in found.items()} == {n: (n, area) for n in found}
    assert module.__doc__ == f"{TITLES[area]}: the codes of the area."


def test_no_code_is_in_two_areas() -> None:
    assert sum(len(of_area(area)) for area in Area) == len(errors())


@pytest.mark.parametrize("entry", LISTED)
def test_an_entry_reports_what_it_means_and_what_to_do(entry: Listed) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*[A-Z0-9]", entry.code)
    assert not entry.title.endswith(".")
    assert len(entry.title) <= 70
    assert entry.why.endswith(".")
    assert first_sentence(entry.remedy).endswith((".", "`"))
    assert len(first_sentence(entry.remedy)) <= 170


@pytest.mark.parametrize("entry", LISTED)
def test_every_code_is_used(entry: Listed) -> None:
    assert entry.code in words_of_the_code()


def test_only_the_catalogue_makes_codes() -> None:
    """mypy finds a misspelt constant; a code that is made of a string elsewhere could be misspelt unseen."""
    making = {m.name for m in (*modules(TOOL), *modules(SANDBOX)) if re.search(r"\bCode\(", m.text)}
    assert {name for name in making if ".catalogue." not in name} == {"bb8deploy.base.cache_folder"}


def test_an_error_takes_its_class_and_remedy_from_the_catalogue() -> None:
    error = HOST_DISK_FULL("the disk of the host is full", details=["df"])
    assert type(error) is CheckFailed
    assert (error.code, error.exit_code, error.cause) == ("HOST_DISK_FULL", 1, "the disk of the host is full")
    assert (error.remedy, error.details) == ("Free space on the host, then run again.", ("df",))


def test_a_raise_can_name_a_remedy_of_its_own() -> None:
    error = SETTING_MISSING("MQTT_HOST is not set", "Set MQTT_HOST in .env.")
    assert (type(error), error.remedy) == (UsageError, "Set MQTT_HOST in .env.")


def test_every_code_can_be_found_and_a_misspelt_one_has_a_neighbour() -> None:
    assert entries().keys() == errors().keys() | rules().keys()
    assert all(find(code) is not None and code in entry.page() for code, entry in entries().items())
    assert (find("SSH_LOTS"), nearest("SSH_LOTS"), nearest("QQQQ")) == (None, "SSH_LOST", "")


def test_the_groups_have_every_code_once() -> None:
    codes = [code for group in groups() for code, _, _ in group.rows]
    assert sorted(codes) == sorted(entries())


def test_the_documents_are_where_the_index_links_to() -> None:
    assert [area for area in Area if not (ROOT / "docs" / "errors" / f"{area}.md").is_file()] == []
