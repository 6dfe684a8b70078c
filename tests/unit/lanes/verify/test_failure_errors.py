"""What an error of lane 3 advises follows what was seen."""

from __future__ import annotations

import pytest

from bb8deploy.host.supervisor.route_interface import AddonState, RefusalKind, SupervisorError
from bb8deploy.lanes.verify.failure_errors import action_failed, stale
from bb8deploy.plan.logs.build_log import BuildFailure, Cause


def test_who_did_not_report_again_is_looked_for_where_its_traces_are() -> None:
    spoke = stale("bb8 1.0", "started", "rebuild", ["Traceback", "boom"])
    assert "container's last lines" in spoke.remedy
    assert spoke.details == ("Traceback", "boom")
    mute = stale("bb8 1.0", "started", "rebuild", [])
    assert "logs --supervisor" in mute.remedy


@pytest.mark.parametrize(
    ("cause", "image", "word", "blamed"),
    [
        (Cause.BUILDER_PULL, "docker.io/library/docker:28.5.2-cli", "internet", False),
        (Cause.BASE_BLANK, "", "ARG BUILD_FROM=", False),
        (Cause.BASE_PULL, "ghcr.io/x/base:9", "Dockerfile", False),
        (Cause.IMAGE_PULL, "ghcr.io/x/app:1", "`image:`", True),
    ],
)
def test_a_failed_build_names_the_image_and_blames_the_config_for_its_own_alone(
    cause: Cause, image: str, word: str, blamed: bool
) -> None:
    refused = SupervisorError(RefusalKind.BUILD_FAILED, "update x", "the build failed")
    left = AddonState("x", True, "0.9", "1.0", "started", False, True)
    error = action_failed("x 1.0", "update", left, refused, BuildFailure(cause, ("ERROR",), image))
    assert error.code == "BUILD_FAILED"
    assert cause.value in error.cause
    assert image in error.cause
    assert word in error.remedy
    assert ("`image:`" in error.remedy) is blamed
    assert "bb8deploy deploy" not in error.remedy
