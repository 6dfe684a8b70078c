"""A sealed Dockerfile: text in, text out; and apps for which no seal is possible, with the reason."""

from __future__ import annotations

import json

import pytest

from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.delivery import deliver
from bb8deploy.overlay.delivery_draft import Draft, Purpose
from bb8deploy.overlay.proof_level import level_of
from bb8deploy.overlay.seal.add_seal import recipes_of
from bb8deploy.overlay.seal.entry_point import Unknown
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.tree_digest import Manifest, bytes_entry

CONFIG = b'name: A\nversion: "1.0"\nslug: a\narch: [amd64]\n'
STAMP = Stamp("1.0", "sha256:1", "abc", "run-1")
SEAL = Purpose(Proof.SEALED)
BASE = "FROM alpine:3.23\n"
LAUNCH = '"/usr/bin/bb8deploy-launch"'
COPY = "COPY --from=bb8deploy-seal /bb8deploy-out/launch /usr/bin/bb8deploy-launch"


def app_of(
    *, names_stamp: bool = False, arches: tuple[str, ...] = ("amd64",), **files: str | bytes
) -> AppSource:
    """An app; in a file's name `_` stands for a dot, and the Dockerfile may be a text."""
    named = {"config.yaml": CONFIG, **{name.replace("_", "."): text for name, text in files.items()}}
    texts = {path: text.encode() if isinstance(text, str) else text for path, text in named.items()}
    tree = Manifest.of(bytes_entry(path, data) for path, data in texts.items())
    return AppSource("1.0", "a", tree, texts, arches=arches, names_stamp=names_stamp)


def sealed(dockerfile: str, **files: str | bytes) -> str:
    """The sealed Dockerfile, the lines of the seal stage in short."""
    made = deliver(app_of(Dockerfile=dockerfile, **files), STAMP, SEAL).contents
    lines = made["Dockerfile.amd64"].decode().split("\n")
    return "\n".join(_short(line) for line in lines)


def _short(line: str) -> str:
    for word in ("RUN --mount", "run --mount"):
        if line.startswith(word):
            return f"{word[:3]} ..." + ("\r" if line.endswith("\r") else "")
    return line


