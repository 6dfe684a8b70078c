"""Swaps: earlier trees are kept and come back, an interrupted one shows, and the Supervisor will notice."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.unit.host.localhost import Place

from bb8deploy.base.errors import Bb8Error, CheckFailed
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import FoundTree, PutIn

IGNORE = Ignore.parse("")


def names(place: Place) -> list[str]:
    """The versions of the earlier trees, the newest first."""
    stamps = [Stamp.parse(tree.stamp) for tree in place.files.earlier()]
    return [stamp.version if stamp else "?" for stamp in stamps]


def settled(place: Place, count: int) -> list[str]:
    """The same, once the host has removed what is too old, which it does after its answer."""
    end = time.monotonic() + 60
    while len(found := names(place)) > count:
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def test_three_earlier_trees_are_kept(place: Place) -> None:
    assert names(place) == []
    for number in range(6):
        place.send(f"run-{number}", f"v{number}")
    assert place.text == "v5"
    assert settled(place, 3) == ["v4", "v3", "v2"]
    assert place.files.earlier()[0].name == "previous"


def test_every_earlier_tree_can_be_restored_and_nothing_is_lost(place: Place) -> None:
    for number in range(4):
        place.send(f"run-{number}", f"v{number}")
    oldest = place.files.earlier()[-1]
    with place.locked("run-back"):
        found = place.files.restore_previous("run-back", IGNORE, oldest.name).tree
    assert place.text == "v0"
    assert found.stamp == oldest.stamp
    assert settled(place, 3) == ["v3", "v2", "v1"]
    with place.locked("run-again"):
        place.files.restore_previous("run-again", IGNORE)
    assert place.text == "v3"
    assert settled(place, 3) == ["v0", "v2", "v1"]


@pytest.mark.parametrize("name", ["previous", "earlier.7", "../../beep é"])
def test_an_earlier_tree_that_is_not_there_is_an_error(place: Place, name: str) -> None:
    place.send("run-0", "v0")
    with place.locked("run-back"), pytest.raises(CheckFailed) as caught:
        place.files.restore_previous("run-back", IGNORE, name)
    assert caught.value.code == "PREVIOUS_MISSING"
    assert place.text == "v0"


def test_a_tree_that_was_being_moved_when_the_host_died_is_kept(place: Place) -> None:
    for number in range(3):
        place.send(f"run-{number}", f"v{number}")
    (place.state / "previous").rename(place.state / "previous.old")
    place.runtime.rename(place.state / "previous")
    (place.state / "swapping").write_text("1\n")
    found = place.files.look()
    assert not found.present
    assert found.cut
    with place.locked("run-next"):
        assert place.text == "v2"
    assert names(place) == ["v1", "v0"]
    assert not place.files.look().cut


def test_after_the_last_rename_no_tree_is_lost_either(place: Place) -> None:
    for number in range(3):
        place.send(f"run-{number}", f"v{number}")
    (place.state / "earlier.1").rename(place.state / "previous.old")
    (place.state / "swapping").write_text("1\n")
    with place.locked("run-next"):
        assert place.text == "v2"
    assert names(place) == ["v1", "v0"]


def test_an_empty_folder_is_not_an_earlier_tree(place: Place) -> None:
    place.runtime.mkdir()
    place.send("run-0", "v0")
    assert (place.text, names(place)) == ("v0", [])


def test_a_folder_that_never_was_is_not_called_cut(place: Place) -> None:
    assert not place.files.look().cut


@pytest.mark.parametrize("ahead", [0, 86_400 * 400])
def test_the_config_file_is_newer_than_everything_in_the_local_root(place: Place, ahead: int) -> None:
    other = place.runtime.parent / "other app/deep/file"
    other.parent.mkdir(parents=True)
    other.write_text("from a PC with a wrong clock")
    now = time.time() + ahead
    os.utime(other, (now, now))
    for number in range(2):
        place.send(f"run-{number}", f"v{number}")
        touched = (place.runtime / "config.yaml").stat().st_mtime
        config, root = place.runtime / "config.yaml", place.runtime.parent
        rest = [p for p in root.rglob("*") if p != config and not p.is_relative_to(root / ".bb8deploy")]
        assert touched > max(p.stat().st_mtime for p in rest)
        if ahead:
            other_time = other.stat().st_mtime
            assert touched >= other_time + number


def test_the_texts_of_the_config_files_come_with_the_tree(place: Place, tmp_path: Path) -> None:
    found = place.send("run-0", "v0")
    assert found.configs == {"config.yaml": "slug: beep\nversion: v0\n"}


def test_what_was_put_in_is_remembered_until_the_next_swap(place: Place) -> None:
    place.send("run-1", "v1")
    assert place.files.look().put_in == PutIn()
    holding = place.hold("run-2")
    holding.record_put_in(PutIn("run-1", "t1"))
    holding.release()
    assert place.files.look().put_in == PutIn("run-1", "t1")
    place.send("run-3", "v3")
    assert place.files.look().put_in == PutIn()
    holding = place.hold("run-4")
    holding.record_put_in(PutIn("run-3"))
    holding.release()
    with place.locked("run-5"):
        assert place.files.restore_previous("run-5", IGNORE).tree.put_in == PutIn(back="run-1")


def test_a_file_of_the_app_folder_is_read_by_the_path_that_this_side_sees(place: Place) -> None:
    place.send("run-0", "v0")
    assert place.files.read(f"{place.files.runtime}/main.py") == b"v0"


def test_a_tree_that_was_put_back_is_remembered_until_its_run_ends(place: Place) -> None:
    for number in range(3):
        place.send(f"run-{number}", f"v{number}")
        assert not place.files.in_place().unfinished
    with place.locked("run-back"):
        place.files.restore_previous("run-back", IGNORE)
    assert place.files.in_place().unfinished
    assert Stamp.parse(place.files.in_place().stamp) == Stamp.parse(place.files.look().stamp)
    holding = place.hold("run-end")
    holding.record_put_in(PutIn())
    holding.release()
    assert not place.files.in_place().unfinished


def test_a_swap_that_was_undone_has_put_nothing_back(place: Place) -> None:
    for number in range(3):
        place.send(f"run-{number}", f"v{number}")
    (place.state / "put_in").write_text("back run-1\n")  # then it was killed before the first rename
    assert not place.files.in_place().unfinished


def test_a_folder_is_withdrawn_if_the_client_confirms_what_is_there(place: Place) -> None:
    sent = place.send("run-0", "v0")
    with place.locked("run-0"):
        assert not place.files.withdraw("run-0", lambda found: found != sent)
        assert place.text == "v0"
        assert place.files.withdraw("run-0", lambda found: found == sent)
        assert not place.files.look().present
    with place.locked("run-1"):
        assert not place.files.look().present
    assert remains(place) == []


def remains(place: Place) -> list[str]:
    """What is left in the state folder, once the host has removed what it removes after an answer."""
    end = time.monotonic() + 60
    while (found := sorted(path.name for path in place.state.glob("*.*"))) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_a_folder_that_is_changed_after_the_confirmation_stays(place: Place) -> None:
    place.send("run-0", "v0")

    def confirm(_found: FoundTree) -> bool:
        (place.runtime / "main.py").write_text("mine")
        return True

    with place.locked("run-0"):
        assert not place.files.withdraw("run-0", confirm)
    assert place.text == "mine"


def test_nothing_is_withdrawn_without_the_lock_over_ssh(place: Place) -> None:
    place.send("run-0", "v0")
    if place.shell:
        with place.locked("run-1"), pytest.raises(Bb8Error) as caught:
            place.files.withdraw("run-0", lambda _: True)
        assert caught.value.code == "LOCK_LOST"
    assert place.text == "v0"


def test_a_removal_that_was_interrupted_is_undone(place: Place) -> None:
    place.send("run-0", "v0")
    place.runtime.rename(place.state / "withdrawn.run-0")
    with place.locked("run-1"):
        assert place.text == "v0"
    place.runtime.rename(place.state / "withdrawn.run-0")
    place.runtime.mkdir()
    (place.runtime / "main.py").write_text("mine")
    with place.locked("run-2"):
        assert place.text == "mine"
    assert names(place) == ["v0"]


def test_what_a_killed_run_did_not_remove_is_removed_by_the_next(place: Place) -> None:
    place.send("run-0", "v0")
    for folder in (place.state, place.state.with_name("another app")):
        (folder / "gone.run-0/deep").mkdir(parents=True)
    with place.locked("run-1"):
        assert remains(place) == []
    assert (place.state.with_name("another app") / "gone.run-0/deep").is_dir()
