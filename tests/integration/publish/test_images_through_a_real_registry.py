"""Image promotion by buildah and docker into Debian's docker-registry on loopback, and what is read back."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.desk import Desk
from tests.integration.registrylab import open_registry, use_buildah, use_docker
from tests.integration.shop import make_shop

from bb8deploy.base.errors import Bb8Error, CheckFailed, Refused, Unreachable, UsageError
from bb8deploy.lanes.publish import publish as publishing
from bb8deploy.lanes.publish.images import promote_images as lane
from bb8deploy.lanes.publish.images.registry_client import IMAGES
from bb8deploy.lanes.publish.outcome import PublishOptions
from bb8deploy.lanes.publish.publish import publish, push_image
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions, ReleaseOutcome
from bb8deploy.lanes.release.release import release
from bb8deploy.runs.run import Run

DOCKERFILE = "FROM scratch\nARG BUILD_VERSION\nCOPY run.sh /run.sh\nLABEL io.hass.version=$BUILD_VERSION\n"


@pytest.fixture
def tool(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The builder that a test asks for (buildah where it asks for none), with storage of its own."""
    name = getattr(request, "param", "buildah")
    with contextlib.ExitStack() as stack:
        if name == "buildah":
            use_buildah(tmp_path, monkeypatch)
        else:
            use_docker(stack, monkeypatch)
        monkeypatch.setattr(lane, "find_tool", lambda: name)
        yield name


@pytest.fixture
def registry(tool: str, tmp_path: Path) -> Iterator[str]:
    """`host:port` of an empty registry."""
    with open_registry(tmp_path) as address:
        yield address


@pytest.fixture
def imaged(desk: Desk) -> Desk:
    """A desk whose app builds for two architectures."""
    config = (desk.addon / "config.yaml").read_text().replace("  - amd64\n", "  - amd64\n  - aarch64\n")
    (desk.addon / "config.yaml").write_text(config)
    desk.commit("addon/Dockerfile", DOCKERFILE, "Build from nothing")
    return desk


def promote(desk: Desk, registry: str, name: str = "me/demo") -> Run:
    run = desk.run({"HA_IMAGE": f"{registry}/{name}"})
    publish(run, PublishOptions(image=True))
    return run


def unreachable(*_: object) -> None:
    """A publish that comes to its images and no further."""
    raise Unreachable("REMOTE_UNREACHABLE", "no answer", "Try later.")


@pytest.mark.parametrize("tool", ["buildah", "docker"], indirect=True)
def test_both_architectures_and_their_list_are_read_back(imaged: Desk, registry: str) -> None:
    run = promote(imaged, registry)
    lines = [dict(line.fields) for line in run.ledger.lines if line.name == "IMAGE_PUBLISH_OK"]
    assert [line["arch"] for line in lines] == ["amd64", "aarch64", "manifest"]
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", line["digest"]) for line in lines)
    assert run.ledger.held()[-2:] == ["SUBTREE_PUBLISH_OK", "TAG_OK"]


def test_the_published_config_names_the_image_and_nothing_else_differs(imaged: Desk, registry: str) -> None:
    promote(imaged, registry)
    published = imaged.at_store("show", "main:config.yaml")
    assert f'image: "{registry}/me/demo"' in published
    assert "build:" not in published
    assert "# Stays above build." in published
    imaged.git("fetch", "-q", str(imaged.store), "main")
    assert imaged.git("diff", "--name-only", "HEAD:addon", "FETCH_HEAD^{tree}") == "config.yaml"
    assert "image:" not in (imaged.addon / "config.yaml").read_text()


