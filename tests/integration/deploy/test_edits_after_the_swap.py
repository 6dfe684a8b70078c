"""An edit between the swap and the hash after it: the earlier files come back, and the edit is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, config
from tests.integration.small_addon import RUN_SH
from tests.integration.witness import runtime

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.files.mount_swap import MountSwap
from bb8deploy.host.shell import load_programs
from bb8deploy.lanes.deploy.rollback import roll_back_host
from bb8deploy.workspace.tree_digest import NO_RECORD, PutIn

pytestmark = pytest.mark.e2e

ROUTES = ["ssh", "mount"]
EDIT = "# edited\n"


def over(lab: Lab, route: str) -> None:
    """Lets the deploys of the lab take this route to the app folder."""
    if route == "mount":
        lab.leave_ssh_for_the_mount()


@contextmanager
def after_each_delivery(edit: Callable[[Path], object], shell: str) -> Iterator[None]:
    """Has another program change the app folder between the swap of a delivery and the hash after it.

    `shell` does over ssh what `edit` does on a share.
    """
    text, swap = load_programs._text, MountSwap.swap

    def with_edit(name: str) -> str:
        return (
            text(name).replace("\nswap\n", f"\nswap\n{shell}\n") if name == "apply_transfer" else text(name)
        )

    def swapped(trees: MountSwap, staged: Path, record: PutIn = NO_RECORD) -> str:
        aside = swap(trees, staged, record)
        edit(trees.root)
        return aside

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load_programs, "_text", with_edit)
        patch.setattr(MountSwap, "swap", swapped)
        yield


def append(folder: Path) -> None:
    with (folder / "run.sh").open("a") as file:
        file.write(EDIT)


def append_to_the_new(folder: Path) -> None:
    """On a share the way back is a swap too, after which nobody edits."""
    if 'version: "1.0.1"' in (folder / "config.yaml").read_text():
        append(folder)


APPEND = 'echo "# edited" >>"$R/run.sh"'


def earlier_tree(lab: Lab, name: str = "previous") -> Path:
    return runtime(lab).parent / ".bb8deploy" / runtime(lab).name / name


@pytest.mark.parametrize("route", ROUTES)
def test_the_earlier_files_are_back_and_the_edited_tree_is_kept(lab: Lab, route: str) -> None:
    over(lab, route)
    lab.deploy()
    lab.write(config=config("1.0.1"))
    with (
        after_each_delivery(append_to_the_new, APPEND),
        pytest.raises(Bb8Error, match="the earlier files are back") as caught,
    ):
        lab.deploy()
    assert caught.value.code == "SYNC_MISMATCH"
    assert f".bb8deploy/{runtime(lab).name}/previous" in caught.value.cause
    assert 'version: "1.0.0"' in (runtime(lab) / "config.yaml").read_text()
    assert (runtime(lab) / "run.sh").read_text() == RUN_SH
    assert (earlier_tree(lab) / "run.sh").read_text() == RUN_SH + EDIT
    assert lab.tokens == (["SSH_HA_OK"] if route == "ssh" else [])
    assert (lab.state()["version"], lab.state()["state"]) == ("1.0.0", "started")
    lab.deploy()
    assert "VERIFY_OK" in lab.tokens


@pytest.mark.parametrize("route", ROUTES)
def test_a_first_delivery_with_an_edit_in_it_stays(lab: Lab, route: str) -> None:
    over(lab, route)
    with (
        after_each_delivery(append, APPEND),
        pytest.raises(Bb8Error, match="stay on the host, because the app folder was changed") as caught,
    ):
        lab.deploy()
    assert caught.value.code == "SYNC_MISMATCH"
    assert (runtime(lab) / "run.sh").read_text() == RUN_SH + EDIT


@pytest.mark.parametrize("route", ROUTES)
def test_a_first_delivery_of_which_a_file_was_removed_goes_again(lab: Lab, route: str) -> None:
    over(lab, route)
    with (
        after_each_delivery(lambda folder: (folder / "run.sh").unlink(), 'rm "$R/run.sh"'),
        pytest.raises(Bb8Error, match="the new files were removed again") as caught,
    ):
        lab.deploy()
    assert caught.value.code == "SYNC_MISMATCH"
    assert not runtime(lab).exists()
    lab.deploy()
    assert "VERIFY_OK" in lab.tokens


@pytest.mark.parametrize("route", ROUTES)
def test_a_writer_that_never_stops_loses_nothing_and_leaves_the_earlier_tree(lab: Lab, route: str) -> None:
    """Each line that it wrote is in the app folder or in an earlier tree."""
    over(lab, route)
    lab.deploy()
    lab.write(config=config("1.0.1"))
    stop, begun = threading.Event(), threading.Event()
    wrote: list[str] = []

    def write() -> None:
        begun.wait()
        while not stop.wait(0.01):
            name = f"written.{len(wrote)}"
            try:
                (runtime(lab) / name).write_text("mine\n")
            except OSError:  # the folder is being swapped
                continue
            wrote.append(name)

    def write_first(folder: Path) -> None:
        (folder / "first").write_text("mine\n")
        begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with (
            after_each_delivery(write_first, 'echo mine >"$R/first"'),
            pytest.raises(Bb8Error, match="the earlier files are back"),
        ):
            lab.deploy()
    finally:
        begun.set()
        stop.set()
        writer.join(60)
    trees = [runtime(lab), *earlier_tree(lab).parent.glob("*")]
    assert 'version: "1.0.0"' in (runtime(lab) / "config.yaml").read_text()
    lost = [name for name in ("first", *wrote) if not any((tree / name).exists() for tree in trees)]
    assert not lost


def test_a_rollback_to_a_tag_that_is_disturbed_leaves_what_was_there(lab: Lab) -> None:
    lab.git("tag", "1.0.0")
    lab.write(config=config("1.0.1"))
    lab.deploy()
    with after_each_delivery(append, APPEND), pytest.raises(Bb8Error, match="the earlier files are back"):
        roll_back_host(lab.run(), version="1.0.0")
    assert 'version: "1.0.1"' in (runtime(lab) / "config.yaml").read_text()
