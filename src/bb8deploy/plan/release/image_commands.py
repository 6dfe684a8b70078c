"""The commands that build and push an app's images, as data: one per architecture, then their list."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

from bb8deploy.catalogue.errors.ship.publish import IMAGE_ARCH_UNKNOWN, IMAGE_NAME_INVALID
from bb8deploy.workspace.app_config import AddonInfo

PLATFORMS = {
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "armv7": "linux/arm/v7",
    "armhf": "linux/arm/v6",
    "i386": "linux/386",
}
# Names the published content in the image, so that a second run knows its own work.
TREE_LABEL = "io.github.e-app-404.bb8deploy.tree"
# True of an image of this content; the other labels name the commit from which it was built.
_OF_CONTENT = (TREE_LABEL, "io.hass.version", "io.hass.arch")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/([a-z0-9._-]|\{arch\})+)+")

_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+)(:[0-9]+)?/")


@dataclass(frozen=True, slots=True)
class Image:
    """One pushed image: `arch` is a Home Assistant architecture, or `manifest` for the list of all images."""

    name: str
    arch: str
    digest: str


@dataclass(frozen=True, slots=True)
class ImageJob:
    """One architecture's image: `reference` is name and tag, `labels` what the Supervisor reads."""

    arch: str
    platform: str
    reference: str
    labels: Mapping[str, str]
    args: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """All images of a version; `listed` is the reference of the multi-arch list, empty with `{arch}`.

    `cache` is the repository of the build cache, empty for none.
    """

    jobs: tuple[ImageJob, ...]
    listed: str
    config_image: str
    insecure: bool
    cache: str = ""


def plan_images(
    image: str, info: AddonInfo, tree: str, commit: str, source: str, *, cache: str = ""
) -> ImagePlan:
    """The images of an app. With `{arch}` in its name each architecture has a repository of its own.

    Raises UsageError for a name that no registry takes and for an architecture without a platform.
    """
    for name in (image, cache) if cache else (image,):
        if not _NAME.fullmatch(name):
            raise IMAGE_NAME_INVALID(f"`{name}` is not an image name with a registry")
    apart = "{arch}" in image
    jobs = tuple(_job(image, apart, info, arch, tree, commit, source) for arch in info.arch)
    listed = "" if apart else f"{image}:{info.version}"
    return ImagePlan(jobs, listed, image, bool(_LOOPBACK.match(image)), cache)


def _job(
    image: str, apart: bool, info: AddonInfo, arch: str, tree: str, commit: str, source: str
) -> ImageJob:
    if arch not in PLATFORMS:
        raise IMAGE_ARCH_UNKNOWN(
            f"there is no platform for the architecture `{arch}`",
            f"Use one or more of {', '.join(PLATFORMS)} in config.yaml.",
        )
    name = image.replace("{arch}", arch)
    labels = {
        "io.hass.type": "app",
        "io.hass.name": info.name,
        "io.hass.description": info.description,
        "io.hass.url": info.url,
        "io.hass.version": info.version,
        "io.hass.arch": arch,
        "org.opencontainers.image.version": info.version,
        "org.opencontainers.image.revision": commit,
        "org.opencontainers.image.source": source,
        TREE_LABEL: tree,
    }
    return ImageJob(
        arch=arch,
        platform=PLATFORMS[arch],
        reference=f"{name}:{info.version}" if apart else f"{name}:{info.version}-{arch}",
        labels={key: value for key, value in labels.items() if value},
        args={"BUILD_VERSION": info.version, "BUILD_ARCH": arch},
    )


def only(plan: ImagePlan, arch: str) -> ImagePlan:
    """The plan of one architecture's image, without the list. Raises UsageError IMAGE_ARCH_UNKNOWN."""
    jobs = tuple(job for job in plan.jobs if job.arch == arch)
    if not jobs:
        raise IMAGE_ARCH_UNKNOWN(
            f"the app is not for the architecture `{arch}`",
            f"Name one of {', '.join(job.arch for job in plan.jobs)}.",
        )
    return replace(plan, jobs=jobs, listed="")


def without(plan: ImagePlan, there: Container[str]) -> ImagePlan:
    """The plan of the images whose reference is not in `there`."""
    return replace(plan, jobs=tuple(job for job in plan.jobs if job.reference not in there))


def made_before(plan: ImagePlan, there: Container[str]) -> ImagePlan:
    """The plan as it is read back: an earlier commit with the same content may have made the images in
    `there`, so only the labels that speak of the content are asked of them.
    """
    jobs = (replace(j, labels=_of_content(j)) if j.reference in there else j for j in plan.jobs)
    return replace(plan, jobs=tuple(jobs))


