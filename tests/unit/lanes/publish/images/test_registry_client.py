"""The registry client against a small registry on loopback that wants a token, or gives wrong bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bb8deploy.base.errors import Refused
from bb8deploy.base.secret import Secret
from bb8deploy.lanes.publish.images.registry_client import ImageConfig, ImageManifest, Registry, split
from bb8deploy.lanes.publish.images.registry_logins import stored_login

LOGIN = base64.b64encode(b"zoe:hunter22").decode()
CONFIG = json.dumps(
    {"os": "linux", "architecture": "amd64", "config": {"Labels": {"io.hass.arch": "amd64"}}}
).encode()
OTHER = json.dumps({"config": {"digest": f"sha256:{'1' * 64}"}}).encode()
MANIFEST = json.dumps({"config": {"digest": f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"}}).encode()


class Handler(BaseHTTPRequestHandler):
    """Gives one image; `/token` wants the login, everything else its token."""

    def log_message(self, *_: Any) -> None:
        """Stays silent."""

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            known = given == f"Basic {LOGIN}" and "scope=repository%3Ame%2Fx%3Apull" in self.path
            self._send(200 if known else 401, json.dumps({"token": "t0ken"}).encode())
        elif given != "Bearer t0ken":
            host = self.headers["Host"]
            self._send(401, b"", {"WWW-Authenticate": f'Bearer realm="http://{host}/token",service="s"'})
        elif self.path.endswith("/manifests/1"):
            self._send(200, MANIFEST)
        elif self.path.endswith(("/manifests/swapped", f"/manifests/sha256:{'2' * 64}")):
            self._send(200, OTHER)
        elif self.path.endswith("/manifests/bent"):
            self._send(200, MANIFEST, {"Docker-Content-Digest": "sha256:" + "0" * 64})
        elif "/blobs/" in self.path:
            self._send(200, CONFIG)
        elif self.path.endswith("/manifests/portal"):
            self._send(200, b"<html>log in first</html>")
        else:
            self._send(404, b"{}")

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_manifest_is_read_with_a_token_and_its_digest_is_computed_here(host: str) -> None:
    with Registry(host, insecure=True, login=Secret(LOGIN)) as registry:
        found = registry.manifest(f"{host}/me/x:1")
        assert found is not None
        assert found.digest == f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
        assert registry.image(found) == ImageConfig({"io.hass.arch": "amd64"}, "linux/amd64")
        assert registry.manifest(f"{host}/me/x:none") is None


def test_bytes_that_do_not_have_the_claimed_digest_are_refused(host: str) -> None:
    with Registry(host, insecure=True, login=Secret(LOGIN)) as registry, pytest.raises(Refused) as caught:
        registry.manifest(f"{host}/me/x:bent")
    assert caught.value.code == "IMAGE_READBACK"


def test_a_page_that_answers_in_its_place_is_not_a_registry(host: str) -> None:
    with Registry(host, insecure=True, login=Secret(LOGIN)) as registry, pytest.raises(Refused) as caught:
        registry.manifest(f"{host}/me/x:portal")
    assert caught.value.code == "REGISTRY_REFUSED"


def test_a_list_has_no_labels_of_its_own(host: str) -> None:
    with Registry(host, insecure=True, login=Secret(LOGIN)) as registry:
        listed = ImageManifest(f"{host}/me/x:1", "sha256:0", {"manifests": []})
        assert registry.image(listed) == ImageConfig({}, "")


def test_a_config_that_does_not_have_the_digest_of_its_manifest_is_refused(host: str) -> None:
    with Registry(host, insecure=True, login=Secret(LOGIN)) as registry:
        found = registry.manifest(f"{host}/me/x:swapped")
        assert found is not None
        with pytest.raises(Refused) as caught:
            registry.image(found)
    assert caught.value.code == "IMAGE_READBACK"


def test_a_manifest_that_was_asked_for_by_digest_must_have_it(host: str) -> None:
    with Registry(host, insecure=True, login=Secret(LOGIN)) as registry, pytest.raises(Refused) as caught:
        registry.manifest(f"{host}/me/x@sha256:{'2' * 64}")
    assert caught.value.code == "IMAGE_READBACK"


def test_without_a_login_the_refusal_reports_how_to_log_in(host: str) -> None:
    with Registry(host, insecure=True) as registry, pytest.raises(Refused) as caught:
        registry.manifest(f"{host}/me/x:1")
    assert caught.value.code == "REGISTRY_DENIED"
    assert "login" in caught.value.remedy


def test_a_stored_login_is_found_and_does_not_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"r.example": {"auth": LOGIN}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "missing.json"))
    found = stored_login("r.example")
    assert found == Secret(LOGIN)
    assert LOGIN not in repr(found)
    assert stored_login("other.example") is None


@pytest.mark.parametrize(
    "config",
    [
        "no json",
        "[]",
        '{"auths": null, "credHelpers": []}',
        '{"auths": {"r.example": "zoe"}}',
        '{"auths": {"r.example": {"auth": "no base64"}}}',
        '{"auths": {"r.example": {"auth": "bm8gY29sb24="}}}',
    ],
)
def test_a_file_without_a_login_is_not_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    (tmp_path / "config.json").write_text(config)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "missing.json"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    assert stored_login("r.example") is None


@pytest.mark.parametrize("kind", ["credsStore", "credHelpers"])
def test_a_login_is_asked_of_the_helper_that_docker_would_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    named: object = "lab" if kind == "credsStore" else {"r.example": "lab"}
    (tmp_path / "config.json").write_text(json.dumps({kind: named, "auths": {"r.example": {}}}))
    helper = tmp_path / "docker-credential-lab"
    helper.write_text(
        '#!/bin/sh\nread -r host\n[ "$1 $host" = "get r.example" ] || { echo no; exit 1; }\n'
        'echo \'{"ServerURL":"r.example","Username":"zoe","Secret":"hunter22"}\'\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "missing.json"))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert stored_login("r.example") == Secret(LOGIN)
    assert stored_login("other.example") is None


def test_a_helper_that_is_missing_or_named_as_a_path_knows_no_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "missing.json"))
    for name in ("gone", "../../bin/true"):
        (tmp_path / "config.json").write_text(json.dumps({"credsStore": name}))
        assert stored_login("r.example") is None


@pytest.mark.parametrize(
    ("reference", "parts"),
    [("h:5/me/x:1.0", ("me/x", "1.0")), ("h/me/x@sha256:ab", ("me/x", "sha256:ab"))],
)
def test_a_reference_is_taken_apart(reference: str, parts: tuple[str, str]) -> None:
    assert split(reference) == parts
