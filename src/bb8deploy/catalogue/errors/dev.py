"""The dev loop: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, NotVerified
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
DEV_NOT_UP = ErrorCode(
    Code("DEV_NOT_UP"), Area.APP, NotVerified, "the app did not start with the saved files",
    "The files were delivered, but the new process exited, or did not report the digest of the"
    " delivered files in time. LIVE_OK is not written.",
    "Read the app's last log lines below the error, fix the app and save again.",
)
DEV_ON = ErrorCode(
    Code("DEV_ON"), Area.APP, CheckFailed, "the dev loop is on for this app",
    "The app folder on the host contains files from the dev loop, and the container may run files that"
    " are not part of its image. Nothing can be published in this state.",
    "Run `bb8deploy dev --end`, which builds the app and verifies the content, or `bb8deploy deploy`.",
)
DEV_REPLACED = ErrorCode(
    Code("DEV_REPLACED"), Area.APP, CheckFailed, "another run replaced the files of the dev loop",
    "While the connection was lost, another run or user replaced the files in the app folder. The dev"
    " loop does not overwrite them automatically.",
    "Check `bb8deploy status`, then start the dev loop again to replace those files.",
)
SYNTAX_INVALID = Symptom(
    Code("SYNTAX_INVALID"), Area.APP, "a saved file has a syntax error",
    "Python, the shell, or the JSON, YAML or TOML parser cannot read the file. The dev loop delivers"
    " nothing until it is fixed; the app keeps running its current files.",
    "Fix the line that the message names and save again.",
)
