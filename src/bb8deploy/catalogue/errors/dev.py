"""The dev loop: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, NotVerified
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
DEV_NOT_UP = ErrorCode(
    Code("DEV_NOT_UP"), Area.APP, NotVerified, "the app did not come up with the saved files",
    "The files were delivered, but the new process ended again, or did not report the digest of what was"
    " delivered in time. LIVE_OK is not written.",
    "Read the app's last log lines below the error, fix the app and save again.",
)
DEV_ON = ErrorCode(
    Code("DEV_ON"), Area.APP, CheckFailed, "the dev loop is on for this app",
    "The app folder on the host has the files of the dev loop, and the container may run files that no"
    " build has put in. Nothing can be published from that state.",
    "Run `bb8deploy dev --end`, which proves the built content again, or `bb8deploy deploy`.",
)
DEV_REPLACED = ErrorCode(
    Code("DEV_REPLACED"), Area.APP, CheckFailed, "another run replaced the dev loop's delivery",
    "While the connection was lost, another run or user put other files into the app folder. The dev loop"
    " does not overwrite them by itself.",
    "Look at `bb8deploy status`, then start the dev loop again if its files should replace them.",
)
SYNTAX_INVALID = Symptom(
    Code("SYNTAX_INVALID"), Area.APP, "a saved file has a syntax error",
    "Python, the shell, or the parser of JSON, YAML or TOML cannot read the file. The dev loop delivers"
    " nothing until it is fixed; the app goes on with what it runs.",
    "Fix the line that the message names and save again.",
)
