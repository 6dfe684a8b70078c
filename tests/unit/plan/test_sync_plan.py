"""The plan of a sync, from two trees alone."""

from __future__ import annotations

import unicodedata

import pytest
from tests.unit.manifests import with_entry

from bb8deploy.base.errors import CheckFailed
from bb8deploy.plan.sync_plan import Stamp, SyncPlan, differences, plan_sync
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import STAMP, Entry, FoundTree, Manifest, bytes_entry, link_entry

IGNORE = Ignore.parse("*.pyc\ncache/\n")


def tree(**files: bytes) -> Manifest:
    """A manifest; a double underscore in a name is a slash, a single one a dot."""
    return Manifest.of(
        bytes_entry(name.replace("__", "/").replace("_", "."), data) for name, data in files.items()
    )


def stamp_for(manifest: Manifest, version: str = "1", run: str = "new") -> Stamp:
    return Stamp(version, manifest.digest, "abc", run)


def on_host(manifest: Manifest, stamp: Stamp | None = None, **facts: object) -> FoundTree:
    """A host that holds this, with a stamp if there is one."""
    if stamp:
        manifest = with_entry(manifest, bytes_entry(STAMP, stamp.data()))
    facts.setdefault("folders", tuple(sorted(manifest.folders())))
    text = stamp.data().decode() if stamp else ""
    return FoundTree(present=True, manifest=manifest, stamp=text, **facts)  # type: ignore[arg-type]


def plan(found: FoundTree, want: Manifest) -> SyncPlan:
    return plan_sync(found, want, IGNORE, stamp_for(want))


def test_an_absent_folder_gets_everything() -> None:
    want = tree(a=b"1", sub__b=b"2")
    made = plan(FoundTree(present=False), want)
    assert [entry.path for entry in made.entries] == ["a", "sub/b", STAMP]
    assert not made.nothing
    assert made.earlier is None


def test_the_same_tree_and_version_need_nothing() -> None:
    want = tree(a=b"1")
    made = plan(on_host(want, stamp_for(want, run="earlier")), want)
    assert made.nothing
    assert made.earlier is not None
    assert made.earlier.run == "earlier"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": "1"}', '{"version":"2","tree":"x","commit":"","run":"r"}'],
)
def test_a_stamp_that_reports_otherwise_is_sent_again(text: str) -> None:
    want = tree(a=b"1")
    found = FoundTree(present=True, manifest=with_entry(want, bytes_entry(STAMP, text.encode())), stamp=text)
    made = plan(found, want)
    assert not made.nothing
    assert [entry.path for entry in made.entries] == [STAMP]


def test_changes_are_sent_and_what_goes_is_taken_away_first() -> None:
    want = tree(a=b"new", b=b"same", c=b"more")
    made = plan(on_host(tree(a=b"old", b=b"same", gone=b"x")), want)
    assert [entry.path for entry in made.entries] == ["a", "c", STAMP]
    assert made.removals == ("a", STAMP, "gone")


def test_an_executable_bit_alone_is_a_change_if_executable_bits_are_kept() -> None:
    want = Manifest.of([bytes_entry("run.sh", b"x", executable=True)])
    have = Manifest.of([bytes_entry("run.sh", b"x")])
    assert plan(on_host(have), want).changes.modes == ("run.sh",)
    assert plan(on_host(have, modes_known=False), want).changes.modes == ()


def test_a_file_that_became_a_link_is_a_change() -> None:
    have = Manifest.of([bytes_entry("x", b"target")])
    want = Manifest.of([link_entry("x", "target")])
    made = plan(on_host(have), want)
    assert made.changes.changed == ("x",)
    assert "x" in made.removals


def test_ignored_files_of_the_host_survive_and_do_not_count() -> None:
    want = tree(a=b"1")
    have = tree(a=b"1", secrets_yaml=b"s", deep__secrets_yaml=b"s", x_pyc=b"p", cache__big=b"c")
    made = plan(on_host(have, stamp_for(want)), want)
    assert made.kept == ("cache/big", "deep/secrets.yaml", "secrets.yaml", "x.pyc")
    assert made.nothing
    assert made.have.digest == want.digest


def test_folders_that_are_not_needed_go_but_those_of_survivors_stay() -> None:
    want = tree(a=b"1")
    have = tree(a=b"1", deep__er__secrets_yaml=b"s")
    folders = ("deep", "deep/er", "deep/empty", "empty", "empty/inside", "cache")
    made = plan(on_host(have, stamp_for(want), folders=folders), want)
    assert made.extra == ("deep/empty", "empty")
    assert not made.nothing


