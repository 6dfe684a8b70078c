"""The option `proxies`: addresses and keys, and a message that never shows a key."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bb8_core.app_options import parse_options
from bb8_core.radio.proxies.proxy_address import ProxyAddress, parse_proxies

MANIFEST = Path(__file__).parents[4] / "addon" / "config.yaml"
ADDRESS_RULE = yaml.safe_load(MANIFEST.read_text())["schema"]["proxies"][0]["address"][6:-1]
KEY = "QRTIErOb/fcE9Ukd/5qA3RGYMn0Y+p06U58SCtOXvPc="


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("bb8-proxy.local", "bb8-proxy.local", 6053),
        ("192.168.1.20", "192.168.1.20", 6053),
        ("192.168.1.20:6054", "192.168.1.20", 6054),
        ("[fe80::1]:6054", "fe80::1", 6054),
        ("[fe80::1]", "fe80::1", 6053),
    ],
)
def test_an_address_may_have_a_port(address: str, host: str, port: int) -> None:
    expected = ProxyAddress(host, port, KEY)
    assert parse_proxies([{"address": address, "encryption_key": KEY}]) == (expected,)


@given(
    st.from_regex(ADDRESS_RULE).map(str.strip) | st.text(st.characters(exclude_characters="\n"), max_size=20)
)
def test_the_reader_allows_the_addresses_that_the_manifest_allows(address: str) -> None:
    allowed = re.match(ADDRESS_RULE, address) is not None
    with contextlib.suppress(ValueError):
        parse_proxies([{"address": address}])
        assert allowed
        return
    assert not allowed or not 1 <= int(address.rpartition(":")[2]) <= 65535


@pytest.mark.parametrize("address", ["node", "node:6054", "[fe80::1]", "[fe80::1]:6054", "[fe80::1:6054]"])
def test_the_title_is_the_address_as_the_user_wrote_it(address: str) -> None:
    assert parse_proxies([{"address": address}])[0].title == address


def test_a_port_is_not_confused_with_the_end_of_an_ipv6_address() -> None:
    entries = [{"address": "[fe80::1]:6054"}, {"address": "[fe80::1:6054]"}]
    assert len(parse_proxies(entries)) == 2


def test_a_node_without_encryption_has_no_key() -> None:
    assert parse_proxies([{"address": "node"}, {"address": "b", "encryption_key": None}])[0].key == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("node", "must be a list"),
        ([{"address": "a"}] * 2, "the same address twice"),
        ([{"address": str(number)} for number in range(9)], "at most 8"),
        ([{"address": "a b"}], "entry 1"),
        ([{"address": "a"}, {"address": "b:0"}], "entry 2"),
        ([{"address": "a:70000"}], "entry 1"),
        ([{"address": "a", "key": KEY}], "an address and an encryption_key in entry 1"),
        ([{"address": "a", "encryption_key": KEY[:-4]}], "44 characters"),
        ([{"address": "a", "encryption_key": KEY[:-1]}], "44 characters"),
        ([{"address": "a", "encryption_key": 7}], "44 characters"),
        ([None], "entry 1"),
    ],
)
def test_what_is_wrong_is_named(value: Any, words: str) -> None:
    (problem,) = parse_options({"proxies": value}).problems
    assert words in problem
    assert KEY[:8] not in problem


def test_the_key_is_in_no_text_of_the_options() -> None:
    options = parse_options({"proxies": [{"address": "node", "encryption_key": KEY}]})
    assert options.proxies[0].key == KEY
    assert KEY not in repr(options)
