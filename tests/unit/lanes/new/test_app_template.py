"""The app that the template makes, held to the rules of validate and of a store."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from bb8deploy.base.findings import Level
from bb8deploy.checks.run_rules import check_addon
from bb8deploy.checks.store_repository import check_pages, check_repository
from bb8deploy.lanes.new.app_name import AppName
from bb8deploy.lanes.new.app_template import TEMPLATE, Language, NewFile, app_files, store_files
from bb8deploy.lanes.new.tool_release import ToolRelease

NAME = AppName.parse("night light")
MAINTAINER = 'Ann "the lamp" Ö\\'


def every_file(language: Language) -> tuple[NewFile, ...]:
    return (*store_files(NAME, MAINTAINER, ToolRelease("2026.1.1.0", "a" * 40)), *app_files(NAME, language))


@pytest.fixture(params=list(Language))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A new store with an app, written file by file."""
    for file in every_file(request.param):
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        path.chmod(0o755 if file.program else 0o644)
    return tmp_path


def test_the_app_has_no_finding_and_rates_six(store: Path) -> None:
    report = check_addon(store / NAME.slug, workspace=store)
    assert [str(one) for one in report.findings] == []
    assert report.rating is not None
    assert report.rating >= 6
    assert report.structure_ok
    assert report.manifest_ok
    assert report.local_build


def test_the_store_shows_every_page(store: Path) -> None:
    assert [*check_repository(store, Level.ERROR), *check_pages(store / NAME.slug)] == []
    assert yaml.safe_load((store / "repository.yaml").read_text("utf-8"))["maintainer"] == MAINTAINER


def test_every_option_has_a_translation(store: Path) -> None:
    config = yaml.safe_load((store / NAME.slug / "config.yaml").read_text("utf-8"))
    words = yaml.safe_load((store / NAME.slug / "translations" / "en.yaml").read_text("utf-8"))
    assert config["name"] == NAME.title
    assert set(config["options"]) == set(config["schema"]) == set(words["configuration"])


def test_the_settings_name_tests_that_exist(store: Path) -> None:
    named = tomllib.loads((store / "bb8deploy.toml").read_text("utf-8"))["tests"]
    tests = store / named.replace("{app}", NAME.slug)
    assert list(tests.glob("test_*.py"))
    assert "--hash=sha256:" in (tests / "requirements.txt").read_text("utf-8")


@pytest.mark.parametrize("language", Language)
def test_no_placeholder_is_left(language: Language) -> None:
    for file in every_file(language):
        assert not re.search(rb"@(slug|title|maintainer)@", file.data), file.path
        assert not re.search("app|dot", file.path.parts[0]), file.path


@pytest.mark.parametrize("language", Language)
def test_no_two_files_have_one_path(language: Language) -> None:
    paths = [file.path for file in every_file(language)]
    assert len(paths) == len(set(paths))


def test_what_the_container_starts_is_a_program() -> None:
    programs = {file.path.name for file in app_files(NAME, Language.SHELL) if file.program}
    assert programs == {"run.sh"}


def test_the_actions_are_those_of_our_own_workflows() -> None:
    ours = Path(__file__).parents[4] / ".github" / "workflows" / "test.yml"
    pinned = re.compile(r"uses: (\S+@[0-9a-f]{40} # \S+)")
    template = (TEMPLATE / "store" / "dot.github" / "workflows" / "ci.yaml").read_text("utf-8")
    assert set(pinned.findall(template)) <= set(pinned.findall(ours.read_text("utf-8")))
    own = template.count("uses: e-app-404/ha-bb8-addon@@commit@ # ")
    assert (own, len(pinned.findall(template)) + own) == (1, template.count("uses:"))


def test_the_template_stays_small() -> None:
    assert sum(len(file.data) for one in Language for file in every_file(one)) < 30_000
