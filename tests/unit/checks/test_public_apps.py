"""What public apps do: no false error, and no silence about what keeps them from starting."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bb8deploy.base.findings import Level
from bb8deploy.checks.run_rules import CheckReport, check_addon

CONFIG = 'name: App\nversion: "1.0"\nslug: app\ndescription: An app\narch: [amd64, aarch64]\ninit: false\n'
BASE = "FROM ghcr.io/home-assistant/base:3.22\n"
App = Callable[..., CheckReport]


@pytest.fixture
def app(tmp_path: Path) -> App:
    """Writes an app of these files (a path that ends in `+x` gets the executable bit) and checks it."""

    def check(files: dict[str, str | bytes] | None = None, *, config: str = CONFIG) -> CheckReport:
        for name, text in {"config.yaml": config, "Dockerfile": BASE, **(files or {})}.items():
            path = tmp_path / name.removesuffix("+x")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            if name.endswith("+x"):
                path.chmod(0o755)
        return check_addon(tmp_path, workspace=None)

    return check


def codes(report: CheckReport, *levels: Level) -> set[str]:
    """The codes of the report's findings, notes left out unless asked for."""
    wanted = levels or (Level.ERROR, Level.WARNING)
    return {finding.code for finding in report.findings if finding.level in wanted}


def test_the_shebang_decides_what_a_script_is(app: App) -> None:
    services = "rootfs/etc/services.d"
    report = app(
        {
            "Dockerfile": BASE + "COPY rootfs /\n",
            f"{services}/x/finish+x": "#!/usr/bin/execlineb -S0\ns6-svscanctl -t /var/run/s6/services\n",
            f"{services}/x/run+x": "#!/usr/bin/env python3\nprint('a' if 1 else\n 'b')\n",
        }
    )
    assert codes(report) == set()
    assert "SCRIPT_SHELLCHECK" not in codes(report, Level.NOTE)


