"""Starts bb8deploy; `--version` is answered before anything is imported."""

import sys


def main() -> None:
    """The console script."""
    if sys.argv[1:] == ["--version"]:
        from bb8deploy import __version__

        sys.stdout.write(f"bb8deploy {__version__}\n")
        return
    from bb8deploy.cli.app import run

    run()


if __name__ == "__main__":
    main()