def stage(image: str) -> str:
    """The seal stage in short."""
    return f"FROM {image} AS bb8deploy-seal\nUSER 0\nRUN ...\n"


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ('ENTRYPOINT ["/run.sh"]\n', f'ENTRYPOINT [{LAUNCH}, "/run.sh"]\n{COPY}\n'),
        ('ENTRYPOINT ["/a", "b"]\nCMD ["c"]\n', f'ENTRYPOINT [{LAUNCH}, "/a", "b"]\nCMD ["c"]\n{COPY}\n'),
        ("ENTRYPOINT exec /a $B\n", f'ENTRYPOINT [{LAUNCH}, "/bin/sh", "-c", "exec /a $B"]\n{COPY}\n'),
        ('ENTRYPOINT []\nCMD ["/a"]\n', f'ENTRYPOINT [{LAUNCH}]\nCMD ["/a"]\n{COPY}\n'),
        (
            'ENTRYPOINT ["/a"]\nENTRYPOINT ["/b"]\n',
            f'ENTRYPOINT ["/a"]\nENTRYPOINT [{LAUNCH}, "/b"]\n{COPY}\n',
        ),
        ('CMD ["/run.sh"]\n', f'CMD ["/run.sh"]\n{COPY}\nENTRYPOINT [{LAUNCH}]\n'),
        ("CMD /run.sh\n", f"CMD /run.sh\n{COPY}\nENTRYPOINT [{LAUNCH}]\n"),
        ('ENTRYPOINT [ \\\n# why\n"/a" ]\nUSER 1\n', f'ENTRYPOINT [{LAUNCH}, "/a"]\nUSER 1\n{COPY}\n'),
        ('ENTRYPOINT ["/a"]', f'ENTRYPOINT [{LAUNCH}, "/a"]\n{COPY}\n'),
        (
            'ENTRYPOINT ["/a"]\nENV A=1 \\\n\n# end\n',
            f'ENTRYPOINT [{LAUNCH}, "/a"]\nENV A=1 \n\n# end\n{COPY}\n',
        ),
        (
            'SHELL ["/bin/bash", "-c"]\nENTRYPOINT a\n',
            f'SHELL ["/bin/bash", "-c"]\nENTRYPOINT [{LAUNCH}, "/bin/bash", "-c", "a"]\n{COPY}\n',
        ),
        (
            'RUN <<EOF\nFROM x\nCMD ["no"]\nEOF\nCMD ["/a"]\n',
            f'RUN <<EOF\nFROM x\nCMD ["no"]\nEOF\nCMD ["/a"]\n{COPY}\nENTRYPOINT [{LAUNCH}]\n',
        ),
    ],
)
def test_the_launcher_comes_before_what_the_image_starts(end: str, expected: str) -> None:
    assert sealed(BASE + end) == stage("alpine:3.23") + BASE + expected


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        (
            'FROM alpine AS a\nENTRYPOINT ["/x"]\nCMD ["y"]\nFROM a\n',
            (
                f'FROM alpine AS a\nENTRYPOINT ["/x"]\nCMD ["y"]\n{stage("a")}FROM a\n{COPY}\nCMD ["y"]\n'
                f'ENTRYPOINT [{LAUNCH}, "/x"]\n'
            ),
        ),
        (
            'FROM alpine AS a\nCMD ["dropped"]\nFROM a\nENTRYPOINT ["/x"]\n',
            f'FROM alpine AS a\nCMD ["dropped"]\n{stage("a")}FROM a\nENTRYPOINT [{LAUNCH}, "/x"]\n{COPY}\n',
        ),
        (
            'FROM golang AS a\nFROM alpine\nCOPY --from=0 /x /x\nENTRYPOINT ["/x"]\n',
            (
                f"FROM golang AS a\n{stage('alpine')}FROM alpine\nCOPY --from=0 /x /x\n"
                f'ENTRYPOINT [{LAUNCH}, "/x"]\n{COPY}\n'
            ),
        ),
        (
            'FROM alpine AS a\nFROM scratch\nCOPY --from=a / /\nRUN true\nENTRYPOINT ["/x"]\n',
            (
                f"FROM alpine AS a\n{stage('alpine')}FROM scratch\nCOPY --from=a / /\nRUN true\n"
                f'ENTRYPOINT [{LAUNCH}, "/x"]\n{COPY}\n'
            ),
        ),
        (
            'FROM --platform=linux/amd64 ghcr.io/home-assistant/base:3.23 AS end\nCMD ["/run.sh"]\n',
            (
                f"{stage('--platform=linux/amd64 ghcr.io/home-assistant/base:3.23')}"
                'FROM --platform=linux/amd64 ghcr.io/home-assistant/base:3.23 AS end\nCMD ["/run.sh"]\n'
                f'{COPY}\nENTRYPOINT [{LAUNCH}, "/init"]\n'
            ),
        ),
    ],
)
def test_stages_keep_their_numbers_and_what_they_inherit(dockerfile: str, expected: str) -> None:
    assert sealed(dockerfile) == expected


def test_line_endings_and_letter_case_are_those_of_the_file() -> None:
    crlf = sealed('FROM alpine\r\nENTRYPOINT ["/x"]\r\n')
    assert crlf.split("\n")[-3:] == [f'ENTRYPOINT [{LAUNCH}, "/x"]\r', f"{COPY}\r", ""]
    assert all(line.endswith("\r") for line in crlf.split("\n")[:-1])
    lower = sealed('from alpine\nentrypoint ["/x"]\n')
    assert lower == (
        "from alpine as bb8deploy-seal\nuser 0\nrun ...\nfrom alpine\n"
        f'entrypoint [{LAUNCH}, "/x"]\n{COPY.replace("COPY", "copy")}\n'
    )


