"""A failed build as the Supervisor logs it: the error first, each line once, and whose image it was."""

from __future__ import annotations

import pytest

from bb8deploy.plan.logs.build_log import Cause, read_build, unreadable_config

OWN = "2026-11-23 09:21:47.527 INFO (MainThread) [supervisor.docker.app]"
ACCESS = "2026-11-23 09:21:49.000 INFO (MainThread) [aiohttp.access] 172.30.32.1 GET /addons/x/info"
STEP = """#5 transferring context: 145B done
#6 [2/4] RUN echo fine
#6 DONE 0.3s
#8 [4/4] RUN echo UPDATE_BOOM && false
#8 0.251 UPDATE_BOOM
#8 ERROR: process "/bin/sh -c echo UPDATE_BOOM && false" did not complete successfully: exit code: 1
------
 > [4/4] RUN echo UPDATE_BOOM && false:
0.251 UPDATE_BOOM
------
Dockerfile:8
--------------------
   8 | >>> RUN echo UPDATE_BOOM && false
--------------------
ERROR: failed to build: failed to solve: process "/bin/sh -c echo UPDATE_BOOM && false" did not complete"""
PULL = """#2 ERROR: {0}: not found
------
 > [internal] load metadata for {0}:
------
ERROR: failed to build: failed to solve: {0}: failed to resolve source metadata for {0}: {0}: not found"""


def log(output: str, *, times: int = 2) -> list[str]:
    """The Supervisor's log of an earlier build and of this failed one, whose output it logs twice."""
    lines = [f"{OWN} Starting build for local/x:1", "#1 old output", f"{OWN} Starting build for local/x:2"]
    for _ in range(times):
        lines += [f"\x1b[31m{OWN} Docker build failed for local/x:2. Build output:", *output.splitlines()]
    return [*lines, "\x1b[0m", ACCESS, ACCESS]


def test_the_error_and_the_failing_step_come_first_and_once() -> None:
    seen = read_build(log(STEP), 60)
    assert seen.lines[0].startswith("ERROR: failed to build")
    assert seen.lines[1].startswith("#8 ERROR: ")
    assert sum("UPDATE_BOOM && false:" in line for line in seen.lines) == 1
    assert not [line for line in seen.lines if "aiohttp" in line or "old output" in line]
    assert seen.cause is Cause.STEP


def test_few_lines_are_enough_for_the_error() -> None:
    assert len(read_build(log(STEP), 5).lines) == 5
    assert read_build(log(STEP), 5).lines[0].startswith("ERROR: ")


@pytest.mark.parametrize(
    ("image", "cause"),
    [
        ("ghcr.io/home-assistant/nonexistent:9", Cause.BASE_PULL),
        ("docker.io/library/docker:28.5.2-cli", Cause.BUILDER_PULL),
    ],
)
def test_the_image_that_could_not_be_pulled_is_named(image: str, cause: Cause) -> None:
    seen = read_build(log(PULL.format(image)), 60)
    assert (seen.cause, seen.image) == (cause, image)


def test_a_base_without_a_default_is_distinguished_from_a_failing_step() -> None:
    seen = read_build(
        log("ERROR: failed to build: failed to solve: base name ($BUILD_FROM) should not be blank"), 9
    )
    assert seen.cause is Cause.BASE_BLANK


def test_a_log_without_a_build_ends_in_its_newest_lines() -> None:
    assert read_build(["one", "two", "three"], 2).lines == ("two", "three")
    assert read_build([], 2).cause is Cause.UNKNOWN


def test_the_line_about_the_apps_own_config_comes_first() -> None:
    lines = [
        f"{OWN} local_x is detached",
        f"{OWN} Can't read /a/other/config.yaml",
        f"{OWN} Can't read /a/x/config.yaml",
    ]
    assert unreadable_config(lines, "x")[0].endswith("/a/x/config.yaml")


def of_app(slug: str, output: str) -> list[str]:
    return [f"{OWN} Starting build for local/amd64-addon-{slug}:1", *output.splitlines(), ACCESS]


def test_the_build_of_another_app_is_not_this_apps() -> None:
    seen = read_build([*of_app("x", PULL.format("base:1")), *of_app("y", STEP)], 60, "x")
    assert (seen.cause, seen.image) == (Cause.BASE_PULL, "base:1")
    assert not [line for line in seen.lines if "UPDATE_BOOM" in line]
    assert read_build(of_app("x_beta", STEP), 60, "x").lines == ()


def test_a_pull_after_another_apps_build_is_of_the_apps_own_image() -> None:
    pull = [
        f"{OWN} Downloading docker image ghcr.io/ann/x:1.",
        f"{OWN} Can't install ghcr.io/ann/x:1: not found",
    ]
    seen = read_build([*of_app("y", STEP), *pull], 60, "x")
    assert (seen.cause, seen.image) == (Cause.IMAGE_PULL, "ghcr.io/ann/x:1")
    assert not [line for line in seen.lines if "UPDATE_BOOM" in line]


def test_the_builders_own_advice_is_kept() -> None:
    build = of_app("x", STEP)
    advised = [*build[:-1], "Use another builder.", ACCESS]
    assert read_build(build, 60, "x").advice == ""
    assert read_build(advised, 60, "x").advice == "Use another builder."


OLD_PULL = """#3 [internal] load metadata for ghcr.io/hassio-addons/base:19.0.0
#3 ERROR: failed to do request: Head "https://ghcr.io/v2/x": dial tcp: lookup ghcr.io: no such host
------
 > [internal] load metadata for ghcr.io/hassio-addons/base:19.0.0:
------
failed to solve with frontend dockerfile.v0: failed to create LLB definition: no such host"""


def test_a_base_that_an_older_builder_cannot_pull_is_named() -> None:
    seen = read_build(of_app("x", OLD_PULL), 60, "x")
    assert (seen.cause, seen.image) == (Cause.BASE_PULL, "ghcr.io/hassio-addons/base:19.0.0")
    assert seen.lines[0].startswith("failed to solve with frontend")


@pytest.mark.parametrize(
    "line",
    [
        "curl: (6) Could not resolve host: example.org",
        "wget: unable to resolve host address 'example.org'",
        "npm error request failed, reason: getaddrinfo EAI_AGAIN example.org",
        "WARNING: fetching https://example.org/alpine/main: DNS: transient error (try again later)",
        "Temporary failure resolving 'example.org'",
        "HTTPSConnectionPool(host='example.org', port=443): Max retries exceeded",
    ],
)
def test_a_server_that_a_step_could_not_reach_is_named(line: str) -> None:
    output = f"#5 0.268 {line}\n#5 ERROR: process did not complete\nERROR: failed to build: exit code: 6"
    seen = read_build(of_app("x", output), 60, "x")
    assert (seen.cause, seen.image) == (Cause.UNREACHED, "example.org")


def test_a_step_of_thousands_of_characters_is_shown_in_part() -> None:
    output = f"#5 RUN {'x' * 9000}\n#5 ERROR: it failed\nERROR: failed to build: it failed"
    assert max(map(len, read_build(of_app("x", output), 60, "x").lines)) < 500
