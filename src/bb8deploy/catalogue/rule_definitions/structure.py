"""Rules about the folder: what belongs into it, secrets, the store, and the project's own tests."""

from __future__ import annotations

from bb8deploy.base.findings import Level
from bb8deploy.catalogue.rule_definitions.rule_definition import Rule, RuleArea

_BB8 = "this project's procedure"
_GIT = "this project's procedure; git"
_REPOSITORY = "supervisor/store/validate.py (SCHEMA_REPOSITORY_CONFIG)"

RULES: tuple[Rule, ...] = (
    Rule(
        "ADDON_IS_REPOSITORY", RuleArea.STRUCTURE, Level.ERROR, "the app's folder is a git repository",
        "The folder on the host is a plain build context. A repository inside the workspace hides changes,"
        " and makes every backup larger.",
        "Keep git in the workspace only.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "WORKSPACE_FOLDER_INSIDE", RuleArea.STRUCTURE, Level.ERROR, "a workspace folder in the app",
        "The folder would be copied to the host and into the published repository.",
        "Move it to the workspace, beside the app's folder.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "RUNTIME_FOLDER_UNUSED", RuleArea.STRUCTURE, Level.WARNING, "tools/ or scripts/ is not used",
        "The Dockerfile does not copy the folder, and no marker file says that it is wanted. Such folders are"
        " often left over from the workspace.",
        "COPY it in the Dockerfile, add the marker file, or move it to the workspace.",
        _BB8,
        strict=Level.ERROR,
    ),
    Rule(
        "FILE_MISSING", RuleArea.STRUCTURE, Level.ERROR, "a file of the app is missing",
        "The app cannot start without it.",
        "Restore the file from git.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "REQUIREMENT_UNPINNED", RuleArea.STRUCTURE, Level.ERROR, "a requirement without version or hash",
        "A later build could install files other than those that were verified.",
        "Write name==version with --hash, as `uv pip compile --generate-hashes` does.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "VERSION_DIFFERS", RuleArea.STRUCTURE, Level.WARNING, "files name different versions",
        "A place that names the version (pyproject.toml, an image label, the changelog) differs from the"
        " config.",
        "Use `bb8deploy release patch`, which changes all of them together.",
        _BB8,
        strict=Level.ERROR,
    ),
    Rule(
        "SYMLINK_OUTSIDE", RuleArea.STRUCTURE, Level.ERROR, "a link leads out of the app's folder",
        "On the host the link would point somewhere else.",
        "Replace it with a copy of the file, or with a link inside the folder.",
        _BB8,
        profile="bb8",
    ),
    Rule(
        "SYMLINK_BROKEN", RuleArea.STRUCTURE, Level.WARNING, "a link without a target",
        "The link leads back to itself. In the bb8 profile every link must have a target in the folder; for"
        " other apps a link may lead to a path of the image.",
        "Point it at a file that exists, or remove it.",
        "symlink(7)",
        strict=Level.ERROR,
    ),
    Rule(
        "TREE_NAME_NOT_UTF8", RuleArea.STRUCTURE, Level.WARNING, "a name is not UTF-8",
        "Receipts, contracts and shares cannot carry such a name unchanged, so `deploy` refuses it.",
        "Rename the file or folder, or exclude it in ops/rsync_runtime.exclude.",
        "bb8deploy's own limits",
    ),
    Rule(
        "TREE_SPECIAL_FILE", RuleArea.STRUCTURE, Level.WARNING, "not a file, a folder or a link",
        "A socket, a pipe or a device has no content that can be copied.",
        "Remove it from the app's folder.",
        _BB8,
        strict=Level.ERROR,
    ),
    Rule(
        "TREE_TOO_LARGE", RuleArea.STRUCTURE, Level.ERROR, "the app's folder is too large",
        "An app has a few hundred files. The rest of the folder was not read, so it was not checked.",
        "Name what does not belong to the app in ops/rsync_runtime.exclude.",
        "bb8deploy's own limits",
    ),
    Rule(
        "RULE_FAILED", RuleArea.STRUCTURE, Level.ERROR, "a rule could not be evaluated",
        "A rule of bb8deploy failed on this input, which is a defect of bb8deploy. The other rules ran.",
        "Report it with the message and the file that it names.",
        "bb8deploy",
    ),
    Rule(
        "IGNORE_UNUSED", RuleArea.STRUCTURE, Level.WARNING, "an ignore that ignores nothing",
        "No finding has that code at that place. A left-over ignore hides the next finding.",
        "Remove the ignore.",
        "bb8deploy",
    ),
    Rule(
        "SECRET_TOKEN", RuleArea.SECRETS, Level.ERROR, "an access token in the app",
        "The file holds what looks like a Home Assistant token (a JWT). Such tokens are valid for ten years."
        " The token would be copied to the host, into the image, backups and the published branch.",
        "Remove it, revoke it in your Home Assistant profile, and keep the new one in .env or the options.",
        _GIT,
    ),
    Rule(
        "SECRET_KEY", RuleArea.SECRETS, Level.ERROR, "a private key in the app",
        "The key would be copied to the host, into the image, backups and the published branch.",
        "Remove it and make a new key.",
        _GIT,
    ),
    Rule(
        "SECRETS_TRACKED", RuleArea.SECRETS, Level.ERROR, "a secrets file in git",
        "secrets.yaml or .env of the workspace is tracked by git. Removing the file later does not remove it"
        " from the history.",
        "Run git rm --cached, add the file to .gitignore, and renew every secret in it.",
        _GIT,
    ),
    Rule(
        "REPOSITORY_MISSING", RuleArea.STORE, Level.WARNING, "no repository file",
        "Home Assistant accepts a git repository as a store only if repository.yaml (or .yml, .json) exists.",
        "Add repository.yaml with name, url and maintainer.",
        "supervisor/store/data.py (_read_git_repository)",
        strict=Level.ERROR,
    ),
    Rule(
        "REPOSITORY_INVALID", RuleArea.STORE, Level.WARNING, "the repository file is rejected",
        "Home Assistant refuses the whole repository as a store.",
        "Fix what the message names.",
        _REPOSITORY,
        strict=Level.ERROR,
    ),
    Rule(
        "STORE_PAGE_MISSING", RuleArea.STORE, Level.WARNING, "a page or picture of the store is missing",
        "The store shows README.md and the icon before an install, and DOCS.md, CHANGELOG.md, the logo and"
        " the names of the options after it.",
        "Add the file.",
        "developers.home-assistant.io, docs/apps/presentation",
    ),
    Rule(
        "STORE_LINK_BROKEN", RuleArea.STORE, Level.WARNING, "a dead link in a page of the store",
        "The link leads to a path that the published repository does not have.",
        "Link to a file of the app's folder, or to a full address.",
        "developers.home-assistant.io, docs/apps/presentation",
    ),
    Rule(
        "SLUG_TWICE", RuleArea.STORE, Level.ERROR, "two apps of a store have the same slug",
        "The Supervisor keeps only the last one that it reads; the other one cannot be installed.",
        "Give each app its own slug.",
        "supervisor/store/data.py (_read_apps_folder)",
    ),
    Rule(
        "TESTS_EMPTY", RuleArea.PROJECT, Level.ERROR, "no test was executed",
        "pytest ran and no test passed or failed: none was found, or all were skipped.",
        "Check `tests` in bb8deploy.toml, and the reasons of the skips.",
        _BB8,
    ),
    Rule(
        "TESTS_FAILED", RuleArea.PROJECT, Level.ERROR, "the app's tests failed",
        "Tests failed, had errors, or raised warnings, which count as errors here. TESTS_OK and WS_READY are"
        " not written.",
        "Read reports/pytest-report.xml, fix the tests, then run again.",
        _BB8,
    ),
    Rule(
        "COVERAGE_LOW", RuleArea.PROJECT, Level.ERROR, "the tests cover too little",
        "Line coverage is below `coverage_threshold` in bb8deploy.toml, or was not measured.",
        "Add tests for the lines that reports/coverage.xml shows as missed.",
        _BB8,
    ),
)  # fmt: skip
