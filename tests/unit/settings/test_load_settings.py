"""Settings: which source wins, what is refused, what is named, and that a secret stays one."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.base.secret import Secret
from bb8deploy.settings import settings_table
from bb8deploy.settings.load_settings import load, target_file, target_names
from bb8deploy.settings.settings_table import KEYS, suggestion
from bb8deploy.settings.settings_type import Settings


def read(
    folder: Path,
    text: str = "",
    *,
    target: str = "default",
    environ: dict[str, str] | None = None,
    flags: dict[str, str] | None = None,
) -> Settings:
    """The settings of a folder whose `.env` says `text`."""
    (folder / ".env").write_text(text, encoding="utf-8")
    return load(folder, target=target, environ=environ or {}, flags=flags)


def test_without_any_file_every_setting_is_its_default(tmp_path: Path) -> None:
    settings = load(tmp_path, environ={})
    assert {settings.origin_of(key) for key in KEYS} == {"default"}
    assert settings.mqtt.port == 1883
    assert settings.ssh.key is None
    assert settings.ha_llat is None


def test_a_file_may_export_quote_and_comment(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "# mine\nexport HA_URL='http://ha:8123' # home\nMQTT_USERNAME=\"two words\"\n\nMQTT_TLS=on\n",
    )
    assert settings.ha_url == "http://ha:8123"
    assert settings.mqtt.username == "two words"
    assert settings.mqtt.tls
    assert settings.origin_of(settings_table.HA_URL) == ".env"


def test_a_dollar_in_a_password_is_a_dollar(tmp_path: Path) -> None:
    secret = read(tmp_path, "MQTT_PASSWORD=a${HOME}$b\n").mqtt.password
    assert secret == Secret("a${HOME}$b")


def test_a_file_of_a_windows_editor_is_read_from_its_first_key_on(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfHA_URL=http://ha\r\nMQTT_PORT=1884\r\n")
    settings = load(tmp_path, environ={})
    assert (settings.ha_url, settings.mqtt.port) == ("http://ha", 1884)


def test_target_file_environment_and_flags_win_in_this_order(tmp_path: Path) -> None:
    (tmp_path / ".env.lab").write_text("HA_URL=lab\nMQTT_HOST=lab\nMQTT_USERNAME=lab\n")
    base = "HA_URL=base\nMQTT_HOST=base\nMQTT_USERNAME=base\nHA_IMAGE=base\n"
    settings = read(
        tmp_path,
        base,
        target="lab",
        environ={"MQTT_HOST": "env", "MQTT_USERNAME": "env"},
        flags={"MQTT_USERNAME": "flag"},
    )
    found = {
        key.name: (settings.text_of(key), settings.origin_of(key))
        for key in (
            settings_table.HA_IMAGE,
            settings_table.HA_URL,
            settings_table.MQTT_HOST,
            settings_table.MQTT_USERNAME,
        )
    }
    assert found == {
        "HA_IMAGE": ("base", ".env"),
        "HA_URL": ("lab", ".env.lab"),
        "MQTT_HOST": ("env", "environment"),
        "MQTT_USERNAME": ("flag", "flag"),
    }


def test_a_target_without_a_file_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    for name in (".env.lab", ".env.home", ".env.example"):
        (tmp_path / name).touch()
    assert target_names(tmp_path) == ["home", "lab"]
    with pytest.raises(UsageError, match=r"known: home, lab") as caught:
        load(tmp_path, target="lap", environ={})
    assert (caught.value.code, caught.value.exit_code) == ("TARGET_UNKNOWN", 2)
    assert "`bb8deploy init --target lap`" in caught.value.remedy


@pytest.mark.parametrize("name", ["my lab", "$(id)", "it's"])
def test_the_command_for_a_new_target_takes_any_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, target=name, environ={})
    command = caught.value.remedy.split("`")[1]
    assert shlex.split(command) == ["bb8deploy", "init", "--target", name]


def test_an_empty_target_is_refused_in_words_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".env.lab").touch()
    with pytest.raises(UsageError) as caught:
        load(tmp_path, target="", environ={})
    assert (caught.value.code, caught.value.cause) == ("TARGET_UNKNOWN", "`--target` is empty")
    assert caught.value.remedy == "Name a target (known: lab), or leave out `--target`."


@pytest.mark.parametrize("name", ["../lab", "lab/x", "/etc/lab", "x/../../lab", "two\nlines", "example"])
def test_a_target_whose_file_would_be_elsewhere_or_the_sample_is_refused(tmp_path: Path, name: str) -> None:
    for made in (".env.lab", ".env.example", "lab"):
        (tmp_path / made).touch()
    with pytest.raises(UsageError, match="cannot name a target") as caught:
        target_file(tmp_path, name)
    assert caught.value.code == "TARGET_UNKNOWN"
    assert "(known: lab)" in caught.value.remedy


def test_an_alias_counts_if_the_name_itself_is_not_set(tmp_path: Path) -> None:
    assert read(tmp_path, "REMOTE_HOST_ALIAS=old\n").ssh.host_alias == "old"
    both = "REMOTE_HOST_ALIAS=old\nHA_SSH_HOST_ALIAS=new\n"
    assert read(tmp_path, both).ssh.host_alias == "new"
    empty = "REMOTE_HOST_ALIAS=old\nHA_SSH_HOST_ALIAS=\n"
    assert read(tmp_path, empty).ssh.host_alias == "old"


def test_an_alias_of_a_stronger_source_beats_the_name_in_a_weaker_one(tmp_path: Path) -> None:
    settings = read(tmp_path, "HA_SSH_HOST_ALIAS=file\n", environ={"REMOTE_HOST_ALIAS": "env"})
    assert settings.ssh.host_alias == "env"


def test_an_empty_value_is_none_and_hides_nothing(tmp_path: Path) -> None:
    settings = read(tmp_path, "HA_URL=http://ha\nMQTT_PORT=\n", environ={"HA_URL": ""})
    assert (settings.ha_url, settings.origin_of(settings_table.HA_URL)) == ("http://ha", ".env")
    assert (settings.mqtt.port, settings.origin_of(settings_table.MQTT_PORT)) == (1883, "default")


def test_unknown_keys_are_named_with_their_file_and_foreign_ones_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env.lab").write_text("MQT_HOST=x\n")
    settings = read(tmp_path, "HA_LLATT=x\nPATH_TO_X=1\nHA_LLAT=y\n", target="lab")
    assert settings.unknown == (("HA_LLATT", ".env"), ("MQT_HOST", ".env.lab"))
    assert [suggestion(name) for name, _ in settings.unknown] == ["HA_LLAT", "MQTT_HOST"]
    assert suggestion("HA_ZZZZZZZZZZZZZ") == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("MQTT_PORT=abc", "MQTT_PORT from .env is `abc`, not a whole number from 1 to 65535"),
        ("MQTT_PORT=0", "`0`"),
        ("MQTT_PORT=65536", "`65536`"),
        ("MQTT_PORT=1e3", "`1e3`"),
        ("MQTT_PORT=²", "`²`"),
        ("HA_SSH_CONNECT_TIMEOUT=soon", "not a number"),
        ("HA_SSH_CONNECT_TIMEOUT=nan", "not a number"),
        ("HA_SSH_CONNECT_TIMEOUT=-1", "not a number"),
        ("BB8_BUILD_DEADLINE=inf", "not a number"),
        ("MQTT_TLS=perhaps", "not yes or no"),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_refused_at_once(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, line)
    assert caught.value.code == "SETTING_INVALID"
    assert words in caught.value.cause


@pytest.mark.parametrize(
    ("text", "on"), [("YES", True), ("1", True), ("on", True), ("No", False), ("0", False)]
)
def test_yes_and_no_have_many_spellings(tmp_path: Path, text: str, on: bool) -> None:
    assert read(tmp_path, f"MQTT_TLS={text}\n").mqtt.tls is on


def test_a_line_that_is_not_a_setting_is_named_by_number_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "HA_URL=x\n\n\nMQTT_PASSWORD='sesame\n")
    assert caught.value.cause == "line 4 of .env is not a NAME=value line"
    assert "sesame" not in str(caught.value) + caught.value.remedy


@pytest.mark.parametrize("data", ["HA_URL=x".encode("utf-16"), b"HA_URL=\xff\xfe"])
def test_a_file_that_is_not_utf8_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    (tmp_path / ".env").write_bytes(data)
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ={})
    assert caught.value.code == "ENV_UNREADABLE"


def test_a_folder_in_the_place_of_the_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ={})
    assert caught.value.code == "ENV_UNREADABLE"


def test_the_settings_as_an_object_do_not_show_what_they_hold(tmp_path: Path) -> None:
    settings = read(tmp_path, "HA_LLAT=sesame-open\n")
    assert "sesame" not in repr(settings)
    assert "sesame" not in f"{settings.ha_llat!r} {settings.ha_llat}"


def test_passwords_within_addresses_are_secrets_in_both_spellings(tmp_path: Path) -> None:
    settings = read(tmp_path, "HA_LLAT=token-1\nHA_PUBLISH_REMOTE=https://me:p%40ss@git.example/x.git\n")
    assert {secret.reveal() for secret in settings.secrets()} == {"token-1", "p%40ss", "p@ss"}
    odd = read(tmp_path, "HA_PUBLISH_REMOTE=https://[half/x\nHA_URL=git@host:path\n")
    assert odd.secrets() == []
