"""Releases and versions: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, Locked, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode

# fmt: off
ALL_CHANGED_NOT_STORE = ErrorCode(
    Code("ALL_CHANGED_NOT_STORE"), Area.RELEASE, UsageError, "--all-changed needs a store",
    "`release --all-changed` publishes several apps of one repository in one commit, which the subtree layout does"
    " not have: there each app has a repository of its own.",
    'Release each app with `bb8deploy release patch --addon DIR`, or set `layout = "store"` in bb8deploy.toml.',
)
BUMP_LOST = ErrorCode(
    Code("BUMP_LOST"), Area.RELEASE, CheckFailed, "the commit does not have the new version",
    "Git committed, but config.yaml in the commit does not have the new version: a hook or a filter"
    " changed it.",
    "Keep the hook or filter from changing config.yaml (see `.git/hooks` and `.gitattributes`), then"
    " release again.",
)
BUMP_MORE = ErrorCode(
    Code("BUMP_MORE"), Area.RELEASE, CheckFailed, "a hook added files of the app to the bump",
    "A commit hook staged other files of the app than those with the version. Nothing has validated them, so"
    " the commit was undone; the files are still in the working tree.",
    "Commit the files in the message before the release, or change the hook so that it leaves them out of"
    " this commit.",
)
BUMP_REFUSED = ErrorCode(
    Code("BUMP_REFUSED"), Area.RELEASE, CheckFailed, "git refused the commit",
    "A hook or the signing program failed. The files and the index are as they were before.",
    "Fix what the hook or git reports, then release again.",
)
BUMP_UNSAFE = ErrorCode(
    Code("BUMP_UNSAFE"), Area.RELEASE, CheckFailed, "the version cannot be changed safely",
    "The edit would change more than the version, so it was not made. A bump keeps comments and layout.",
    'Write the version on its own line, as `version: "2026.11.23.0"`.',
)
RELEASE_WHAT = ErrorCode(
    Code("RELEASE_WHAT"), Area.RELEASE, UsageError, "no version given",
    "`release` needs either a version or `--resume`.",
    "Run `bb8deploy release patch`, or `bb8deploy release --resume` to continue a release. A version is"
    " `patch`, `minor`, `major`, `auto`, `date` or one such as 2026.11.23.0.",
)
RELEASE_ONE_APP = ErrorCode(
    Code("RELEASE_ONE_APP"), Area.RELEASE, UsageError, "a version can be given for one app only",
    "`release --all-changed` gives each app its own next version. A version on the command line would be the same"
    " for all of them.",
    "Use `patch`, `minor`, `major`, `date` or `auto` with --all-changed.",
)
RESUME_NOTHING = ErrorCode(
    Code("RESUME_NOTHING"), Area.RELEASE, UsageError, "nothing to resume",
    "The newest deploy or release finished, or there is none. With several targets this is not an"
    " error: a target with nothing to resume is deployed from the start. A rollback of one host is not"
    " resumed either.",
    "Run the command without --resume.",
)
RESUME_STALE = ErrorCode(
    Code("RESUME_STALE"), Area.RELEASE, CheckFailed, "the workspace has a different version",
    "The version in the workspace has changed since the release was interrupted.",
    "Start a new release with `bb8deploy release patch`.",
)
SETTING_PER_APP = ErrorCode(
    Code("SETTING_PER_APP"), Area.RELEASE, UsageError, "two apps would share a setting",
    "A setting gives two of the apps that are released together the same folder, mount, slug or image, so"
    " one would replace the other.",
    "Write `{slug}` into the setting, as in HA_REMOTE_RUNTIME=/addons/{slug}.",
)
TAG_FORMAT_INVALID = ErrorCode(
    Code("TAG_FORMAT_INVALID"), Area.RELEASE, UsageError, "the tag format is not valid",
    "BB8_TAG (`tag` in bb8deploy.toml) must have `{version}` once and be a name that git accepts. With"
    " several apps it must have `{slug}` too, or two apps would share a tag.",
    "Set it to `{slug}-{version}`, or leave it out for the default of the layout.",
)
VERSION_CLOCK_BEHIND = ErrorCode(
    Code("VERSION_CLOCK_BEHIND"), Area.RELEASE, UsageError, "the clock is behind the newest version",
    "By this machine's clock in UTC, today is before the date of the current version, so `release date`"
    " would go back.",
    "Set the clock, or use `bb8deploy release patch`.",
)
VERSION_INVALID = ErrorCode(
    Code("VERSION_INVALID"), Area.RELEASE, UsageError, "not a version",
    "A version is `YYYY.M.D.P` with a real date, semantic `X.Y.Z` with an optional pre-release (`-beta.1`), or"
    " dotted with two or four numbers and an optional `b1`; without leading zeros and without `v`.",
    "Write a version such as 2026.11.23.0, 1.4.2 or 1.4, without leading zeros. `bb8deploy release` also"
    " accepts `patch`, `minor`, `major`, `auto` and `date`.",
)
VERSION_IN_FUTURE = ErrorCode(
    Code("VERSION_IN_FUTURE"), Area.RELEASE, UsageError, "the version is in the future",
    "An explicit calendar version is more than a day ahead. Every `release date` until then would be"
    " refused.",
    "Correct the date, or use `bb8deploy release date`.",
)
VERSION_NOT_NEWER = ErrorCode(
    Code("VERSION_NOT_NEWER"), Area.RELEASE, UsageError, "the version is not newer than the current one",
    "An explicit version must be newer than the one in config.yaml. Hosts would see a downgrade.",
    "Choose a later version, or use `bb8deploy release patch`.",
)
VERSION_SCHEME_MIXED = ErrorCode(
    Code("VERSION_SCHEME_MIXED"), Area.RELEASE, UsageError, "two version schemes",
    "The requested version and the version in config.yaml follow different schemes: calendar, semantic, or"
    " dotted with a fixed count of numbers. They cannot be compared. `minor` and `major` do not work with"
    " calendar versions, and `date` works only with them.",
    "Keep to one scheme. To change it, edit every version by hand in a separate commit.",
)
WORKSPACE_LOCKED = ErrorCode(
    Code("WORKSPACE_LOCKED"), Area.RELEASE, Locked, "another release runs in this workspace",
    "A release holds the lock of this workspace. The lock ends with its process, even after a kill.",
    "Wait for the other release, or stop it and continue it later with `bb8deploy release --resume`.",
)
