"""Starts bb8deploy; `--version` is answered before anything is imported."""

import sys


def main() -> None:
    """The console script."""
    if sys.argv[1:] == ["--version"]:
        from bb8deploy import __version__

        sys.stdout.write(f"bb8deploy {__version__}\n")
        return
    try:
        from bb8deploy.cli.app import run

        run()
    except (Exception, KeyboardInterrupt) as problem:  # noqa: BLE001 - what no command was there to catch
        from bb8deploy.cli.common import tell
        from bb8deploy.console import Console

        sys.exit(tell(problem, Console()))


if __name__ == "__main__":
    main()
