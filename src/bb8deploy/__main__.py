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
        from bb8deploy.cli.open_run import tell
        from bb8deploy.console.console import Console

        sys.exit(tell(problem, Console()))


def _print_version() -> None:
    """Prints the version; raises STDOUT_UNWRITABLE if it cannot be written, unless the reader has left."""
    from bb8deploy import __version__

    try:
        sys.stdout.write(f"bb8deploy {__version__}\n")
        sys.stdout.flush()
    except OSError as error:
        from bb8deploy.console.terminal_capabilities import send

        send(sys.stdout, "", needed=not isinstance(error, BrokenPipeError))


def _hold_streams() -> None:
    """Opens the null device for closed standard streams, so that no other file gets their numbers."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


if __name__ == "__main__":
    main()
