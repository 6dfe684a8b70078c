"""Image promotion: builds and pushes each architecture, reads it back, and names it in the published tree."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bb8deploy.base.errors import Refused
from bb8deploy.catalogue.errors.ship.publish import (
    IMAGE_BUILD_FAILED,
    IMAGE_CONFIG_UNSAFE,
    IMAGE_EXISTS,
    IMAGE_NAME_MISSING,
    IMAGE_NOT_NAMED,
    IMAGE_READBACK,
    IMAGE_TOOL_MISSING,
)
from bb8deploy.lanes.publish.committed_source import Publication
from bb8deploy.lanes.publish.images.registry_client import ImageConfig, ImageManifest, Registry, platform_of
from bb8deploy.lanes.publish.images.registry_logins import stored_login
from bb8deploy.plan.release import image_commands as p
from bb8deploy.plan.release.image_commands import Image
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace.app_config import parse_config, read_addon
from bb8deploy.workspace.versions import version_places

BUILD_DEADLINE = 3600.0


def require_ready(run: Run) -> None:
    """What a promotion needs, before a release changes anything: a tool, a name, a registry that answers.

    Raises UsageError, Refused or Unreachable.
    """
    find_tool()
    plan = p.plan_images(_name(run), read_addon(run.addon), "", "", "")
    with _registry(plan) as registry, run.step("preflight: reach the registry", registry.host):
        registry.manifest(plan.jobs[0].reference)


def promote(run: Run, source: Publication) -> tuple[str, tuple[Image, ...]]:
    """Builds, pushes and reads back the images of `source`, and returns the tree whose config names them.

    An image that the registry has with the same content is not built again. Raises UsageError for a missing
    tool or name, CheckFailed if a build fails or the version holds other content, Refused or Unreachable if
    the registry fails.
    """
    plan = _plan(run, source)
    tree = _named_in(run, source, plan)
    return tree, _bring(run, plan, source)


def promote_one(run: Run, source: Publication, arch: str) -> tuple[Image, ...]:
    """Builds, pushes and reads back the image of one architecture; no list. Raises what `promote` raises."""
    plan = p.only(_plan(run, source), arch)
    _named_in(run, source, plan)
    return _bring(run, plan, source)


def _named_in(run: Run, source: Publication, plan: p.ImagePlan) -> str:
    """The published tree, whose config names the image. Raises CheckFailed IMAGE_NOT_NAMED in a store."""
    tree = flipped_tree(run, source, plan.config_image)
    if source.how.in_store and tree != source.tree:
        raise IMAGE_NOT_NAMED(
            f"{source.info.config.name} does not name the image {plan.config_image}, or has `build:`",
            f'Write `image: "{plan.config_image}"` into it, without `build:`, and commit.',
        )
    return tree


def _bring(run: Run, plan: p.ImagePlan, source: Publication) -> tuple[Image, ...]:
    """Builds the images that the registry does not have, makes their list, and reads all of them back."""
    if run.dry_run:
        run.progress.note(f"would build and push {', '.join(job.reference for job in plan.jobs)}")
        return ()
    with _registry(plan) as registry:
        there = _there_already(run, registry, plan, source)
        missing = p.without(plan, there)
        pushed = _build_all(run, registry, missing, source) if missing.jobs else {}
        digests = {**there, **pushed}
        if plan.listed and not _is_list_of(registry, plan, digests):
            of = p.docker_list if find_tool() == "docker" else p.buildah_list
            _run_all(run, "image: list", of(plan, digests))
        return _read_back(run, registry, p.made_before(plan, there), digests)


def flipped_tree(run: Run, source: Publication, image: str) -> str:
    """The published tree with `image:` in its config and without `build:`; every other file is the same."""
    name = source.info.config.name
    data = g.read_file(run.workspace, source.tree, name) or b""
    text = version_places.drop_key(version_places.set_key(data.decode("utf-8-sig"), "image", image), "build")
    _check_flip(data, text, name, image)
    blob = g.git(run.workspace, "hash-object", "-w", "--stdin", stdin=text.encode())
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        g.git(run.workspace, "read-tree", source.tree, extra=index)
        words = ("update-index", "--cacheinfo", f"100644,{blob},{name}")
        # From the root: update-index takes the path as relative to the folder it runs in.
        g.git(Path(g.git(run.workspace, "rev-parse", "--show-toplevel")), *words, extra=index)
        return g.git(run.workspace, "write-tree", extra=index)


def _check_flip(before: bytes, after: str, name: str, image: str) -> None:
    """The flipped config must differ in `image` and `build` alone."""
    wanted = {**parse_config(before, name), "image": image}
    wanted.pop("build", None)
    if not name.endswith((".yaml", ".yml")) or parse_config(after.encode(), name) != wanted:
        raise IMAGE_CONFIG_UNSAFE(f"`image:` cannot be added to {name} without other changes")


def _plan(run: Run, source: Publication) -> p.ImagePlan:
    origin = r.upstream(run.workspace, g.branch(run.workspace))[0]
    home = source.info.url or (r.address(run.workspace, origin) if origin else "")
    cache = run.settings.ha_image_cache or ""
    return p.plan_images(_name(run), source.info, source.tree, source.commit.sha, home, cache=cache)


def _name(run: Run) -> str:
    image = run.settings.ha_image
    if not image:
        raise IMAGE_NAME_MISSING("HA_IMAGE is not set, so the images have no name")
    return image


@contextmanager
def _registry(plan: p.ImagePlan) -> Iterator[Registry]:
    host = plan.config_image.split("/", 1)[0]
    with Registry(host, insecure=plan.insecure, login=stored_login(host)) as registry:
        yield registry


def _there_already(run: Run, registry: Registry, plan: p.ImagePlan, source: Publication) -> dict[str, str]:
    """The digests of the images of this version that the registry has, by reference.

    Raises CheckFailed IMAGE_EXISTS if one has other content.
    """
    with run.step("image: look at the registry", registry.host):
        found = {job.reference: _found(registry, job.reference, source.tree) for job in plan.jobs}
    return {reference: manifest.digest for reference, manifest in found.items() if manifest}


def _is_list_of(registry: Registry, plan: p.ImagePlan, digests: Mapping[str, str]) -> bool:
    """Whether the registry's list names these images; two publishers at once may leave another one."""
    listed = registry.manifest(plan.listed)
    return listed is not None and _platforms(listed).keys() == set(digests.values())


