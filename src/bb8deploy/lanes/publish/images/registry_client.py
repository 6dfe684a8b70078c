"""Reads images back from a container registry (the OCI distribution API), as the Supervisor's pull would."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.secret import Secret
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.ship.publish import (
    IMAGE_READBACK,
    REGISTRY_DENIED,
    REGISTRY_REFUSED,
    REGISTRY_UNREACHABLE,
)

if TYPE_CHECKING:
    import httpx

DEADLINE = 30.0
LISTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
IMAGES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """A manifest as the registry gave it: its digest was computed here over the bytes that came."""

    reference: str
    digest: str
    body: JsonObject

    @property
    def is_list(self) -> bool:
        """Whether it lists the images of several architectures."""
        return "manifests" in self.body


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image's config has: its labels, and its platform such as linux/arm64."""

    labels: Mapping[str, str]
    platform: str


class Registry:
    """One registry, over https, or over http on loopback."""

    def __init__(self, host: str, *, insecure: bool, login: Secret | None = None) -> None:
        import httpx

        from bb8deploy.transport.http import Calls

        self.host = host
        self._login = login
        self._headers: dict[str, str] = {}
        scheme = "http" if insecure else "https"
        self._calls = Calls(httpx.Client(base_url=f"{scheme}://{host}", follow_redirects=True))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def manifest(self, reference: str) -> ImageManifest | None:
        """The manifest of `host/name:tag` or `host/name@digest`, None if the registry has none."""
        name, tag = split(reference)
        reply = self._get(f"/v2/{name}/manifests/{tag}", name, ", ".join((*LISTS, *IMAGES)))
        if reply.status_code == 404:
            return None
        for wanted in (reply.headers.get("Docker-Content-Digest"), tag if "@" in reference else None):
            if wanted:
                _require_digest(reference, reply.content, wanted)
        return ImageManifest(reference, digest_of(reply.content), self._object(reply))

    def image(self, manifest: ImageManifest) -> ImageConfig:
        """The labels and platform in an image's config; empty for a list.

        Raises IMAGE_READBACK if the config does not have the digest that the manifest names.
        """
        if manifest.is_list:
            return ImageConfig({}, "")
        name, _ = split(manifest.reference)
        wanted = str(manifest.body["config"]["digest"])
        reply = self._get(f"/v2/{name}/blobs/{wanted}", name, "*/*")
        _require_digest(f"the config of {manifest.reference}", reply.content, wanted)
        config = self._object(reply)
        labels = config.get("config", {}).get("Labels") or {}
        return ImageConfig({str(key): str(value) for key, value in labels.items()}, platform_of(config))

    def _get(self, path: str, name: str, accept: str) -> httpx.Response:
        import httpx

        try:
            reply = self._call(path, headers={**self._headers, "Accept": accept})
            if reply.status_code == 401 and not self._headers:
                self._headers = self._authorise(reply, name)
                reply = self._call(path, headers={**self._headers, "Accept": accept})
        except httpx.HTTPError as error:
            raise REGISTRY_UNREACHABLE(
                f"the registry {self.host} does not answer: {type(error).__name__}"
            ) from error
        if reply.status_code in {401, 403}:
            raise self._denied()
        if reply.status_code not in {200, 404}:
            raise REGISTRY_REFUSED(f"the registry {self.host} answered {reply.status_code}")
        return reply

    def _call(self, url: str, **words: Any) -> httpx.Response:
        return self._calls.call("GET", url, deadline=DEADLINE, **words)

    def _authorise(self, reply: httpx.Response, name: str) -> dict[str, str]:
        """The header that the registry's challenge asks for: a login, or a token for this repository."""
        challenge = reply.headers.get("WWW-Authenticate", "")
        basic = {"Authorization": f"Basic {self._login.reveal()}"} if self._login else {}
        if not challenge.lower().startswith("bearer"):
            return basic
        asked = dict(_CHALLENGE.findall(challenge))
        wanted = {"service": asked.get("service", ""), "scope": f"repository:{name}:pull"}
        answer = self._call(asked.get("realm", ""), params=wanted, headers=basic)
        if answer.status_code != 200:
            raise self._denied()
        given = self._object(answer)
        return {"Authorization": f"Bearer {given.get('token') or given.get('access_token')}"}

    def _object(self, reply: httpx.Response) -> JsonObject:
        """The JSON object of a reply; a proxy's login page is none."""
        try:
            value = reply.json()
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        raise REGISTRY_REFUSED(
            f"what answers as {self.host} is not a registry: its reply is not a JSON object",
            "Check HA_IMAGE, and whether a proxy or a login page answers instead.",
        )

    def _denied(self) -> Bb8Error:
        return REGISTRY_DENIED(
            f"the registry {self.host} did not let us read the image back",
            f"Log in with `docker login {self.host}` or `buildah login {self.host}`.",
        )


def digest_of(data: bytes) -> str:
    """The digest by which a registry names these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def platform_of(said: Mapping[str, object]) -> str:
    """`os/architecture[/variant]` of an image's config, or of its row in a list."""
    return "/".join(str(said[key]) for key in ("os", "architecture", "variant") if said.get(key))


def _require_digest(what: str, data: bytes, wanted: str) -> None:
    if digest_of(data) != wanted:
        raise IMAGE_READBACK(
            f"{what} should have the digest {wanted}, but what came has {digest_of(data)}",
            "A proxy or mirror probably changes the data; pull the image by hand and compare.",
        )


def split(reference: str) -> tuple[str, str]:
    """The repository's path and the tag or digest of `host/path:tag` or `host/path@digest`."""
    path = reference.split("/", 1)[1]
    if "@" in path:
        name, _, digest = path.partition("@")
        return name, digest
    name, _, tag = path.rpartition(":")
    return name, tag
