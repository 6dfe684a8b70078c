"""Base images that add steps to a build, or put a volume over the launcher: sealed in a real Docker."""

from __future__ import annotations

from pathlib import Path

import pytest
from ops.lab.engine import Engine
from tests.e2e import shapelab
from tests.e2e.shapes import ALPINE, RUN, Shape

from bb8deploy.plan.logs.identity_line import newest

NOTHING_IGNORED = lambda _path: False  # noqa: E731
ONBUILD = ("ONBUILD COPY . /onbuilt", "ONBUILD RUN ls -A /onbuilt >/listed && chmod 0755 /onbuilt/probe.sh")
BASES = {
    "triggers": ONBUILD,
    "a trigger that sets the entry point": (*ONBUILD, 'ONBUILD ENTRYPOINT ["/bin/false"]'),
    "a trigger that sets another user": (*ONBUILD, "ONBUILD USER 1000"),
    "a volume where programs are": ("VOLUME /usr/bin",),
    "a trigger for a volume where programs are": ("ONBUILD VOLUME /usr/bin",),
}


@pytest.mark.parametrize("name", BASES)
def test_an_app_on_such_a_base_is_sealed_and_sees_no_difference(
    lab: Engine, tmp_path: Path, name: str
) -> None:
    base = f"example.org/lab/{name.replace(' ', '-')}:1"
    (tmp_path / "base").mkdir()
    (tmp_path / "base/Dockerfile").write_text("\n".join([f"FROM {ALPINE}", *BASES[name], ""]))
    lab.docker("build", "--network", "host", "--tag", base, str(tmp_path / "base"))
    steps = ["COPY probe.sh /probe.sh", "USER 0", "RUN chmod 0755 /probe.sh", RUN, ""]
    folder = shapelab.write(Shape(name, "\n".join([f"FROM {base}", *steps])), tmp_path / "app")
    assert shapelab.level(folder).proof == "sealed", shapelab.level(folder).why
    shapelab.build(lab, folder, "base-plain")
    plain = shapelab.observe(lab, "base-plain")
    shapelab.seal(folder)
    shapelab.build(lab, folder, "base-sealed")
    sealed = shapelab.observe(lab, "base-sealed")
    said = newest(sealed.log)
    assert said is not None, sealed.log
    assert said.seal is not None
    assert said.seal.compared
    assert said.seal.problems(NOTHING_IGNORED) == ()
    assert "ready" in plain.probe
    assert sorted(plain.probe) == sorted(sealed.probe)
    assert plain.code == sealed.code
    listing = ("run", "--rm", "--network=host", "--entrypoint", "/bin/sh")
    shown = [
        lab.docker(*listing, f"base-{kind}", "-c", "cat /listed 2>/dev/null || :")
        for kind in ("plain", "sealed")
    ]
    assert shown[0] == shown[1]
