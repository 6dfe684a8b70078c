"""The image plan: names, labels and the exact words given to docker and buildah."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.plan.release.image_commands import (
    TREE_LABEL,
    ImagePlan,
    buildah_commands,
    buildah_list,
    docker_commands,
    docker_list,
    made_before,
    only,
    plan_images,
    pushed_digest,
    same_platform,
    without,
)
from bb8deploy.workspace.app_config import AddonInfo

INFO = AddonInfo(Path("a"), Path("a/config.yaml"), "Größe", "1.2.3", "demo", ("amd64", "aarch64"))


PUSHED = {"ghcr.io/me/demo:1.2.3-amd64": "sha256:1", "ghcr.io/me/demo:1.2.3-aarch64": "sha256:2"}


def planned(image: str) -> ImagePlan:
    return plan_images(image, INFO, "tree", "commit", "https://example.org")


def test_each_architecture_has_its_tag_and_the_list_has_the_version() -> None:
    plan = planned("ghcr.io/me/demo")
    assert [job.reference.rpartition(":")[2] for job in plan.jobs] == ["1.2.3-amd64", "1.2.3-aarch64"]
    assert [job.platform for job in plan.jobs] == ["linux/amd64", "linux/arm64"]
    assert (plan.listed, plan.config_image) == ("ghcr.io/me/demo:1.2.3", "ghcr.io/me/demo")


def test_labels_are_those_that_the_supervisor_reads() -> None:
    labels = planned("ghcr.io/me/demo").jobs[1].labels
    assert labels["io.hass.type"] == "app"
    assert labels["io.hass.arch"] == "aarch64"
    assert labels["io.hass.version"] == "1.2.3"
    assert labels["io.hass.name"] == "Größe"
    assert "io.hass.url" not in labels


def test_an_image_that_was_there_already_is_asked_for_its_content_alone() -> None:
    plan = planned("ghcr.io/me/demo")
    built, found = made_before(plan, {"ghcr.io/me/demo:1.2.3-aarch64": "sha256:2"}).jobs
    assert found.labels == {TREE_LABEL: "tree", "io.hass.version": "1.2.3", "io.hass.arch": "aarch64"}
    assert built == plan.jobs[0]


def test_one_image_is_planned_without_the_list_and_an_image_that_is_there_is_not_built() -> None:
    plan = planned("ghcr.io/me/demo")
    assert (only(plan, "aarch64").jobs, only(plan, "aarch64").listed) == (plan.jobs[1:], "")
    assert without(plan, {"ghcr.io/me/demo:1.2.3-amd64"}).jobs == plan.jobs[1:]
    with pytest.raises(UsageError) as caught:
        only(plan, "armv7")
    assert caught.value.code == "IMAGE_ARCH_UNKNOWN"
    assert "amd64, aarch64" in caught.value.remedy


def test_only_a_registry_on_loopback_may_go_without_tls() -> None:
    assert planned("127.0.0.1:5000/x").insecure
    assert planned("localhost:5000/x").insecure
    assert not planned("192.168.0.9:5000/x").insecure
    assert not planned("localhost.example.org/x").insecure


BAD_NAMES = ["demo", "ghcr.io/Me/demo", "ghcr.io/me/demo:1", "ghcr.io/me/demo@x", "-x/y", "a b/c"]


@pytest.mark.parametrize("image", BAD_NAMES)
def test_a_name_that_no_registry_takes_is_refused(image: str) -> None:
    with pytest.raises(UsageError) as caught:
        planned(image)
    assert caught.value.code == "IMAGE_NAME_INVALID"


def test_docker_builds_pushes_and_lists() -> None:
    plan = planned("ghcr.io/me/demo")
    built, words = docker_commands(plan.jobs[0], "/ctx", "/ctx/Dockerfile", "17")
    assert built == [word for word in words if word not in {"--push", "--tag", plan.jobs[0].reference}]
    assert words[:3] == ["docker", "buildx", "build"]
    assert words[-4:] == ["--tag", "ghcr.io/me/demo:1.2.3-amd64", "--push", "/ctx"]
    assert "BUILD_ARCH=amd64" in words
    assert "io.hass.version=1.2.3" in words
    assert docker_list(plan, PUSHED) == [
        ["docker", "buildx", "imagetools", "create", "--tag", "ghcr.io/me/demo:1.2.3",
         "ghcr.io/me/demo@sha256:1", "ghcr.io/me/demo@sha256:2"]
    ]  # fmt: skip
    adds = [words[-1] for words in buildah_list(plan, PUSHED) if "add" in words]
    assert adds == ["docker://ghcr.io/me/demo@sha256:1", "docker://ghcr.io/me/demo@sha256:2"]


def test_layers_are_kept_in_the_cache_s_repository_by_architecture() -> None:
    plan = plan_images("ghcr.io/me/demo", INFO, "tree", "commit", "", cache="ghcr.io/me/demo-cache")
    built, pushed = docker_commands(plan.jobs[1], "/c", "/c/Dockerfile", "17", cache=plan.cache)
    at = "type=registry,ref=ghcr.io/me/demo-cache:aarch64"
    assert built[-5:] == ["--cache-from", at, "--cache-to", f"{at},mode=max", "/c"]
    assert not any("cache" in word for word in pushed)
    with pytest.raises(UsageError) as caught:
        plan_images("ghcr.io/me/demo", INFO, "tree", "commit", "", cache="cache:1")
    assert caught.value.code == "IMAGE_NAME_INVALID"


def test_buildah_switches_tls_off_on_loopback_only() -> None:
    job = planned("ghcr.io/me/demo").jobs[0]
    safe = buildah_commands(job, "/ctx", "/ctx/Dockerfile", "17", insecure=False)
    assert not any("--tls-verify=false" in words for words in safe)
    assert safe[1] == ["buildah", "push", job.reference, f"docker://{job.reference}"]
    loose = planned("localhost:5000/demo")
    pushed = {job.reference: "sha256:1" for job in loose.jobs}
    assert all("--tls-verify=false" in words for words in buildah_list(loose, pushed)[1:-1])


def test_each_tool_records_the_digest_that_it_pushed() -> None:
    job = planned("ghcr.io/me/demo").jobs[0]
    _, docker = docker_commands(job, "/ctx", "/ctx/Dockerfile", "17", record="/r")
    buildah = buildah_commands(job, "/ctx", "/ctx/Dockerfile", "17", insecure=False, record="/r")[1]
    assert "--metadata-file=/r" in docker
    assert "--digestfile=/r" in buildah
    assert pushed_digest('{"containerimage.digest": "sha256:1"}') == pushed_digest("sha256:1\n") == "sha256:1"


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm", "linux/arm/v7", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/arm64", "linux/amd64", False),
        ("", "linux/amd64", False),
    ],
)
def test_a_platform_is_compared_with_or_without_its_variant(found: str, wanted: str, same: bool) -> None:
    assert same_platform(found, wanted) is same
