"""Ignored files, such as secrets.yaml: a rollback leaves those of the app folder, and none is lost."""

from __future__ import annotations

from tests.unit.host.localhost import Place

from bb8deploy.host.files.ignored_files import IgnoredFiles, ignored_files
from bb8deploy.workspace.ignore_patterns import DEFAULT, Ignore
from bb8deploy.workspace.tree_digest import FoundTree, Manifest, bytes_entry

IGNORE = Ignore.parse(DEFAULT)


def tree(*folders: str, **files: str) -> FoundTree:
    """A tree with these files; `__` in a name is a slash."""
    entries = (bytes_entry(name.replace("__", "/"), text.encode()) for name, text in files.items())
    return FoundTree(present=True, manifest=Manifest.of(entries), folders=folders)


def decided(earlier: FoundTree, present: FoundTree) -> IgnoredFiles:
    return ignored_files(earlier, present, Ignore.parse("*.local\nown"))


def test_ignored_files_of_the_app_folder_win_over_those_of_the_earlier_tree() -> None:
    earlier = tree(**{"a.local": "1", "b.local": "1", "c.local": "1", "main": "1"})
    present = tree(**{"a.local": "1", "b.local": "2", "d.local": "2", "main": "2"})
    assert decided(earlier, present) == IgnoredFiles(("b.local", "d.local"), ("b.local", "c.local"))


def test_without_an_app_folder_the_ignored_files_come_back() -> None:
    assert decided(tree(**{"a.local": "1"}), FoundTree(present=False)) == IgnoredFiles(revived=("a.local",))


def test_an_ignored_file_that_the_earlier_tree_has_no_place_for_is_named() -> None:
    earlier = tree("b", a="1", b__c="1", own="x")
    present = tree("a", "own", **{"a__x.local": "2", "own__y": "2"})
    assert decided(earlier, present) == IgnoredFiles(("own/y",), ("own",), ("a/x.local",))
    assert decided(tree("own", own__a__b="1"), tree(own="1")).blocked == ("own",)


def test_secrets_of_the_app_folder_stay_and_those_of_the_earlier_tree_are_kept(place: Place) -> None:
    place.send("run-0", "v0")
    (place.runtime / "secrets.yaml").write_text("old")
    (place.runtime / ".env").write_text("only then")
    place.send_one("run-1", "v1")
    (place.runtime / "secrets.yaml").write_text("new")
    (place.runtime / ".env").unlink()
    (place.runtime / "sub é").mkdir()
    (place.runtime / "sub é/id_rsa").write_text("key")
    (place.runtime / "sub é/.netrc").symlink_to("id_rsa")
    with place.locked("run-back"):
        back = place.files.restore_previous("run-back", IGNORE)
    now = {path: (place.runtime / path).read_text() for path in back.tree.manifest.by_path}
    assert (now["secrets.yaml"], now["sub é/id_rsa"], now["main.py"]) == ("new", "key", "v0")
    assert (place.runtime / "sub é/.netrc").is_symlink()
    assert ".env" not in now
    assert back.ignored.left == (".env", "secrets.yaml")
    kept = [path.read_text() for path in place.state.glob("*/.env")]
    assert kept == ["only then"]
    assert (place.state / "previous/secrets.yaml").read_text() == "new"
