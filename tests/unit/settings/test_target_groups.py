"""Groups of targets: what bb8deploy.toml may say, and which targets an option means."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.settings.load_settings import load
from bb8deploy.settings.target_groups import TargetGroup, choose_targets, groups_of

KNOWN = ["cabin", "home", "kitchen"]
TABLE = """
[groups]
cottages = ["cabin", "home"]

[groups.house]
targets = ["home", "kitchen", "default"]
canary = ["kitchen"]
wave = 4
max-failures = 2
pause = 1.5
"""


def written(folder: Path, text: str) -> Path:
    (folder / "bb8deploy.toml").write_text(text)
    return folder


def test_a_group_is_a_list_or_a_table_with_the_canaries_first(tmp_path: Path) -> None:
    assert groups_of(written(tmp_path, TABLE)) == {
        "cottages": TargetGroup("cottages", ("cabin", "home")),
        "house": TargetGroup("house", ("kitchen", "home", "default"), 1, 4, 2, 1.5),
    }


def test_no_groups_are_none(tmp_path: Path) -> None:
    assert groups_of(tmp_path) == {}
    assert choose_targets(tmp_path, ["nowhere"], KNOWN).names == ("nowhere",)


def test_groups_and_targets_are_put_together_each_target_once(tmp_path: Path) -> None:
    chosen = choose_targets(written(tmp_path, TABLE), ["cabin", "house", "cottages"], KNOWN)
    assert chosen.names == ("cabin", "kitchen", "home", "default")
    assert chosen.group is not None
    assert chosen.group.name == "house"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups = 1", "`groups` in bb8deploy.toml is not a table"),
        ("[groups]\nhouse = []", "has no list of targets"),
        ("[groups]\nhouse = 'home'", "has no list of targets"),
        ("[groups.house]\nwave = 1", "has no list of targets"),
        ("[groups.house]\ntargets = ['home']\ncanry = 1", "the unknown name `canry`"),
        ("[groups.house]\ntargets = ['home']\ncanary = ['cabin']", "the canary `cabin`"),
        ("[groups.house]\ntargets = ['home']\ncanary = true", "`canary`"),
        ("[groups.house]\ntargets = ['home']\nwave = 0", "`wave`"),
        ("[groups.house]\ntargets = ['home']\nmax-failures = 'x'", "`max-failures`"),
        ("[groups.house]\ntargets = ['home']\npause = -1", "`pause`"),
        ("[groups]\nhouse = ['home', 'attic']", ".env.attic does not exist"),
        ("[groups]\nhouse = ['home']\ncabin = ['home']", "`cabin` has the name of a target"),
    ],
)
def test_a_group_that_is_not_valid_is_one_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        choose_targets(written(tmp_path, text), ["house", "cabin"], KNOWN)
    assert caught.value.code == "GROUP_INVALID"


def test_a_command_for_one_target_refuses_a_group_and_names_those_that_take_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(written(tmp_path, TABLE), target="house", environ={})
    assert caught.value.code == "GROUP_NOT_TAKEN"
    assert "deploy, diagnose, history, rollback, status, verify" in caught.value.remedy


def test_a_name_that_is_neither_is_refused_with_the_known_names(tmp_path: Path) -> None:
    (tmp_path / ".env.home").touch()
    with pytest.raises(UsageError, match=r"no target or group `x`.*known: home; groups: cottages, house"):
        load(written(tmp_path, TABLE), target="x", environ={})
