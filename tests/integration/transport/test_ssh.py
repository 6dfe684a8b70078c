"""The ssh transport against a real OpenSSH server."""

from __future__ import annotations

import io
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from paramiko.common import MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA, MSG_CHANNEL_EOF
from tests.integration.relay import Relay
from tests.integration.sshlab import Sshd, keygen
from tests.integration.waiting import until

from bb8deploy.base.errors import Bb8Error, Refused, Unreachable
from bb8deploy.transport.ssh_config import Hop, resolve
from bb8deploy.transport.ssh_connection import SshTransport, connect
from bb8deploy.transport.ssh_login import terminal_prompt
from bb8deploy.transport.transport_interface import Completed

MakeSshd = Callable[..., Sshd]
LONG = 60.0


def silent(_text: str) -> None:
    """Hears nothing."""


def dial(hop: Hop, **options: object) -> SshTransport:
    return connect(hop, tell=silent, **options)  # type: ignore[arg-type]


def refusal(hop: Hop, **options: object) -> Bb8Error:
    """The error that connecting ends in."""
    with pytest.raises(Bb8Error) as caught:
        dial(hop, **options).close()
    return caught.value


def key_that_gets_in(hop: Hop) -> str:
    """Logs in; returns the public key that the server accepted, as in its authorized_keys."""
    with dial(hop) as transport:
        return sh(transport, 'cat "$SSH_USER_AUTH"').out.decode().removeprefix("publickey ").strip()


def public(key: Path) -> str:
    """The public part of a key file, without its comment."""
    return " ".join(Path(f"{key}.pub").read_text().split()[:2])


@pytest.fixture(scope="module")
def line(sshd: Sshd) -> Iterator[SshTransport]:
    """One open connection for many commands."""
    with dial(sshd.hop()) as transport:
        yield transport


def sh(line: SshTransport, script: str, *words: str, stdin: bytes = b"", deadline: float = LONG) -> Completed:
    return line.run(["sh", "-c", script, "sh", *words], stdin=stdin, deadline=deadline)


def test_a_command_gives_status_and_both_outputs(line: SshTransport) -> None:
    done = sh(line, "echo out; echo err >&2; exit 3")
    assert (done.status, done.signal, done.out, done.err) == (3, None, b"out\n", b"err\n")
    assert not done.ok
    assert done.complaint == "err"


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV"])
def test_a_signal_is_distinguished_from_an_exit_status(line: SshTransport, name: str) -> None:
    done = sh(line, f"kill -{name} $$")
    assert (done.status, done.signal) == (None, name)
    assert done.complaint == f"killed by signal {name}"


@pytest.mark.parametrize(
    "word",
    [
        "a b",
        "it's",
        'say "x"',
        "$(echo no)",
        "`echo no`",
        "new\nline",
        "é",
        "*",
        "-n",
        "",
        "back\\slash",
        "~",
    ],
)
def test_every_word_arrives_as_it_is(line: SshTransport, word: str) -> None:
    assert sh(line, 'printf %s "$1"', word).out.decode() == word


def test_six_megabytes_on_stderr_do_not_hang(line: SshTransport) -> None:
    done = sh(line, "head -c 6000000 /dev/zero >&2; echo done")
    assert done.out == b"done\n"
    assert len(done.err) == 256 * 1024


def test_much_in_and_much_out_at_once_do_not_deadlock(line: SshTransport) -> None:
    data = os.urandom(6_000_000)
    assert line.run(["cat"], stdin=data, deadline=LONG).out == data


def test_a_command_that_reads_nothing_does_not_block_its_writer(line: SshTransport) -> None:
    done = sh(line, "exit 7", stdin=b"x" * 8_000_000)
    assert done.status == 7


def test_a_command_that_waits_for_input_gets_its_end(line: SshTransport) -> None:
    assert line.run(["cat"], deadline=LONG).ok


def test_a_deadline_is_kept_and_the_connection_stays_usable(line: SshTransport) -> None:
    with pytest.raises(Unreachable) as caught:
        line.run(["sleep", "600"], deadline=0.5)
    assert caught.value.code == "SSH_DEADLINE"
    assert line.run(["true"], deadline=LONG).ok


def test_a_background_child_that_keeps_the_output_open_does_not_hold_us(line: SshTransport) -> None:
    done = sh(line, "sleep 600 & echo $!; exit 5", deadline=LONG)
    assert done.status == 5
    os.kill(int(done.out), signal.SIGKILL)  # it still runs: nobody waited for its end