def _found(registry: Registry, reference: str, tree: str) -> ImageManifest | None:
    """The image with this name, None if there is none. Raises CheckFailed IMAGE_EXISTS for other content."""
    manifest = registry.manifest(reference)
    if manifest and registry.image(manifest).labels.get(p.TREE_LABEL) != tree:
        raise IMAGE_EXISTS(f"{reference} is in the registry with other content")
    return manifest


def _platforms(listed: ImageManifest) -> dict[str, str]:
    """The images that a list names by their digests, with their platforms."""
    rows = listed.body.get("manifests", [])
    return {str(row["digest"]): platform_of(row.get("platform", {})) for row in rows}


def _build_all(run: Run, registry: Registry, plan: p.ImagePlan, source: Publication) -> dict[str, str]:
    """Builds and pushes every image of the plan; returns the digest that was pushed for each reference.

    A build takes minutes, in which another publisher may push the same version: the registry is asked again
    before each command. Raises CheckFailed IMAGE_EXISTS if it has other content by then.
    """
    pushed: dict[str, str] = {}
    tool = find_tool()
    epoch = source.commit.committer.when.split()[0]
    with tempfile.TemporaryDirectory() as context, tempfile.TemporaryDirectory() as beside:
        g.write_tree_files(run.workspace, source.tree, Path(context))
        for job in plan.jobs:
            own, record = Path(context, f"Dockerfile.{job.arch}"), f"{beside}/{job.arch}.digest"
            dockerfile = str(own if own.exists() else Path(context, "Dockerfile"))
            if tool == "docker":
                commands = p.docker_commands(job, context, dockerfile, epoch, record=record, cache=plan.cache)
            else:
                commands = p.buildah_commands(
                    job,
                    context,
                    dockerfile,
                    epoch,
                    insecure=plan.insecure,
                    record=record,
                    cache=plan.cache,
                )
            for words in commands:
                _found(registry, job.reference, source.tree)
                _run_all(run, f"image: build and push {job.arch}", [words])
            pushed[job.reference] = p.pushed_digest(Path(record).read_text("utf-8"))
    return pushed


