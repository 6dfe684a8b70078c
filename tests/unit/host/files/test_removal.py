"""The removal of an app: an edit between the last look and the rename stops it, and stays."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.host.localhost import Place

from bb8deploy.base.errors import CheckFailed
from bb8deploy.host.files import removal
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.files.removal import MountRemoval, Removal, SshRemoval
from bb8deploy.host.shell import run_programs

RUN = "run-remove"


def removal_of(place: Place) -> Removal:
    if isinstance(place.files, MountFiles):
        return MountRemoval(place.files, RUN)
    assert place.shell
    return SshRemoval(place.shell, RUN)


def edited_before_the_rename(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has another program edit a file after the last look, and before the app folder is moved away."""
    own, remove_all, rename = run_programs.program, removal._remove_all, "gone=$S/.gone.$N\n"

    def program(*names: str) -> str:
        text = own(*names)
        assert "remove_app_files" not in names or rename in text
        return text.replace(rename, f"printf 'by hand' >\"$R/main.py\"\n{rename}")

    def edits(*words: Any) -> bool:
        (place.runtime / "main.py").write_text("by hand")
        return remove_all(*words)

    monkeypatch.setattr(run_programs, "program", program)
    monkeypatch.setattr(removal, "_remove_all", edits)


def test_everything_goes(place: Place) -> None:
    place.send("run-0", "v0")
    place.send("run-1", "v1")
    with place.locked(RUN), removal_of(place) as removing:
        removing.carry_out()
        assert not place.runtime.exists()
        assert not place.state.exists()


def test_an_edit_after_the_last_look_stops_the_removal(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.send("run-0", "v0")
    place.send("run-1", "v1")
    edited_before_the_rename(place, monkeypatch)
    with place.locked(RUN), removal_of(place) as removing:
        with pytest.raises(CheckFailed) as caught:
            removing.carry_out()
        assert caught.value.code == "HOST_EDITED_LIVE"
    assert place.text == "by hand"
    assert (place.state / "previous" / "main.py").read_text() == "v0"