@pytest.mark.parametrize("what", ["data", "end"])
def test_nothing_is_sent_on_a_channel_after_its_close(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """OpenSSH would end the connection: the command has ended while its input was on the way."""
    go = tmp_path / "go"
    with dial(sshd.hop()) as line:
        stream = line.open(["sh", "-c", f"until [ -e '{go}' ]; do sleep 0.05; done"])
        channel, sent = stream._channel, list[int]()
        send, here = channel.transport._send_user_message, threading.get_ident()

        def late(message: paramiko.Message) -> None:
            """The message of this thread goes out once the server's close has been read."""
            kind = message.asbytes()[0]
            if kind in {MSG_CHANNEL_DATA, MSG_CHANNEL_EOF, MSG_CHANNEL_CLOSE}:
                if threading.get_ident() == here and not sent:
                    go.touch()
                    until(lambda: channel.closed, LONG)
                sent.append(kind)
            send(message)

        monkeypatch.setattr(channel.transport, "_send_user_message", late)
        stream.write(b"x", deadline=LONG) if what == "data" else stream.close_input()
        monkeypatch.undo()
        assert sent[0] == (MSG_CHANNEL_DATA if what == "data" else MSG_CHANNEL_EOF)
        assert sent[-1] == MSG_CHANNEL_CLOSE
        assert stream.finish(deadline=LONG).ok
        assert sh(line, "echo on").out == b"on\n"
        assert line.stats.connections == 1


def test_many_commands_at_once_share_the_connection(line: SshTransport) -> None:
    results: list[bytes] = []

    def work(n: int) -> None:
        results.append(line.run(["echo", str(n)], deadline=LONG).out)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(f"{n}\n".encode() for n in range(8))
    assert line.stats.connections == 1


@pytest.mark.parametrize("sessions", [1, 2, 3])
def test_a_server_of_few_sessions_serves_many_commands_one_after_the_other(
    make_sshd: MakeSshd, sessions: int
) -> None:
    server = make_sshd(options=[f"MaxSessions {sessions}"])
    with dial(server.hop()) as line, ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda n: line.run(["echo", str(n)], deadline=LONG).out, range(8)))
    assert done == [f"{n}\n".encode() for n in range(8)]


def test_a_stream_answers_while_its_input_is_open(line: SshTransport) -> None:
    stream = line.open(["sh", "-c", "while read l; do echo got $l; done; exit 4"])
    for word in (b"one", b"two"):
        stream.write(word + b"\n", deadline=LONG)
        assert stream.read(deadline=LONG) == b"got " + word + b"\n"
    stream.close_input()
    assert stream.read(deadline=LONG) == b""
    assert stream.finish(deadline=LONG).status == 4


def test_writing_to_a_command_that_ended_breaks_the_pipe(line: SshTransport) -> None:
    stream = line.open(["true"])
    with pytest.raises(BrokenPipeError):
        stream.write(b"x" * 20_000_000, deadline=LONG)
    assert stream.finish(deadline=LONG).status == 0


def test_a_killed_server_is_a_lost_connection_and_not_an_exit_status(sshd: Sshd) -> None:
    with dial(sshd.hop()) as line:
        with pytest.raises(Unreachable) as caught:
            sh(line, "kill -9 $PPID; sleep 30")
        assert caught.value.code == "SSH_LOST"
        with pytest.raises(Unreachable) as caught:
            line.run(["true"], deadline=LONG)
        assert caught.value.code == "SSH_LOST"
        line.close()


def test_a_cut_line_is_a_lost_connection(sshd: Sshd) -> None:
    with Relay(("127.0.0.1", sshd.port)) as relay, dial(sshd.hop(port=relay.port)) as line:
        threading.Timer(0.3, relay.drop).start()
        with pytest.raises(Unreachable) as caught:
            line.run(["sleep", "60"], deadline=LONG)
        assert caught.value.code == "SSH_LOST"


def test_nagle_is_off(line: SshTransport) -> None:
    sock = line._chain[-1].sock
    assert isinstance(sock, socket.socket)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def opened_ahead(line: SshTransport) -> bool:
    """Whether the channels that were asked for ahead have come."""
    return all(channel.done() for channel in line._channels._ready)


