"""What the runtime reports if a container does not start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ha_sandbox.runtime.building.image_config import Image
from ha_sandbox.runtime.process_runtime import ProcessRuntime
from ha_sandbox.runtime.runtime_interface import ContainerSpec, StartFailed


def test_the_output_of_a_bubblewrap_that_fails_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bwrap = tmp_path / "bin" / "bwrap"
    bwrap.parent.mkdir()
    bwrap.write_text("#!/bin/sh\ncat >/dev/null\necho 'bwrap: no permission'\nexit 1\n", encoding="utf-8")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bwrap.parent}:{os.environ['PATH']}")
    runtime = ProcessRuntime(tmp_path / "images", {}, isolated=True)
    tree = tmp_path / "images" / "lamp" / "1.0" / "tree"
    (tree / "usr").mkdir(parents=True)
    Image(command=["sh"]).save(tree.parent / "image.json")
    try:
        with pytest.raises(StartFailed, match="bwrap: no permission"):
            runtime.start(_spec(tmp_path))
    finally:
        runtime.close()


def _spec(folder: Path) -> ContainerSpec:
    def ignored(_value: object) -> None:
        return None

    return ContainerSpec("lamp", "1.0", folder, {}, ignored, ignored, ignored)
