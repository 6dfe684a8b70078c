"""Files and folders on the host: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, Locked, NotVerified, Refused, Unreachable, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
CACHE_IN_RUNTIME = Symptom(
    Code("CACHE_IN_RUNTIME"), Area.HOST, "caches in the app folder",
    "The app folder on the host contains caches of Python or test tools, such as `__pycache__`. They"
    " often belong to another user, which makes rsync fail with `Permission denied`, and they become"
    " part of the image.",
    "Remove the caches on the host. bb8deploy neither sends nor deletes ignored files; a"
    " `.dockerignore` keeps them out of the image.",
)
CLOCK_SKEW = Symptom(
    Code("CLOCK_SKEW"), Area.HOST, "the clocks differ",
    "The clocks of the host and this machine differ by more than ten seconds. Date-based versions, the"
    " expiry of tokens, certificates and the order of log lines depend on the time.",
    "Synchronize the clocks of both machines by NTP (Settings, System, Date and time in Home Assistant"
    " OS).",
)
FILES_AHEAD = Symptom(
    Code("FILES_AHEAD"), Area.HOST, "a file on the host has a time in the future",
    "A file below the Supervisor's local root has a modification time ahead of the host's clock. The"
    " Supervisor reads local apps again only if the newest modification time there has changed, so such"
    " a file hides every later change to other files. `deploy` gives the config file an even later"
    " time, but the Supervisor does not notice changes made by other tools.",
    "Run `touch` on the file on the host, and check the clock of the machine that wrote it.",
)
HAND_EDITED = ErrorCode(
    Code("HAND_EDITED"), Area.HOST, CheckFailed, "files were edited on the host",
    "The content of the app folder differs from what was last sent, according to its stamp. `deploy`"
    " stops, because it would overwrite the edits. `sync` and `rollback VERSION` warn and keep the"
    " edited files with the earlier trees.",
    "Run `bb8deploy pull` to bring the edits into the workspace, then run again with `--yes` to"
    " overwrite them on the host. `bb8deploy deploy --dry-run --diff` shows them.",
)
HOST_ANSWER_TOO_LONG = ErrorCode(
    Code("HOST_ANSWER_TOO_LONG"), Area.HOST, Refused, "the app folder has far too many files",
    "The list of file names in the app folder is longer than 64 MiB. HA_REMOTE_RUNTIME probably points"
    " at a folder above the app's own, and a sync would delete everything there that is not part of the"
    " app.",
    "Check HA_REMOTE_RUNTIME: it must be the app's own folder, such as /addons/my_app.",
)
HOST_COMMAND_FAILED = ErrorCode(
    Code("HOST_COMMAND_FAILED"), Area.HOST, Refused, "a command on the host failed",
    "A program that bb8deploy started on the host ended before its answer was complete. The lines below"
    " the error are the host's output. Common causes: `sh`, `find`, `tar` or `sha256sum` missing on"
    " PATH, a login shell that forbids commands, or not enough memory.",
    "Run `bb8deploy diagnose` to see which programs the host has, then run the command again. The app folder"
    " is complete, and the next run cleans up first.",
)
HOST_CHANGED = ErrorCode(
    Code("HOST_CHANGED"), Area.HOST, NotVerified, "the app folder changed while the app was built",
    "bb8deploy checked the files on the host again after the build. They differ from those that were"
    " sent, or some were written during the build, even if their content is now the same. The image may"
    " contain the change, so the running content is not proven. A rollback keeps the changed files as"
    " an earlier tree.",
    "Stop any other program that writes to the app folder (Samba, an editor, another tool), then run"
    " `bb8deploy deploy` again.",
)
HOST_DIFFERS = ErrorCode(
    Code("HOST_DIFFERS"), Area.HOST, CheckFailed, "the host has other files than the workspace",
    "`verify` checks the tree on the host. This tree is not the one in the workspace, or it has no"
    " stamp.",
    "Run `bb8deploy deploy`, which sends the files first.",
)
HOST_DISK_FULL = ErrorCode(
    Code("HOST_DISK_FULL"), Area.HOST, CheckFailed, "no space left on the host",
    "The host's disk or the user's quota was full before the new tree was complete. The app folder was"
    " not changed.",
    "Free space on the host, then run again. Old backups and unused images take the most space (Settings,"
    " System, Storage). A sync needs room for one more copy of the app folder.",
)
HOST_DISK_LOW = ErrorCode(
    Code("HOST_DISK_LOW"), Area.HOST, Refused, "the host's disk is nearly full",
    "Less than 5 GB is free on the host. Below 2 GB the Supervisor refuses to install, update or rebuild.",
    "Remove old backups, unused apps and images (Settings, System, Storage).",
)
HOST_HALF_DONE = Symptom(
    Code("HOST_HALF_DONE"), Area.HOST, "an interrupted run left files on the host",
    "Next to the app folder there is an incomplete tree, or the marker of an unfinished swap. The app"
    " folder itself is complete.",
    "Run `bb8deploy deploy`, which cleans up first.",
)
HOST_EDITED_LIVE = ErrorCode(
    Code("HOST_EDITED_LIVE"), Area.HOST, CheckFailed, "the app folder changed during the command",
    "Another program or a user changed the app folder on the host while the command ran, for example"
    " between two transfers of the dev loop. Nothing was overwritten or removed.",
    "Run the command again. It shows the edits; `bb8deploy dev` keeps them as an earlier tree.",
)
HOST_LOCKED = ErrorCode(
    Code("HOST_LOCKED"), Area.HOST, Locked, "another run holds the lock of this app",
    "The lock folder `.bb8deploy/NAME.lock` next to the app folder belongs to another run. The message"
    " names its user, machine, process, command and start time.",
    "Wait for the other run, for example with `--lock-wait SECONDS`. Over ssh the lock is released when"
    " its owner's connection ends. On a share it is taken over when its owner's process on this machine"
    " has ended, or when it expires. `bb8deploy dev` holds the lock, and renews it, until it quits."
    " `bb8deploy unlock` removes the lock of a run that no longer exists.",
)
HOST_MISSING = ErrorCode(
    Code("HOST_MISSING"), Area.HOST, UsageError, "no host is set",
    "Neither `HA_SSH_HOST_ALIAS` nor `HA_MOUNT` is set. `sync`, `deploy` and `verify` need a host;"
    " `validate` and `publish` do not.",
    "Run `bb8deploy init`, or set HA_SSH_HOST_ALIAS or HA_MOUNT in `.env`. `bb8deploy demo` works"
    " without a host.",
)
HOST_SUDO_REFUSED = ErrorCode(
    Code("HOST_SUDO_REFUSED"), Area.HOST, Refused, "sudo asks for a password",
    "`HA_SSH_SUDO` is on, but `sudo -n` on the host needs a password. bb8deploy cannot enter one,"
    " because it has no terminal there.",
    "Allow commands without a password for this user (NOPASSWD), or log in as root. The community SSH"
    " app allows it for its own user.",
)
HOST_SWAP_REFUSED = ErrorCode(
    Code("HOST_SWAP_REFUSED"), Area.HOST, CheckFailed, "the app folder could not be replaced",
    "The new tree was complete, but the host refused to rename the app folder. The earlier tree is back"
    " in place.",
    "Check that the app folder is not a mount point, and that the user can write the folder above it"
    " (HA_SSH_SUDO=yes for non-root users).",
)
HOST_TOOLS_MISSING = Symptom(
    Code("HOST_TOOLS_MISSING"), Area.HOST, "the host lacks tools",
    "The host's PATH lacks one of tar, find, xargs, sha256sum and gzip. The busybox versions are enough.",
    "Log in to Home Assistant's SSH app, which has them, or use the mounted share (HA_MOUNT).",
)
HOST_TREE_MOVING = ErrorCode(
    Code("HOST_TREE_MOVING"), Area.HOST, CheckFailed, "a file on the host could not be hashed",
    "A file was listed but could not be read: it was removed or renamed in the meantime, or the user"
    " may not read it. An incomplete tree cannot be compared.",
    "Check that the user can read the app folder (HA_SSH_SUDO=yes for non-root users) and that no other"
    " program writes there, then run again.",
)
LOCK_LOST = ErrorCode(
    Code("LOCK_LOST"), Area.HOST, CheckFailed, "the lock was lost during the sync",
    "Just before the swap, this run no longer held the lock. Nothing was changed. Either the connection"
    " that held the lock ended, or the lock folder was removed.",
    "Run again. If it happens again, find out who else deploys to this host, and whether the connection"
    " is stable.",
)
MOUNT_CASE_CLASH = ErrorCode(
    Code("MOUNT_CASE_CLASH"), Area.HOST, CheckFailed, "two names differ only in case",
    "The share treats upper and lower case as equal, and the app has two such names. One file would"
    " overwrite the other.",
    "Rename one of the files, or deploy over ssh.",
)
MOUNT_FAILED = ErrorCode(
    Code("MOUNT_FAILED"), Area.HOST, Refused, "a file operation on the share failed",
    "The message gives the file and the reason. If the tree on the host is incomplete, the next run"
    " that gets the lock completes it.",
    "Check that the share is mounted with write permission, then run again.",
)
MOUNT_MISSING = ErrorCode(
    Code("MOUNT_MISSING"), Area.HOST, Unreachable, "the share is not mounted",
    "The folder above `HA_MOUNT` does not exist on this machine, so the share is probably not mounted."
    " bb8deploy does not create it, because it would then write the files to this machine's own disk.",
    "Mount the share, or correct HA_MOUNT to the app's own folder in it. Example:"
    " `/Volumes/addons/my_app`.",
)
MOUNT_NO_LINKS = ErrorCode(
    Code("MOUNT_NO_LINKS"), Area.HOST, CheckFailed, "the share does not support symbolic links",
    "The app contains a symbolic link, and the share refused to create it.",
    "Replace the link with a copy of the file, or deploy over ssh.",
)
MOUNT_STUCK = ErrorCode(
    Code("MOUNT_STUCK"), Area.HOST, Unreachable, "the share does not answer",
    "A simple file operation on the mounted share did not finish in time. If its server is gone, a"
    " share can block every program that uses it for minutes.",
    "Unmount the share (by force if needed), check that the host runs, and mount it again.",
)
MOUNT_TOO_DEEP = ErrorCode(
    Code("MOUNT_TOO_DEEP"), Area.HOST, UsageError, "HA_MOUNT is a mount point",
    "`HA_MOUNT` is the folder where the share is mounted. The new tree is created next to the app"
    " folder and renamed, which does not work across a mount point.",
    "Mount the share that contains the app folder, and set HA_MOUNT to the app's folder in it.",
)
PREVIOUS_MISSING = ErrorCode(
    Code("PREVIOUS_MISSING"), Area.HOST, CheckFailed, "there is no earlier tree on the host",
    "The rollback needs an earlier tree, and the host does not have it. Each sync that changes files"
    " keeps the tree that it replaces, so there is none after the first sync. BB8_KEEP_TREES sets how"
    " many are kept.",
    "Roll back to a tagged version: `bb8deploy rollback VERSION` takes the tree from git.",
)
PULL_CONFLICT = ErrorCode(
    Code("PULL_CONFLICT"), Area.HOST, CheckFailed, "a file was changed here and on the host",
    "`bb8deploy pull` merges the host's edits and the workspace's changes, with the files that were"
    " sent as the base. Both changed the same lines, or changed a file that is binary or was removed on"
    " one side. Only the patch with the host's edits was written.",
    "Merge the files by hand; the message names the patch.",
)
PULL_NO_BASE = ErrorCode(
    Code("PULL_NO_BASE"), Area.HOST, CheckFailed, "the files that were sent to the host are unknown",
    "To find edits on the host, `pull` compares it with the files that were sent, which it recreates"
    " from the workspace or from the commit in the stamp. The stamp is missing, the deploy had"
    " uncommitted changes, or this repository does not have the commit.",
    "Run `git fetch`, or copy the edits by hand: `bb8deploy deploy --dry-run --diff` shows all differences.",
)
PULL_OVER_CHANGES = ErrorCode(
    Code("PULL_OVER_CHANGES"), Area.HOST, CheckFailed, "a pull would overwrite uncommitted work",
    "A file that was edited on the host has uncommitted changes in the workspace. Only the patch with"
    " the host's edits was written.",
    "Commit or stash the changes, then run `bb8deploy pull` again.",
)
REMOVE_INCOMPLETE = ErrorCode(
    Code("REMOVE_INCOMPLETE"), Area.HOST, CheckFailed, "part of the app is still on the host",
    "A check after the removal still found the app in the Supervisor's list, its folder, or its state"
    " folder next to it. REMOVE_OK is not written.",
    "Run `bb8deploy remove` again, which shows what is left and removes it.",
)
REMOVE_UNCONFIRMED = ErrorCode(
    Code("REMOVE_UNCONFIRMED"), Area.HOST, UsageError, "nothing was removed",
    "`bb8deploy remove` shows what it would remove and asks for confirmation. The answer was not yes,"
    " or there is no terminal to ask on.",
    "Answer yes, or use `--yes`; `--dry-run` only shows what would be removed.",
)
RSYNC_FAILED = ErrorCode(
    Code("RSYNC_FAILED"), Area.HOST, CheckFailed, "rsync failed",
    "rsync ended with an error or did not finish in time. It writes only to a staging folder, so the"
    " app folder was not changed. The official SSH app has no rsync; the community SSH app has it for"
    " root only.",
    "Leave out `--via rsync`: the built-in transfer needs only sh, tar, find and sha256sum on the host."
    " rsync's own output is below the error.",
)
RSYNC_MISSING = ErrorCode(
    Code("RSYNC_MISSING"), Area.HOST, UsageError, "rsync is not available",
    "`--via rsync` needs rsync on this machine and an ssh route.",
    "Install rsync, or leave out `--via rsync`.",
)
RUNTIME_FOLDER_MISSING = Symptom(
    Code("RUNTIME_FOLDER_MISSING"), Area.HOST, "the app folder does not exist yet",
    "The folder in `HA_REMOTE_RUNTIME` (or `HA_MOUNT`) does not exist on the host. That is normal"
    " before the first deploy. After it, the setting probably points to the wrong folder.",
    "Run `bb8deploy deploy`, which creates the folder, or correct HA_REMOTE_RUNTIME.",
)
RUNTIME_HAS_GIT = ErrorCode(
    Code("RUNTIME_HAS_GIT"), Area.HOST, CheckFailed, "the app folder is a git repository",
    "There is a `.git` in the app folder on the host, or in a folder below it. Nothing was changed. A"
    " sync would overwrite work in that repository, and `.git` would become part of the image build.",
    "Move the repository out of the app folder, then run again. Edit files in the workspace only.",
)
RUNTIME_NOT_WRITABLE = ErrorCode(
    Code("RUNTIME_NOT_WRITABLE"), Area.HOST, Refused, "the ssh user cannot write next to the app folder",
    "The user cannot write in the folder above the app folder, or in its state folder `.bb8deploy`. A"
    " deploy creates the new tree there and renames it.",
    "Set HA_SSH_SUDO=yes, log in as root, or use the mounted share (HA_MOUNT).",
)
RUNTIME_PARENT_MISSING = ErrorCode(
    Code("RUNTIME_PARENT_MISSING"), Area.HOST, CheckFailed, "the folder for local apps does not exist",
    "The host was reached, but the folder above `HA_REMOTE_RUNTIME` does not exist. The Supervisor"
    " looks for local apps in one folder only and does not see files elsewhere.",
    "Find the folder for local apps on the host: `ls -d /addons /addons/local`. HA_REMOTE_RUNTIME is"
    " that folder plus the app's own, such as /addons/my_app. The SSH app's options must give it access"
    " to the apps' folder.",
)
RUNTIME_NOT_OURS = ErrorCode(
    Code("RUNTIME_NOT_OURS"), Area.HOST, CheckFailed, "the folder on the host is not this app's folder",
    "The folder in HA_REMOTE_RUNTIME or HA_MOUNT exists, but it is not this app's: it has neither a"
    " bb8deploy stamp nor a config file with the app's slug, or it contains config files of other apps."
    " A sync replaces the whole folder, so it would delete everything else in it. Nothing was changed,"
    " and `--yes` does not override this check.",
    "Set HA_REMOTE_RUNTIME (HA_MOUNT for a share) to the app's own folder, such as /addons/my_app. If"
    " the folder is correct, for example after a change of the slug, move its content elsewhere on the"
    " host.",
)
RUNTIME_PATH_INVALID = ErrorCode(
    Code("RUNTIME_PATH_INVALID"), Area.HOST, UsageError, "HA_REMOTE_RUNTIME is not an app folder",
    "The setting must be an absolute path with at least one folder above the app's own, and not in"
    " `.bb8deploy`, which holds the earlier trees. A sync removes everything in this folder that is not part"
    " of the app, so a wrong path could delete other files.",
    "Set HA_REMOTE_RUNTIME to the absolute path of the app folder on the host, such as /addons/my_app.",
)
STAMP_MISSING = Symptom(
    Code("STAMP_MISSING"), Area.HOST, "the app folder has no stamp",
    "There is no build_stamp.json in the app folder: another tool or a user put the files there. Hand"
    " edits cannot be detected, and the app cannot report its digest.",
    "Run `bb8deploy deploy`, which writes a stamp.",
)
SYNC_BLOCKED = ErrorCode(
    Code("SYNC_BLOCKED"), Area.HOST, CheckFailed, "an ignored file is in the way",
    "The workspace has a file where the host has a folder with an ignored file in it. Ignored files on"
    " the host are never deleted.",
    "Move or remove the host's file, then run again.",
)
SYNC_HOST_FAILED = ErrorCode(
    Code("SYNC_HOST_FAILED"), Area.HOST, CheckFailed, "a sync step failed on the host",
    "The new tree could not be created on the host. The app folder was not changed. Most often the user"
    " cannot write next to the app folder.",
    "Read the host's output below the error; for a non-root user set HA_SSH_SUDO=yes.",
)
SYNC_MISMATCH = ErrorCode(
    Code("SYNC_MISMATCH"), Area.HOST, CheckFailed, "the host's files differ from the plan",
    "The swap was done, but the tree on the host, hashed again, differs from the plan. CLEAN_RUNTIME_OK was"
    " not written. Usually another program writes into the folder, such as an editor on the share or a file"
    " sync. `deploy` and `rollback` put the earlier files back, and keep the changed tree as an earlier one;"
    " `sync` leaves it.",
    "Find out which program writes into the app folder, stop it, then run again.",
)
TOPOLOGY_UNREADABLE = ErrorCode(
    Code("TOPOLOGY_UNREADABLE"), Area.HOST, CheckFailed, "the folder of local apps cannot be read",
    "The user cannot read the folder of the local apps, a folder in it, or a config file there; or a"
    " config file is too large (256 KiB, 4 MiB for all). bb8deploy therefore cannot tell whether"
    " another folder uses the same slug.",
    "Make sure that the user can read everything in the folder of local apps (HA_SSH_SUDO=yes for"
    " non-root users). Remove folders that are not apps, and links named `config.yaml`, `config.yml` or"
    " `config.json` that are broken.",
)
TOPOLOGY_WRONG = ErrorCode(
    Code("TOPOLOGY_WRONG"), Area.HOST, CheckFailed, "the local apps on the host have a problem",
    "Another folder uses the same slug, or has a broken config file that contains this slug; the app folder"
    " contains a git repository or a folder that belongs only in the workspace; or the Supervisor pulls an"
    " image although config.yaml has no `image:`. If two folders have the same slug, the Supervisor silently"
    " uses the one that it lists last.",
    "Fix what the message names, then run `bb8deploy verify`.",
)
WORKSPACE_MOVING = ErrorCode(
    Code("WORKSPACE_MOVING"), Area.HOST, CheckFailed, "a file changed during the sync",
    "A file of the app changed between hashing and sending. The host rejected the delivery and keeps"
    " the earlier tree.",
    "Let the editor, formatter or generator finish, then run again.",
)
UNLOCK_UNCONFIRMED = ErrorCode(
    Code("UNLOCK_UNCONFIRMED"), Area.HOST, UsageError, "the lock was not removed",
    "`bb8deploy unlock` shows who holds the lock and asks before it removes it. The answer was not yes, or"
    " there is no terminal to ask on. The lock is unchanged.",
    "Make sure that the run in the message no longer exists, then answer yes or use `--yes`.",
)
