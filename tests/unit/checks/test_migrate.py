"""The codemod: what the container sees stays, no deprecation is left, a second run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.findings import Level
from bb8deploy.checks.migrate.migration_plan import apply, plan, workflows
from bb8deploy.checks.reading.dockerfile_evaluation import bases, global_scope, passed_args
from bb8deploy.checks.reading.dockerfile_parser import parse_dockerfile
from bb8deploy.checks.run_rules import check_addon
from bb8deploy.checks.schema import validate_config

CONFIG = """\
# An app
name: A
version: "1.0"  # keep
slug: a
description: x
arch:
  - amd64
  - armv7
  - aarch64
init: false
"""


def app(folder: Path, config: str = CONFIG, dockerfile: str = "FROM a/b\n", build: str = "") -> Path:
    """Writes an app."""
    (folder / "config.yaml").write_text(config)
    (folder / "Dockerfile").write_text(dockerfile)
    if build:
        (folder / "build.yaml").write_text(build)
    return folder


def migrated(folder: Path) -> None:
    """Applies the plan, and holds that nothing is left to do."""
    apply(plan(folder))
    assert plan(folder).changes == ()


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ("map:\n  - config:rw\n  - ssl\n", [("homeassistant_config", False, "/config"), ("ssl", True, None)]),
        ("map: [addons]\n", [("local_apps", True, "/addons")]),
        ("map:\n  - addon_config:rw\n", [("app_config", False, None)]),
        (
            "map: [{type: all_addon_configs, read_only: false}]\n",
            [("all_app_configs", False, "/addon_configs")],
        ),
        ("map: [config, addon_config]\n", [("homeassistant_config", True, "/config")]),
        ("map: [{type: config, path: /ha}]\n", [("homeassistant_config", True, "/ha")]),
    ],
)
def test_map_types_keep_the_path_in_the_container(
    tmp_path: Path, addition: str, expected: list[tuple[str, bool, str | None]]
) -> None:
    migrated(app(tmp_path, CONFIG + addition))
    config = check_addon(tmp_path, workspace=None).facts.verdict
    assert config
    assert config.normalised
    entries = [(e["type"], e["read_only"], e.get("path")) for e in config.normalised["map"]]
    assert entries == expected
    assert config.warnings == ()


def test_old_words_go_and_comments_stay(tmp_path: Path) -> None:
    old = "startup: before\nadvanced: true\nauto_uart: true\nsnapshot: cold\ntmpfs: 'size=1'\n"
    old += "devices: ['/dev/a:/dev/a:rwm']\nmachine: [raspberrypi4, raspberrypi4-64]\n"
    app(tmp_path, CONFIG + old)
    before = check_addon(tmp_path, workspace=None).facts.verdict
    migrated(tmp_path)
    text = (tmp_path / "config.yaml").read_text()
    assert text.startswith('# An app\nname: A\nversion: "1.0"  # keep\n')
    report = check_addon(tmp_path, workspace=None)
    assert not [one for one in report.findings if one.level is Level.WARNING]
    after = report.facts.verdict
    assert before
    assert before.normalised
    assert after
    assert after.normalised
    changed = {k for k in before.normalised if before.normalised[k] != after.normalised.get(k)}
    assert changed == {"arch", "machine", "advanced"}


def built(folder: Path, arch: str) -> list[str]:
    """The base images of a build without a build file."""
    dockerfile = parse_dockerfile((folder / "Dockerfile").read_text())
    passed = passed_args(arch, "1", None)
    return [base.image for base in bases(dockerfile, global_scope(dockerfile, arch, passed))]


@pytest.mark.parametrize(
    ("build", "amd64", "aarch64"),
    [
        ("build_from: x/y:1\n", "x/y:1", "x/y:1"),
        ("build_from:\n  amd64: x/y:1\n  aarch64: x/y:1\n", "x/y:1", "x/y:1"),
        (
            (
                "build_from:\n  amd64: ghcr.io/x/amd64-base:1\n  aarch64: ghcr.io/x/aarch64-base:1\n"
                "  armv7: z/z\n"
            ),
            "ghcr.io/x/amd64-base:1",
            "ghcr.io/x/aarch64-base:1",
        ),
        ("args:\n  A: '1'\n", "ghcr.io/home-assistant/base:latest", "ghcr.io/home-assistant/base:latest"),
    ],
)
@pytest.mark.parametrize("head", ["ARG BUILD_FROM\n", "ARG BUILD_FROM=old/one\n", "ARG A\nARG BUILD_FROM\n"])
def test_the_base_image_is_the_same_without_the_build_file(
    tmp_path: Path, build: str, amd64: str, aarch64: str, head: str
) -> None:
    app(tmp_path, dockerfile=f"# c\n{head}FROM $BUILD_FROM\nARG A\nRUN echo $A\n", build=build)
    migrated(tmp_path)
    assert not (tmp_path / "build.yaml").exists()
    assert (built(tmp_path, "amd64"), built(tmp_path, "aarch64")) == ([amd64], [aarch64])
    text = (tmp_path / "Dockerfile").read_text()
    assert text.count("ARG A=1") == (text.count("ARG A") if "args" in build else 0)


def test_bases_that_differ_become_stages_and_labels_instructions(tmp_path: Path) -> None:
    build = "build_from:\n  amd64: x/y:amd64\n  aarch64: x/y:arm64v8\n"
    build += "labels:\n  a.b: 'c \"d\"'\nargs:\n  U: x y\n"
    app(tmp_path, dockerfile="ARG BUILD_FROM\nFROM ${BUILD_FROM}\nARG U=1\n", build=build)
    migrated(tmp_path)
    assert set(built(tmp_path, "amd64")) == {"x/y:amd64", "x/y:arm64v8"}
    text = (tmp_path / "Dockerfile").read_text()
    assert (
        text
        == (
            "ARG BUILD_ARCH=amd64\nARG BUILD_FROM=base-${BUILD_ARCH}\n"
            "FROM x/y:amd64 AS base-amd64\nFROM x/y:arm64v8 AS base-aarch64\n"
            'FROM ${BUILD_FROM}\nARG U="x y"\nLABEL a.b="c \\"d\\""\n'
        )
        or "base-aarch64" in text
    )
    assert not [f for f in check_addon(tmp_path, workspace=None).findings if f.level is Level.ERROR]


def test_what_cannot_be_decided_is_a_hint(tmp_path: Path) -> None:
    app(tmp_path, CONFIG + "image: x/{arch}-y\n", build="args:\n  A: 1.0\n")
    hints = plan(tmp_path).hints
    assert any("build.yaml is not valid" in hint for hint in hints)
    assert any("{arch}" in hint for hint in hints)


def test_a_json_config_is_migrated_too(tmp_path: Path) -> None:
    app(tmp_path)
    (tmp_path / "config.yaml").unlink()
    (tmp_path / "config.json").write_text(
        '{\n    "name": "\u00e4", "version": "1", "slug": "a", "description": "x",\n'
        '    "arch": ["amd64", "i386"], "map": ["config:rw"]\n}\n'
    )
    migrated(tmp_path)
    text = (tmp_path / "config.json").read_text()
    assert "\u00e4" in text
    assert '    "name"' in text
    data = check_addon(tmp_path, workspace=None).facts.raw
    assert validate_config(data).warnings == ()


WORKFLOW = """\
name: Builder
env:
  BUILD_ARGS: "--test"
