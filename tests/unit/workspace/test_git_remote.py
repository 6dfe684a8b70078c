"""Remotes: their refusals in plain words, their addresses without secrets."""

from __future__ import annotations

import subprocess

import pytest

from bb8deploy.base.errors import Bb8Error, CheckFailed, Refused, Unreachable, UsageError
from bb8deploy.workspace import git_remote as r


@pytest.mark.parametrize(
    ("remote", "said"),
    [
        ("https://zoe:secret@example.org/x.git", "https://example.org/x.git"),
        ("https://ghp_token@example.org/x.git", "https://example.org/x.git"),
        ("ssh://git@example.org/x.git", "ssh://example.org/x.git"),
        ("git@example.org:you/x.git", "git@example.org:you/x.git"),
        ("../store.git", "../store.git"),
        ("fatal: unable to access 'https://a:b@h/x/': no", "fatal: unable to access 'https://h/x/': no"),
    ],
)
def test_an_address_is_shown_without_credentials(remote: str, said: str) -> None:
    assert r.shown(remote) == said


@pytest.mark.parametrize(
    ("said", "code", "kind"),
    [
        ("! [rejected] a -> main (fetch first)", "REMOTE_MOVED", r.Moved),
        ("! [remote rejected] main (protected branch hook declined)", "REMOTE_PROTECTED", Refused),
        ("remote: error: GH006: Protected branch update failed", "REMOTE_PROTECTED", Refused),
        ("! [rejected] 1.0.0 -> 1.0.0 (already exists)", "TAG_EXISTS", CheckFailed),
        ("fatal: the receiving end does not support --atomic push", "REMOTE_NOT_ATOMIC", Refused),
        (
            "error: refusing to update checked out branch",
            "REMOTE_CHECKED_OUT",
            Refused,
        ),
        (
            "unable to access 'https://h/': Could not resolve host: h",
            "REMOTE_UNREACHABLE",
            Unreachable,
        ),
        ("ssh: connect to host h port 22: Connection timed out", "REMOTE_UNREACHABLE", Unreachable),
        ("git@github.com: Permission denied (publickey).", "REMOTE_DENIED", Refused),
        (
            "unable to access 'https://h/': The requested URL returned error: 403",
            "REMOTE_DENIED",
            Refused,
        ),
        (
            "could not read Username for 'https://h': terminal prompts disabled",
            "REMOTE_DENIED",
            Refused,
        ),
        ("remote: Repository not found.", "REMOTE_NOT_FOUND", Unreachable),
        ("fatal: '/x' does not appear to be a git repository", "REMOTE_NOT_FOUND", Unreachable),
        ("fatal: something new", "REMOTE_REFUSED", Refused),
    ],
)
def test_a_refusal_is_reported_in_plain_words(said: str, code: str, kind: type[Bb8Error]) -> None:
    done = subprocess.CompletedProcess([], 128, b"", said.encode())
    error = r._refusal("https://zoe:secret@h/x.git", done)
    assert error.code == code
    assert type(error) is kind
    assert "secret" not in f"{error.cause}{error.remedy}{error.details}"


@pytest.mark.parametrize("remote", ["--upload-pack=touch /tmp/x", "ext::sh -c date"])
def test_a_remote_that_would_run_a_command_is_refused(remote: str) -> None:
    with pytest.raises(UsageError) as caught:
        r._guard(remote)
    assert caught.value.code == "REMOTE_INVALID"
