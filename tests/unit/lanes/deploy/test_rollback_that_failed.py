"""What the error of a rollback states that failed after its swap."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bb8deploy.base.errors import NotVerified
from bb8deploy.catalogue.errors.app import ADDON_DIED
from bb8deploy.catalogue.errors.ssh import SSH_LOST
from bb8deploy.host.files.app_folder_interface import InPlace
from bb8deploy.lanes.deploy.undo_sync import to_its_end
from bb8deploy.plan.sync_plan import LIVE, Stamp

SENT = Stamp("1.0", "sha256:x", "c", "20261127T01", proof="sealed").data().decode()
BY_DEV = Stamp("1.0", "sha256:x", "c", "20261127T01", proof=LIVE).data().decode()
AGAIN = ", and the next `rollback` tries them again"
FIXED = "When the cause is fixed, run `bb8deploy rollback{}` again, or name"
ELSE = (
    " another version: `bb8deploy rollback --list` shows the earlier trees, and `bb8deploy rollback VERSION`"
    " takes a tagged version from git."
)


def lost() -> InPlace:
    raise SSH_LOST("the host does not answer")


@pytest.mark.parametrize(
    ("place", "asked", "cause", "start"),
    [
        (lambda: InPlace(SENT, True), "", AGAIN, FIXED.format("")),
        (lambda: InPlace(SENT, False), "", "", "Name"),
        (lambda: InPlace(BY_DEV, True), "", "", "Name"),
        (lost, "", "", "Name"),
        (
            lambda: InPlace(SENT, False),
            "1.0",
            "",
            FIXED.format(" 1.0"),
        ),
    ],
    ids=["recorded", "not recorded", "by the dev loop", "lost host", "a named version"],
)
def test_it_names_the_files_that_stay_and_how_to_go_on(
    place: Any, asked: str, cause: str, start: str
) -> None:
    host: Any = SimpleNamespace(files=SimpleNamespace(in_place=place))
    error = ADDON_DIED("the app died", "Read its log.")
    with pytest.raises(NotVerified) as caught, to_its_end(host, "1.0", asked):
        raise error
    assert caught.value.cause == f"the app died; the files of 1.0 stay in the app folder{cause}"
    assert caught.value.remedy == f"Read its log. {start}{ELSE}"