def _of_content(job: ImageJob) -> Mapping[str, str]:
    return {key: job.labels[key] for key in _OF_CONTENT}


def docker_commands(
    job: ImageJob, context: str, dockerfile: str, epoch: str, *, record: str = "", cache: str = ""
) -> list[list[str]]:
    """Builds, then pushes by `docker buildx`; `epoch` is the commit's time, so that a rebuild is the same.

    The first command fills the build cache alone, so that the second one, which pushes, takes seconds: the
    caller looks at the registry in between. It also reads and writes the layers in the repository `cache`,
    under a tag for each architecture. The pushed digest goes into the file `record` (see `pushed_digest`).
    """
    metadata = [f"--metadata-file={record}"] if record else []
    build = [
        "docker", "buildx", "build", "--file", dockerfile, "--platform", job.platform, "--pull",
        "--provenance=false", "--build-arg", f"SOURCE_DATE_EPOCH={epoch}", *_options(job),
    ]  # fmt: skip
    at = f"type=registry,ref={cache.replace('{arch}', job.arch)}:{job.arch}"
    layers = ["--cache-from", at, "--cache-to", f"{at},mode=max"] if cache else []
    return [[*build, *layers, context], [*build, *metadata, "--tag", job.reference, "--push", context]]


def buildah_commands(
    job: ImageJob,
    context: str,
    dockerfile: str,
    epoch: str,
    *,
    insecure: bool,
    record: str = "",
    cache: str = "",
) -> list[list[str]]:
    """Builds and pushes by `buildah`, which needs no daemon. The pushed digest goes into `record`.

    The layers are read from the repository `cache` and written there; buildah makes the tags.
    """
    at = cache.replace("{arch}", job.arch)
    layers = ["--layers", "--cache-from", at, "--cache-to", at] if cache else []
    tls = ["--tls-verify=false"] if insecure else []
    digest = [f"--digestfile={record}"] if record else []
    return [
        [
            "buildah", "build", "--file", dockerfile, "--platform", job.platform, "--format", "docker",
            "--timestamp", epoch, *tls, *layers, *_options(job), "--tag", job.reference, context,
        ],
        ["buildah", "push", *tls, *digest, job.reference, f"docker://{job.reference}"],
    ]  # fmt: skip


def pushed_digest(record: str) -> str:
    """The digest in the record of a push: the bare digest of buildah, or the metadata of docker buildx."""
    text = record.strip()
    return str(json.loads(text)["containerimage.digest"]) if text.startswith("{") else text


def same_platform(found: str, wanted: str) -> bool:
    """True if `found` is the platform `wanted`; a registry may add or leave out the variant."""
    parts = zip(found.split("/"), wanted.split("/"), strict=False)
    return found.count("/") >= 1 and all(have == want for have, want in parts)


def docker_list(plan: ImagePlan, pushed: Mapping[str, str]) -> list[list[str]]:
    """Makes the multi-arch list from the images with the digests that were pushed."""
    parts = [_by_digest(job, pushed) for job in plan.jobs]
    return [["docker", "buildx", "imagetools", "create", "--tag", plan.listed, *parts]]


def _by_digest(job: ImageJob, pushed: Mapping[str, str]) -> str:
    """The image by its digest: its tag may lead to another publisher's image by now."""
    return f"{job.reference.rpartition(':')[0]}@{pushed[job.reference]}"


def buildah_list(plan: ImagePlan, pushed: Mapping[str, str]) -> list[list[str]]:
    """The same by `buildah`; a list that an earlier run left is made again."""
    tls = ["--tls-verify=false"] if plan.insecure else []
    local = f"bb8deploy-{plan.listed.rsplit('/', 1)[-1].replace(':', '-')}"
    parts = [f"docker://{_by_digest(job, pushed)}" for job in plan.jobs]
    adds = [["buildah", "manifest", "add", *tls, local, part] for part in parts]
    push = ["buildah", "manifest", "push", "--all", *tls, local, f"docker://{plan.listed}"]
    forget = ["buildah", "manifest", "rm", local]
    return [["buildah", "manifest", "create", local], *adds, push, forget]


def _options(job: ImageJob) -> list[str]:
    args = [word for key, value in job.args.items() for word in ("--build-arg", f"{key}={value}")]
    return [*args, *(word for key, value in job.labels.items() for word in ("--label", f"{key}={value}"))]
