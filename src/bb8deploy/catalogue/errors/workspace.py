"""The workspace and the app's files: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode

# fmt: off
ADDON_CONFIG_INVALID = ErrorCode(
    Code("ADDON_CONFIG_INVALID"), Area.WORKSPACE, UsageError, "a key of the config is not valid",
    "`name`, `version` or `slug` is missing or is not text. Without quotes, YAML reads `2025.10` as the"
    " number 2025.1; a slug with upper-case letters cannot name a container.",
    "Put quotes around the version; use lower-case letters, digits, `_`, `.` and `-` in the slug.",
)
ADDON_CONFIG_MISSING = ErrorCode(
    Code("ADDON_CONFIG_MISSING"), Area.WORKSPACE, UsageError, "no app here",
    "The app's folder has no `config.yaml`, `config.yml` or `config.json`, or does not exist.",
    "Run bb8deploy in a workspace that has addon/config.yaml, or set `addon` in bb8deploy.toml.",
)
ADDON_CONFIG_UNREADABLE = ErrorCode(
    Code("ADDON_CONFIG_UNREADABLE"), Area.WORKSPACE, UsageError, "the config cannot be read",
    "The file is not valid YAML, has a byte that is not UTF-8, or does not have `key: value` lines at"
    " the top level. The Supervisor would drop the app from its store without a message.",
    "Fix the line that the message names, and save the file as UTF-8.",
)
ADDON_MISSING = ErrorCode(
    Code("ADDON_MISSING"), Area.WORKSPACE, UsageError, "the app's folder does not exist",
    "The folder that should have the app's files does not exist.",
    "Run bb8deploy in the workspace, or name the app's folder with `--addon DIR`.",
)
ADDON_NOT_FOUND = ErrorCode(
    Code("ADDON_NOT_FOUND"), Area.WORKSPACE, UsageError, "--addon is not a folder",
    "The path given with `--addon` does not exist, or is a file. A relative path starts at the current"
    " folder.",
    "Name the folder that has config.yaml.",
)
ADDON_SEVERAL = ErrorCode(
    Code("ADDON_SEVERAL"), Area.WORKSPACE, UsageError, "several apps are possible",
    "The workspace or store has several apps, and its settings do not name one. The message lists them.",
    "Change into the app's folder, or name it with `--addon DIR`. `bb8deploy validate .` in the root of the"
    ' store checks all of its apps. `addon = "FOLDER"` in bb8deploy.toml, or'
    " in [tool.bb8deploy] of pyproject.toml, makes one the default.",
)
IGNORE_UNREADABLE = ErrorCode(
    Code("IGNORE_UNREADABLE"), Area.WORKSPACE, UsageError, "the ignore rules cannot be read",
    "`ops/rsync_runtime.exclude` exists but cannot be read, or is not UTF-8. Without the rules"
    " bb8deploy does not know which files to send and which files of the host to keep.",
    "Save the file as readable UTF-8 text, or remove it to use the built-in rules.",
)
NEW_EXISTS = ErrorCode(
    Code("NEW_EXISTS"), Area.WORKSPACE, UsageError, "the name is already in use",
    "The folder of the new app, or of its tests, exists, or another app of the store has the same slug."
    " `bb8deploy new` changes nothing that exists.",
    "Choose another name, or run the command in another folder.",
)
NEW_INSIDE_REPOSITORY = ErrorCode(
    Code("NEW_INSIDE_REPOSITORY"), Area.WORKSPACE, UsageError, "this git checkout is not a store",
    "A new app gets its own git repository, which must not be inside another one. In the checkout of a store"
    " (it has a repository.yaml), the app becomes another folder of that store.",
    "Run the command in a folder outside of the checkout, or add a repository.yaml to make it a store.",
)
NEW_NAME_INVALID = ErrorCode(
    Code("NEW_NAME_INVALID"), Area.WORKSPACE, UsageError, "the name is not valid for an app",
    "The name becomes the slug: the folder, the container and the host name of the app.",
    "Begin with a letter and use letters, digits, and single `_`, `-` or spaces between words, as in"
    " `bb8deploy new hello_lamp`.",
)
NEW_UNWRITABLE = ErrorCode(
    Code("NEW_UNWRITABLE"), Area.WORKSPACE, UsageError, "the app cannot be written",
    "A file of the new app cannot be created: there is no permission, no space, or a file where a folder"
    " should be. The files that were already written were removed.",
    "Run the command in a folder that you can write to.",
)
PROFILE_UNKNOWN = ErrorCode(
    Code("PROFILE_UNKNOWN"), Area.WORKSPACE, UsageError, "there is no such profile",
    "`profile` in bb8deploy.toml or `[tool.bb8deploy]` of pyproject.toml is neither `generic` nor `bb8`. It"
    " decides which structure rules apply.",
    "Set `profile` there to `generic` or `bb8`. `generic` is right for any app; `bb8`"
    " adds rules about files that only the BB-8 app has.",
)
CHECKS_INVALID = ErrorCode(
    Code("CHECKS_INVALID"), Area.WORKSPACE, UsageError, "a smoke check in the settings is not valid",
    "`[checks]` in bb8deploy.toml, or `[tool.bb8deploy.checks]` in pyproject.toml, defines the smoke checks"
    " of the running app. A check has exactly one of http, topic, log and command, and may have port, expect"
    " and within.",
    "Correct the check that the message names; docs/smoke-checks.md shows each kind.",
)
CHECKS_NONE = ErrorCode(
    Code("CHECKS_NONE"), Area.WORKSPACE, UsageError, "the settings define no smoke check",
    "`bb8deploy test --on-host` runs the checks of `[checks]` in bb8deploy.toml, or"
    " `[tool.bb8deploy.checks]` in pyproject.toml.",
    'Add a check below `[checks]` in bb8deploy.toml, such as `ready = { log = "started" }`.',
)
PYPROJECT_INVALID = ErrorCode(
    Code("PYPROJECT_INVALID"), Area.WORKSPACE, UsageError, "pyproject.toml or bb8deploy.toml cannot be read",
    "The file is not valid TOML or not UTF-8, is a folder or a broken link, or you do not have permission to"
    " read it. The message quotes the parser, with line and column.",
    "Fix the line that the message names, or replace the file with a readable one. Common causes are a table"
    " that appears twice and a missing quote.",
)
SYMLINK_OUTSIDE = ErrorCode(
    Code("SYMLINK_OUTSIDE"), Area.WORKSPACE, CheckFailed, "a link points outside the app's folder",
    "A symbolic link of the app is absolute, or points above the app's folder. On the host it would"
    " lead elsewhere, or to files that were never meant to leave this machine.",
    "Replace the link with a copy of the file, or with a relative link inside the app's folder.",
)
TESTS_TIMEOUT = ErrorCode(
    Code("TESTS_TIMEOUT"), Area.WORKSPACE, CheckFailed, "the tests did not finish",
    "pytest did not finish before its deadline and was stopped with all its processes.",
    "Find the test that hangs with `pytest -x -v`, or make it faster.",
)
TEST_ENVIRONMENT = ErrorCode(
    Code("TEST_ENVIRONMENT"), Area.WORKSPACE, CheckFailed, "the tests' environment cannot be created",
    "Creating the virtual environment for the tests, or installing the requirements by hash, failed."
    " Nothing was tested.",
    "Read pip's last lines, fix the requirements or the network, and run again. A hash mismatch means"
    " that the file on the index is not the pinned one.",
)
TREE_NAME_NOT_UTF8 = ErrorCode(
    Code("TREE_NAME_NOT_UTF8"), Area.WORKSPACE, CheckFailed, "a file name is not UTF-8",
    "Receipts, contracts and shares cannot carry such a name unchanged.",
    "Rename the file, or exclude it in ops/rsync_runtime.exclude.",
)
TREE_SPECIAL_FILE = ErrorCode(
    Code("TREE_SPECIAL_FILE"), Area.WORKSPACE, CheckFailed, "not a file, folder or link",
    "The app's folder has a socket, a pipe or a device, which cannot be hashed or sent.",
    "Remove it, or exclude it in ops/rsync_runtime.exclude.",
)
TREE_TOO_LARGE = ErrorCode(
    Code("TREE_TOO_LARGE"), Area.WORKSPACE, UsageError, "the app is too large",
    "More than 50,000 files or 2 GiB would be sent. An app has a few hundred files; often a virtual"
    " environment is in its folder.",
    "Exclude what does not belong to the app in ops/rsync_runtime.exclude.",
)
TREE_UNREADABLE = ErrorCode(
    Code("TREE_UNREADABLE"), Area.WORKSPACE, UsageError, "a file of the app cannot be read",
    "You do not have permission to read a file or folder of the app. A partly read tree has no digest.",
    "Make the file readable, or exclude it in `ops/rsync_runtime.exclude`.",
)
VALIDATE_FAILED = ErrorCode(
    Code("VALIDATE_FAILED"), Area.WORKSPACE, CheckFailed, "the app did not pass",
    "At least one finding is an error. All findings are listed above and in the contract. Lanes 2 to 4"
    " do not start for an app that the Supervisor or its own tests reject.",
    "Fix the errors; `bb8deploy explain CODE` describes each one.",
)
WORKSPACE_NOT_FOUND = ErrorCode(
    Code("WORKSPACE_NOT_FOUND"), Area.WORKSPACE, UsageError, "this is not a workspace",
    "Neither this folder nor any folder above it is an app (a folder with a config file that has a slug), or"
    " a workspace, store or git checkout that contains an app.",
    "Change into the app's repository, or make a new app with `bb8deploy new NAME`. `bb8deploy` alone shows"
    " how to start. To make a folder a"
    ' workspace, write `addon = "FOLDER"` into its bb8deploy.toml.',
)
