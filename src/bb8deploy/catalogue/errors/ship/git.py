"""Git in the workspace: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, Locked, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode

# fmt: off
ADDON_NOT_COMMITTED = ErrorCode(
    Code("ADDON_NOT_COMMITTED"), Area.GIT, UsageError, "the app's folder is not committed",
    "The commit does not contain the app's folder: it was never added, or git ignores it. Only committed"
    " files are published.",
    "Run `git add` on the app's folder and commit it.",
)
GIT_CANNOT_SIGN = ErrorCode(
    Code("GIT_CANNOT_SIGN"), Area.GIT, UsageError, "git cannot sign",
    "git's configuration asks for signed tags or commits, but a test signature failed: there is no key, its"
    " passphrase is not available, or gpg is not installed. Without this check the tag would fail after the"
    " publication.",
    "Set `user.signingKey` to a key that works, or turn off signing for this repository with `git config"
    " tag.gpgSign false` (or commit.gpgSign).",
)
GIT_DETACHED = ErrorCode(
    Code("GIT_DETACHED"), Area.GIT, UsageError, "HEAD is not on a branch",
    "A release commits the new version. On a detached HEAD that commit would be lost with the next"
    " checkout.",
    "Run `git switch main` or `git switch -c NAME` first; `publish` and `deploy` work without a branch.",
)
GIT_DIRTY = ErrorCode(
    Code("GIT_DIRTY"), Area.GIT, CheckFailed, "the workspace differs from its last commit",
    "Files were changed, added or removed since the last commit; the message lists the first ones. Only"
    " committed files can be published and rebuilt.",
    "Commit, stash or ignore the changes (`git status` shows all), then run again.",
)
GIT_FAILED = ErrorCode(
    Code("GIT_FAILED"), Area.GIT, CheckFailed, "a git command failed",
    "The message quotes the last line of git's output.",
    "Run the same git command in the workspace to see more.",
)
GIT_IDENTITY_MISSING = ErrorCode(
    Code("GIT_IDENTITY_MISSING"), Area.GIT, UsageError, "git has no author name",
    "Neither git's configuration nor the environment has your name and email address, which a commit"
    " needs.",
    'Run `git config --global user.name "YOUR NAME"` and `git config --global user.email "YOU@EXAMPLE.ORG"`.',
)
GIT_LOCKED = ErrorCode(
    Code("GIT_LOCKED"), Area.GIT, Locked, "another git process holds the repository",
    "Git found a lock file: another git process runs, or one was killed.",
    "Wait for the other git process; if none runs, remove the lock file that the message names.",
)
GIT_MISSING = ErrorCode(
    Code("GIT_MISSING"), Area.GIT, UsageError, "git is not installed",
    "The command `git` is not on PATH. Versions, tags and publishing need it.",
    "Install git, then run again.",
)
GIT_NO_COMMIT = ErrorCode(
    Code("GIT_NO_COMMIT"), Area.GIT, UsageError, "there is no commit yet",
    "The folder is not a git repository, or has no commit. Only committed files can be released.",
    "Run `git init` and commit the workspace first.",
)
GIT_TIMEOUT = ErrorCode(
    Code("GIT_TIMEOUT"), Area.GIT, CheckFailed, "a git command took too long",
    "The command was stopped at its deadline: one minute for local commands and queries, ten for"
    " transfers.",
    "Check the network and the remote, then run again.",
)
GIT_UNFINISHED = ErrorCode(
    Code("GIT_UNFINISHED"), Area.GIT, CheckFailed, "a git operation is not finished",
    "A merge, rebase, cherry-pick, revert or bisect is in progress. A commit made now would become part"
    " of it.",
    "Run `git status`, which names the commands that finish or abort it, then release.",
)
HEAD_MOVED = ErrorCode(
    Code("HEAD_MOVED"), Area.GIT, CheckFailed, "HEAD moved during the release",
    "HEAD is no longer at the commit that the release validated, deployed or was about to publish: a commit,"
    " an amend or a branch switch came in between. Nothing was published or tagged.",
    "Run `bb8deploy release --resume`, which validates and deploys the current commit. To release"
    " without it, set it aside with the commands in the message, resume, then bring it back with `git"
    " merge LATER`.",
)
UPSTREAM_AHEAD = ErrorCode(
    Code("UPSTREAM_AHEAD"), Area.GIT, CheckFailed, "the upstream branch has newer commits",
    "The upstream of your branch has commits that you do not have. A release made now would leave them out.",
    "Run `git pull --rebase REMOTE BRANCH`, check the result, then release.",
)