def test_sockets_on_the_host_go() -> None:
    want = tree(a=b"1")
    made = plan(on_host(want, stamp_for(want), others=("sock", "x.pyc")), want)
    assert made.extra == ("sock",)
    assert made.kept == ("x.pyc",)


@pytest.mark.parametrize("where", [".git", "sub/.git"])
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_repository_on_the_host_is_never_touched(where: str, kind: str) -> None:
    want = tree(a=b"1")
    found = (
        on_host(want, folders=(where,))
        if kind == "folder"
        else on_host(with_entry(want, bytes_entry(where, b"")))
    )
    with pytest.raises(CheckFailed) as caught:
        plan(found, want)
    assert caught.value.code == "RUNTIME_HAS_GIT"


def test_an_ignored_file_where_a_planned_file_belongs_blocks_the_sync() -> None:
    have = tree(data__secrets_yaml=b"s")
    with pytest.raises(CheckFailed) as caught:
        plan(on_host(have), tree(data=b"1"))
    assert caught.value.code == "SYNC_BLOCKED"


def test_a_folder_that_becomes_a_file_is_taken_away() -> None:
    made = plan(on_host(tree(x__y=b"1")), tree(x=b"2"))
    assert "x" in made.removals
    assert [entry.path for entry in made.entries] == ["x", STAMP]


def test_names_that_a_share_hands_out_decomposed_are_the_same_names() -> None:
    want = Manifest.of([bytes_entry("é/ü.txt", b"1")])
    there = unicodedata.normalize("NFD", "é/ü.txt")
    have = Manifest.of([bytes_entry(there, b"1")])
    folder = there.split("/")[0]
    folded = on_host(have, stamp_for(want), folders=(folder,), folds_names=True)
    assert plan(folded, want).nothing
    told_apart = on_host(have, stamp_for(want), folders=(folder,))
    assert not plan(told_apart, want).nothing


def test_a_file_that_the_workspace_dropped_is_not_a_hand_edit_where_a_share_decomposes_its_name() -> None:
    sent = Manifest.of([bytes_entry("a.txt", b"1"), bytes_entry("é.txt", b"2")])
    have = Manifest.of([bytes_entry("a.txt", b"1"), bytes_entry(unicodedata.normalize("NFD", "é.txt"), b"2")])
    want = Manifest.of([bytes_entry("a.txt", b"3")])
    assert plan(on_host(have, folds_names=True), want).found_as(stamp_for(sent))
    assert not plan(on_host(have), want).found_as(stamp_for(sent))
    assert not plan(on_host(have, folds_names=True), want).found_as(stamp_for(want))


def test_a_stamp_in_the_workspace_is_not_sent_as_content() -> None:
    want = with_entry(tree(a=b"1"), bytes_entry(STAMP, b"mine"))
    made = plan(FoundTree(present=False), want)
    assert made.entries[-1] == bytes_entry(STAMP, made.stamp.data())


def check_after(after: FoundTree) -> list[str]:
    """What is wrong with a host after the plan that sends `want` onto a host with a secret."""
    want = Manifest.of([bytes_entry("a", b"1"), bytes_entry("run", b"2", executable=True)])
    before = on_host(tree(secrets_yaml=b"s"))
    return differences(after, plan(before, want), IGNORE, stamp_for(want).data())


def after(*extra: Entry, leave_out: str = "", **facts: object) -> FoundTree:
    want = Manifest.of([bytes_entry("a", b"1"), bytes_entry("run", b"2", executable=True)])
    entries = {e.path: e for e in (*want.entries, bytes_entry("secrets.yaml", b"s"), *extra)}
    entries.pop(leave_out, None)
    return on_host(Manifest.of(entries.values()), None if leave_out == STAMP else stamp_for(want), **facts)


def test_a_host_that_holds_the_plan_has_no_differences() -> None:
    assert check_after(after()) == []


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (after(leave_out="a"), "missing: a"),
        (after(bytes_entry("a", b"torn")), "other content: a"),
        (after(bytes_entry("stray", b"")), "not planned: stray"),
        (after(bytes_entry("run", b"2")), "executable bit: run"),
        (after(leave_out="secrets.yaml"), "lost: secrets.yaml"),
        (after(leave_out=STAMP), f"other content: {STAMP}"),
        (after(folders=("odd",)), "not planned: odd"),
        (after(others=("sock",)), "not planned: sock"),
    ],
)
def test_every_difference_is_named(seen: FoundTree, problem: str) -> None:
    assert check_after(seen) == [problem]