def test_the_opinion_of_shellcheck_fails_nothing(app: App) -> None:
    script = '#!/bin/bash\nfor a in $@; do echo "all: $@"; done\n[ "$1" == b ] && exit\n'
    assert codes(app({"run.sh+x": script})) == set()


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("ARG BUILD_ARCH\nFROM ghcr.io/x/${BUILD_ARCH}-base\n", set()),
        ("ARG BUILD_VERSION\nFROM a/b:${BUILD_VERSION}\n", set()),
        ("FROM --platform=$BUILDPLATFORM a/b AS x\nFROM alpine:3.20\nCOPY --from=x /a /b\n", set()),
        ("ARG T=x\nFROM a/${T:-y}:${NONE:-z}\n", set()),
        ("FROM node AS n\nFROM n\n", set()),
        ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a/b\nRUN a `\n  b\n", set()),
        ("FROM node AS n\nARG BUILD_FROM=a/b\nFROM $BUILD_FROM\n", {"FROM_WITHOUT_DEFAULT"}),
        ("ARG V\nARG IMG=alpine:${V}\nFROM $IMG\n", {"FROM_WITHOUT_DEFAULT"}),
        ("FROM a/${BUILD_ARCH}\n", {"FROM_WITHOUT_DEFAULT"}),
        ("ARG BUILD_FROM\nFROM $BUILD_FROM\n", {"FROM_WITHOUT_DEFAULT"}),
        ("FROM Foo/Bar\n", {"FROM_WITHOUT_DEFAULT"}),
        ("RUN true\n", {"DOCKERFILE_NO_FROM"}),
        ("FROM a/b\nRUN cat <<<word\nCOPY gone /\n", {"COPY_SOURCE_MISSING"}),
        ("FROM a/b\nRUN echo $((1<<4))\nCOPY gone /\n", {"COPY_SOURCE_MISSING"}),
        ("FROM a/b\nRUN <<EOT\nCOPY gone /\nEOT\n", set()),
        ("FROM a/b\nRUN apt-get update &&\\\n# why\n\n  true\n", set()),
        ("FROM a/b\nRUN apt-get update\n  && true\n", {"DOCKERFILE_INVALID"}),
        ("FROM a/b\nCOPY --from=0 /a /b\n", {"COPY_STAGE_UNKNOWN"}),
        ("FROM a/b\nADD https://example.org/x.tar.gz /\nCOPY *.nothing /x/\n", set()),
        ('FROM a/b\nCOPY ["config.yaml", "/x y/"]\nCOPY ./config.yaml ../Dockerfile /x/\n', set()),
        ("FROM a/b\nENV D=gone\nCOPY $D /\n", {"COPY_SOURCE_MISSING"}),
        ("FROM a/b\nCOPY $UNKNOWN /\n", set()),
        ("FROM a/b\nCOPY <<EOT /x\nhello\nEOT\n", set()),
        ("FROM a/b\nCOPY . /\n", set()),
        ("FROM x AS unused\nCOPY gone /\nFROM a/b\n", set()),
        ("FROM x AS used\nCOPY gone /\nFROM a/b\nCOPY --from=used /x /\n", {"COPY_SOURCE_MISSING"}),
        (
            "FROM x AS u\nCOPY gone /\nFROM a/b\nRUN --mount=type=bind,from=u,target=/u true\n",
            {"COPY_SOURCE_MISSING"},
        ),
        ("FROM x:$NONE AS unused\nFROM a/b\n", set()),
        ("FROM ghcr.io/home-assistant/base:3.20\nRUN pip3 install x\n", {"PIP_EXTERNALLY_MANAGED"}),
        ("FROM ghcr.io/home-assistant/base:3.18\nRUN pip3 install x\n", set()),
        ("FROM ghcr.io/home-assistant/base:3.20\nRUN pip3 install --break-system-packages x\n", set()),
    ],
)
def test_the_build_is_modelled_as_the_supervisor_and_buildkit_do_it(
    app: App, dockerfile: str, expected: set[str]
) -> None:
    assert codes(app({"Dockerfile": dockerfile})) == expected


def test_nothing_is_reported_about_a_build_that_does_not_happen(app: App) -> None:
    bad = "ARG BUILD_FROM\nFROM $BUILD_FROM\nCOPY gone /\n"
    files = {"Dockerfile": bad, "build.yaml": "args:\n  A: 1.0\n"}
    report = app(files, config=CONFIG + "image: ghcr.io/a/b\n")
    assert codes(report) == set()
    assert "BUILD_FILE_INVALID" in codes(report, Level.NOTE)


def test_a_build_file_gives_the_base_image_and_arguments(app: App) -> None:
    dockerfile = "ARG BUILD_FROM\nARG V\nFROM $BUILD_FROM AS x\nFROM a/b:$V\n"
    build = "build_from:\n  amd64: a/b\n  aarch64: a/c\nargs:\n  V: '1'\n"
    assert codes(app({"Dockerfile": dockerfile, "build.yaml": build}), Level.ERROR) == set()


def test_a_build_file_that_lacks_an_architecture_fails_there(app: App) -> None:
    files = {"Dockerfile": "ARG BUILD_FROM\nFROM $BUILD_FROM\n", "build.yaml": "build_from:\n  amd64: a/b\n"}
    assert codes(app(files), Level.ERROR) == {"BUILD_ARCH_MISSING"}


def test_a_path_that_dockerignore_leaves_out_is_not_copied(app: App) -> None:
    files = {"Dockerfile": BASE + "COPY data/x /\n", "data/x": "", ".dockerignore": "# c\n**/x\n"}
    assert codes(app(files)) == {"COPY_SOURCE_IGNORED"}


def test_a_dockerfile_for_each_architecture_is_enough(app: App, tmp_path: Path) -> None:
    report = app({"Dockerfile.amd64": BASE, "Dockerfile.aarch64": BASE, "Dockerfile": ""})
    assert codes(report) == {"DOCKERFILE_NO_FROM"}
    (tmp_path / "Dockerfile").unlink()
    assert codes(check_addon(tmp_path, workspace=None)) == set()
    (tmp_path / "Dockerfile.amd64").unlink()
    assert codes(check_addon(tmp_path, workspace=None)) == {"DOCKERFILE_MISSING"}


@pytest.mark.parametrize("entry", ["config:rw", "addons", "all_addon_configs"])
def test_no_advice_breaks_the_app(app: App, entry: str) -> None:
    report = app(config=f"{CONFIG}map: ['{entry}']\n")
    assert codes(report) == set()
    (note,) = [one for one in report.findings if one.code == "MAP_TYPE_OLD"]
    assert "instead of /" in note.message


def test_rights_are_judged_only_if_their_use_is_known(app: App) -> None:
    config = CONFIG + "privileged: [NET_ADMIN]\nhost_dbus: true\nhost_uts: true\nhost_network: true\n"
    assert codes(app(config=config)) == set()


def test_s6_rc_sets_its_own_executable_bits(app: App) -> None:
    s6 = "rootfs/etc/s6-overlay/s6-rc.d"
    files = {
        "Dockerfile": BASE + "COPY rootfs /\n",
        f"{s6}/x/run": "#!/bin/sh\nexec x\n",
        f"{s6}/x/finish": "#!/bin/sh\n",
        f"{s6}/x/type": "longrun\n",
        f"{s6}/user/contents.d/x": "",
    }
    assert codes(app(files)) == set()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"rootfs/etc/cont-init.d/a.sh": "#!/bin/sh\n"}, {"rootfs/etc/cont-init.d/a.sh"}),
        ({"rootfs/etc/services.d/x/run": "#!/bin/sh\n"}, {"rootfs/etc/services.d/x/run"}),
        (
            {"rootfs/etc/s6-overlay/s6-rc.d/x/up": "/etc/s6-overlay/scripts/x\n",
             "rootfs/etc/s6-overlay/s6-rc.d/x/type": "oneshot\n",
             "rootfs/etc/s6-overlay/scripts/x": "#!/bin/sh\n"},
            {"rootfs/etc/s6-overlay/scripts/x"},
        ),
        (
            {"rootfs/etc/services.d/x/run+x": "#!/bin/sh\nexec /usr/bin/helper --now\n",
             "rootfs/usr/bin/helper": "#!/bin/sh\n"},
            {"rootfs/usr/bin/helper"},
        ),
        (
            {"rootfs/etc/services.d/x/run+x": "#!/bin/sh\nsed -i s/a/b/ \\\n  /etc/x.conf\n",
             "rootfs/etc/x.conf": "a\n"},
            set(),
        ),
    ],
)  # fmt: skip
def test_a_script_that_is_run_by_its_path_needs_the_executable_bit(
    app: App, files: dict[str, str | bytes], found: set[str]
) -> None:
    report = app({"Dockerfile": BASE + "COPY rootfs /\n", **files})
    assert {f.path for f in report.findings if f.code == "SCRIPT_NOT_EXECUTABLE"} == found


@pytest.mark.parametrize(
    "line",
    [
        "RUN chmod a+x /etc/cont-init.d/*",
        "RUN chmod -R 755 /etc",
        "RUN find /etc -name '*.sh' -exec chmod +x {} +",
        "COPY --chmod=755 rootfs /",
    ],
)
def test_an_executable_bit_that_the_dockerfile_sets_is_not_missed(app: App, line: str) -> None:
    dockerfile = f"{BASE}COPY rootfs /\n{line}\n" if line.startswith("RUN") else f"{BASE}{line}\n"
    report = app({"Dockerfile": dockerfile, "rootfs/etc/cont-init.d/a.sh": "#!/bin/sh\n"})
    assert codes(report) == set()


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("FROM ghcr.io/home-assistant/base:3.22\n", {"INIT_NOT_OFF"}),
        ("FROM ghcr.io/home-assistant/amd64-base-debian:bookworm\n", {"INIT_NOT_OFF"}),
        ("FROM ghcr.io/hassio-addons/base:18.0.1 AS b\nFROM b\n", {"INIT_NOT_OFF"}),
        ("FROM ghcr.io/home-assistant/base:3.13\n", set()),
        ("FROM alpine:3.22\n", set()),
        ('FROM ghcr.io/home-assistant/base:3.22\nENTRYPOINT ["/run.sh"]\n', set()),
        ('FROM ghcr.io/home-assistant/base:3.22\nENTRYPOINT ["/init"]\n', {"INIT_NOT_OFF"}),
    ],
)
def test_s6_must_be_process_one(app: App, dockerfile: str, expected: set[str]) -> None:
    config = CONFIG.replace("init: false\n", "")
    assert codes(app({"Dockerfile": dockerfile}, config=config), Level.ERROR) == expected


@pytest.mark.parametrize(
    ("text", "code", "rating"),
    [
        ("profile app flags=(x) {\n}\n", set(), 6),
        ("#include <a>\n  profile app {\n}\n", {"APPARMOR_INVALID"}, 5),
        ("profile a {\n}\nprofile b {\n}\n", {"APPARMOR_INVALID"}, 5),
        ("profile a {\n}\nprofile a {\n}\n", set(), 6),
        (b"profile a {\n\xff\n}\n", {"APPARMOR_INVALID"}, 5),
    ],
)
def test_the_profile_is_read_as_the_supervisor_reads_it(
    app: App, text: str | bytes, code: set[str], rating: int
) -> None:
    report = app({"apparmor.txt": text})
    assert codes(report, Level.ERROR) == code
    if code != {"APPARMOR_INVALID"} or isinstance(text, str):
        assert report.rating == rating


@pytest.mark.parametrize("image", ["Foo/bar", "ghcr.io/_foo/bar", "GHCR.io/a/b", "a//b", "a/b/"])
def test_an_image_that_the_supervisor_rejects_gives_no_manifest_token(app: App, image: str) -> None:
    report = app(config=f"{CONFIG}image: {image}\n")
    assert "CONFIG_INVALID" in codes(report, Level.ERROR)
    assert not report.manifest_ok


@pytest.mark.parametrize(
    ("addition", "code"),
    [
        ("timeout: .inf", "CONFIG_CRASHES"),
        ("ports: {80/tcp: .inf}", "CONFIG_CRASHES"),
        ("ulimits: {a: .inf}", "CONFIG_CRASHES"),
        ("options: {a: .inf}\nschema: {a: int}", "OPTIONS_INVALID"),
        ("options: {a: x}\nschema: {a: 'match([)'}", "OPTION_PATTERN"),
        ("schema: {a: 'match([)'}", "OPTION_PATTERN"),
        (f"options: {{a: {'a' * 60}b}}\nschema: {{a: 'match(^(a+)+$)'}}", "OPTION_PATTERN"),
        ("options: {a: 1}\nschema: {a: bool, b: str}", "OPTION_REQUIRED"),
        ("options: {a: x}\nschema: {a: int}", "OPTIONS_INVALID"),
    ],
)
@pytest.mark.timeout(20)
def test_what_authors_write_never_ends_the_run(app: App, addition: str, code: str) -> None:
    report = app(config=f"{CONFIG}{addition}\nnonsense: 1\n")
    assert code in codes(report, Level.ERROR, Level.NOTE)
    assert "CONFIG_UNKNOWN_KEY" in codes(report)
    assert not report.manifest_ok


def test_a_mandatory_option_is_a_note(app: App) -> None:
    report = app(config=f"{CONFIG}options: {{a: null}}\nschema: {{a: str, b: int}}\n")
    assert codes(report) == set()
    assert [f.code for f in report.findings].count("OPTION_REQUIRED") == 2


def test_a_link_that_only_a_checkout_can_follow_is_left_alone(app: App, tmp_path: Path) -> None:
    (tmp_path / "rootfs" / "root").mkdir(parents=True)
    (tmp_path / "rootfs" / "root" / ".ssh").symlink_to("/data/.ssh")
    (tmp_path / "icon.png").symlink_to("../other/icon.png")
    assert codes(app()) == set()


def test_a_config_that_is_a_link_inside_the_folder_is_read(app: App, tmp_path: Path) -> None:
    app()
    (tmp_path / "config.yaml").rename(tmp_path / "real.yaml")
    (tmp_path / "config.yaml").symlink_to("real.yaml")
    report = check_addon(tmp_path, workspace=None)
    assert codes(report) == set()
    assert report.version == "1.0"


def test_an_app_at_the_root_of_a_repository_is_legal(app: App, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert codes(app()) == set()


def test_json_is_read_as_json(app: App, tmp_path: Path) -> None:
    app()
    (tmp_path / "config.yaml").unlink()
    data = {"name": "App \U0001f600", "slug": "app", "description": "x", "arch": ["amd64"], "init": False}
    text = json.dumps(data)[:-1] + ', "version": 1.10, "slug": "app"}'
    (tmp_path / "config.json").write_text(text)
    report = check_addon(tmp_path, workspace=None)
    assert codes(report) == {"VERSION_UNQUOTED", "YAML_KEY_TWICE"}


def test_a_long_file_without_aliases_is_named_by_its_length(app: App) -> None:
    lines = "".join(f"  K{n}: v\n" for n in range(35_000))
    report = app(config=f"{CONFIG}environment:\n{lines}")
    assert codes(report) == {"FILE_LONG"}
    (finding,) = [one for one in report.findings if one.code == "FILE_LONG"]
    assert "70" in finding.message


def test_a_file_name_cannot_give_commands_to_a_workflow(app: App, tmp_path: Path) -> None:
    from bb8deploy.checks.output.text_and_github import github, people

    hostile = tmp_path / "rootfs/etc/cont-init.d" / "a\n::error::x"
    hostile.parent.mkdir(parents=True)
    hostile.write_text("#!/bin/sh\r\n")
    (tmp_path / "::warning::y.sh").write_text("#!/bin/sh\r\n")
    report = app({"Dockerfile": BASE + "COPY rootfs /\n"})
    lines = [line for line, _style in people(report.findings, tmp_path)]
    assert not any("\n" in line or line.lstrip().startswith("::") for line in lines)
    assert all(line.startswith("::") and "\n" not in line for line in github(report.findings))


def test_a_stray_config_that_would_end_the_reload_is_an_error(app: App) -> None:
    report = app({"data/config.json": '{"name": "x", "map": null}', "rootfs/a/config.json": '{"map": null}'})
    assert [f.path for f in report.findings if f.code == "CONFIG_CRASHES"] == ["data/config.json"]
