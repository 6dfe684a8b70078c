"""A Dockerfile is followed step by step, and a slow step is done only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ha_sandbox.runtime.building import build_stage as module
from ha_sandbox.runtime.building.build_image import Build
from ha_sandbox.runtime.building.image_config import Image
from ha_sandbox.runtime.runtime_interface import BuildFailed, BuildRequest


class Recorder:
    """Stands for the jail: records what it is given and writes a file."""

    def __init__(self, code: int = 0) -> None:
        self.scripts: list[str] = []
        self.code = code

    def __call__(
        self,
        tree: Path,
        script: str,
        folder: str,
        environment: Mapping[str, str],
        mounts: Sequence[tuple[Path, str]],
    ) -> tuple[int, str]:
        self.scripts.append(script)
        self.environment = dict(environment)
        self.mounts = list(mounts)
        (tree / "made").write_text(f"{folder} {environment.get('NAME', '')}")
        return self.code, "said so"


def follow(tmp_path: Path, text: str, runner: Recorder, args: Mapping[str, str] | None = None) -> Image:
    context = tmp_path / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(text)
    request = BuildRequest("probe", "1", context, context / "Dockerfile", args or {}, "aarch64")
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "tree").mkdir(exist_ok=True)
    return Build(request, tmp_path / "tree", tmp_path / "cache", runner, "seed").follow()


def test_copy_args_env_and_workdir_do_what_docker_does(tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / "app").mkdir(parents=True)
    (context / "app" / "a.py").write_text("a")
    (context / "app" / "skip.pyc").write_text("b")
    (context / ".dockerignore").write_text("**/*.pyc\n")
    (context / "run.sh").write_text("r")
    text = (
        "ARG BASE=python:3\nFROM ${BASE}\nARG NAME=one\nENV PLACE=/srv/$NAME\nWORKDIR ${PLACE}\n"
        'COPY app ./app\nCOPY run.sh stamp.jso[n] ./\nCMD ["python", "-m", "app"]\n'
    )
    image = follow(tmp_path, text, Recorder(), {"NAME": "two"})
    tree = tmp_path / "tree"
    assert (tree / "srv/two/app/a.py").read_text() == "a"
    assert not (tree / "srv/two/app/skip.pyc").exists()
    assert (tree / "srv/two/run.sh").read_text() == "r"
    assert (image.workdir, image.command) == ("/srv/two", ["python", "-m", "app"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ARG BUILD_FROM\nFROM $BUILD_FROM\n", "base name ($BUILD_FROM) should not be blank"),
        ("FROM x\nCOPY nothing /\n", '"/nothing": not found'),
        ("FROM x\nRUN false\n", "exit code: 1"),
        ("FROM x\nDANCE\n", "unknown instruction: DANCE"),
        ("RUN true\n", "no build stage"),
    ],
)
def test_what_does_not_build_reports_where_and_why(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(BuildFailed) as caught:
        follow(tmp_path, text, Recorder(code=1))
    assert why in caught.value.log
    assert ">>>" in caught.value.log


def test_a_slow_step_is_taken_from_the_cache_until_what_it_sees_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHE_WORTH", 0.0)
    context = tmp_path / "context"
    context.mkdir()
    (context / "requirements.txt").write_text("one")
    text = "FROM x\nCOPY requirements.txt /\nRUN install\n"
    first, second, third = Recorder(), Recorder(), Recorder()
    follow(tmp_path, text, first)
    (tmp_path / "tree" / "made").unlink()
    follow(tmp_path, text, second)
    assert (first.scripts, second.scripts) == (["install"], [])
    assert (tmp_path / "tree" / "made").is_file()
    (context / "requirements.txt").write_text("two")
    follow(tmp_path, text, third)
    assert third.scripts == ["install"]


def test_a_health_check_is_read_with_its_times(tmp_path: Path) -> None:
    text = "FROM x\nHEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2s --retries=5 CMD check me\n"
    image = follow(tmp_path, text, Recorder())
    assert image.health == {
        "command": ["/bin/sh", "-c", "check me"],
        "interval": 90.0,
        "timeout": 0.5,
        "start_period": 2.0,
        "retries": 5,
    }


def test_buildkits_automatic_arguments_are_there_once_they_are_declared(tmp_path: Path) -> None:
    runner = Recorder()
    follow(tmp_path, "FROM --platform=$BUILDPLATFORM x\nARG TARGETARCH\nARG BUILD_ARCH\nRUN x\n", runner)
    assert runner.environment["TARGETARCH"] == "arm64"
    assert "TARGETPLATFORM" not in runner.environment


def test_a_base_may_depend_on_the_architecture(tmp_path: Path) -> None:
    follow(tmp_path, "ARG TARGETARCH\nFROM ghcr.io/x/base-${TARGETARCH}\n", Recorder())
    with pytest.raises(BuildFailed, match="should not be blank"):
        follow(tmp_path, "ARG OTHER\nFROM $OTHER\n", Recorder())


def test_stages_are_built_as_far_as_the_last_one_needs_them(tmp_path: Path) -> None:
    runner = Recorder()
    text = (
        "FROM x AS unused\nRUN never\nFROM x AS tools\nENV A=1\nRUN make\n"
        "FROM tools AS more\nRUN more $A\nFROM y\nCOPY --from=more --chmod=0755 /made /bin/tool\n"
        "COPY --from=1 /made /second\n"
    )
    follow(tmp_path, text, runner)
    tree = tmp_path / "tree"
    assert runner.scripts == ["make", "more $A"]
    assert (tree / "bin/tool").stat().st_mode & 0o777 == 0o755
    assert (tree / "second").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "context", "tree"]


def test_here_documents_are_scripts_and_files(tmp_path: Path) -> None:
    runner = Recorder()
    text = (
        "FROM x\nENV NAME=bb\nRUN <<EOF\none\ntwo\nEOF\n"
        "COPY <<EOF /etc/greeting\nhello $NAME\nEOF\nCOPY <<'EOF' /etc/plain\nhello $NAME\nEOF\n"
    )
    follow(tmp_path, text, runner)
    assert runner.scripts == ["one\ntwo"]
    assert (tmp_path / "tree/etc/greeting").read_text() == "hello bb\n"
    assert (tmp_path / "tree/etc/plain").read_text() == "hello $NAME\n"


def test_a_bind_mount_shows_the_context_or_a_stage_to_a_run(tmp_path: Path) -> None:
    runner = Recorder()
    text = (
        "FROM x AS seal\nRUN --mount=type=bind,target=/src --mount=type=cache,target=/c look\n"
        "FROM x\nRUN --mount=type=bind,from=seal,source=/made,target=/proof check\n"
    )
    follow(tmp_path, text, runner)
    assert [target for _, target in runner.mounts] == ["/proof"]
    assert runner.scripts == ["look", "check"]


def test_the_shell_of_the_dockerfile_runs_its_steps(tmp_path: Path) -> None:
    runner = Recorder()
    text = 'FROM x\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN a | b\nCMD serve now\n'
    image = follow(tmp_path, text, runner)
    assert runner.scripts == ["exec /bin/bash -o pipefail -c 'a | b'"]
    assert image.command == ["/bin/bash", "-o", "pipefail", "-c", "serve now"]


@pytest.mark.parametrize(
    "text",
    ["FROM x\nRUN apk add x\n", "FROM x\nCOPY --from=busybox /bin/sh /sh\n", "FROM x\nADD http://x /\n"],
)
def test_what_needs_a_real_base_names_docker_as_the_remedy(tmp_path: Path, text: str) -> None:
    with pytest.raises(BuildFailed) as caught:
        follow(tmp_path, text, Recorder(code=127))
    assert "add `--docker`" in caught.value.log.splitlines()[-1]
