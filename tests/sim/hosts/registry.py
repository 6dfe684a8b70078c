"""The container registry, and the tool that builds and pushes images into it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.sim.engine.faults import OF_A_NETWORK, Fault
from tests.sim.engine.swap import Swap
from tests.sim.engine.wire import Wire

from bb8deploy.catalogue.errors.ship.publish import IMAGE_BUILD_FAILED, REGISTRY_UNREACHABLE
from bb8deploy.lanes.publish.images import promote_images
from bb8deploy.lanes.publish.images.registry_client import (
    ImageConfig,
    ImageManifest,
    digest_of,
    platform_of,
    split,
)


@dataclass(slots=True)
class SimRegistry:
    """`Registry`, whose manifests are kept by name and tag, and by digest.

    `shown` is who saw which of them.
    """

    wire: Wire
    tags: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    shown: set[tuple[str, str, str]] = field(default_factory=set)
    host: str = "registry.example"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def manifest(self, reference: str) -> ImageManifest | None:
        """The manifest of a reference."""
        data = self._ask("registry: manifest", lambda: self.bytes_of(reference))
        if data is None:
            return None
        self.shown.add((self._caller, reference, digest_of(data)))
        return ImageManifest(reference, digest_of(data), json.loads(data))

    @property
    def _caller(self) -> str:
        task = self.wire.tasks.current
        return task.name if task else ""

    def showed(self, reference: str, digest: str) -> bool:
        """True if the current task has been shown this digest, or would be now."""
        return (self._caller, reference, digest) in self.shown or self.tags.get(reference) == digest

    def bytes_of(self, reference: str) -> bytes | None:
        """A manifest as it is now."""
        _, tag = split(reference)
        digest = tag if "@" in reference else self.tags.get(reference, "")
        return self.blobs.get(digest)

    def image(self, manifest: ImageManifest) -> ImageConfig:
        """The config of an image."""
        if manifest.is_list:
            return ImageConfig({}, "")
        wanted = str(manifest.body["config"]["digest"])
        config = json.loads(self._ask("registry: config", lambda: self.blobs[wanted]))
        return ImageConfig(config["config"]["Labels"], platform_of(config))

    def _ask(self, what: str, effect: Callable[[], Any]) -> Any:
        gone = REGISTRY_UNREACHABLE("the registry does not answer")
        return self.wire.call(what, effect, lambda: gone, of=OF_A_NETWORK)

    def build(self, words: Sequence[str]) -> None:
        """`docker buildx build --push`, or `imagetools create`. Raises CheckFailed."""

        def failed() -> Exception:
            return IMAGE_BUILD_FAILED(f"`{' '.join(words[:3])}` ended with 1")

        def effect() -> None:
            if "imagetools" in words:
                self._list(words)
            elif "--push" in words:
                self._push(words)

        def torn() -> None:
            if "imagetools" not in words:  # a list is one small file
                self._store(_config(words))

        also, what = (Fault.DOUBLED, Fault.TORN), " ".join(words[:4])
        self.wire.call(what, effect, failed, of=OF_A_NETWORK, also=also, torn=torn)

    def _push(self, words: Sequence[str]) -> None:
        """The layers are stood for by the hash of the context's files."""
        context = Path(words[-1])
        files = sorted(path for path in context.rglob("*") if path.is_file())
        layer = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
        body = {"config": {"digest": self._store(_config(words))}, "layers": [{"digest": f"sha256:{layer}"}]}
        digest = self.tags[_option(words, "--tag")] = self._store(json.dumps(body).encode())
        record = next(word for word in words if word.startswith("--metadata-file=")).partition("=")[2]
        Path(record).write_text(json.dumps({"containerimage.digest": digest}))

    def _list(self, words: Sequence[str]) -> None:
        listed = _option(words, "--tag")
        digests = [part.partition("@")[2] for part in words[words.index(listed) + 1 :]]
        rows = [{"digest": digest, "platform": self._platform(digest)} for digest in digests]
        self.tags[listed] = self._store(json.dumps({"manifests": rows}).encode())

    def _platform(self, digest: str) -> dict[str, str]:
        config = self.config_of(digest)
        return {key: config[key] for key in ("os", "architecture", "variant") if key in config}

    def config_of(self, digest: str) -> dict[str, Any]:
        """The config of the image with this manifest."""
        found: dict[str, Any] = json.loads(self.blobs[json.loads(self.blobs[digest])["config"]["digest"]])
        return found

    def _store(self, data: bytes) -> str:
        digest = digest_of(data)
        self.blobs[digest] = data
        return digest

    def swaps(self) -> list[Swap]:
        """What makes a publish use this registry."""
        return [
            (promote_images, "Registry", lambda _host, **_: self),
            (promote_images, "find_tool", lambda: "docker"),
            (promote_images, "stored_login", lambda _host: None),
            (promote_images, "_run_one", lambda _run, words, _output, _log: self.build(words)),
        ]


def _config(words: Sequence[str]) -> bytes:
    """The config of the image that these words build."""
    labels = dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "--label")
    names = ("os", "architecture", "variant")
    platform = dict(zip(names, _option(words, "--platform").split("/"), strict=False))
    return json.dumps({**platform, "config": {"Labels": labels}}).encode()


def _option(words: Sequence[str], name: str) -> str:
    return words[words.index(name) + 1]
