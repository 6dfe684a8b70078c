"""The delivery of an instance: what changes in its config and profile, and what stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from bb8deploy.checks.schema import validate_config
from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.delivery import Delivery, deliver
from bb8deploy.overlay.delivery_draft import Purpose
from bb8deploy.overlay.instance import too_high
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.settings.app_instance import Instance
from bb8deploy.workspace.tree_digest import Manifest, bytes_entry

CONFIG = """# A comment.
name: Lamp
version: "1.10"
slug: lamp
description: "Läuft: immer"
arch: [amd64, aarch64]
panel_title: Lamp
ports:
  80/tcp: 8080
  53/udp: null
  81/tcp: 81
options: {level: 1.0, mode: "yes"}
schema: {level: float, mode: "str?"}
"""
PROFILE = b"""profile lamp flags=(attach_disconnected) {
  signal (receive) peer=*_lamp,
  signal (send) peer=*_lamp_other,
  signal peer=(name=*_lamp),
}
"""


def source(files: dict[str, bytes], **facts: Any) -> AppSource:
    tree = Manifest.of(bytes_entry(path, data) for path, data in files.items())
    return AppSource("1.10", "lamp", tree, files, **facts)


def delivered(files: dict[str, bytes], ports: str = "drop", **facts: Any) -> Delivery:
    app = source(files, **facts)
    stamp = Stamp("1.10", app.tree.digest, "abc", "run-1")
    return deliver(app, stamp, Purpose(instance=Instance("beta", ports)))


def config_in(delivery: Delivery, name: str = "config.yaml") -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(delivery.contents[name])
    return parsed


def test_slug_and_name_are_the_instances_and_the_rest_stays() -> None:
    made, was = config_in(delivered({"config.yaml": CONFIG.encode()})), yaml.safe_load(CONFIG)
    assert (made.pop("slug"), made.pop("name")) == ("lamp_beta", "Lamp (beta)")
    assert made.pop("panel_title") == "Lamp (beta)"
    assert made.pop("ports") == {"80/tcp": None, "53/udp": None, "81/tcp": None}
    assert made == {key: was[key] for key in ("version", "description", "arch", "options", "schema")}


def test_the_supervisor_takes_the_config() -> None:
    verdict = validate_config(config_in(delivered({"config.yaml": CONFIG.encode()}, "+1000")))
    assert verdict.normalised is not None
    assert verdict.normalised["slug"] == "lamp_beta"
    assert verdict.normalised["version"] == "1.10"


def test_ports_are_moved() -> None:
    made = config_in(delivered({"config.yaml": CONFIG.encode()}, "+1000"))
    assert made["ports"] == {"80/tcp": 9080, "53/udp": None, "81/tcp": 1081}


def test_a_port_above_the_highest_is_found() -> None:
    ports = {"ports": {"80/tcp": 65000, "53/udp": None}}
    assert too_high(ports, Instance("beta", "+536")) == (65000,)
    assert too_high(ports, Instance("beta", "+535")) == ()
    assert too_high(ports, Instance("beta", "drop")) == ()


def test_json_stays_json() -> None:
    text = json.dumps({"name": "Lamp", "slug": "lamp", "version": "1.10"}).encode()
    made = delivered({"config.json": text}).contents["config.json"]
    assert json.loads(made) == {"name": "Lamp (beta)", "slug": "lamp_beta", "version": "1.10"}


def test_peers_of_the_profile_get_the_slug_of_the_instance() -> None:
    made = delivered({"config.yaml": CONFIG.encode(), "apparmor.txt": PROFILE}).contents["apparmor.txt"]
    assert made.count(b"*_lamp_beta") == 2
    assert b"peer=*_lamp_other," in made
    assert b"profile lamp flags" in made  # the Supervisor renames this one itself


def test_the_tree_digest_is_the_workspaces_and_the_stamp_names_the_ports() -> None:
    files = {"config.yaml": CONFIG.encode()}
    made = delivered(files, "+1000")
    assert made.stamp.tree == made.tree.digest == source(files).tree.digest
    assert made.digest != made.tree.digest
    assert Stamp.parse(made.stamp.data().decode()) == made.stamp
    assert made.stamp.ports == "+1000"


def test_the_app_itself_is_delivered_as_it_is() -> None:
    app = source({"config.yaml": CONFIG.encode(), "apparmor.txt": PROFILE})
    made = deliver(app, Stamp("1.10", app.tree.digest, "abc", "run-1"))
    assert set(made.contents) == {"build_stamp.json"}
    assert made.stamp.ports == ""


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.amd64"])
def test_an_image_that_can_be_built_is_built_on_the_host(dockerfile: str) -> None:
    files = {"config.yaml": CONFIG.encode() + b"image: ghcr.io/ann/lamp\n", dockerfile: b"FROM x\n"}
    app = source(files, image="ghcr.io/ann/lamp")
    made = config_in(deliver(app, Stamp("1.10", app.tree.digest, "abc", "run-1")))
    assert made == yaml.safe_load(CONFIG)


def test_an_image_without_a_dockerfile_is_pulled() -> None:
    files = {"config.yaml": CONFIG.encode() + b"image: ghcr.io/ann/lamp\n", "Dockerfile.dockerignore": b"x\n"}
    app = source(files, image="ghcr.io/ann/lamp")
    made = deliver(app, Stamp("1.10", app.tree.digest, "abc", "run-1"))
    assert set(made.contents) == {"build_stamp.json"}
