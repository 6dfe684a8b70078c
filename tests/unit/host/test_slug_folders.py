"""Which folders claim a slug: asked by the real program of sh and of busybox, and on a mounted share."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.host.slug_folders import MAX_ALL, MAX_FILE, Topology, look_mounted, program, read

Look = Callable[[Path], Topology]
NOBODY = 65534
FOLDER, SLUG = "bb8", "beep_boop_bb8"
OWN = f"name: BB-8\nslug: {SLUG}\n"


def by_sh(runtime: Path) -> Topology:
    return read(run(["sh"], runtime), str(runtime))


def by_busybox(runtime: Path) -> Topology:
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.skip("SKIPPED: busybox is not installed")
    with tempfile.TemporaryDirectory() as tools:
        subprocess.run([busybox, "--install", "-s", tools], check=True)
        return read(run([f"{tools}/sh"], runtime, path=tools), str(runtime))


def run(shell: list[str], runtime: Path, *, path: str = os.environ["PATH"], user: int | None = None) -> bytes:
    done = subprocess.run(
        [*shell, "-c", program(str(runtime))],
        env={"PATH": path},
        user=user,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.stdout


@pytest.fixture(params=[by_sh, by_busybox, look_mounted], ids=["sh", "busybox", "mounted"])
def look(request: pytest.FixtureRequest) -> Look:
    found: Look = request.param
    return found


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    put(tmp_path, f"local/{FOLDER}/config.yaml", OWN)
    put(tmp_path, f"local/{FOLDER}/run.sh", "#!/bin/sh\n")
    return tmp_path / "local" / FOLDER


def put(root: Path, path: str, text: str | bytes) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text if isinstance(text, bytes) else text.encode())


def problems(found: Topology) -> list[str]:
    return list(found.problems(SLUG))


def test_one_folder_with_the_slug_is_as_it_should_be(runtime: Path, look: Look) -> None:
    put(runtime.parent, "other app/config.json", '{"slug": "other"}')
    put(runtime.parent, "no app/config.yml", f"# slug: {SLUG}\n- slug: {SLUG}\n")
    put(runtime.parent, "nested/config.yaml", f"options:\n  slug: {SLUG}\n")
    found = look(runtime)
    assert problems(found) == []
    assert sorted(found.names) == ["config.yaml", "run.sh"]
    assert sorted(found.claims.slugs) == [(FOLDER, SLUG), ("other app", "other")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", f'{{"name": "old", "version": "1", "slug": "{SLUG}"}}'),
        ("config.json", f'\ufeff{{"name":\n"old",\n"slug"\n:\n"{SLUG}"}}'),
        ("config.json", '{"\\u0073lug": "beep\\u005fboop\\u005fbb8"}'),
        ("config.yaml", f"{{name: old, slug: {SLUG}}}"),
        ("config.yaml", f"name: old\n'slug' :\n  >-\n  {SLUG}\n"),
        ("config.yml", f"name: &it {SLUG}\nslug: *it\n"),
        ("config.yaml", f"slug: other\nslug: {SLUG}\n"),
        ("config.yaml", b"name: caf\xe9\nslug: beep_boop_bb8\n"),
        ("deep/er/config.yaml", OWN),
    ],
)
def test_a_second_claim_is_found_however_it_is_written(
    runtime: Path, look: Look, name: str, text: str | bytes
) -> None:
    put(runtime.parent, f"aaa/{name}", text)
    folder = Path("aaa", name).parent
    assert problems(look(runtime)) == [f"{folder} claims the slug {SLUG} too"]


@pytest.mark.parametrize("share", ["addons", "local_apps"])
def test_a_second_claim_counts_wherever_it_is_in_the_local_root(
    tmp_path: Path, look: Look, share: str
) -> None:
    """The setting may name a folder deeper than those in which the Supervisor looks first."""
    put(tmp_path, f"{share}/local/{FOLDER}/config.yaml", OWN)
    put(tmp_path, "elsewhere/config.yaml", OWN)
    runtime = tmp_path / share / "local" / FOLDER
    assert problems(look(runtime)) == []
    put(tmp_path, f"{share}/twin/config.yaml", OWN)
    assert problems(look(runtime)) == [f"twin claims the slug {SLUG} too"]


def test_a_config_file_that_is_a_link_counts(runtime: Path, look: Look) -> None:
    put(runtime.parents[1], "elsewhere.yaml", OWN)
    (runtime.parent / "twin").mkdir()
    (runtime.parent / "twin/config.yaml").symlink_to(runtime.parents[1] / "elsewhere.yaml")
    assert problems(look(runtime)) == [f"twin claims the slug {SLUG} too"]


def test_what_the_supervisor_does_not_look_at_does_not_count(runtime: Path, look: Look) -> None:
    for folder in (".bb8deploy/bb8/previous", "x/.git/y", "x/rootfs/etc"):
        put(runtime.parent, f"{folder}/config.yaml", OWN)
    put(runtime.parent, "x/configuration.yaml", OWN)
    assert problems(look(runtime)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", f"slug: {SLUG}\n\tname: [\n"),
        ("config.json", f'{{"slug": "{SLUG}",}}'),
        ("config.yaml", f"old: &old\n  slug: {SLUG}\n<<: *old\n"),
        ("config.yaml", f"slug: {SLUG}\nx: " + "[" * 100_000),
        ("config.json", f'{{"slug": "{SLUG}", "x": ' + "[" * 100_000),
        ("config.yaml", "slug: !x\n".encode("utf-16") + f"slug: {SLUG}\n".encode()),
    ],
)
def test_a_broken_config_file_that_names_the_slug_is_not_a_clean_topology(
    runtime: Path, look: Look, name: str, text: str | bytes
) -> None:
    put(runtime.parent, f"twin/{name}", text)
    assert problems(look(runtime)) == [f"twin/{name} names {SLUG}, but cannot be read as a config file"]


def test_a_broken_config_file_of_something_else_is_ignored(runtime: Path, look: Look) -> None:
    put(runtime.parent, "other/config.json", "{" * 100_000)
    put(runtime.parent, "other/config.yaml", "slug: [other\n")
    assert problems(look(runtime)) == []


def test_a_folder_without_its_own_claim_is_reported(runtime: Path, look: Look) -> None:
    (runtime / "config.yaml").write_text("slug: another\n")
    (runtime / ".git").mkdir()
    assert problems(look(runtime)) == [
        ".git/ is in the app folder",
        f"no config file in {FOLDER} claims the slug {SLUG}",
    ]


def unreadable(look: Look, runtime: Path) -> str:
    with pytest.raises(CheckFailed) as caught:
        look(runtime)
    assert caught.value.code == "TOPOLOGY_UNREADABLE"
    return caught.value.cause


def test_a_config_file_that_is_too_large_is_not_passed_over(runtime: Path, look: Look) -> None:
    put(runtime.parent, "large/config.yaml", OWN + "#" * MAX_FILE)
    assert "large/config.yaml" in unreadable(look, runtime)


def test_more_config_files_than_are_read_are_not_passed_over(runtime: Path, look: Look) -> None:
    for number in range(MAX_ALL // MAX_FILE + 1):
        put(runtime.parent, f"x{number}/config.yaml", "#" * MAX_FILE)
    assert unreadable(look, runtime)


def test_a_link_that_leads_nowhere_is_not_passed_over(runtime: Path, look: Look) -> None:
    (runtime.parent / "twin").mkdir()
    (runtime.parent / "twin/config.yaml").symlink_to("gone")
    assert "twin/config.yaml" in unreadable(look, runtime)


def test_folders_that_are_not_there_are_reported(tmp_path: Path, look: Look) -> None:
    assert unreadable(look, tmp_path / "not/there")


def test_a_folder_that_is_still_to_be_made_may_have_a_rival(runtime: Path, look: Look) -> None:
    found = look(runtime.parent / "new")
    assert found.names == ()
    assert found.rivals(SLUG) == (f"{FOLDER} claims the slug {SLUG} too",)
    assert found.rivals("another") == ()


def test_a_program_that_was_cut_off_anywhere_gives_no_topology(runtime: Path) -> None:
    put(runtime.parent, "twin/config.yaml", OWN)
    whole = run(["sh"], runtime)
    for end in range(len(whole) - 1):
        with pytest.raises(CheckFailed, match="cannot be listed"):
            read(whole[:end], str(runtime))
    assert problems(read(b"Welcome!\n" + whole, str(runtime))) == [f"twin claims the slug {SLUG} too"]


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that another user may enter, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.parametrize("closed", ["twin", "twin/config.yaml"])
@pytest.mark.parametrize("tool", ["sh", "busybox"])
def test_what_the_user_may_not_read_is_not_passed_over(shared: Path, closed: str, tool: str) -> None:
    shell = shutil.which(tool)
    if not shell:
        pytest.skip(f"SKIPPED: {tool} is not installed")
    path = os.environ["PATH"]
    if tool == "busybox":
        path = str(shared / "tools")
        Path(path).mkdir()
        subprocess.run([shell, "--install", "-s", path], check=True)
        shell = f"{path}/sh"
    put(shared, f"local/{FOLDER}/config.yaml", OWN)
    put(shared, "local/twin/config.yaml", OWN)
    (shared / "local" / closed).chmod(0)
    user = NOBODY if os.geteuid() == 0 else None
    runtime = shared / "local" / FOLDER
    try:
        output = run([shell], runtime, path=path, user=user)
    finally:
        (shared / "local" / closed).chmod(0o700)
    with pytest.raises(CheckFailed) as caught:
        read(output, str(runtime))
    assert caught.value.code == "TOPOLOGY_UNREADABLE"


def test_a_folder_of_the_share_that_cannot_be_listed_is_not_passed_over(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(runtime.parent, "twin/config.yaml", OWN)
    really = os.scandir

    def scandir(path: str) -> os._ScandirIterator[str]:
        if str(path).endswith("twin"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "twin" in unreadable(look_mounted, runtime)


def test_a_pipe_with_the_name_of_a_config_file_delays_nothing(runtime: Path, look: Look) -> None:
    (runtime.parent / "pipe").mkdir()
    os.mkfifo(runtime.parent / "pipe/config.yaml")
    assert problems(look(runtime)) == []
