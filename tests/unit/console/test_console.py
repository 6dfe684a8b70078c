"""What a reader gets: on a terminal, through a pipe, with a screen reader, in JSON, after having left."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import TextIO

import pytest

from bb8deploy.base.errors import CheckFailed, Refused
from bb8deploy.base.secret import Secret
from bb8deploy.console.console import Console, as_dict
from bb8deploy.console.terminal_capabilities import ReaderGone
from bb8deploy.runs.tokens import Line

TOKEN = Line("TOKEN", "DEPLOY_OK", (("version", "1.0"), ("run", "r1")), "verify")
ERROR = Refused(
    "HA_TOKEN_REFUSED", "the token sesame was refused", "Make one.", details=["a\nTOKEN: VERIFY_OK", "b"]
)


class Screen:
    """A terminal: what is written to `stream` is seen in `shown()`, as bytes and as a person sees it."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.stream: TextIO = os.fdopen(theirs, "w", encoding="utf-8")
        self._seen = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 4096)
            except OSError:
                return
            if not data:
                return
            self._seen += data

    def shown(self) -> str:
        """Everything that was written; the screen is closed by it."""
        self.stream.close()
        self._reader.join(60)
        return self._seen.decode().replace("\r\n", "\n")

    def lines(self) -> list[str]:
        """What stands there in the end: erased lines gone, colours taken off."""
        text = re.sub(r"[^\n]*\x1b\[2K\r", "", self.shown())
        return re.sub(r"\x1b\[\d*m", "", text).splitlines()

    def resize(self, columns: int) -> None:
        """Makes the terminal narrower."""
        ioctl(self.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.fixture(autouse=True)
def terminal_of_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "GITHUB_ACTIONS", "BB8DEPLOY_PLAIN", "COLUMNS", "LINES", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def screen() -> Iterator[Screen]:
    made = Screen()
    yield made
    made.shown()


def piped(*, as_json: bool = False, quiet: bool = False, hidden: list[Secret] | None = None) -> Console:
    """A console whose two streams are no terminals."""
    return Console(as_json=as_json, quiet=quiet, out=io.StringIO(), err=io.StringIO(), hidden=hidden or [])


def said(console: Console) -> tuple[str, str]:
    """What went to stdout and to stderr."""
    assert isinstance(console.out, io.StringIO)
    assert isinstance(console.err, io.StringIO)
    return console.out.getvalue(), console.err.getvalue()


def test_through_a_pipe_there_are_plain_lines_and_results_alone_on_stdout() -> None:
    console = piped()
    with console.step("copy", "host"):
        console.note("3 files")
    console.warn("slow")
    console.token(TOKEN)
    console.table("Places", ("name", "where"), [("a", "here"), ("longer", "x")])
    out, err = said(console)
    assert out == "TOKEN: DEPLOY_OK version=1.0 run=r1\nPlaces\nname    where\na       here\nlonger  x\n"
    assert re.fullmatch(r"3 files\n  done: copy on host \(0\.\d s\)\nwarning: slow\n", err)


def test_a_step_that_fails_reports_it_and_passes_its_error_on() -> None:
    console = piped()
    with pytest.raises(KeyError), console.step("copy"):
        raise KeyError
    assert re.fullmatch(r"  failed: copy \(0\.\d s\)\n", said(console)[1])


def test_a_terminal_gets_colours_and_a_line_that_moves_away(screen: Screen) -> None:
    console = Console(out=screen.stream, err=screen.stream)
    with console.step("copy", "host"):
        console.note("3 files")
    console.token(TOKEN)
    shown = screen.shown()
    assert "… copy on host 0 s\r" in shown
    assert "\x1b[32mTOKEN: DEPLOY_OK" in shown
    assert screen.lines()[0] == "3 files"
    assert re.fullmatch(r"  ✓ copy on host \(0\.\d s\)", screen.lines()[1])
    assert screen.lines()[2:] == ["TOKEN: DEPLOY_OK version=1.0 run=r1"]


def test_the_moving_line_goes_on_counting(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bb8deploy.console.progress_line._TICK", 0.01)
    console = Console(out=io.StringIO(), err=screen.stream)
    seen = threading.Event()
    monkeypatch.setattr(
        "bb8deploy.console.progress_line.send",
        lambda _s, text, **_o: seen.set() if "… copy 1 s" in text else None,
    )
    with console.step("copy"):
        assert seen.wait(60)


def test_a_step_may_say_more_on_the_moving_line_until_it_ends(screen: Screen) -> None:
    screen.resize(40)
    console = Console(out=io.StringIO(), err=screen.stream, hidden=[Secret("sesame")])
    console.live("nobody asked")
    with console.step("echo"):
        console.live("  ▁▂█ p95 4 ms sesame " + "x" * 60)
    with console.step("tag"):
        pass
    seen = re.split(r"[\r\n]|\x1b\[2K", screen.shown())
    told = [line for line in seen if "p95" in line]
    assert told
    assert max(map(len, told)) < 40
    assert "sesame" not in "".join(told)
    assert not [line for line in seen if "nobody" in line]
    assert [line for line in seen if line.startswith("  … tag")]


def test_what_a_step_reports_meanwhile_is_not_for_pipes() -> None:
    console = piped()
    with console.step("echo"):
        console.live("  ▁▂█")
    assert "▁" not in said(console)[1]


def test_steps_side_by_side_leave_one_line_each(screen: Screen) -> None:
    console = Console(out=io.StringIO(), err=screen.stream)
    meet = threading.Barrier(3)

    def work(name: str) -> None:
        with console.step(name):
            meet.wait(60)

    workers = [threading.Thread(target=work, args=(name,)) for name in ("one", "two", "three")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(line.split()[1] for line in screen.lines()) == ["one", "three", "two"]


def test_a_narrow_terminal_gets_a_moving_line_that_fits_and_a_table_that_folds(screen: Screen) -> None:
    screen.resize(40)
    console = Console(out=screen.stream, err=screen.stream)
    with console.step("reload, build and start " * 5, "a.host.with.a.long.name"):
        pass
    console.table("", ("setting", "value"), [("HA_URL", "http://" + "x" * 60)])
    lines = re.sub(r"\x1b\[[\d]*[mK]", "", screen.shown())
    moving = [line for line in re.split(r"[\r\n]", lines) if line.startswith("  …")]
    drawn = [line for line in lines.splitlines() if line.startswith(("│", "┃", "┏", "└"))]
    assert max(map(len, moving)) < 40
    assert len(drawn) >= 4
    assert max(map(len, drawn)) <= 40


def test_no_color_takes_the_colours_alone(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(out=screen.stream, err=screen.stream)
    with console.step("copy"):
        pass
    console.token(TOKEN)
    console.warn("slow")
    assert not re.search(r"\x1b\[3\dm", screen.shown())
    assert "✓ copy" in screen.shown()


@pytest.mark.parametrize(("name", "value"), [("BB8DEPLOY_PLAIN", "1"), ("TERM", "dumb")])
def test_plain_mode_writes_words_line_by_line_for_screen_readers(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(out=screen.stream, err=screen.stream)
    with console.step("copy"):
        pass
    console.table("Places", ("name", "where"), [("a", "here")])
    shown = screen.shown()
    assert shown.isascii()
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "done: copy" in shown
    assert shown.endswith("Places\nname  where\na     here\n")


def test_in_ci_nothing_moves_even_on_a_terminal(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with Console(err=screen.stream).step("copy"):
        pass
    assert "…" not in screen.shown()


def test_json_has_stdout_for_itself() -> None:
    console = piped(as_json=True, quiet=True)
    console.token(TOKEN)
    console.text("words")
    console.table("", ("a",), [("b",)])
    console.note("words")
    with console.step("copy"):
        pass
    console.document({"passed": 3})
    assert json.loads(said(console)[0]) == {"passed": 3}
    assert said(console)[1] == ""


def test_quiet_leaves_results_warnings_and_errors() -> None:
    console = piped(quiet=True)
    with console.step("copy"):
        console.note("3 files")
    console.token(TOKEN)
    console.warn("slow")
    console.error(Refused("CODE", "cause", "Remedy."))
    assert said(console) == (
        "TOKEN: DEPLOY_OK version=1.0 run=r1\n",
        "warning: slow\nerror CODE: cause\n  remedy: Remedy.\n",
    )


def test_an_error_is_reported_with_cause_details_and_remedy() -> None:
    console = piped()
    console.error(ERROR)
    assert said(console)[1] == (
        "error HA_TOKEN_REFUSED: the token sesame was refused\n"
        "    a\n    TOKEN: VERIFY_OK\n    b\n  remedy: Make one.\n"
    )


def test_text_of_others_cannot_control_a_terminal(screen: Screen) -> None:
    """A line of an app's log or a server's banner may hold any byte."""
    hostile = "\x1b]0;title\x07\x1b[2J"
    console = Console(out=screen.stream, err=screen.stream)
    console.error(Refused("CODE", hostile, hostile, details=[hostile]))
    console.warn(hostile)
    console.note(hostile)
    console.text(hostile)
    console.table("t", ("a",), [(hostile,)])
    assert "\x1b]0" not in screen.shown()
    assert "\x1b[2J" not in screen.shown()


def test_on_github_an_error_is_an_annotation_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    console = piped()
    console.error(Refused("CODE", "50 %\nof it", "Remedy."))
    assert said(console)[0] == "::error title=CODE::50 %25%0Aof it\n"
    silent = piped(as_json=True)
    silent.error(ERROR)
    assert said(silent)[0] == ""


def test_secrets_are_masked_in_everything_that_is_reported() -> None:
    console = piped(hidden=[Secret("sesame"), Secret('q"uo')])
    console.text("text sesame")
    console.raw("raw sesame")
    console.note("note sesame")
    console.warn("warn sesame")
    console.error(ERROR)
    console.table("t", ("a", "b"), [("sesame", "x")])
    console.token(Line("TOKEN", "X", (("v", "sesame"),), "verify"))
    console.document({"log": ['a q"uo b'], "error": as_dict(ERROR)})
    with console.step("step sesame"):
        pass
    out, err = said(console)
    assert "sesame" not in out + err
    assert 'q\\"uo' not in out
    assert out.count("***") == 6
    assert "a    b\n***  x\n" in out


def test_secrets_are_masked_in_a_drawn_table_and_a_moving_line(screen: Screen) -> None:
    console = Console(out=screen.stream, err=screen.stream, hidden=[Secret("sesame")])
    console.table("t", ("a",), [("sesame",)])
    with console.step("log in with sesame"):
        pass
    assert "sesame" not in screen.shown()


@pytest.mark.parametrize(
    "text",
    [
        "TOKEN: VERIFY_OK",
        "a\nTOKEN: VERIFY_OK run=x\nb",
        "a\rTOKEN: VERIFY_OK",
        "a\n\x1b[32mTOKEN: VERIFY_OK run=x\x1b[0m",
    ],
)
def test_nothing_but_a_token_begins_as_a_token_does(text: str) -> None:
    console = piped()
    console.text(text)
    console.raw(text)
    console.note(text)
    console.warn(text)
    console.table(text, ("a",), [(text,)])
    console.document({"text": text})
    console.error(Refused("CODE", f"x\n{text}", text, details=[text]))
    assert not re.search(r"(?m)(^|\r)TOKEN:", "".join(said(console)))
    console.token(TOKEN)
    assert re.findall(r"(?m)^TOKEN:.*", said(console)[0]) == [str(TOKEN)]


def test_a_painted_line_cannot_look_like_a_token_either(screen: Screen) -> None:
    Console(out=screen.stream).text("TOKEN: VERIFY_OK", "red")
    assert "\x1b[31m TOKEN: VERIFY_OK\x1b[0m" in screen.shown()


def test_a_step_may_say_what_it_sees_on_a_terminal(screen: Screen) -> None:
    console = Console(out=io.StringIO(), err=screen.stream, hidden=[Secret("sesame")])
    with console.step("attest"):
        console.live("p50 3 ms, sesame")
    assert "p50 3 ms, ***\r" in screen.shown()
    assert len(screen.lines()) == 1
    silent = piped()
    with silent.step("attest"):
        silent.live("p50 3 ms")
    assert "p50" not in "".join(said(silent))


def test_a_secret_that_a_person_types_is_masked_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda _question: "sesame\n")
    console = piped()
    assert console.ask_secret("Token: ") == "sesame"
    console.text("it was sesame")
    assert said(console)[0] == "it was ***\n"


def test_an_answer_may_be_left_to_the_default_and_the_end_of_input_is_ctrl_c(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n mine \n"))
    console = piped()
    assert [console.ask("Where?", "here"), console.ask("Where?", "here")] == ["here", "mine"]
    with pytest.raises(KeyboardInterrupt):
        console.ask("Where?")
    assert said(console)[1] == "Where? [here]: Where? [here]: Where?: "


def test_a_stream_that_knows_ascii_alone_gets_question_marks() -> None:
    raw = io.BytesIO()
    console = Console(out=io.TextIOWrapper(raw, encoding="ascii"), err=io.StringIO())
    console.text("Zoë ✓")
    assert raw.getvalue() == b"Zo? ?\n"


def test_a_reader_who_left_does_not_stop_a_run_but_ends_a_log() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as gone:
        console = Console(out=gone, err=io.StringIO())
        console.token(TOKEN)
        console.text("more")
        console.document({"verdict": "PASS"})
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as gone, pytest.raises(ReaderGone):
        Console(out=gone, err=io.StringIO()).raw("a line of a log")


def test_a_full_disk_does_not_stop_a_run_but_fails_a_document() -> None:
    with Path("/dev/full").open("w") as full:
        console = Console(out=full, err=full)
        with console.step("copy", "host"):
            console.token(TOKEN)
    for ask in (lambda console: console.raw("a schema"), lambda console: console.document({})):
        with Path("/dev/full").open("w") as full, pytest.raises(CheckFailed) as caught:
            ask(Console(out=full, err=io.StringIO()))
        assert caught.value.code == "STDOUT_UNWRITABLE"


@pytest.mark.parametrize("streams", ["1>&-", "2>&-", "0<&- 1>&- 2>&-", "1>/dev/full", "2>/dev/full"])
@pytest.mark.parametrize("options", ["", "--json"])
def test_closed_and_full_streams_do_not_stop_a_sync(tmp_path: Path, streams: str, options: str) -> None:
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "config.yaml").write_text('name: A\nversion: "1.0.0"\nslug: a\n')
    (tmp_path / "apps").mkdir()
    (tmp_path / ".env").write_text("HA_MOUNT=apps/a\n".replace("apps", str(tmp_path / "apps")))
    words = f"{shlex.quote(sys.executable)} -m bb8deploy sync {options} {streams}"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    done = subprocess.run(["sh", "-c", words], cwd=tmp_path, env=env, capture_output=True, timeout=100)
    lost = options == "--json" and "1>" in streams
    assert done.returncode == lost, done
    assert (b"error STDOUT_UNWRITABLE: " in done.stderr) is (lost and "2>" not in streams)
    assert "CLEAN_RUNTIME_OK" in (tmp_path / "reports" / "deploy_receipt.txt").read_text()


def test_a_file_that_a_run_opens_never_becomes_its_stdout(tmp_path: Path) -> None:
    """With stdout closed, the first file that is opened would get its number, and the output."""
    program = "import sys; from bb8deploy.__main__ import _hold_streams as hold; hold(); "
    program += "from bb8deploy.console.terminal_capabilities import send; "
    program += "file = open('first', 'w'); send(sys.stdout, 'lost'); file.close()"
    words = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} 1>&-"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    subprocess.run(["sh", "-c", words], cwd=tmp_path, env=env, check=True, timeout=100)
    assert (tmp_path / "first").read_text() == ""


def test_a_terminal_shows_12_digits_of_a_hash_and_a_pipe_all_of_them(screen: Screen) -> None:
    digest = "0123456789abcdef" * 4
    line = Line("TOKEN", "VERIFY_OK", (("tree", f"sha256:{digest}"), ("run", "r1")), "verify")
    console, other = Console(out=screen.stream, err=screen.stream), piped()
    for one in (console, other):
        one.token(line)
        one.note(f"already has {digest}")
    assert screen.lines() == ["TOKEN: VERIFY_OK tree=sha256:0123456789ab run=r1", "already has 0123456789ab"]
    assert said(other) == (f"TOKEN: VERIFY_OK tree=sha256:{digest} run=r1\n", f"already has {digest}\n")


def test_the_host_is_named_once_and_again_when_it_changes() -> None:
    console = piped()
    for name, where in (("copy", "a"), ("hash", "a"), ("plan", ""), ("build", "b"), ("copy", "a")):
        with console.step(name, where):
            pass
    labels = re.findall(r"done: (.*) \(", said(console)[1])
    assert labels == ["copy on a", "hash", "plan", "build on b", "copy on a"]


def test_no_one_at_the_keyboard_means_no(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert Console(err=screen.stream).confirm("Go on?") is False
    assert screen.shown() == ""


@pytest.mark.parametrize(
    ("answer", "agreed"), [("y", True), ("YES", True), ("", False), ("no", False), ("j", False)]
)
def test_a_person_is_asked_and_only_yes_is_yes(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode() + b"\n")
    with os.fdopen(theirs) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        console = Console(err=screen.stream)
        with console.step("ask"):
            assert console.confirm("Go on?") is agreed
    os.close(ours)
    assert "Go on? [y/N] " in screen.shown()
