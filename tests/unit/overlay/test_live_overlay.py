"""The delivery of the dev loop: what the host gets beside the app's own files."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from bb8deploy.checks.reading.dockerfile_parser import parse_dockerfile
from bb8deploy.checks.schema import validate_config
from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.delivery import Delivery, deliver
from bb8deploy.overlay.delivery_draft import Draft, Live, Purpose
from bb8deploy.overlay.live.dev_overlay import FOLDER, listed_tree, live_map
from bb8deploy.overlay.seal.entry_point import Unknown
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.tree_digest import Manifest, bytes_entry, link_entry

CONFIG = b"name: A\nversion: '1'\nslug: a\ndescription: x\narch: [amd64]\nmap: [share]\n"
HA = "FROM ghcr.io/home-assistant/base:3.22\nCOPY rootfs /\n"
FILES = {"config.yaml": CONFIG, "rootfs/app/a.py": b"1", "rootfs/etc/services.d/a/run": b"#!/bin/sh\n"}


def app(dockerfile: str, **more: bytes) -> AppSource:
    files = {**FILES, "Dockerfile": dockerfile.encode(), **{k.replace("__", "."): v for k, v in more.items()}}
    tree = Manifest.of([*(bytes_entry(p, d) for p, d in files.items()), link_entry("rootfs/l", "app/a.py")])
    return AppSource("1", "a", tree, files, ("amd64",))


def delivered(source: AppSource, built: Manifest | None = None) -> Delivery:
    stamp = Stamp("1", source.tree.digest, "abc", "run-2")
    return deliver(
        source,
        stamp,
        Purpose(live=Live("a", "run-1", built or source.tree, source.tree, built or source.tree)),
    )


def draft(source: AppSource) -> Draft:
    return Draft(source, Stamp("1", source.tree.digest, "abc", "run-2"), Purpose())


def text(made: Delivery, path: str) -> str:
    return made.contents[path].decode()


def test_the_config_gets_the_mount_and_stays_valid_and_otherwise_the_same() -> None:
    config = yaml.safe_load(text(delivered(app(HA)), "config.yaml"))
    verdict = validate_config(config)
    assert verdict.normalised
    assert verdict.normalised["map"][-1] == {"type": "local_apps", "path": "/.bb8live", "read_only": True}
    assert {**config, "map": ["share"]} == yaml.safe_load(CONFIG)


def test_the_stamp_names_the_dev_loop_so_that_no_rollback_goes_back_to_it() -> None:
    made = delivered(app(HA))
    assert made.stamp.of_dev_loop
    assert Stamp.parse(text(made, "build_stamp.json")) == made.stamp


def test_an_own_profile_is_off_because_it_would_not_let_the_agent_work() -> None:
    made = delivered(app(HA, apparmor__txt=b"profile a {\n}\n"))
    assert yaml.safe_load(text(made, "config.yaml"))["apparmor"] is False


def test_the_entry_point_is_the_launcher_and_then_the_apps_own() -> None:
    made = delivered(app(HA))
    last = parse_dockerfile(text(made, "Dockerfile.amd64")).instructions[-1]
    words = json.loads(last.value)
    assert (last.word, words[3:]) == ("ENTRYPOINT", ["bb8live", "s6", "run-1", "/init"])
    assert words[:2] == ["/bin/sh", "-c"]
    assert f"/.bb8live/a/{FOLDER}/launch.sh" in words[2]
    assert text(made, "Dockerfile.amd64").startswith(HA)


def test_a_plain_entry_point_is_replaced_in_place() -> None:
    made = delivered(app('FROM debian\nENTRYPOINT ["/app/run"]\nCMD ["x"]\nCOPY rootfs /\n'))
    lines = text(made, "Dockerfile.amd64").splitlines()
    assert lines[1].endswith('"bb8live", "main", "run-1", "/app/run"]')
    assert lines[2:] == ['CMD ["x"]', "COPY rootfs /"]


def test_the_lists_name_each_live_file_with_its_place_and_hash() -> None:
    source = app(HA)
    made = delivered(source)
    run, code = "/etc/services.d/a/run", "/app/a.py"
    assert text(made, f"{FOLDER}/targets").splitlines() == [code, run]
    want = {f"{source.tree.by_path[f'rootfs{place}'].sha256}  {place}" for place in (code, run)}
    assert set(text(made, f"{FOLDER}/want").splitlines()) == want
    assert f"{code}\t644\trootfs/app/a.py" in text(made, f"{FOLDER}/files").splitlines()
    assert text(made, f"{FOLDER}/gone") == ""
    assert text(made, f"{FOLDER}/stamp").split() == [
        "run-2",
        "run-1",
        "live",
        "agent",
        "1",
        source.tree.digest,
        "abc",
    ]


def test_what_the_image_has_and_the_tree_has_no_more_must_go() -> None:
    source = app(HA)
    built = Manifest.of([*source.tree.entries, bytes_entry("rootfs/app/old.py", b"0")])
    made = delivered(source, built)
    assert text(made, f"{FOLDER}/gone") == "/app/old.py\n"
    assert listed_tree(text(made, f"{FOLDER}/built")).digest == built.digest


def test_the_tree_digest_is_that_of_the_workspace() -> None:
    source = app(HA)
    made = delivered(source)
    assert made.stamp.tree == source.tree.digest
    assert made.manifest.digest != source.tree.digest


def test_an_app_with_an_image_is_built_on_the_host_and_so_can_be_live() -> None:
    source = replace(app(HA, config__yaml=CONFIG + b"image: a/b\n"), image="a/b")
    found = live_map(draft(source), source.tree)
    assert not isinstance(found, Unknown)
    assert found.targets["rootfs/app/a.py"]
    assert "image" not in yaml.safe_load(text(delivered(source), "config.yaml"))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (app('FROM scratch\nCOPY rootfs /\nCMD ["/app"]\n'), "scratch"),
        (app("FROM somebody/image:1\nCOPY rootfs /\n"), "no known shell"),
        (app(HA, config__yaml=CONFIG.replace(b"[share]", b"[addons]")), "maps the local apps itself"),
        (app(HA, config__yaml=CONFIG + b"image: a/b\n"), "image"),
    ],
)
def test_an_app_that_cannot_be_live_reports_why_and_gets_nothing(source: AppSource, why: str) -> None:
    found = live_map(draft(source))
    assert isinstance(found, Unknown)
    assert why in found.why
    assert list(delivered(source).contents) == ["build_stamp.json"]