def test_a_command_on_an_open_line_takes_one_round_trip(sshd: Sshd, tmp_path: Path) -> None:
    """The command has the end of its input before any answer has come: the client waits for none of them."""
    done = tmp_path / "done"
    with Relay(("127.0.0.1", sshd.port)) as relay, dial(sshd.hop(port=relay.port)) as line:
        line.run(["true"], deadline=LONG)
        until(lambda: opened_ahead(line))
        with ThreadPoolExecutor() as pool:
            with relay.without_answers():
                running = pool.submit(line.run, ["sh", "-c", f"cat; touch {done}"], deadline=LONG)
                until(done.exists)
                assert not running.done()
            assert running.result().status == 0


def test_a_server_with_two_sessions_is_enough_for_one_command_after_the_other(make_sshd: MakeSshd) -> None:
    with dial(make_sshd(options=["MaxSessions 2"]).hop()) as line:
        for _ in range(12):
            assert line.run(["echo", "hi"], deadline=LONG).text == "hi\n"


class NoCommands(paramiko.ServerInterface):
    """Lets anybody in and opens sessions, but runs nothing."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return int(paramiko.AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)


def test_a_command_that_the_server_refuses_is_a_refusal(sshd: Sshd, tmp_path: Path) -> None:
    with (
        paramiko_server(tmp_path, NoCommands()) as there,
        dial(sshd.hop(**there)) as line,
        pytest.raises(Refused, match="SSH_EXEC_REFUSED"),
    ):
        line.run(["true"], stdin=b"x", deadline=LONG)


class TestHostKeys:
    """Who is trusted."""

    def test_an_unknown_key_is_refused_with_its_fingerprint(self, sshd: Sshd, tmp_path: Path) -> None:
        error = refusal(sshd.hop(known_hosts=(tmp_path / "none",)))
        assert error.code == "HOST_KEY_UNKNOWN"
        listed = subprocess.run(
            ["ssh-keygen", "-lf", str(sshd.folder / "host_ed25519.pub")], capture_output=True, text=True
        )
        assert listed.stdout.split()[1] in error.cause
        assert not (tmp_path / "none").exists()

    def test_accept_new_shows_and_keeps_the_key_once(self, sshd: Sshd, tmp_path: Path) -> None:
        heard: list[str] = []
        hop = sshd.hop(known_hosts=(tmp_path / "known",), accept_new=True)
        for _ in range(2):
            connect(hop, tell=heard.append).close()
        assert len(heard) == 1
        assert "SHA256:" in heard[0]
        dial(replace(hop, accept_new=False)).close()

    @pytest.mark.parametrize("accept_new", [True, False])
    def test_a_changed_key_is_refused_even_with_accept_new(
        self, sshd: Sshd, tmp_path: Path, accept_new: bool
    ) -> None:
        other = Path(f"{keygen(tmp_path / 'other')}.pub").read_text()
        (tmp_path / "known").write_text(f"bb8-test-host,[bb8-test-host]:{sshd.port} {other}")
        error = refusal(sshd.hop(known_hosts=(tmp_path / "known",), accept_new=accept_new))
        assert error.code == "HOST_KEY_CHANGED"

    def test_a_revoked_key_is_refused_even_with_accept_new(self, sshd: Sshd, tmp_path: Path) -> None:
        key = (sshd.folder / "host_ed25519.pub").read_text()
        (tmp_path / "known").write_text(f"@revoked * {key}")
        error = refusal(sshd.hop(known_hosts=(tmp_path / "known",), accept_new=True))
        assert error.code == "HOST_KEY_REVOKED"

    def test_foreign_and_broken_lines_do_not_get_in_the_way(self, sshd: Sshd, tmp_path: Path) -> None:
        text = "@cert-authority * ssh-rsa AAAA\n@revoked * ssh-rsa AAAA\nbroken\nx ssh-rsa %%\n\n  \n"
        (tmp_path / "known").write_text(text + sshd.known_hosts.read_text())
        assert key_that_gets_in(sshd.hop(known_hosts=(tmp_path / "known",))) == public(sshd.key)

    def test_the_type_that_is_known_is_asked_for(self, make_sshd: MakeSshd, tmp_path: Path) -> None:
        server = make_sshd(host_key_kinds=("ed25519", "ecdsa", "rsa"))
        for kind in ("rsa", "ecdsa", "ed25519"):
            key = (server.folder / f"host_{kind}.pub").read_text()
            (tmp_path / "known").write_text(f"[bb8-test-host]:{server.port} {key}")
            assert key_that_gets_in(server.hop(known_hosts=(tmp_path / "known",))) == public(server.key)


class TestLogin:
    """How we get in."""

    def test_a_wrong_key_is_refused_and_named(self, sshd: Sshd, tmp_path: Path) -> None:
        key = keygen(tmp_path / "wrong")
        error = refusal(sshd.hop(identities=(key,)))
        assert error.code == "SSH_AUTH_REFUSED"
        assert isinstance(error, Refused)
        assert str(key) in error.details[0]

    def test_an_encrypted_key_without_a_terminal_reports_it(self, sshd: Sshd, tmp_path: Path) -> None:
        key = keygen(tmp_path / "locked", phrase="open sesame")
        error = refusal(sshd.hop(identities=(key,)))
        assert "passphrase" in error.details[0]
        assert "no terminal" in error.details[0]

    def test_a_passphrase_is_asked_for_once_and_used(self, make_sshd: MakeSshd, tmp_path: Path) -> None:
        server = make_sshd()
        key = keygen(tmp_path / "locked", phrase="open sesame")
        shutil.copy(f"{key}.pub", server.folder / "authorized_keys")
        asked: list[str] = []

        def answer(question: str) -> str:
            asked.append(question)
            return "open sesame"

        dial(server.hop(identities=(key,)), prompt=answer).close()
        assert asked == [f"Passphrase of {key}: "]
        wrong = refusal(server.hop(identities=(key,), password=False), prompt=lambda _q: "wrong")
        assert "the passphrase is wrong" in wrong.details[0]
        never = refusal(server.hop(identities=(key,), ask=False), prompt=answer)
        assert "BatchMode" in never.details[0]

    @pytest.mark.parametrize(
        ("options", "prompt", "reason"),
        [
            ({}, None, "no key was found, and there is no terminal to ask for a password"),
            ({"ask": False}, "typed", "no key was found, and the ssh configuration forbids asking"),
            ({"password": False}, "typed", "no key was found, and passwords are turned off"),
        ],
    )
    def test_a_login_that_tried_nothing_gives_the_true_reason(
        self, make_sshd: MakeSshd, options: dict[str, bool], prompt: str | None, reason: str
    ) -> None:
        ask = (lambda _question: prompt) if prompt else None
        refused = refusal(make_sshd().hop(identities=(), **options), prompt=ask)
        assert refused.details[0].startswith(reason)

    @pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
    def test_each_kind_of_key_works(self, make_sshd: MakeSshd, tmp_path: Path, kind: str) -> None:
        server = make_sshd()
        key = keygen(tmp_path / kind, kind)
        shutil.copy(f"{key}.pub", server.folder / "authorized_keys")
        assert key_that_gets_in(server.hop(identities=(key,))) == public(key)

    def test_a_file_that_is_not_a_key_is_stepped_over(self, sshd: Sshd, tmp_path: Path) -> None:
        (tmp_path / "junk").write_text("not a key")
        junk = (tmp_path / "junk", tmp_path / "absent", sshd.key)
        assert key_that_gets_in(sshd.hop(identities=junk)) == public(sshd.key)

    def test_the_agent_is_used_and_identities_only_is_kept(self, sshd: Sshd, tmp_path: Path) -> None:
        if not shutil.which("ssh-agent"):
            pytest.skip("SKIPPED: ssh-agent is not installed")
        path = tmp_path / "agent.sock"
        agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
        try:
            end = time.monotonic() + LONG
            while not path.exists():
                assert time.monotonic() < end
                time.sleep(0.01)
            environ = {**os.environ, "SSH_AUTH_SOCK": str(path)}
            subprocess.run(["ssh-add", "-q", str(sshd.key)], env=environ, check=True)
            dial(sshd.hop(identities=(), identities_only=False, agent=str(path))).close()
            error = refusal(sshd.hop(identities=(), identities_only=True, agent=str(path)))
            assert error.code == "SSH_AUTH_REFUSED"
            public = Path(shutil.copy(f"{sshd.key}.pub", tmp_path / "only.pub"))
            (tmp_path / "only").write_text("the private half is in the agent alone")
            assert public.exists()
            dial(sshd.hop(identities=(tmp_path / "only",), agent=str(path))).close()
        finally:
            agent.kill()
            agent.wait()

    def test_an_agent_that_is_gone_is_not_an_obstacle(self, sshd: Sshd, tmp_path: Path) -> None:
        hop = sshd.hop(identities_only=False, agent=str(tmp_path / "gone.sock"))
        assert key_that_gets_in(hop) == public(sshd.key)

    def test_keys_that_are_tried_in_vain_are_bounded(self, make_sshd: MakeSshd, tmp_path: Path) -> None:
        server = make_sshd(options=["MaxAuthTries 20"])
        keys = tuple(keygen(tmp_path / f"k{n}") for n in range(7))
        error = refusal(server.hop(identities=(*keys, server.key)))
        assert "stopped after 5 keys" in error.details[-1]

    def test_a_server_that_hangs_up_after_too_many_tries_is_a_refusal(
        self, make_sshd: MakeSshd, tmp_path: Path
    ) -> None:
        server = make_sshd(options=["MaxAuthTries 2"])
        keys = tuple(keygen(tmp_path / f"k{n}") for n in range(4))
        assert refusal(server.hop(identities=keys)).code == "SSH_AUTH_REFUSED"


class Doorman(NoCommands):
    """Takes the password `right`, by itself or as an answer to a question."""

    def __init__(self, method: str) -> None:
        self.method = method

    def get_allowed_auths(self, username: str) -> str:
        return self.method

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return int(paramiko.AUTH_FAILED)

    def check_auth_password(self, username: str, password: str) -> int:
        return int(paramiko.AUTH_SUCCESSFUL if password == "right" else paramiko.AUTH_FAILED)

    def check_auth_interactive(self, username: str, submethods: str) -> paramiko.InteractiveQuery:
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return self.check_auth_password("", responses[0])


@contextmanager
def paramiko_server(folder: Path, rules: paramiko.ServerInterface) -> Iterator[dict[str, object]]:
    """A server for one connection; gives what a hop needs to know of it."""
    key = keygen(folder / "host_key")
    known = folder / "known"
    known.write_text(f"bb8-test-host {key.with_suffix('.pub').read_text()}")
    servers: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            servers.append(paramiko.Transport(listener.accept()[0]))
            servers[0].add_server_key(paramiko.PKey.from_path(key))
            # With an event it waits for nothing: the client may be gone before a wait looks again.
            servers[0].start_server(event=threading.Event(), server=rules)

        thread = threading.Thread(target=serve)
        thread.start()
        yield {"port": listener.getsockname()[1], "known_hosts": (known,)}
        thread.join()
        servers[0].close()


class TestPasswords:
    """A password is asked for on a terminal, and only there."""

    @pytest.mark.parametrize("method", ["password", "keyboard-interactive", "publickey,password"])
    def test_it_is_asked_for_until_it_is_right(self, sshd: Sshd, tmp_path: Path, method: str) -> None:
        asked: list[str] = []

        def prompt(text: str) -> str:
            asked.append(text)
            return "right" if len(asked) == 2 else "wrong"

        with (
            paramiko_server(tmp_path, Doorman(method)) as there,
            dial(sshd.hop(**there), prompt=prompt) as line,
        ):
            assert asked == [f"{line.where}'s password: "] * 2

    def test_three_wrong_ones_are_a_refusal(self, sshd: Sshd, tmp_path: Path) -> None:
        with paramiko_server(tmp_path, Doorman("password")) as there:
            error = refusal(sshd.hop(**there), prompt=lambda _text: "wrong")
        assert error.code == "SSH_AUTH_REFUSED"
        assert len([line for line in error.details if line.startswith("password:")]) == 3

    @pytest.mark.parametrize("changes", [{"ask": False}, {"password": False}])
    def test_a_configuration_without_questions_asks_none(
        self, sshd: Sshd, tmp_path: Path, changes: dict[str, object]
    ) -> None:
        with paramiko_server(tmp_path, Doorman("password")) as there:
            error = refusal(sshd.hop(**there, **changes), prompt=lambda _text: pytest.fail("asked"))
        assert error.code == "SSH_AUTH_REFUSED"

    def test_without_a_terminal_there_is_no_question(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO())
        assert terminal_prompt() is None


class TestAlgorithms:
    """What ssh's configuration allows is what is used."""

    def test_only_the_allowed_ones_are_offered(self, sshd: Sshd, tmp_path: Path) -> None:
        config = tmp_path / "config"
        config.write_text(
            "Ciphers aes256-ctr\nMACs hmac-sha2-512\nKexAlgorithms curve25519-sha256@libssh.org\n"
        )
        allowed = resolve("127.0.0.1", config=config).algorithms
        with dial(sshd.hop(algorithms=allowed)) as line:
            transport = line._chain[-1]
            assert (transport.local_cipher, transport.local_mac) == ("aes256-ctr", "hmac-sha2-512")

    def test_none_that_we_know_is_refused_by_name(self, sshd: Sshd) -> None:
        error = refusal(sshd.hop(algorithms=(("ciphers", ("chacha20-poly1305@openssh.com",)),)))
        assert error.code == "SSH_OPTION_UNSUPPORTED"
        assert "chacha20" in error.cause


