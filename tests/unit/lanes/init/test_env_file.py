"""`.env` as text: what is written is read back, what was there stays, nothing is set twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bb8deploy.base.errors import UsageError
from bb8deploy.lanes.init.env_file import compose, ignore_lines, replaced, template
from bb8deploy.settings.load_settings import load
from bb8deploy.settings.settings_table import KEYS

ONE_LINE = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40)


def read(folder: Path, text: str) -> dict[str, str]:
    (folder / ".env").write_text(text, encoding="utf-8")
    return {name: value.raw for name, value in load(folder, environ={}).values.items()}


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(value=ONE_LINE)
def test_any_one_line_value_is_read_back_as_it_was(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, compose("", {"MQTT_PASSWORD": value})) == {"MQTT_PASSWORD": value}


def test_a_fresh_file_explains_every_setting_and_sets_only_the_answers(tmp_path: Path) -> None:
    text = compose("", {"HA_URL": "http://ha.local:8123"})
    assert read(tmp_path, text) == {"HA_URL": "http://ha.local:8123"}
    for key in KEYS:
        assert key.help in text
        assert f"{key.name}=" in text
    assert text.count("HA_URL=") == 1


def test_the_template_by_itself_sets_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, template()) == {}


def test_what_is_not_asked_about_stays_line_by_line() -> None:
    earlier = "# mine\nexport HA_URL=http://old:8123 # the old one\n\nMY_OWN='a b'\nHA_IMAGE=x/y\n"
    text = compose(earlier, {"HA_URL": "http://new:8123"})
    assert text == "# mine\nHA_URL=http://new:8123 # the old one\n\nMY_OWN='a b'\nHA_IMAGE=x/y\n"


@pytest.mark.parametrize("old", ["a", "'a # b'", '"a # b"', "a#b", r"'a\' # b'"])
def test_a_comment_after_a_value_stays(tmp_path: Path, old: str) -> None:
    text = compose(f"HA_URL={old}  # mine\n", {"HA_URL": "it's # new"})
    assert text.endswith("'  # mine\n")
    assert read(tmp_path, text) == {"HA_URL": "it's # new"}


def test_what_is_replaced_is_known_by_its_old_value() -> None:
    earlier = "HA_URL=http://old\nREMOTE_HOST_ALIAS=me@h\nMQTT_HOST=same\nMINE=1\nHA_REMOTE_SLUG=x\n"
    values = {
        "HA_URL": "http://new",
        "HA_SSH_HOST_ALIAS": "n",
        "MQTT_HOST": "same",
        "MQTT_PORT": "1",
        "HA_REMOTE_SLUG": "",
    }
    assert replaced(earlier, values) == {
        "HA_URL": "http://old",
        "HA_SSH_HOST_ALIAS": "me@h",
        "HA_REMOTE_SLUG": "x",
    }


def test_a_new_setting_goes_to_the_end_with_its_meaning() -> None:
    text = compose("HA_IMAGE=x/y", {"MQTT_HOST": "broker"})
    assert text.startswith("HA_IMAGE=x/y\n\n# ")
    assert text.endswith("\nMQTT_HOST=broker\n")


def test_a_commented_setting_gives_its_place() -> None:
    assert compose("# the port\n#MQTT_PORT=1883\nA=1\n", {"MQTT_PORT": "8883"}) == (
        "# the port\nMQTT_PORT=8883\nA=1\n"
    )


def test_a_setting_under_its_old_name_or_twice_ends_up_once(tmp_path: Path) -> None:
    earlier = "REMOTE_HOST_ALIAS=old\nHA_SSH_HOST_ALIAS=older\n"
    text = compose(earlier, {"HA_SSH_HOST_ALIAS": "new"})
    assert text == "HA_SSH_HOST_ALIAS=new\n"


def test_a_commented_line_above_the_real_one_stays_a_comment() -> None:
    earlier = "#HA_URL=http://example\nHA_URL=http://old\n"
    assert compose(earlier, {"HA_URL": "http://new"}) == "#HA_URL=http://example\nHA_URL=http://new\n"


def test_an_answer_taken_back_comments_its_line_out(tmp_path: Path) -> None:
    text = compose("HA_MOUNT=/mnt/ha\nHA_IMAGE=x/y\n", {"HA_MOUNT": ""})
    assert text == "#HA_MOUNT=\nHA_IMAGE=x/y\n"
    assert read(tmp_path, text) == {"HA_IMAGE": "x/y"}


def test_writing_the_same_answers_again_changes_nothing() -> None:
    answers = {"HA_URL": "http://ha:8123", "MQTT_PASSWORD": 'it\'s \\ # "x"', "HA_LLAT": "abc"}
    once = compose("", answers)
    assert compose(once, answers) == once


@pytest.mark.parametrize("value", ["two\nlines", "bell\x07", "a\u2028b", "carriage\rreturn"])
def test_more_than_one_line_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="ENV_VALUE_INVALID") as caught:
        compose("", {"HA_LLAT": value})
    assert value not in str(caught.value)


def test_the_ignore_file_gets_what_it_lacks_and_keeps_the_rest() -> None:
    assert ignore_lines("") == ".env\n.env.*\n!.env.example\n"
    assert ignore_lines("build/\n.env") == "build/\n.env\n.env.*\n!.env.example\n"
