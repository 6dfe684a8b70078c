"""Sealed builds from a cache, with another target, and of a Dockerfile that is a link."""

from __future__ import annotations

import os
from pathlib import Path

from ops.lab.engine import Engine
from tests.e2e import shapelab
from tests.e2e.shapes import ALPINE, Shape

from bb8deploy.plan.logs.identity_line import Expected, Proof, newest


def proven(docker: Engine, folder: Path, image: str) -> tuple[bool, tuple[str, ...]]:
    """Whether the image reports the sealed content of the newest delivery, and what its app prints."""
    seen = shapelab.observe(docker, image)
    stamp, said = shapelab.stamp_of_sealed(folder), newest(seen.log)
    sealed = said is not None and said.proves(Expected(stamp.version, stamp.tree, stamp.run), Proof.SEALED)
    whole = said is not None and said.seal is not None and not said.seal.problems(lambda _path: False)
    return sealed and whole, seen.probe


def app_that_says(word: str, folder: Path) -> None:
    """The app with a word in a file; the size and time of the file are always the same."""
    dockerfile = f'FROM {ALPINE}\nCOPY word /word\nCOPY probe.sh /\nENTRYPOINT ["sh", "/probe.sh"]\n'
    probe = "trap 'exit 7' TERM\ncat /word\necho ready\nwhile :; do sleep 0.1; done\n"
    shapelab.write(Shape("stale", dockerfile, {"word": f"{word}\n", "probe.sh": probe}), folder)
    os.utime(folder / "word", (1_700_000_000, 1_700_000_000))


def test_a_layer_of_the_cache_never_gives_a_proof_of_other_content(lab: Engine, tmp_path: Path) -> None:
    app_that_says("old", tmp_path)
    shapelab.seal(tmp_path)
    shapelab.build(lab, tmp_path, "stale-1")
    assert proven(lab, tmp_path, "stale-1") == (True, ("old", "ready"))
    for name in ("Dockerfile.amd64", "Dockerfile.amd64.dockerignore", "build_stamp.json"):
        (tmp_path / name).unlink()
    app_that_says("new", tmp_path)
    shapelab.seal(tmp_path)
    # The builder may take a file of this size and time for the one that it has.
    shapelab.build(lab, tmp_path, "stale-2")
    done, printed = proven(lab, tmp_path, "stale-2")
    assert done == (printed[0] == "new")
    # It is given the old file, whose layers it has.
    app_that_says("old", tmp_path)
    os.utime(tmp_path / "word")
    shapelab.build(lab, tmp_path, "stale-3")
    assert proven(lab, tmp_path, "stale-3") == (False, ("old", "ready"))
    app_that_says("new", tmp_path)
    os.utime(tmp_path / "word")
    shapelab.build(lab, tmp_path, "stale-4")
    assert proven(lab, tmp_path, "stale-4") == (True, ("new", "ready"))


def test_a_target_before_the_last_stage_is_not_proven_and_still_starts(lab: Engine, tmp_path: Path) -> None:
    dockerfile = (
        f'FROM {ALPINE} AS app\nCOPY probe.sh /\nENTRYPOINT ["sh", "/probe.sh"]\nFROM app AS more\nRUN true\n'
    )
    folder = shapelab.write(Shape("target", dockerfile), tmp_path)
    shapelab.seal(folder)
    file, common = str(folder / "Dockerfile.amd64"), ("build", "--network", "host")
    lab.docker(*common, "--file", file, "--target", "app", "--tag", "target-app", str(folder))
    done, printed = proven(lab, folder, "target-app")
    assert (done, "ready" in printed) == (False, True)
    shapelab.build(lab, folder, "target-last")
    done, printed = proven(lab, folder, "target-last")
    assert (done, "ready" in printed) == (True, True)


def test_a_dockerfile_that_is_a_link_is_built_sealed(lab: Engine, tmp_path: Path) -> None:
    folder = shapelab.write(
        Shape("link", f'FROM {ALPINE}\nCOPY . /app\nENTRYPOINT ["sh", "/app/probe.sh"]\n'), tmp_path
    )
    (folder / "docker").mkdir()
    (folder / "Dockerfile").rename(folder / "docker/Dockerfile")
    (folder / "Dockerfile").symlink_to("docker/Dockerfile")
    shapelab.seal(folder)
    shapelab.build(lab, folder, "link")
    done, printed = proven(lab, folder, "link")
    assert (done, "ready" in printed) == (True, True)
