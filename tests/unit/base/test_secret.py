"""A secret prints as stars in every way that Python has to show a value."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass

import pytest

from bb8deploy.base.secret import MASK, Secret, redact, redact_data


@dataclass
class Login:
    """Something that holds a secret."""

    password: Secret


def test_no_way_of_showing_a_secret_shows_it() -> None:
    secret = Secret("sesame")
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>10}",
        f"{secret!r}",
        "".join(map(str, [secret])),
    ]
    shown += [repr(Login(secret)), str([secret]), json.dumps({"x": secret}, default=str)]
    assert not [text for text in shown if "sesame" in text]
    assert all(MASK in text for text in shown)
    assert secret.reveal() == "sesame"


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret("sesame"))
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(Login(Secret("sesame")))


def test_secrets_compare_by_value_and_with_secrets_only() -> None:
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
    assert (bool(Secret("")), bool(Secret("a"))) == (False, True)


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert redact("x abcdef y abcd", [Secret("abcd"), Secret("abcdef")]) == "x *** y ***"


def test_what_is_too_short_to_be_distinguished_from_words_stays() -> None:
    assert redact("abc abc", [Secret("abc"), Secret("")]) == "abc abc"


def test_a_secret_is_found_in_the_way_json_writes_it() -> None:
    secret = Secret('p"ä\\ss')
    assert json.dumps({"x": secret.reveal()}) != redact(json.dumps({"x": secret.reveal()}), [secret])
    assert redact(json.dumps({"x": secret.reveal()}), [secret]) == '{"x": "***"}'


def test_a_document_keeps_its_keys_and_kinds_whatever_the_password_is() -> None:
    data = {
        "passed": True,
        "none": None,
        "n": 1883,
        "log": ["with pass inside", {"deep": "pass"}],
        "t": ("pass",),
    }
    assert redact_data(data, [Secret("pass"), Secret("true"), Secret("1883")]) == {
        "passed": True,
        "none": None,
        "n": 1883,
        "log": ["with *** inside", {"deep": "***"}],
        "t": ["***"],
    }


def test_times_and_ids_of_runs_are_not_broken_by_a_password_that_is_a_year() -> None:
    made_here = ["2026-11-23T09:30:00.123+00:00", "2026-11-23T09:30:00Z", "20261123T093000Z-a1b2c3"]
    secrets = [Secret("2026"), Secret("1123")]
    assert redact_data(made_here, secrets) == made_here
    assert redact_data(["at 2026-11-23T09:30:00Z", "2026"], secrets) == ["at ***-11-23T09:30:00Z", "***"]