class TestReaching:
    """What stands between us and the host."""

    def test_a_jump_host_leads_on(self, sshd: Sshd, make_sshd: MakeSshd) -> None:
        inner = make_sshd()
        with dial(replace(inner.hop(), via=(sshd.hop(),))) as line:
            assert line.run(["echo", "inside"], deadline=LONG).out == b"inside\n"
            assert line.stats.connections == 2

    def test_two_jump_hosts_lead_on(self, sshd: Sshd, make_sshd: MakeSshd) -> None:
        inner = make_sshd()
        with dial(replace(inner.hop(), via=(sshd.hop(), make_sshd().hop()))) as line:
            assert line.run(["echo", "inside"], deadline=LONG).ok

    def test_a_jump_host_without_forwarding_is_named(self, sshd: Sshd, make_sshd: MakeSshd) -> None:
        gate = make_sshd(options=["AllowTcpForwarding no"])
        assert refusal(replace(sshd.hop(), via=(gate.hop(),))).code == "SSH_JUMP_FAILED"

    def test_the_keys_of_jump_hosts_are_checked_too(self, sshd: Sshd, tmp_path: Path) -> None:
        gate = sshd.hop(known_hosts=(tmp_path / "none",))
        assert refusal(replace(sshd.hop(), via=(gate,))).code == "HOST_KEY_UNKNOWN"

    def test_a_closed_port_is_not_a_connection(self, sshd: Sshd) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            error = refusal(sshd.hop(port=unused.getsockname()[1]))
        assert error.code == "SSH_NO_CONNECTION"
        assert error.exit_code == 3

    def test_an_unknown_name_is_named(self, sshd: Sshd) -> None:
        assert refusal(sshd.hop(host="no-such-host.invalid")).code == "SSH_NAME_UNKNOWN"

    @pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\xff" * 4000])
    def test_a_port_that_is_not_an_ssh_server_is_distinguished(self, sshd: Sshd, greeting: bytes) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def serve() -> None:
                client, _ = server.accept()
                with client:
                    client.sendall(greeting)
                    client.recv(100)
                    time.sleep(0.2)

            threading.Thread(target=serve, daemon=True).start()
            error = refusal(sshd.hop(port=server.getsockname()[1], connect_timeout=1.0))
        assert error.code == "SSH_HANDSHAKE"

    def test_a_server_that_reports_nothing_is_given_up_in_time(self, sshd: Sshd) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            error = refusal(sshd.hop(port=server.getsockname()[1], connect_timeout=1.0))
        assert error.code == "SSH_HANDSHAKE"

    def test_the_address_family_is_honoured(self, sshd: Sshd) -> None:
        assert refusal(sshd.hop(family=socket.AF_INET6)).code in {"SSH_NAME_UNKNOWN", "SSH_NO_CONNECTION"}

    def test_a_server_that_allows_no_session_is_a_refusal(self, make_sshd: MakeSshd) -> None:
        server = make_sshd(options=["MaxSessions 0"])
        with dial(server.hop()) as line, pytest.raises(Refused) as caught:
            line.run(["true"], deadline=LONG)
        assert caught.value.code == "SSH_EXEC_REFUSED"

    @pytest.mark.parametrize("step", range(1, 10))
    def test_a_line_cut_during_the_greeting_never_hangs(self, sshd: Sshd, step: int) -> None:
        with Relay(("127.0.0.1", sshd.port)) as whole:
            dial(sshd.hop(port=whole.port)).close()
        with (
            Relay(("127.0.0.1", sshd.port), cut_down=whole.counts.down * step // 11) as relay,
            pytest.raises(Bb8Error) as caught,
            dial(sshd.hop(port=relay.port, connect_timeout=5.0)) as line,
        ):
            line.run(["true"], deadline=LONG)  # where the cut comes after the welcome
        assert caught.value.exit_code == 3
