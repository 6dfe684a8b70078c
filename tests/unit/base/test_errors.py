"""The error tree: one exit code for each kind of ending, as the contract lists them."""

from __future__ import annotations

import inspect
from itertools import pairwise

import pytest

from bb8deploy.base import errors
from bb8deploy.base.errors import Bb8Error, Refused, Unreachable

EXIT_CODES = {
    "Bb8Error": 1,
    "CheckFailed": 1,
    "UsageError": 2,
    "Unreachable": 3,
    "Refused": 3,
    "NotVerified": 4,
    "Locked": 5,
    "Interrupted": 130,
}


def test_every_kind_of_error_ends_in_its_exit_code() -> None:
    kinds = {
        name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Bb8Error)
    }
    assert {name: kind.exit_code for name, kind in kinds.items()} == EXIT_CODES


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    drawn = [line for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert {line.split("──")[1].split()[0]: int(line.split("──")[1].split()[1]) for line in drawn} == {
        name: code for name, code in EXIT_CODES.items() if name != "Bb8Error"
    }
    (parent, child), *_ = [(a, b) for a, b in pairwise(drawn) if b.startswith("│")]
    assert ("Unreachable" in parent, "Refused" in child) == (True, True)


def test_who_handles_the_unreachable_handles_a_refusal() -> None:
    with pytest.raises(Unreachable):
        raise Refused("HA_TOKEN_REFUSED", "the token was refused", "Make a new one.")


def test_an_error_keeps_its_words_and_details() -> None:
    error = Bb8Error("CODE", "it broke", "Fix it.", details=["a", "b"])
    assert (str(error), error.remedy, error.details) == ("CODE: it broke", "Fix it.", ("a", "b"))
