"""The options file: references, and one error for each kind of mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.lanes.options.options_file import read_options_file

ENV = {"TOKEN": "s3cret-value"}


def read(folder: Path, text: str) -> object:
    path = folder / "kitchen.yaml"
    path.write_text(text)
    return read_options_file(path, ENV)


def test_every_key_and_both_references(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "options:\n  level: debug\n  token: !env TOKEN\n  password: !secret broker\n"
        "network:\n  8080/tcp: 8081\n  9: null\nboot: manual\nwatchdog: true\nauto_update: false\n"
    )
    found = read_options_file(path, ENV)
    assert found.options == {"level": "debug", "token": "s3cret-value", "password": "!secret broker"}
    assert found.network == {"8080/tcp": 8081, "9/tcp": None}
    assert found.flags == {"boot": "manual", "watchdog": True, "auto_update": False}
    assert [secret.reveal() for secret in found.secrets] == ["s3cret-value"]


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read(tmp_path, "options:\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("watchdgo: true", "did you mean `watchdog`?"),
        ("level: debug", "belong below `options:`"),
        ("[1, 2]", "is not a mapping"),
        ("options: [1]", "is not a mapping"),
        ("options: []", "is not a mapping"),
        ("network: false", "is not a mapping"),
        ("options:\n  a: 1\n  b: 2\n  a: 3", "line 2: the key `a` is there twice"),
        ("watchdog: true\nwatchdog: false", "the key `watchdog` is there twice"),
        ("network: {web: 1}", "not a port such as"),
        ("network: {80/tcp: 70000}", "a port or null"),
        ("network: {80/tcp: true}", "a port or null"),
        ("boot: always", "neither auto nor manual"),
        ("watchdog: 1", "neither true nor false"),
        ("a: [", "is not YAML"),
        ("options: {a: !env NOPE}", "NOPE, which is not set"),
        ("options: {a: !python/object x}", "is not YAML"),
    ],
)
def test_a_mistake_is_one_error_that_names_it(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert caught.value.code == "OPTIONS_FILE_INVALID"
    assert said in caught.value.cause


def test_a_file_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: No such file or directory$"):
        read_options_file(tmp_path / "none.yaml", {})