def test_build_yaml_decides_the_base() -> None:
    base = "build_from:\n  amd64: ghcr.io/home-assistant/amd64-base:3.23\n"
    text = sealed('ARG BUILD_FROM\nFROM $BUILD_FROM\nCMD ["/run.sh"]\n', build_yaml=base)
    assert text.endswith(f'ENTRYPOINT [{LAUNCH}, "/init"]\n')


def test_each_architecture_gets_a_dockerfile_made_from_its_own() -> None:
    own = BASE + 'ENTRYPOINT ["/arm"]\n'
    app = app_of(
        arches=("aarch64", "amd64", "armv7"), Dockerfile=BASE + 'CMD ["/x"]\n', Dockerfile_aarch64=own
    )
    made = deliver(app, STAMP, SEAL).contents
    assert sorted(path for path in made if "ignore" not in path) == [
        "Dockerfile.aarch64",
        "Dockerfile.amd64",
        "build_stamp.json",
    ]
    assert b'"/arm"' in made["Dockerfile.aarch64"]
    assert b'"/arm"' not in made["Dockerfile.amd64"]


@pytest.mark.parametrize(
    ("files", "names_stamp", "kept"),
    [
        ({"_dockerignore": "*\n!run.sh"}, True, "*\n!run.sh\n"),
        ({"_dockerignore": "*\n!run.sh"}, False, "*\n!run.sh\n"),
        ({"_dockerignore": "a\n", "Dockerfile_dockerignore": "b\n"}, True, "b\n"),
        ({}, True, ""),
    ],
)
def test_generated_files_are_hidden_from_the_builder(
    files: dict[str, str], names_stamp: bool, kept: str
) -> None:
    app = app_of(names_stamp=names_stamp, Dockerfile=BASE + 'CMD ["/x"]\n', **files)
    made = deliver(app, STAMP, SEAL).contents["Dockerfile.amd64.dockerignore"].decode()
    hidden = [
        "/Dockerfile.amd64",
        "/Dockerfile.amd64.dockerignore",
        *([] if names_stamp else ["/build_stamp.json"]),
    ]
    assert made == kept + "".join(f"{path}\n" for path in hidden)


def test_large_files_that_no_copy_takes_are_not_looked_at() -> None:
    dockerfile = BASE + 'COPY run.sh sub /app/\nCMD ["/x"]\n'
    app = app_of(Dockerfile=dockerfile, run_sh="x", **{"sub/a": "y", "film": b"0" * (9 * 1024 * 1024)})
    text = deliver(app, STAMP, SEAL).contents["Dockerfile.amd64"].decode()
    assert "RUN --mount=type=bind,source=run.sh,target=/bb8deploy-context/run.sh" in text
    assert "--mount=type=bind,source=sub,target=/bb8deploy-context/sub [" in text
    whole = (
        deliver(app_of(Dockerfile=dockerfile, run_sh="x"), STAMP, SEAL).contents["Dockerfile.amd64"].decode()
    )
    assert "RUN --mount=type=bind,target=/bb8deploy-context [" in whole


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"Dockerfile": 'FROM scratch\nENTRYPOINT ["/x"]\n'}, "no known shell"),
        ({"Dockerfile": 'FROM gcr.io/distroless/python3\nENTRYPOINT ["/bin/sh"]\n'}, "no known shell"),
        ({"Dockerfile": 'FROM somebody/app\nENTRYPOINT ["/x"]\n'}, "no known shell"),
        ({"Dockerfile": 'FROM somebody/app\nRUN true\nCMD ["serve"]\n'}, "somebody/app is not known"),
        ({"Dockerfile": "FROM somebody/app\nRUN true\nENTRYPOINT a\n"}, "shell form"),
        ({"Dockerfile": "FROM alpine\nRUN true\n"}, "starts no app"),
        ({"Dockerfile": 'ARG BUILD_FROM\nFROM $BUILD_FROM\nCMD ["/x"]\n'}, "unknown base"),
        ({}, "no Dockerfile"),
        ({"config_yaml": CONFIG + b"image: x/y\n", "Dockerfile": BASE + "CMD a\n"}, "`image:`"),
        (
            {
                "apparmor_txt": "profile a {\n  /init rix,\n  /usr/bin/python3 ix,\n}\n",
                "Dockerfile": BASE + "CMD a\n",
            },
            "apparmor.txt does not allow",
        ),
        (
            {
                "apparmor_txt": "profile a {\n  /init rix,\n  profile b {\n    /usr/bin/** rix,\n  }\n}\n",
                "Dockerfile": BASE + "CMD a\n",
            },
            "apparmor.txt does not allow",
        ),
        ({"a\\b": "x", "Dockerfile": BASE + "CMD a\n"}, "backslash"),
    ],
)
def test_what_cannot_be_known_is_not_guessed(files: dict[str, str | bytes], why: str) -> None:
    app = app_of(**files)
    level = level_of(app, STAMP, Purpose())
    assert level.proof is Proof.RUNNING
    assert why in level.why
    assert list(deliver(app, STAMP, SEAL).contents) == ["build_stamp.json"]


