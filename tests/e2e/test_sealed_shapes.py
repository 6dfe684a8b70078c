"""Forty shapes of apps in a real Docker: sealed without a change, and the app sees no difference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from ops.lab.engine import Engine
from tests.e2e import shapelab, shapes
from tests.e2e.shapes import SHAPES, Shape

from bb8deploy.plan.logs.identity_line import Expected, Proof, newest

AT_ONCE = 3
LEAST = 36
NOTHING_IGNORED = lambda _path: False  # noqa: E731


@dataclass(frozen=True, slots=True)
class Tried:
    """One shape: whether it is sealed, the reason if not, and everything that went wrong."""

    shape: Shape
    sealed: bool
    why: str = ""
    wrong: str = ""


def tried(docker: Engine, shape: Shape, folder: Path) -> Tried:
    """Builds and starts the shape as it is and sealed, and compares what its process sees."""
    shapelab.write(shape, folder)
    level = shapelab.level(folder)
    if level.proof is not Proof.SEALED:
        return Tried(shape, sealed=False, why=level.why)
    tag = re.sub(r"\W", "-", shape.name.lower())
    try:
        shapelab.build(docker, folder, f"plain-{tag}")
        plain = shapelab.observe(docker, f"plain-{tag}")
        shapelab.seal(folder)
        shapelab.build(docker, folder, f"sealed-{tag}")
        sealed = shapelab.observe(docker, f"sealed-{tag}")
    except (RuntimeError, TimeoutError) as error:
        return Tried(shape, sealed=False, wrong=str(error))
    return Tried(shape, sealed=True, wrong="\n".join(_differences(folder, plain, sealed)))


def _differences(folder: Path, plain: shapelab.Seen, sealed: shapelab.Seen) -> Iterator[str]:
    stamp = shapelab.stamp_of_sealed(folder)
    said = newest(sealed.log)
    if said is None or not said.proves(Expected(stamp.version, stamp.tree, stamp.run), Proof.SEALED):
        yield f"reported {sealed.identity}"
    elif said.seal is None or said.seal.problems(NOTHING_IGNORED) or not said.seal.seen:
        yield f"sealed as {said.seal}"
    if len(sealed.identity) != 1 or sealed.log[0] != sealed.identity[0]:
        yield f"one line comes first, but: {sealed.log[:3]}"
    if "ready" not in plain.probe:
        yield f"the shape itself does not start: {plain.log}"
    if sorted(plain.probe) != sorted(sealed.probe):
        yield f"only as it is: {sorted(set(plain.probe) - set(sealed.probe))}"
        yield f"only sealed: {sorted(set(sealed.probe) - set(plain.probe))}"
    if plain.code != sealed.code:
        yield f"after SIGTERM {plain.code} as it is, {sealed.code} sealed"


def test_shapes_are_sealed_and_what_their_process_sees_is_the_same(lab: Engine, tmp_path: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(tried, lab, shape, tmp_path / str(n)) for n, shape in enumerate(SHAPES)]
        results = [job.result() for job in jobs]
    wrong = [f"{one.shape.name}: {one.wrong}" for one in results if one.wrong]
    assert not wrong, "\n".join(wrong)
    guessed = [one.shape.name for one in results if one.sealed == bool(one.shape.why)]
    assert not guessed
    assert all(one.shape.why in one.why for one in results), [one.why for one in results if one.why]
    assert sum(one.sealed for one in results) >= LEAST


def test_no_layer_of_the_users_is_built_again(lab: Engine, tmp_path: Path) -> None:
    shape = next(shape for shape in SHAPES if shape.name == "ignore file")
    folder = shapelab.write(shape, tmp_path)
    shapelab.build(lab, folder, "layers-plain")
    shapelab.seal(folder)
    output = shapelab.build(lab, folder, "layers-sealed")
    steps = len(re.findall("^(?:COPY|RUN) ", shape.dockerfile, re.MULTILINE))
    assert output.count("CACHED") >= steps, output
    listed = ("run", "--rm", "--network=host", "--entrypoint", "/bin/sh")
    names = [lab.docker(*listed, f"layers-{kind}", "-c", "ls -A /all") for kind in ("plain", "sealed")]
    assert names[0] == names[1]


def test_a_large_file_that_nothing_takes_is_not_sent_to_the_builder(lab: Engine, tmp_path: Path) -> None:
    dockerfile = f'FROM {shapes.ALPINE}\nCOPY probe.sh data /app/\nENTRYPOINT ["/app/probe.sh"]\n'
    folder = shapelab.write(Shape("large", dockerfile), tmp_path)
    (folder / "film").write_bytes(bytes(24 * 1024 * 1024))
    shapelab.seal(folder)
    output = shapelab.build(lab, folder, "large")
    sent = re.findall(r"transferring context: ([\d.]+)(\w+)", output)
    assert sent
    assert not [row for row in sent if row[1] == "MB"], sent


@pytest.mark.parametrize("shell", [shapes.ALPINE, shapes.DEBIAN])
def test_what_the_builder_was_given_otherwise_is_named(lab: Engine, tmp_path: Path, shell: str) -> None:
    dockerfile = f'FROM {shell}\nCOPY . /app/\nENTRYPOINT ["sh", "/app/probe.sh"]\n'
    folder = shapelab.write(Shape("edited", dockerfile, {"a b/ü.txt": "1", "gone": "2"}), tmp_path)
    (folder / "link").symlink_to("a b/ü.txt")
    shapelab.seal(folder)
    (folder / "a b/ü.txt").write_text("edited")
    (folder / "new.sh").write_text("new")
    (folder / "gone").unlink()
    output = shapelab.build(lab, folder, "edited")
    assert "bb8deploy: seen=7 differ=1 extra=1 not-seen=1" in output, output
    assert "bb8deploy: differs from what was sent: a b/ü.txt" in output
    assert "bb8deploy: was not sent: new.sh" in output
    said = newest(shapelab.observe(lab, "edited").log)
    assert said
    assert said.seal
    assert said.seal.problems(NOTHING_IGNORED) == (
        "a?b/??.txt: built with other content",
        "new.sh: built, but was not sent",
    )
    assert said.seal.unseen == 1
