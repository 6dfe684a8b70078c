"""The way of a change: from a Dockerfile and the paths that changed to live, restart or build."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.checks.reading.dockerfile_parser import parse_dockerfile
from bb8deploy.checks.reading.dockerignore import DockerIgnore
from bb8deploy.overlay.live.choose_way import Choice, Way, choose
from bb8deploy.overlay.live.image_map import ImageMap, image_map
from bb8deploy.overlay.live.run_instructions import run_step
from bb8deploy.workspace.tree_digest import TreeDiff

PLAIN = """FROM debian
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY src ./src
"""
FILES = ("Dockerfile", "config.yaml", "requirements.txt", "src/a.py", "src/b/c.py", "README.md", "start.sh")


def mapped(dockerfile: str, files: tuple[str, ...] = FILES, ignore: str = "") -> ImageMap:
    return image_map(parse_dockerfile(dockerfile), files, DockerIgnore.parse(ignore), {}, {})


def changed(dockerfile: str, *paths: str, ignore: str = "") -> Choice:
    return choose(TreeDiff(changed=paths), mapped(dockerfile, ignore=ignore))


def test_a_file_that_only_copy_brings_in_is_live() -> None:
    assert changed(PLAIN, "src/a.py") == Choice(Way.LIVE, "src/a.py: COPY puts it at /app/src/a.py")


def test_a_file_that_a_run_step_reads_is_built() -> None:
    choice = changed(PLAIN, "requirements.txt")
    assert choice.way is Way.BUILD
    assert choice.reason == ("requirements.txt: `RUN pip install -r requirements.txt` on line 4 may read it")


def test_the_heaviest_way_of_several_paths_counts() -> None:
    choice = changed(PLAIN, "src/a.py", "requirements.txt", "README.md")
    assert (choice.way, choice.reason.partition(":")[0]) == (Way.BUILD, "requirements.txt")


@pytest.mark.parametrize(
    "path", ["config.yaml", "config.json", "Dockerfile", "Dockerfile.amd64", "build.yaml", ".dockerignore"]
)
def test_what_the_supervisor_or_the_builder_reads_is_built(path: str) -> None:
    assert changed(PLAIN, path).way is Way.BUILD


def test_a_file_outside_of_the_image_needs_nothing() -> None:
    assert changed(PLAIN, "README.md") == Choice(Way.LIVE, "README.md: it is not in the image")


@pytest.mark.parametrize(
    ("step", "way"),
    [
        ("chmod 0755 /app/src/*.py && python3 -m compileall -q /app", Way.LIVE),
        ("set -e; mkdir -p /data && echo done", Way.LIVE),
        ("rm -rf /var/cache/apk/*", Way.LIVE),
        ("echo x >> /app/src/a.py", Way.BUILD),
        ("echo $(cat src/a.py)", Way.BUILD),
        ("sed -i s/x/y/ src/a.py", Way.BUILD),
        ("apk add nginx", Way.BUILD),
        ("chmod --reference=/app/src/a.py /x", Way.BUILD),
        ("rm src/a.py", Way.BUILD),
        ("FOO=1 make", Way.BUILD),
        ('echo "unbalanced', Way.BUILD),
        ('["sh", "-c", "make"]', Way.BUILD),
        ('["chmod", "755", "/app/src/a.py"]', Way.LIVE),
        ("--mount=type=cache,target=/x true", Way.BUILD),
    ],
)
def test_a_later_run_step_decides_whether_copied_files_are_live(step: str, way: Way) -> None:
    assert changed(f"{PLAIN}RUN {step}\n", "src/a.py").way is way


def test_a_step_before_the_copy_does_not_read_the_file() -> None:
    assert changed("FROM x\nRUN make\nCOPY src /src\n", "src/a.py").way is Way.LIVE


def test_a_script_in_a_here_document_is_read_too() -> None:
    assert changed(f"{PLAIN}RUN <<EOF\nchmod 755 /app/src/a.py\nmake\nEOF\n", "src/a.py").way is Way.BUILD
    assert changed(f"{PLAIN}RUN <<EOF\nchmod 755 /app/src/a.py\nEOF\n", "src/a.py").way is Way.LIVE


def test_a_bind_mount_shows_its_files_to_the_build() -> None:
    head = "FROM x\nCOPY src /src\n"
    assert changed(f"{head}RUN --mount=type=bind,source=src,target=/m true\n", "src/a.py").way is Way.BUILD
    assert changed(f"{head}RUN --mount=type=bind,target=/m true\n", "README.md").way is Way.BUILD


def test_files_of_another_stage_are_built() -> None:
    text = "FROM go AS build\nCOPY src /src\nRUN make\nFROM x\nCOPY --from=build /out /out\nCOPY start.sh /\n"
    assert changed(text, "src/a.py").way is Way.BUILD
    assert changed(text, "start.sh").way is Way.LIVE


def test_the_stages_that_the_image_is_made_of_are_read_in_order() -> None:
    text = "FROM x AS base\nCOPY src /src\nFROM base\nRUN make\n"
    assert changed(text, "src/a.py").way is Way.BUILD
    assert changed("FROM x AS base\nCOPY src /src\nFROM base\n", "src/a.py").way is Way.LIVE


def test_what_s6_reads_at_the_start_needs_a_new_container() -> None:
    image = mapped("FROM x\nCOPY rootfs /\n", ("rootfs/etc/cont-init.d/a.sh", "rootfs/app/x.py"))
    assert choose(TreeDiff(changed=("rootfs/etc/cont-init.d/a.sh",)), image).way is Way.RESTART
    assert choose(TreeDiff(changed=("rootfs/app/x.py",)), image).way is Way.LIVE


def test_a_deletion_that_may_uncover_a_file_of_the_base_is_built() -> None:
    image = mapped("FROM x\nCOPY rootfs /\n", ("rootfs/etc/nginx/nginx.conf", "rootfs/app/x.py"))
    assert choose(TreeDiff(removed=("rootfs/etc/nginx/nginx.conf",)), image).way is Way.BUILD
    assert choose(TreeDiff(removed=("rootfs/app/x.py",)), image).way is Way.LIVE


def test_a_new_file_whose_rights_a_step_sets_is_built() -> None:
    image = mapped(f"{PLAIN}RUN chmod -R a+rx /app/src\n")
    assert choose(TreeDiff(added=("src/a.py",)), image).way is Way.BUILD
    assert choose(TreeDiff(changed=("src/a.py",)), image).way is Way.LIVE
    assert choose(TreeDiff(modes=("src/a.py",)), image).way is Way.LIVE


def test_a_new_file_with_an_owner_of_the_image_is_built() -> None:
    image = mapped("FROM x\nCOPY --chown=app:app src /src\n")
    assert choose(TreeDiff(added=("src/a.py",)), image).way is Way.BUILD
    assert choose(TreeDiff(changed=("src/a.py",)), image).way is Way.LIVE


@pytest.mark.parametrize(
    "copy", ["COPY --parents src /x", "COPY src ${SOMEWHERE}/", "COPY --exclude=*.md src /x"]
)
def test_a_copy_whose_outcome_is_not_known_is_built(copy: str) -> None:
    assert changed(f"FROM x\n{copy}\n", "src/a.py").way is Way.BUILD


def test_an_archive_that_add_unpacks_is_built() -> None:
    image = mapped("FROM x\nADD root.tar.gz /\n", ("root.tar.gz",))
    assert choose(TreeDiff(changed=("root.tar.gz",)), image).way is Way.BUILD


def test_a_file_that_a_later_copy_hides_is_built_and_the_later_one_is_live() -> None:
    text = "FROM x\nCOPY src/a.py /app/main.py\nCOPY start.sh /app/main.py\n"
    assert changed(text, "src/a.py").way is Way.BUILD
    assert changed(text, "start.sh").way is Way.LIVE


def test_copying_a_file_again_to_the_same_place_hides_nothing() -> None:
    assert changed("FROM x\nCOPY src /s\nCOPY src /s\n", "src/a.py").way is Way.LIVE


def test_an_ignore_file_hides_only_by_patterns_that_are_certain() -> None:
    text = "FROM x\nCOPY . /app\n"
    assert changed(text, "README.md", ignore="*.md\n").reason == "README.md: it is not in the image"
    assert changed(text, "README.md", ignore="*.m[a-z]\n*.md\n").way is Way.BUILD
    assert changed(text, "README.md", ignore="*\n!**/*.py\n").way is Way.BUILD
    assert changed(text, "README.md", ignore="*\n!src\n").way is Way.LIVE
    assert changed(text, "src/a.py", ignore="*.md\n").way is Way.LIVE


def test_a_name_that_a_list_cannot_hold_is_built() -> None:
    image = mapped("FROM x\nCOPY . /app\n", ("src/a\nb.py",))
    assert choose(TreeDiff(changed=("src/a\nb.py",)), image).way is Way.BUILD


def test_the_bridge_is_live_and_its_service_scripts_need_a_new_container() -> None:
    folder = Path(__file__).parents[3] / "addon"
    files = tuple(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    image = mapped((folder / "Dockerfile").read_text(), files, (folder / ".dockerignore").read_text())
    assert choose(TreeDiff(changed=("bb8_core/main.py", "run.sh")), image).way is Way.LIVE
    assert choose(TreeDiff(added=("bb8_core/new.py",)), image).way is Way.LIVE
    assert choose(TreeDiff(removed=("bb8_core/main.py",)), image).way is Way.LIVE
    assert choose(TreeDiff(changed=("services.d/ble_bridge/run",)), image).way is Way.RESTART
    assert choose(TreeDiff(changed=("requirements.txt",)), image).way is Way.BUILD
    assert choose(TreeDiff(changed=("DOCS.md",)), image).way is Way.LIVE


def test_the_paths_of_chmod_may_be_relative_patterns_or_variables() -> None:
    def step(text: str) -> bool:
        return run_step(parse_dockerfile(f"FROM x\nRUN {text}\n").instructions[1]).sets_rights_of(
            "/app/bin/run"
        )

    assert step("chmod +x bin/run")
    assert step("chmod +x /app/*/run")
    assert step("chmod -R +x /app")
    assert step("chmod +x $APP/bin/run")
    assert not step("chmod +x /app/bin/other")
    assert not step("chmod +x /usr/app")


def test_a_pattern_with_a_class_takes_its_files() -> None:
    image = mapped(
        "FROM x\nCOPY run.sh build_stamp.jso[n] /app/\n", ("run.sh", "build_stamp.json", "other.json")
    )
    assert [target.path for target in image.targets["build_stamp.json"]] == ["/app/build_stamp.json"]
    assert "other.json" not in image.targets