@pytest.mark.parametrize(
    "rule",
    [
        "file,",
        "/usr/bin/** rix,",
        "/{,usr/}{bin,sbin}/{,**} rix,",
        "/** rwix,",
        "/usr/bin/{[^p]**,p[^y]**} rix,",
    ],
)
def test_a_profile_that_lets_programs_of_usr_bin_start_is_not_an_obstacle(rule: str) -> None:
    profile = f"profile a flags=(attach_disconnected) {{\n  {rule}\n}}\n"
    app = app_of(Dockerfile=BASE + "CMD a\n", apparmor_txt=profile)
    assert not isinstance(recipes_of(Draft(app, STAMP, SEAL)), Unknown)


@pytest.mark.parametrize(
    ("wanted", "names_stamp", "expected"),
    [
        ("auto", False, (Proof.SEALED, True)),
        ("stamp", False, (Proof.STAMP, True)),
        ("running", True, (Proof.RUNNING, True)),
        ("sealed", False, (Proof.SEALED, True)),
    ],
)
def test_the_strongest_level_is_the_default_and_a_setting_asks_for_less(
    wanted: str, names_stamp: bool, expected: tuple[Proof, bool]
) -> None:
    level = level_of(app_of(names_stamp=names_stamp, Dockerfile=BASE + "CMD a\n"), STAMP, Purpose(), wanted)
    assert (level.proof, level.possible) == expected


def test_an_app_that_reports_its_stamp_falls_back_to_it_and_a_seal_that_is_asked_for_is_not_passed_off() -> (
    None
):
    app = app_of(names_stamp=True, Dockerfile='FROM scratch\nCMD ["/x"]\n')
    assert level_of(app, STAMP, Purpose()).proof is Proof.STAMP
    asked = level_of(app, STAMP, Purpose(), "sealed")
    assert (asked.possible, "no known shell" in asked.why) == (False, True)


def test_the_seal_stage_is_plain_enough_for_an_old_builder() -> None:
    files = {f"f{n}": str(n) for n in range(2000)}
    text = (
        deliver(app_of(Dockerfile=BASE + "CMD a\n", **files), STAMP, SEAL)
        .contents["Dockerfile.amd64"]
        .decode()
    )
    assert max(map(len, text.split("\n"))) < 64 * 1024
    run = next(line for line in text.split("\n") if line.startswith("RUN --mount"))
    program = json.loads(run.partition(" [")[2].join(["[", ""]))
    assert program[:2] == ["/bin/sh", "-c"]
    assert "<<" not in program[2]
