"""Publishing to a repository and a registry: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, Refused, Unreachable, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode

# fmt: off
BRANCH_OTHER = ErrorCode(
    Code("BRANCH_OTHER"), Area.PUBLISH, CheckFailed, "HEAD is not on the branch of the store",
    "In the store layout publish pushes the commits of the branch that users get. HEAD is on another"
    " branch, or on none, so publishing would add its commits to that branch without a merge.",
    "Merge into the branch of the store and switch to it (`git switch main`), or set HA_PUBLISH_BRANCH.",
)
IMAGE_ARCH_UNKNOWN = ErrorCode(
    Code("IMAGE_ARCH_UNKNOWN"), Area.PUBLISH, UsageError, "an architecture without a platform",
    "config.yaml lists an architecture that has no container platform.",
    "Use amd64, aarch64, armv7, armhf or i386 in config.yaml.",
)
IMAGE_BUILD_FAILED = ErrorCode(
    Code("IMAGE_BUILD_FAILED"), Area.PUBLISH, CheckFailed, "an image could not be built or pushed",
    "docker or buildah failed. The message quotes the last lines of its output, and the run's log has all of"
    " them. Nothing was published.",
    "Fix what the last lines name; if the push was refused, run `docker login` or `buildah login`.",
)
IMAGE_CONFIG_UNSAFE = ErrorCode(
    Code("IMAGE_CONFIG_UNSAFE"), Area.PUBLISH, CheckFailed, "`image:` cannot be added to the config",
    "The edit would change more than `image:` and `build:`, as in a JSON config, or a YAML config in flow"
    " style. The published tree may differ from the verified one in these two keys only.",
    "Write config.yaml as plain block YAML.",
)
IMAGE_EXISTS = ErrorCode(
    Code("IMAGE_EXISTS"), Area.PUBLISH, CheckFailed, "the registry has this version with other content",
    "The registry already has an image of this version, and its content is different. Hosts may have pulled"
    " it, so it is never replaced.",
    "Release a new version: `bb8deploy release patch`.",
)
IMAGE_NOT_NAMED = ErrorCode(
    Code("IMAGE_NOT_NAMED"), Area.PUBLISH, CheckFailed, "config.yaml does not name the image",
    "In the store layout the config is published as it is committed. With `--image` its `image:` must be the"
    " name that the images are pushed to, and `build:` must not be there.",
    "Write the `image:` that the message names into config.yaml, without `build:`, and commit.",
)
IMAGE_NAME_INVALID = ErrorCode(
    Code("IMAGE_NAME_INVALID"), Area.PUBLISH, UsageError, "not an image name",
    "`HA_IMAGE`, and `HA_IMAGE_CACHE` if it is set, must be a registry and a path in lower case, without a"
    " tag: the version becomes the tag.",
    "Set HA_IMAGE to REGISTRY/PATH in lower case, without a tag, such as ghcr.io/you/my_app.",
)
IMAGE_NAME_MISSING = ErrorCode(
    Code("IMAGE_NAME_MISSING"), Area.PUBLISH, UsageError, "the images have no name",
    "`--image` was given and `HA_IMAGE` is empty. The published config must name the image that hosts"
    " pull.",
    "Set HA_IMAGE to REGISTRY/PATH, such as ghcr.io/you/my_app. With `{arch}` in it each architecture"
    " gets its own repository.",
)
IMAGE_READBACK = ErrorCode(
    Code("IMAGE_READBACK"), Area.PUBLISH, Refused, "the registry does not have what was pushed",
    "When it was read back, a manifest was missing, had other labels, or did not match its digest."
    " Another push came at the same time, or a mirror or proxy returns other data.",
    "Publish again; if it happens again, look for a mirror or proxy in between.",
)
IMAGE_TOOL_MISSING = ErrorCode(
    Code("IMAGE_TOOL_MISSING"), Area.PUBLISH, UsageError, "no tool to build images",
    "`--image` builds with `docker buildx` or `buildah` on this machine, and neither was found.",
    "Install docker buildx or buildah, or publish without `--image`, so that the Supervisor builds from"
    " source.",
)
PRIVATE_FILE = ErrorCode(
    Code("PRIVATE_FILE"), Area.PUBLISH, CheckFailed, "a secret would be published",
    "The commit holds a private file (secrets.yaml, .env, an ssh key...), an access token or a private"
    " key. Whatever is pushed or built into an image is public, even if it is removed later.",
    "Remove the file with `git rm --cached PATH`, add it to .gitignore and commit. Renew the secret if"
    " the commit was ever pushed, because it stays in the history.",
)
PUBLISH_READBACK = ErrorCode(
    Code("PUBLISH_READBACK"), Area.PUBLISH, Refused, "the remote does not have what was pushed",
    "The push was accepted, but reading it back gave another tree or no tag. No token was written."
    " Either another push came at the same time, or a server hook changed it.",
    "Look at the remote, then run `bb8deploy publish` again.",
)
PUBLISH_REMOTE_MISSING = ErrorCode(
    Code("PUBLISH_REMOTE_MISSING"), Area.PUBLISH, UsageError, "no repository to publish to",
    "`HA_PUBLISH_REMOTE` is empty. `publish` needs it. `release` without `--image` does not: it ends"
    " with a local tag and a SKIPPED line.",
    "Set HA_PUBLISH_REMOTE to a remote's name, a path or a URL. Keep credentials in git's credential"
    " helper or an ssh key.",
)
REGISTRY_DENIED = ErrorCode(
    Code("REGISTRY_DENIED"), Area.PUBLISH, Refused, "the registry refused read access",
    "The registry requires a login. None was found, or the account may not pull. Without reading back,"
    " the push cannot be proven.",
    "Log in with `docker login` or `buildah login`.",
)
REGISTRY_REFUSED = ErrorCode(
    Code("REGISTRY_REFUSED"), Area.PUBLISH, Refused, "the registry returned an error",
    "The message names the unexpected status. Nothing counts as published after such an answer.",
    "Try again later, or pull the image by hand to see more. Check HA_IMAGE, and whether a proxy or"
    " login page is in between.",
)
REGISTRY_UNREACHABLE = ErrorCode(
    Code("REGISTRY_UNREACHABLE"), Area.PUBLISH, Unreachable, "the registry does not answer",
    "bb8deploy could not connect to the registry in `HA_IMAGE` within 30 seconds. Nothing was built or"
    " published.",
    "Check the network and HA_IMAGE.",
)
REMOTE_AHEAD = ErrorCode(
    Code("REMOTE_AHEAD"), Area.PUBLISH, CheckFailed, "the store has commits that are not here",
    "The branch of the store has commits that HEAD does not have: another person pushed, or edited it on the"
    " website. bb8deploy publishes on top of them and never replaces them; `--overwrite` does not change that.",
    "Run `git pull --rebase REMOTE BRANCH`, check the result, then run the command again (a release: with `--resume`).",
)
REMOTE_CHECKED_OUT = ErrorCode(
    Code("REMOTE_CHECKED_OUT"), Area.PUBLISH, Refused, "the remote has the branch checked out",
    "The remote is a repository with a working tree, and git refuses to change its current branch.",
    "Publish to a bare repository (`git init --bare`).",
)
REMOTE_DENIED = ErrorCode(
    Code("REMOTE_DENIED"), Area.PUBLISH, Refused, "the remote refused the login",
    "The authentication failed, or the account lacks a permission; the message quotes the remote. Nothing"
    " was changed.",
    "Give git the right credentials (ssh key or credential helper), and try `git ls-remote`. git asks"
    " for a password on a terminal only.",
)
REMOTE_DIVERGED = ErrorCode(
    Code("REMOTE_DIVERGED"), Area.PUBLISH, Refused,
    "the subtree history does not continue the remote branch",
    "`git subtree split` produced a history that does not contain the remote's branch, so the push"
    " would need force. A forced push breaks the store for every user who added it.",
    "Publish without --subtree-split, which commits on top of the remote branch with the same tree.",
)
REMOTE_EDITED = ErrorCode(
    Code("REMOTE_EDITED"), Area.PUBLISH, CheckFailed, "the remote was edited by hand",
    "The branch has changes that did not come from a release here, and publishing would overwrite them. The"
    " message shows the diff.",
    "Make the same edit in the app's folder and commit it, or publish with `--overwrite`.",
)
REMOTE_FOREIGN = ErrorCode(
    Code("REMOTE_FOREIGN"), Area.PUBLISH, CheckFailed, "the remote has files that are not the app's",
    "Publishing replaces the tree of the branch with that of the app. `--overwrite` overwrites edits of"
    " the app's own files; it never removes a file that did not come from the app.",
    "Copy the files into the app's folder, or delete them on the remote, then publish again.",
)
REMOTE_INVALID = ErrorCode(
    Code("REMOTE_INVALID"), Area.PUBLISH, UsageError, "not a git remote",
    "HA_PUBLISH_REMOTE begins with `-` or `ext::`, which git would read as an option or a command.",
    "Set HA_PUBLISH_REMOTE to a remote's name, a path or a URL.",
)
REMOTE_MOVED = ErrorCode(
    Code("REMOTE_MOVED"), Area.PUBLISH, Refused, "the remote branch keeps changing",
    "Three times in a row another push came between the read and the push. bb8deploy never forces a"
    " push.",
    "Run the command again, which builds on the new commit.",
)
REMOTE_NOT_ATOMIC = ErrorCode(
    Code("REMOTE_NOT_ATOMIC"), Area.PUBLISH, Refused, "the remote does not support atomic pushes",
    "Branch and tag are pushed in one step, both or neither, and this remote cannot do that.",
    "Use an ssh or smart-HTTP address of the remote.",
)
REMOTE_NOT_FOUND = ErrorCode(
    Code("REMOTE_NOT_FOUND"), Area.PUBLISH, Unreachable, "no repository at this address",
    "There is no git repository at the path or address, or the account cannot see it. Nothing was"
    " changed.",
    "Correct HA_PUBLISH_REMOTE, or create an empty repository first.",
)
REMOTE_PROTECTED = ErrorCode(
    Code("REMOTE_PROTECTED"), Area.PUBLISH, Refused, "the branch is protected",
    "A rule or a hook on the remote refused the push; the message quotes it. Neither branch nor tag was"
    " changed.",
    "Allow your account to push to the branch in the remote's settings, or set HA_PUBLISH_BRANCH.",
)
REMOTE_REFUSED = ErrorCode(
    Code("REMOTE_REFUSED"), Area.PUBLISH, Refused, "the remote refused",
    "Git failed with an error that has no code of its own; the message quotes it. Nothing was changed on"
    " the remote.",
    "Run the same git command by hand, such as `git ls-remote` or `git push --dry-run`.",
)
REMOTE_UNREACHABLE = ErrorCode(
    Code("REMOTE_UNREACHABLE"), Area.PUBLISH, Unreachable, "the remote does not answer",
    "The name could not be resolved, or the connection failed. Nothing was changed.",
    "Check the network and the address in HA_PUBLISH_REMOTE.",
)
REMOTE_UNRELATED = ErrorCode(
    Code("REMOTE_UNRELATED"), Area.PUBLISH, CheckFailed, "the remote is another repository",
    "In the store layout the workspace's own commits are pushed. The branch of HA_PUBLISH_REMOTE shares no"
    " commit with them, so it is another repository, or one of the app alone.",
    'Set HA_PUBLISH_REMOTE to the remote of this repository, or `layout = "subtree"` in bb8deploy.toml to'
    " publish the app's folder as a repository of its own.",
)
SOURCE_REPOSITORY = ErrorCode(
    Code("SOURCE_REPOSITORY"), Area.PUBLISH, CheckFailed, "the publish remote is a source repository",
    "The branch shares history with this workspace, or holds the app in the same folder. Publishing would"
    " replace it with the app's files alone. `--overwrite` does not change that.",
    'Set HA_PUBLISH_REMOTE to a repository of the app alone, or `layout = "store"` in bb8deploy.toml if'
    " users add this repository itself. A store needs a repository.yaml at its root. You can also set"
    " HA_PUBLISH_BRANCH to an unused branch.",
)
SPLIT_IN_STORE = ErrorCode(
    Code("SPLIT_IN_STORE"), Area.PUBLISH, UsageError, "--subtree-split cannot be used with a store",
    "In the store layout the commits are published as they are; there is nothing to split.",
    'Leave out --subtree-split, or set `layout = "subtree"` in bb8deploy.toml.',
)
SPLIT_AND_IMAGE = ErrorCode(
    Code("SPLIT_AND_IMAGE"), Area.PUBLISH, UsageError, "--subtree-split and --image exclude each other",
    "`--image` publishes a config that differs from the commit in `image:`; `--subtree-split` publishes"
    " the commits unchanged.",
    "Leave out --subtree-split or --image.",
)
TAG_EXISTS = ErrorCode(
    Code("TAG_EXISTS"), Area.PUBLISH, CheckFailed, "the tag already exists with other content",
    "The version already has a tag with other content. A published tag is never moved, because users"
    " have pulled it.",
    "Release a new version: `bb8deploy release patch`.",
)
TAG_STRAY = ErrorCode(
    Code("TAG_STRAY"), Area.PUBLISH, CheckFailed, "the tag is not on the branch",
    "The remote, or in the store layout this workspace, has the version's tag with the right content, but not on"
    " a commit of the branch. Another tool pushed it alone, or the commit was rewritten by a rebase.",
    "Delete that tag where it is (`git tag -d TAG`) if it was never published, or release a new version.",
)
TREE_UNFIT = ErrorCode(
    Code("TREE_UNFIT"), Area.PUBLISH, CheckFailed, "what would be published breaks the rules",
    "`publish` checks the committed tree, as it would be on the remote, against the rules of `validate`"
    " and of a store. Users of the store get this tree with the next update.",
    "Fix the errors and commit; `bb8deploy explain CODE` describes each one.",
)
TREE_UNVERIFIED = ErrorCode(
    Code("TREE_UNVERIFIED"), Area.PUBLISH, CheckFailed, "the commit is not what was verified",
    "A deploy sends the files of the app's folder; a publish sends the commit. Here they differ: a generated"
    " file that git ignores, a submodule, converted line endings, a filter, or an edit during the deploy.",
    "Commit the files, or exclude them in ops/rsync_runtime.exclude, then release again. For line endings set"
    " `* -text` in .gitattributes and commit.",
)
VERSION_DISAGREES = ErrorCode(
    Code("VERSION_DISAGREES"), Area.PUBLISH, CheckFailed, "files name different versions",
    "config.yaml is the source; another file of the app, or a heading of the changelog, has another"
    " version.",
    "Run `bb8deploy release patch`, which changes all of them, or correct them by hand and commit.",
)
