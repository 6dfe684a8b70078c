"""Draws docs/demo.svg, the README's picture, from the end of a real `bb8deploy demo` on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "demo.svg"
COLUMNS, ROWS = 118, 60
BEGINS = "Released "
_OTHER_CONTROL = re.compile(r"\x1b\[(?![\d;]*m)[\d;?]*[A-Za-z]|[^\n]*\r(?!\n)")
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def record(scratch: Path) -> str:
    """What a person sees of a demo on a terminal of COLUMNS by ROWS; raises where the demo fails."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    words = [sys.executable, "-m", "bb8deploy", "demo", "--root", str(scratch)]
    hidden = {"CI", "NO_COLOR", "COLUMNS"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["TERM"] = "xterm-256color"
    with subprocess.Popen(words, cwd=ROOT, stdin=side, stdout=side, stderr=side, env=environment) as demo:
        os.close(side)
        seen = _read(main)
    if demo.returncode:
        sys.exit(f"the demo ended with {demo.returncode}:\n{seen[-4000:]}")
    return seen


def ending(seen: str, scratch: Path) -> str:
    """The tables at the end, without moving lines and without the names of this machine's folders."""
    plain = _OTHER_CONTROL.sub("", seen.replace("\r\n", "\n")).replace(str(scratch), "~/demo")
    start = plain.rindex("\n", 0, plain.index(BEGINS)) + 1
    return plain[start:].rstrip()


def draw(text: str) -> str:
    """The text as one self-contained SVG: the reader's own monospace font, nothing fetched."""
    height = text.count("\n") + 3
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=COLUMNS, height=height, file=nowhere, force_terminal=True)
        console.print(Text("$ make demo", style="bold"), Text("  ..."), sep="\n")
        for line in text.splitlines():
            console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis")
    svg = console.export_svg(title="bb8deploy demo", unique_id="demo")
    return _FONTS.sub("", svg).replace("Fira Code, monospace", "ui-monospace, Menlo, Consolas, monospace")


def _read(main: int) -> str:
    """Everything until the other side is closed, which Linux tells by an error."""
    parts: list[bytes] = []
    try:
        while data := os.read(main, 65536):
            parts.append(data)
    except OSError:
        pass
    finally:
        os.close(main)
    return b"".join(parts).decode("utf-8", "replace")


def main() -> None:
    """Runs the demo and writes the picture."""
    from bb8deploy.base.atomic_files import write_text

    with tempfile.TemporaryDirectory(prefix="bb8-picture-") as folder:
        seen = record(Path(folder))
        write_text(PICTURE, draw(ending(seen, Path(folder))))
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