jobs:
  build:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        addon: [one]
        arch: ["aarch64", "amd64", "armv7"]
    steps:
      - uses: actions/checkout@v4
      # What the app says.
      - name: Get information
        id: info
        uses: home-assistant/actions/helpers/info@master
        with:
          path: "./${{ matrix.addon }}"
      - name: Build
        if: env.BUILD_ARCH != 'false'
        uses: home-assistant/builder@2024.08.2
        with:
          args: |
            ${{ env.BUILD_ARGS }} \\
            --${{ matrix.arch }} \\
            --target /data/${{ matrix.addon }} \\
            --image "${{ steps.check.outputs.image }}" \\
            --docker-hub "ghcr.io/${{ github.repository_owner }}" \\
            --addon
      - run: echo done
"""


def test_a_builder_workflow_uses_todays_action(tmp_path: Path) -> None:
    import yaml

    path = tmp_path / ".github" / "workflows" / "builder.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(WORKFLOW)
    (made,) = workflows([tmp_path])
    apply(made)
    data = yaml.safe_load(path.read_text())
    job = data["jobs"]["build"]
    assert job["strategy"]["matrix"]["arch"] == ["aarch64", "amd64"]
    assert "ubuntu-24.04-arm" in job["runs-on"]
    step = next(s for s in job["steps"] if "build-image@" in s.get("uses", ""))
    assert step["if"] == "env.BUILD_ARCH != 'false'"
    assert step["with"]["context"] == "./${{ matrix.addon }}"
    assert step["with"]["image"].startswith("ghcr.io/${{ github.repository_owner }}/")
    assert step["with"]["push"] == "${{ !contains(env.BUILD_ARGS, '--test') }}"
    assert step["with"]["version"] == "${{ steps.info.outputs.version }}"
    assert job["steps"][-1] == {"run": "echo done"}
    assert "# What the app says." in path.read_text()
    assert workflows([tmp_path]) == []


def test_a_builder_workflow_that_is_not_understood_is_a_hint(tmp_path: Path) -> None:
    path = tmp_path / ".github" / "workflows" / "builder.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(WORKFLOW.replace("--${{ matrix.arch }}", "--all"))
    (made,) = workflows([tmp_path])
    assert (made.changes, len(made.hints)) == ((), 1)