def find_tool() -> str:
    """`docker` if it has buildx, else `buildah`; raises UsageError if there is neither."""
    if shutil.which("docker"):
        words = ["docker", "buildx", "version"]
        if subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 0:
            return "docker"
    if shutil.which("buildah"):
        return "buildah"
    raise IMAGE_TOOL_MISSING("neither `docker buildx` nor `buildah` is installed")


def _run_all(run: Run, step: str, commands: Sequence[Sequence[str]]) -> None:
    """Runs the commands with their output in a log of the run; the first failure ends it."""
    log = run.folder / "logs" / f"{step.replace(': ', '-').replace(' ', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with run.step(step), log.open("ab") as file:
        for words in commands:
            file.write(f"$ {' '.join(words[:3])} ...\n".encode())
            file.flush()
            _run_one(run, words, file.fileno(), log)


def _run_one(run: Run, words: Sequence[str], output: int, log: Path) -> None:
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=BUILD_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise IMAGE_BUILD_FAILED(
            f"`{' '.join(words[:3])}` did not end within {BUILD_DEADLINE:.0f} s",
            "Look at the log; a build by emulation is slow, a native builder is not.",
            details=[str(log)],
        ) from error
    if done.returncode:
        tail = log.read_text("utf-8", errors="replace").splitlines()[-20:]
        raise IMAGE_BUILD_FAILED(
            f"`{' '.join(words[:3])}` ended with {done.returncode}",
            details=[run.clean(line) for line in tail],
        )


def _read_back(
    run: Run, registry: Registry, plan: p.ImagePlan, digests: Mapping[str, str]
) -> tuple[Image, ...]:
    """Asks the registry for every image; only what it returns now makes a token.

    `digests` has those that were pushed or found; the registry must have these and no others.
    """
    images: list[Image] = []
    with run.step("image: read back", registry.host) as facts:
        for job in plan.jobs:
            manifest = _must(registry.manifest(job.reference), job.reference)
            if manifest.digest != digests[job.reference]:
                raise _not_there(f"{job.reference} as {manifest.digest}, not {digests[job.reference]}")
            _check_config(registry.image(manifest), job)
            images.append(Image(job.reference, job.arch, manifest.digest))
        if plan.listed:
            images.append(_list_image(registry, plan, images))
        facts.update({image.name: image.digest for image in images})
    for image in images:
        run.ledger.emit(Token.IMAGE_PUBLISH_OK, image=image.name, arch=image.arch, digest=image.digest)
    return tuple(images)


def _list_image(registry: Registry, plan: p.ImagePlan, images: Sequence[Image]) -> Image:
    """The list itself, which must name every image by the digest that was read back."""
    manifest = _must(registry.manifest(plan.listed), plan.listed)
    named = _platforms(manifest)
    wanted = {image.digest: p.PLATFORMS[image.arch] for image in images}
    if named.keys() != wanted.keys():
        raise _not_there(f"{plan.listed} lists other images than were pushed")
    for digest, platform in wanted.items():
        if not p.same_platform(named[digest], platform):
            raise _not_there(f"{plan.listed} lists {digest} for {named[digest]}, not {platform}")
        reference = f"{plan.listed.rpartition(':')[0]}@{digest}"
        _must(registry.manifest(reference), reference)
    return Image(plan.listed, "manifest", manifest.digest)


def _check_config(config: ImageConfig, job: p.ImageJob) -> None:
    wrong = [key for key, value in job.labels.items() if config.labels.get(key) != value]
    if wrong:
        raise _not_there(f"{job.reference} has other labels: {', '.join(wrong)}")
    if not p.same_platform(config.platform, job.platform):
        raise _not_there(f"{job.reference} is for {config.platform}, not {job.platform}")


def _must(manifest: ImageManifest | None, reference: str) -> ImageManifest:
    if manifest is None:
        raise _not_there(f"{reference} is not there")
    return manifest


def _not_there(why: str) -> Refused:
    return IMAGE_READBACK(f"the registry took the images, but read back {why}")