def test_a_second_promotion_builds_nothing_and_proves_all(
    imaged: Desk, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = promote(imaged, registry)
    monkeypatch.setattr(lane, "_build_all", lambda *_: pytest.fail("built again"))
    assert promote(imaged, registry).ledger.held() == first.ledger.held()


def test_images_that_each_builder_pushed_are_listed_and_published(
    imaged: Desk, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in CI: a runner of each architecture pushes its image, and another one publishes."""
    run = imaged.run({"HA_IMAGE": f"{registry}/me/demo"})
    for arch in ("amd64", "aarch64"):
        _, (image,) = push_image(run, arch)
        assert image.name == f"{registry}/me/demo:2026.1.2.0-{arch}"
    assert run.ledger.held() == ["IMAGE_PUBLISH_OK", "IMAGE_PUBLISH_OK"]
    assert imaged.at_store("for-each-ref") == ""
    monkeypatch.setattr(lane, "_build_all", lambda *_: pytest.fail("built again"))
    lines = [dict(line.fields) for line in promote(imaged, registry).ledger.lines]
    assert [line["arch"] for line in lines if "arch" in line] == ["amd64", "aarch64", "manifest"]
    assert f'image: "{registry}/me/demo"' in imaged.at_store("show", "main:config.yaml")


def test_a_builder_keeps_its_layers_in_the_cache_s_repository(imaged: Desk, registry: str) -> None:
    own = {"HA_IMAGE": f"{registry}/me/demo", "HA_IMAGE_CACHE": f"{registry}/me/demo-cache"}
    push_image(imaged.run(own), "amd64")
    kept = httpx.get(f"http://{registry}/v2/me/demo-cache/tags/list")
    assert kept.status_code == 200
    assert kept.json()["tags"]


def test_only_the_image_that_the_registry_lacks_is_built(
    imaged: Desk, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_image(imaged.run({"HA_IMAGE": f"{registry}/me/demo"}), "aarch64")
    build_all, built = lane._build_all, list[str]()

    def noted(run: Run, at: Any, plan: Any, source: Any) -> dict[str, str]:
        built.extend(job.arch for job in plan.jobs)
        return build_all(run, at, plan, source)

    monkeypatch.setattr(lane, "_build_all", noted)
    promote(imaged, registry)
    assert built == ["amd64"]


def test_a_commit_beside_the_addon_leaves_the_images_that_are_there_good(
    imaged: Desk, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "deliver", unreachable)
        with pytest.raises(Unreachable):
            promote(imaged, registry)
    imaged.commit("README.md", "Hello", "Write about it")
    monkeypatch.setattr(lane, "_build_all", lambda *_: pytest.fail("built again"))
    assert promote(imaged, registry).ledger.held()[-2:] == ["SUBTREE_PUBLISH_OK", "TAG_OK"]


def test_an_image_of_other_content_is_never_replaced(imaged: Desk, registry: str) -> None:
    promote(imaged, registry)
    imaged.git("tag", "-d", "2026.1.2.0")
    imaged.at_store("update-ref", "-d", "refs/heads/main")
    imaged.at_store("update-ref", "-d", "refs/tags/2026.1.2.0")
    imaged.commit("addon/run.sh", "#!/bin/sh\nexec false\n", "Change without a bump")
    with pytest.raises(CheckFailed) as caught:
        promote(imaged, registry)
    assert caught.value.code == "IMAGE_EXISTS"
    assert imaged.at_store("for-each-ref") == ""


def test_an_image_that_another_publisher_pushed_during_the_build_is_not_replaced(
    imaged: Desk, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = f"http://{registry}/v2/me/demo/manifests/2026.1.2.0-amd64"
    kinds = {"Accept": ", ".join(IMAGES)}
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "deliver", unreachable)
        with pytest.raises(Unreachable):
            promote(imaged, registry)
    theirs = httpx.get(at, headers=kinds)
    imaged.commit("addon/run.sh", "#!/bin/sh\nexec false\n", "Change without a bump")
    monkeypatch.setattr(lane, "_there_already", lambda *_: {})  # its look came before their push
    with pytest.raises(CheckFailed) as caught:
        promote(imaged, registry)
    assert caught.value.code == "IMAGE_EXISTS"
    assert httpx.get(at, headers=kinds).content == theirs.content


def test_a_list_of_other_images_is_made_again(imaged: Desk, registry: str) -> None:
    """Two publishers at once may leave the images of the one and the list of the other."""
    first = promote(imaged, registry)
    at = f"http://{registry}/v2/me/demo/manifests/2026.1.2.0"
    one = httpx.get(f"{at}-amd64", headers={"Accept": ", ".join(IMAGES)})
    kind = {"Content-Type": one.headers["Content-Type"]}
    httpx.put(at, content=one.content, headers=kind).raise_for_status()
    assert promote(imaged, registry).ledger.held() == first.ledger.held()


def test_a_repository_per_architecture_where_the_name_asks_for_it(imaged: Desk, registry: str) -> None:
    run = promote(imaged, registry, "me/{arch}-demo")
    names = [dict(line.fields)["image"] for line in run.ledger.lines if line.name == "IMAGE_PUBLISH_OK"]
    assert names == [f"{registry}/me/{arch}-demo:2026.1.2.0" for arch in ("amd64", "aarch64")]
    assert f'image: "{registry}/me/{{arch}}-demo"' in imaged.at_store("show", "main:config.yaml")


def test_another_digest_than_was_pushed_makes_no_token(
    imaged: Desk, registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another publisher moves a tag after the push."""
    build_all, at = lane._build_all, f"http://{registry}/v2/me/demo/manifests/2026.1.2.0"

    def overtaken(*args: Any) -> dict[str, str]:
        pushed = build_all(*args)
        theirs = httpx.get(f"{at}-aarch64", headers={"Accept": ", ".join(IMAGES)})
        kind = {"Content-Type": theirs.headers["Content-Type"]}
        httpx.put(f"{at}-amd64", content=theirs.content, headers=kind).raise_for_status()
        return pushed

    monkeypatch.setattr(lane, "_build_all", overtaken)
    with pytest.raises(Refused) as caught:
        promote(imaged, registry)
    assert caught.value.code == "IMAGE_READBACK"
    assert imaged.at_store("for-each-ref") == ""


def test_a_build_that_fails_shows_its_last_lines_and_publishes_nothing(imaged: Desk, registry: str) -> None:
    imaged.commit("addon/Dockerfile", 'FROM scratch\nRUN ["/missing"]\n', "Break the build")
    with pytest.raises(CheckFailed) as caught:
        promote(imaged, registry)
    assert caught.value.code == "IMAGE_BUILD_FAILED"
    assert any("missing" in line for line in caught.value.details)
    assert imaged.at_store("for-each-ref") == ""


def released(desk: Desk, registry: str) -> ReleaseOutcome:
    """A release with images whose host lanes do nothing."""
    run = desk.run({"HA_IMAGE": f"{registry}/me/demo", "HA_SSH_HOST_ALIAS": "ha.example"})

    def idle(_run: Run) -> None:
        """The host is another test's matter."""

    lanes = Lanes(reach=idle, preview=lambda _run: (), validate=idle, deploy=idle, attest=idle)
    return release(run, "patch", ReleaseOptions(image=True), lanes)


def test_a_release_with_images_is_known_again_in_a_clone_without_its_tag(imaged: Desk, registry: str) -> None:
    assert released(imaged, registry).version == "2026.1.2.1"
    imaged.git("tag", "-d", "2026.1.2.1")
    assert released(imaged, registry).nothing


def test_a_version_that_another_clone_published_with_images_is_refused_before_the_bump(
    imaged: Desk, registry: str
) -> None:
    before = imaged.git("rev-parse", "HEAD")
    released(imaged, registry)
    imaged.git("tag", "-d", "2026.1.2.1")
    imaged.git("reset", "-q", "--hard", before)
    imaged.commit("addon/run.sh", "#!/bin/sh\nexec other\n", "Work on beside it")
    with pytest.raises(CheckFailed) as caught:
        released(imaged, registry)
    assert caught.value.code == "TAG_EXISTS"
    assert imaged.git("log", "-1", "--format=%s") == "Work on beside it"


STUBS = {
    "docker and buildah, no buildx": ({"docker": 1, "buildah": 0}, "buildah"),
    "docker with buildx": ({"docker": 0, "buildah": 0}, "docker"),
    "docker alone, no buildx": ({"docker": 1}, ""),
    "neither": ({}, ""),
}


@pytest.mark.parametrize("case", STUBS)
def test_docker_is_used_where_it_has_buildx_else_buildah(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    programs, expected = STUBS[case]
    for name, code in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if expected:
        assert lane.find_tool() == expected
        return
    with pytest.raises(UsageError) as caught:
        lane.find_tool()
    assert caught.value.code == "IMAGE_TOOL_MISSING"


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("", "IMAGE_NAME_MISSING"),
        ("Ghcr.io/Me/x", "IMAGE_NAME_INVALID"),
        ("127.0.0.1:9/a/b", "REGISTRY_UNREACHABLE"),
    ],
)
def test_a_name_or_registry_that_cannot_be_is_refused(desk: Desk, image: str, code: str) -> None:
    before = desk.refs()
    with pytest.raises(Bb8Error) as caught:
        publish(desk.run({"HA_IMAGE": image}), PublishOptions(image=True))
    assert caught.value.code == code
    assert desk.refs() == before


@pytest.mark.e2e
def test_a_store_publishes_the_config_that_names_the_image_as_it_is_committed(
    tmp_path: Path, registry: str
) -> None:
    (tmp_path / "shop").mkdir()
    shop = make_shop(tmp_path / "shop")
    shop.commit("lamp/Dockerfile", DOCKERFILE, "Build from nothing")
    before = shop.at_store("for-each-ref")
    with pytest.raises(CheckFailed) as caught:
        publish(shop.run_in_store(HA_IMAGE=f"{registry}/me/{{slug}}"), PublishOptions(image=True))
    assert caught.value.code == "IMAGE_NOT_NAMED"
    assert f'`image: "{registry}/me/lamp"`' in caught.value.remedy
    assert shop.at_store("for-each-ref") == before
    config = (shop.addon / "config.yaml").read_text()
    config = config.replace("build:\n  dockerfile: Dockerfile\n", f'image: "{registry}/me/lamp"\n')
    commit = shop.commit("lamp/config.yaml", config, "Name the image")
    run = shop.run_in_store(HA_IMAGE=f"{registry}/me/{{slug}}")
    publish(run, PublishOptions(image=True))
    assert run.ledger.held() == ["IMAGE_PUBLISH_OK", "IMAGE_PUBLISH_OK", "SUBTREE_PUBLISH_OK", "TAG_OK"]
    assert shop.at_store("rev-parse", "main") == commit
