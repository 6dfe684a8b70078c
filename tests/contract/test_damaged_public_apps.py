"""Public apps with random damage: checked soon, with output that commands neither terminal nor workflow."""

from __future__ import annotations

import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from tests.contract.world import apps, rebuild
from tests.unit.checks.mutants import Files, damage
from tests.unit.checks.test_mutants import problem

ROUNDS = int(os.environ.get("BB8DEPLOY_ROUNDS", "1"))  # 41 rounds are 10,000 apps
_READ = ("config.", "build.", "dockerfile", "apparmor", ".dockerignore", "run", "finish", "up", "type", "en.")


def _spoil(root: Path, chance: random.Random) -> None:
    """Damages up to four of the files that the rules read."""
    paths = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    read = {path for path in paths if path.name.lower().startswith(_READ) or path.suffix == ".sh"}
    files: Files = {path.relative_to(root).as_posix(): path.read_bytes() for path in read}
    kept = dict(files)
    for _ in range(chance.randint(1, 4)):
        damage(files, [], chance)
    for gone in kept.keys() - files.keys():
        (root / gone).unlink()
    for name, data in files.items():
        if kept.get(name) != data:
            with suppress(FileExistsError):  # a parent may be a link to nowhere
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(data)


@pytest.mark.timeout(3600)
def test_no_damage_to_a_public_app_ends_the_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = apps()
    if not recorded:
        pytest.skip("SKIPPED: no recorded apps at hand")
    monkeypatch.setattr("shutil.which", lambda _name, **_where: None)
    wrong = {}
    for number in range(ROUNDS):
        for app in recorded:
            seed = f"{app['id']}/{number}"
            root = rebuild(app, tmp_path)
            _spoil(root, random.Random(seed))
            if why := problem(root):
                wrong[seed] = why
            shutil.rmtree(root)
    assert wrong == {}
