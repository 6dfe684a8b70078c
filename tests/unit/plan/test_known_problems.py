"""Each known trouble is recognised by what was seen, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bb8deploy.catalogue.code_lookup import entries
from bb8deploy.plan.known_problems import STORM, TABLE, Observed, recognise, usable_url

DOCKERFILE = """ARG BUILD_FROM=alpine
FROM $BUILD_FROM
# py3-venv is not needed
COPY run.sh /usr/src/app/run.sh
"""
FINE = Observed(
    version_here="1.0.1",
    dockerfile_here=DOCKERFILE,
    run_sh_here=True,
    folder="/addons/local/beep",
    folder_seen=True,
    folder_present=True,
    config_there=True,
    version_there="1.0.1",
    slug_there="beep",
    dockerfile_there=DOCKERFILE,
    run_sh_there=True,
    stamp_tree="sha256:1",
    writable=True,
    user="root",
    asked=True,
    slug="local_beep",
    known=True,
    installed=True,
    version_installed="1.0.1",
    version_listed="1.0.1",
    state="started",
    built_by_supervisor=True,
    reported=True,
    tree_reported="sha256:1",
    run_sh_reported=True,
    ha_url="http://homeassistant.local:8123",
    token_set=True,
)
REFUSED = "WARNING bb8.main: the broker refused the login (Not authorized): check mqtt_username"
CASES: dict[str, list[dict[str, object]]] = {
    "SLUG_ELSEWHERE": [{"slug": "local_other"}],
    "ADDON_NOT_IN_STORE": [
        {"known": False, "installed": False, "config_there": False, "version_there": ""},
        {"known": False, "installed": False, "supervisor_log": ("ERROR Can't read config.yaml: arch",)},
        {"detached": True},
    ],
    "ADDON_NOT_INSTALLED": [{"installed": False, "version_installed": "", "reported": False}],
    "SUPERVISOR_PULLS": [
        {"image_there": "ghcr.io/you/beep"},
        {"built_by_supervisor": False},
        {"supervisor_log": ("ERROR Can't install local/amd64-addon-beep:1.0.1: pull access denied",)},
    ],
    "RUN_SH_MISSING": [
        {"run_sh_there": False},
        {"dockerfile_there": "FROM alpine\nCOPY bb8_core /usr/src/app\n"},
        {"run_sh_reported": False},
        {"state": "error", "addon_log": ("bash: /usr/src/app/run.sh: No such file or directory",)},
    ],
    "RUNTIME_NOT_WRITABLE": [{"writable": False, "user": "babylon"}],
    "BROKER_STORM": [{"addon_log": (REFUSED,) * STORM}],
    "RESPONDER_TWICE": [
        {"addon_log": ("ERROR bb8.echo: another echo responder took over bb8: silent from here on",)}
    ],
    "FILES_NOT_BUILT": [{"tree_reported": "sha256:2"}],
    "PACKAGE_PY3_VENV": [
        {"dockerfile_here": DOCKERFILE + "RUN apk add --no-cache python3 py3-venv\n"},
        {"supervisor_log": ("#7 0.9   py3-venv (no such package):",)},
    ],
    "PACKAGE_APT": [{"dockerfile_there": DOCKERFILE + "RUN apt-get -y install bluez\n"}],
    "FROM_WITHOUT_DEFAULT": [{"supervisor_log": ("ERROR: base name ($BUILD_FROM) should not be blank",)}],
    "HA_URL_MISSING": [{"ha_url": ""}],
    "HA_URL_INVALID": [
        {"ha_url": "192.168.0.129:8123"},
        {"ha_url": "http://:8123"},
        {"ha_url": "http://x/api"},
    ],
    "TOKEN_NOT_FOUND": [{"token_missing": "neither HA_LLAT nor the key K in /config/secrets.yaml holds one"}],
    "CACHE_IN_RUNTIME": [{"caches": ("bb8_core/__pycache__",)}, {"caches": (".mypy_cache", "a", "b")}],
    "RUNTIME_HAS_GIT": [{"git": ".git"}],
    "SSH_USER_WITHOUT_TOKEN": [{"denied": "401", "user_has_token": False, "user": "babylon-babes"}],
}
TOGETHER: dict[tuple[str, ...], dict[str, object]] = {
    ("FILES_NOT_SYNCED", "STORE_NOT_RELOADED", "FILES_NOT_BUILT"): {"version_there": "1.0.0"},
    ("FILES_NOT_SYNCED",): {"version_here": "1.0.2"},
    ("STORE_NOT_RELOADED",): {"version_listed": "1.0.0"},
}


def names(facts: Observed) -> tuple[str, ...]:
    return tuple(trouble.name for trouble in recognise(facts))


def test_a_pull_of_another_image_is_not_blamed_on_the_config_file() -> None:
    line = "ERROR Can't pull docker:28.5.2-cli: pull access denied"
    assert not any(one.name == "SUPERVISOR_PULLS" for one in recognise(replace(FINE, supervisor_log=(line,))))


def test_nothing_is_recognised_if_all_is_fine() -> None:
    assert names(FINE) == ()


def test_nothing_is_recognised_if_nothing_was_observed() -> None:
    assert names(Observed()) == ()


@pytest.mark.parametrize(
    ("name", "changes"), [(name, changes) for name, all_of in CASES.items() for changes in all_of]
)
def test_each_sign_of_a_known_problem_names_only_that_problem(name: str, changes: dict[str, object]) -> None:
    found = recognise(replace(FINE, **changes))  # type: ignore[arg-type]
    assert [trouble.name for trouble in found] == [name]
    assert found[0].evidence
    assert found[0].remedy.endswith((".", ")"))


@pytest.mark.parametrize(("expected", "changes"), list(TOGETHER.items()))
def test_versions_that_differ_show_which_step_was_left_out(
    expected: tuple[str, ...], changes: dict[str, object]
) -> None:
    assert names(replace(FINE, **changes)) == expected  # type: ignore[arg-type]


def test_every_known_problem_has_a_case_and_a_page() -> None:
    told = {name for names_ in (*TOGETHER, tuple(CASES)) for name in names_}
    assert {rule.name for rule in TABLE} == told
    assert [rule.name for rule in TABLE if rule.name not in entries()] == []


def test_an_add_on_without_run_sh_is_not_blamed_for_it() -> None:
    assert names(replace(FINE, run_sh_here=False, run_sh_there=False, run_sh_reported=False)) == ()


@pytest.mark.parametrize(
    "line",
    [
        "/run.sh: line 2: bashio::config: command not found",
        "/run.sh: 3: jq: not found",
        "./run.sh: line 7: /data/state: Permission denied",
        "/run.sh: line 9: /data/state: No such file or directory",
    ],
)
def test_a_run_sh_that_ran_and_failed_is_not_reported_as_missing(line: str) -> None:
    assert names(replace(FINE, state="error", addon_log=(line,))) == ()


@pytest.mark.parametrize(
    "line",
    [
        "sh: /run.sh: not found",
        "bash: ./run.sh: Permission denied",
        "sh: can't open '/run.sh': No such file or directory",
        'exec: "/run.sh": Permission denied',
    ],
)
def test_a_log_that_says_that_run_sh_cannot_be_run_names_it(line: str) -> None:
    assert names(replace(FINE, state="error", addon_log=(line,))) == ("RUN_SH_MISSING",)


def test_a_few_failed_broker_connections_are_not_a_storm() -> None:
    assert names(replace(FINE, addon_log=(REFUSED,) * (STORM - 1))) == ()


def test_the_add_ons_own_words_for_a_refused_login_count_as_a_storm() -> None:
    from bb8_core.mqtt.broker_client import refusal

    line = f"2026-11-23T12:00:00 WARNING bb8.main: {refusal('Not authorized')}"
    assert names(replace(FINE, addon_log=(line,) * STORM)) == ("BROKER_STORM",)


@pytest.mark.parametrize("url", ["http://a:8123", "https://a.example/", "http://[::1]:8123"])
def test_an_address_of_home_assistant_is_usable(url: str) -> None:
    assert usable_url(url)


@pytest.mark.parametrize("url", ["", "a:8123", "ftp://a", "http://a:port", "http://a:99999", "http://[::1"])
def test_anything_else_is_not_usable(url: str) -> None:
    assert not usable_url(url)
