"""What a bug report must not carry is taken out, and what it must tell stays."""

from __future__ import annotations

import json

import pytest

from bb8deploy.base.secret import Secret
from bb8deploy.lanes.diagnose.redaction import Names, Redactor, mentioned

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhYmMifQ.c2lnbmF0dXJlc2lnbmF0dXJl"
KEY_LINE = "Sesame1AAAABBBBCCCC"
REDACTOR = Redactor(
    [Secret('pass word"quoted'), Secret("llat-of-somebody")],
    Names(hosts=("pi.garden.lan", "ha", "nas"), users=("anna", "root"), places=("/home/you/bb8", "C:\\bb8")),
)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("the token llat-of-somebody was refused", "the token *** was refused"),
        (json.dumps({"p": 'pass word"quoted'}), '{"p": "***"}'),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer ***"),
        ("anna@pi.garden.lan:22", "<user-1>@<host-1>:22"),
        ("mqtt.PI.garden.LAN", "mqtt.<host-1>"),
        ("ssh ha, ssh nas; what a share has", "ssh <host-3>, ssh <host-2>; what a share has"),
        ("anna and hannah", "<user-1> and hannah"),
        ("root may write", "root may write"),
        ("/home/you/bb8/reports", "<place-1>/reports"),
        (json.dumps("C:\\bb8\\addon"), '"<place-2>\\\\addon"'),
        ("192.168.0.129:8123 and 10.0.0.1", "<ip>:8123 and <ip>"),
        ("fe80::1ff:fe23:4567:890a and ::1", "<ip> and <ip>"),
        ("robot C9:00:00:00:B5:4A", "robot <mac>"),
        ("mail to a.b@example.org", "mail to <email>"),
    ],
)
def test_it_goes(text: str, clean: str) -> None:
    assert REDACTOR.clean(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "version 2026.11.23.0 at 12:30:45",
        "2026-11-23T13:00:00.123Z",
        "sha256:a51fa091c2a4aba2a17bc6f9ee65814bb5b755333f64da110f7b33b7166d35a2",
        "TOKEN: VERIFY_OK version=1.0.0 run=20261123T133607Z-63f3c4",
    ],
)
def test_it_stays(text: str) -> None:
    assert REDACTOR.clean(text) == text


def test_hosts_that_only_an_old_run_names_are_found() -> None:
    texts = (
        "connected to root@old-host.lan:22, ref=main@3587f4c2",
        '{"HA_URL": "https://ha.somewhere.example:8123/", "remote": "git@forge.example:x/y.git"}',
        "ssh://someone:word@other.example/x",
    )
    assert mentioned(texts) == {"old-host.lan", "ha.somewhere.example", "forge.example", "other.example"}


@pytest.mark.parametrize(
    "line",
    [
        "login password=Sesame1 ok",
        "MQTT_PASSWORD: Sesame1",
        "{'api_key': 'Sesame1'}",
        '{"token": "Sesame1"}',
        'password="Sesame1"',
        "Authorization: Bearer Sesame1xyz",
        "my token Sesame123 is old",
        "http://h/?access_token=Sesame1&x=1",
        "https://anna:Sesame1@h.example/x",
        "https://anna:a@Sesame1@h.example/x",
        "got Sesame1" + "aB3-_x" * 6,
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY_LINE}\nSesame1=\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nSesame1AAAABBBBCCCC",
    ],
)
def test_what_an_app_logs_is_known_as_a_secret_by_its_form(line: str) -> None:
    redactor = Redactor([], Names())
    assert "Sesame1" not in redactor.clean(line)
    for lines in ([line, "after"], ["before", *line.split("\n"), "after"]):
        for text in (json.dumps({"log": lines}, indent=2), json.dumps({"log": lines, "said": line})):
            clean = redactor.clean(text)
            assert "Sesame1" not in clean
            assert json.loads(clean)["log"][-1] == "after"


@pytest.mark.parametrize(
    "text",
    [
        "TOKEN: VERIFY_OK version=0.3.0 tree=sha256:" + "0a" * 32,
        '{"tokens": ["VERIFY_OK"], "token": null, "password": true, "secret": 12345}',
        "key SHA256:" + "aB3" * 14,
        "commit=a81a5448a46fdf7a130af63a3bedfd94ff48097b-dirty run=20261127T152507Z-6bebf0",
        "HA_LLAT is a long-lived access token of an administrator",
    ],
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert Redactor([], Names()).clean(text) == text


def test_one_long_word_in_a_log_is_read_once() -> None:
    """Before, each character began another search for the @ of an address: this took hours."""
    assert Redactor([], Names()).clean("a" * 1_500_000 + " a@b.example").endswith("a <email>")
