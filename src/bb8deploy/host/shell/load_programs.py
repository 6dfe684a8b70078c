"""Loads the shell programs that run on the host: POSIX sh, with no tools but those of busybox.

Each program is a file in `sh/`. Its line `# needs: NAME...` names the files that it is sent together with.
Every answer begins with a line that holds a random mark, so that banners and output of rc files are not
taken for it. Answers made of many small writes go through `together`: sshd leaves Nagle's algorithm on, and
a second small packet would wait one round trip for the acknowledgement of the first.

State is kept beside the app folder in `.bb8deploy/<name>/`: `next.<run>` is a tree that is being made,
`previous` the earlier tree, and `previous.old` the one before it during a swap. `withdrawn.<run>` is an app
folder that is being removed, or replaced by the dev loop. `gone.<run>` is no longer needed: the next run that
holds the lock removes what a killed one left of it. The file `swapping` exists for exactly as long as a swap
takes; it holds 0 if `previous` is not the app folder from before, else 1, or nothing on a full disk. `put_in`
names the run whose delivery the Supervisor has put in and the digest of the times that its paths had then,
until the next swap. A swap that puts an earlier tree back makes an empty file `back-<run>` instead, with the
run that sent that tree. It stays until that tree was verified: a full disk has room for a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

FOLDER = "sh"
# Characters that csh, tcsh or fish treat in quotes as POSIX shells do not, in the octal form of `printf %b`.
_ESCAPES = str.maketrans({"\n": "\\n", "\\": "\\0134", "'": "\\0047", "!": "\\0041"})


def program(*names: str) -> str:
    """The text of these programs in a row, each needed file once before the first that needs it."""
    order = dict.fromkeys(part for name in names for part in _in_order(name))
    return "\n".join(_text(name) for name in order)


def in_sh(text: str) -> list[str]:
    """The words that run a program under `sh`, whatever the login shell is; its own arguments follow.

    The program travels as one line: csh and tcsh take no line breaks in quotes, and would run each line of it
    as a command of theirs. `printf %b` undoes the escapes.
    """
    return ["sh", "-c", 'eval "$(printf %b "$0")"', escaped(text)]


def escaped(text: str) -> str:
    """The text in one line, for `printf %b`."""
    return text.translate(_ESCAPES)


def names() -> tuple[str, ...]:
    """The name of every file of programs, sorted."""
    found = (item.name for item in files(__package__).joinpath(FOLDER).iterdir())
    return tuple(sorted(name.removesuffix(".sh") for name in found if name.endswith(".sh")))


def _in_order(name: str) -> Iterator[str]:
    for needed in _needs(name):
        yield from _in_order(needed)
    yield name


@cache
def _source(name: str) -> str:
    return files(__package__).joinpath(FOLDER, f"{name}.sh").read_text(encoding="utf-8")


@cache
def _needs(name: str) -> tuple[str, ...]:
    heads = (line.partition("# needs:")[2] for line in _source(name).splitlines())
    return next((tuple(head.split()) for head in heads if head), ())


@cache
def _text(name: str) -> str:
    """The program without its comments, which need not travel."""
    lines = (line for line in _source(name).splitlines() if not line.lstrip().startswith("#"))
    return "\n".join(line for line in lines if line.strip()) + "\n"
