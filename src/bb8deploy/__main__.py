"""Starts bb8deploy; `--version` is answered before anything is imported."""

import os
import sys


def main() -> None:
    """The console script."""
    _hold_streams()
    try:
        if sys.argv[1:] == ["--version"]:
            _print_version()
            return
        from bb8deploy.cli.command_groups import run

        run()
    except (Exception, KeyboardInterrupt) as problem:  # noqa: BLE001 - what happens outside of a command
        _end_with(problem)


def _end_with(problem: BaseException) -> None:
    """Exits with the message and code of a problem; returns if the reader of the output has left."""
    from bb8deploy.base.errors import Bb8Error
    from bb8deploy.cli.open_run import tell
    from bb8deploy.console.console import Console
    from bb8deploy.console.terminal_capabilities import send

    if isinstance(problem, BrokenPipeError):  # outside of a command, only output is written to a pipe
        send(sys.stdout, "")  # otherwise Python writes what is left at its exit, and that fails again
        return
    try:
        if isinstance(problem, OSError):
            send(sys.stdout, "", needed=True)  # fails again if stdout, such as that of --help, was the reason
    except Bb8Error as lost:
        problem = lost
    sys.exit(tell(problem, Console()))


def _print_version() -> None:
    """Prints the version. Raises OSError if it cannot be written."""
    from bb8deploy import __version__

    sys.stdout.write(f"bb8deploy {__version__}\n")
    sys.stdout.flush()


def _hold_streams() -> None:
    """Opens the null device for closed standard streams, so that no other file gets their numbers.

    That of stdout is opened for reading: writing fails there, as it does where nothing is open.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDONLY if name == "stdout" else os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


if __name__ == "__main__":
    main()
