"""Files and folders on the host: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, Locked, NotVerified, Refused, Unreachable, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
CACHE_IN_RUNTIME = Symptom(
    Code("CACHE_IN_RUNTIME"), Area.HOST, "caches in the app folder",
    "The app folder on the host has caches of Python or of test tools, such as `__pycache__`. They"
    " often belong to another user, so that rsync fails with `Permission denied`, and they become part"
    " of the image build.",
    "Remove the caches on the host. bb8deploy neither sends nor deletes ignored files; a"
    " `.dockerignore` keeps them out of the image.",
)
CLOCK_SKEW = Symptom(
    Code("CLOCK_SKEW"), Area.HOST, "the clocks differ",
    "The clocks of the host and of this machine differ by more than ten seconds. Versions by date, the"
    " expiry of tokens, certificates and the order of log lines depend on the time.",
    "Let both machines set their clock by NTP (Settings, System, Date and time in Home Assistant OS).",
)
FILES_AHEAD = Symptom(
    Code("FILES_AHEAD"), Area.HOST, "a file on the host has a time in the future",
    "A file below the Supervisor's local root has a time ahead of the host's clock. The Supervisor reads"
    " local apps again only if the newest time there has changed, so such a file hides every older"
    " change. A deploy sets an even later time on the config file, but the Supervisor does not notice"
    " changes by other tools.",
    "Run `touch` on the file on the host, and check the clock of the machine that wrote it.",
)
HAND_EDITED = ErrorCode(
    Code("HAND_EDITED"), Area.HOST, CheckFailed, "files were edited on the host",
    "The content of the app folder differs from what was sent last, according to its stamp. `deploy` stops,"
    " because it would overwrite the edits. `sync` and `rollback VERSION` warn and keep the edited"
    " files with the earlier trees.",
    "Run `bb8deploy pull` to bring the edits into the workspace, then run with `--yes` to overwrite them on the"
    " host. `bb8deploy deploy --dry-run --diff` shows them.",
)
HOST_ANSWER_TOO_LONG = ErrorCode(
    Code("HOST_ANSWER_TOO_LONG"), Area.HOST, Refused, "the app folder has far too many files",
    "The list of file names in the app folder is longer than 64 MiB. HA_REMOTE_RUNTIME probably points"
    " at a folder above the app's own, and a sync would delete what is not part of the app.",
    "Check HA_REMOTE_RUNTIME: it must be the app's own folder, such as /addons/my_app.",
)
HOST_COMMAND_FAILED = ErrorCode(
    Code("HOST_COMMAND_FAILED"), Area.HOST, Refused, "a command on the host failed",
    "A program that bb8deploy started on the host ended before its answer was complete. The lines below"
    " the error are the host's output. Common causes: `sh`, `find`, `tar` or `sha256sum` missing on"
    " PATH, a login shell that forbids commands, or not enough memory.",
    "Run `bb8deploy diagnose` to see what the host offers, then run the command again. The app folder"
    " is complete, and the next run cleans up first.",
)
HOST_CHANGED = ErrorCode(
    Code("HOST_CHANGED"), Area.HOST, NotVerified, "the app folder changed while the app was built",
    "The files on the host were looked at again after the build. They are not those that were sent, or some"
    " were written in the meantime, even if they are as before now. The image may hold the change, so the"
    " content that runs is not proven. A rollback keeps the changed files as an earlier tree.",
    "Stop what else writes to the app folder (Samba, an editor, another tool), then run `bb8deploy deploy`"
    " again.",
)
HOST_DIFFERS = ErrorCode(
    Code("HOST_DIFFERS"), Area.HOST, CheckFailed, "the host has other files than the workspace",
    "`verify` checks the tree that is on the host. This tree is not the one in the workspace, or has no"
    " stamp.",
    "Run `bb8deploy deploy`, which sends the files first.",
)
HOST_DISK_FULL = ErrorCode(
    Code("HOST_DISK_FULL"), Area.HOST, CheckFailed, "no space left on the host",
    "The host's disk, or the user's quota, was full before the new tree was complete. The app folder"
    " was not changed.",
    "Free space on the host, then run again. Old backups and unused images take the most space (Settings,"
    " System, Storage). A sync needs room for one more copy of the app folder.",
)
HOST_DISK_LOW = ErrorCode(
    Code("HOST_DISK_LOW"), Area.HOST, Refused, "the host's disk is nearly full",
    "Less than 5 GB are free on the host. Below 2 GB the Supervisor refuses to install, update or"
    " rebuild.",
    "Remove old backups, unused apps and images (Settings, System, Storage).",
)
HOST_HALF_DONE = Symptom(
    Code("HOST_HALF_DONE"), Area.HOST, "an interrupted run left files on the host",
    "Next to the app folder there is an incomplete tree, or the mark of an unfinished swap. The app"
    " folder itself is complete.",
    "Run `bb8deploy deploy`, which cleans up first.",
)
HOST_EDITED_LIVE = ErrorCode(
    Code("HOST_EDITED_LIVE"), Area.HOST, CheckFailed, "the app folder changed during the command",
    "Between two looks of one command, such as two transfers of the dev loop, another program or a user"
    " changed the app folder on the host. Nothing was overwritten or removed.",
    "Run the command again. It shows the edits; `bb8deploy dev` keeps them as an earlier tree.",
)
HOST_LOCKED = ErrorCode(
    Code("HOST_LOCKED"), Area.HOST, Locked, "another run holds the lock of this app",
    "The lock folder `.bb8deploy/NAME.lock` next to the app folder belongs to another run. The message"
    " names its user, machine, process, command and start time.",
    "Wait for the other run, with `--lock-wait SECONDS`. Over ssh the lock is released when its owner's"
    " connection ends. On a share it is taken over when its owner's process on this machine has ended, or"
    " when it expires. `bb8deploy unlock` removes the lock of a run that no longer exists.",
)
HOST_MISSING = ErrorCode(
    Code("HOST_MISSING"), Area.HOST, UsageError, "no host is set",
    "Neither `HA_SSH_HOST_ALIAS` nor `HA_MOUNT` is set. sync, deploy and verify need a host; validate"
    " and publish do not.",
    "Run `bb8deploy init`, or set HA_SSH_HOST_ALIAS or HA_MOUNT in `.env`. `bb8deploy demo` shows"
    " everything without a host.",
)
HOST_SUDO_REFUSED = ErrorCode(
    Code("HOST_SUDO_REFUSED"), Area.HOST, Refused, "sudo asks for a password",
    "`HA_SSH_SUDO` is on, but `sudo -n` on the host needs a password. There is no terminal there to"
    " type it into.",
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
    "A file was listed but could not be read: it was removed or renamed meanwhile, or the user has no"
    " permission. A partly read tree cannot be compared.",
    "Check that the user can read the app folder (HA_SSH_SUDO=yes for non-root users) and that no other"
    " program writes there, then run again.",
)
LOCK_LOST = ErrorCode(
    Code("LOCK_LOST"), Area.HOST, CheckFailed, "the lock was lost during the sync",
    "Just before the swap the host found that this run no longer holds the lock. Nothing was changed."
    " Either the connection that held the lock ended, or the lock folder was removed.",
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
    Code("MOUNT_FAILED"), Area.HOST, Refused, "a file call on the share failed",
    "The message gives the file and the reason. The tree on the host is complete, or the next run that"
    " takes the lock completes it.",
    "Check that the share is mounted with write permission, then run again.",
)
MOUNT_MISSING = ErrorCode(
    Code("MOUNT_MISSING"), Area.HOST, Unreachable, "the share is not mounted",
    "The folder above `HA_MOUNT` does not exist on this machine, so the share is probably not mounted."
    " bb8deploy does not create it, because the files would then be on this machine's own disk.",
    "Mount the share, or correct HA_MOUNT to the app's own folder in it. Example:"
    " `/Volumes/addons/my_app`.",
)
MOUNT_NO_LINKS = ErrorCode(
    Code("MOUNT_NO_LINKS"), Area.HOST, CheckFailed, "the share has no symbolic links",
    "The app has a symbolic link, and the share refused to create one.",
    "Replace the link by a copy of the file, or deploy over ssh.",
)
MOUNT_STUCK = ErrorCode(
    Code("MOUNT_STUCK"), Area.HOST, Unreachable, "the share does not answer",
    "A simple file call on the mounted share did not return in time. A share whose server is gone"
    " blocks every program that touches it, for minutes.",
    "Unmount the share (by force if needed), check that the host runs, and mount it again.",
)
MOUNT_TOO_DEEP = ErrorCode(
    Code("MOUNT_TOO_DEEP"), Area.HOST, UsageError, "HA_MOUNT is a mount point",
    "`HA_MOUNT` is the folder where the share is mounted. The new tree is created next to the app"
    " folder and renamed, which does not work across a mount point.",
    "Mount the share that contains the app folder, and set HA_MOUNT to the folder in it.",
)
PREVIOUS_MISSING = ErrorCode(
    Code("PREVIOUS_MISSING"), Area.HOST, CheckFailed, "there is no earlier tree on the host",
    "A rollback wanted an earlier tree that the host does not keep. Each sync that changes files keeps the"
    " tree before it, so there is none after the first sync. BB8_KEEP_TREES sets how many are kept.",
    "Roll back to a tagged version: `bb8deploy rollback VERSION` takes the tree from git.",
)
PULL_CONFLICT = ErrorCode(
    Code("PULL_CONFLICT"), Area.HOST, CheckFailed, "a file was changed here and on the host",
    "`bb8deploy pull` merges the host's edits with the workspace's by what was sent. Both changed the same lines,"
    " or one of them a binary file or a removed one. Nothing was written but the patch with the host's edits.",
    "Merge the files by hand; the message names the patch.",
)
PULL_NO_BASE = ErrorCode(
    Code("PULL_NO_BASE"), Area.HOST, CheckFailed, "it is not known what was sent to the host",
    "Edits on the host are found by comparison with what was sent, which is made again from the workspace or"
    " from the commit in the stamp. The stamp is missing, or the deploy was made from a workspace with"
    " uncommitted changes, or from a commit that this repository does not have.",
    "Run `git fetch`, or copy the edits by hand: `bb8deploy deploy --dry-run --diff` shows all differences.",
)
PULL_OVER_CHANGES = ErrorCode(
    Code("PULL_OVER_CHANGES"), Area.HOST, CheckFailed, "a pull would overwrite uncommitted work",
    "A file that was edited on the host has changes in the workspace that git does not have. Nothing was"
    " written but the patch with the host's edits.",
    "Commit or stash the changes, then run `bb8deploy pull` again.",
)
REMOVE_INCOMPLETE = ErrorCode(
    Code("REMOVE_INCOMPLETE"), Area.HOST, CheckFailed, "a part of the app is still on the host",
    "After the removal the host was looked at again, and a part of the app was still there: the app in the"
    " Supervisor's list, its folder, or the state folder beside it. REMOVE_OK is not written.",
    "Run `bb8deploy remove` again, which shows what is left and goes on from there.",
)
REMOVE_UNCONFIRMED = ErrorCode(
    Code("REMOVE_UNCONFIRMED"), Area.HOST, UsageError, "nothing was removed",
    "`bb8deploy remove` shows what it is about to remove, and does so only after a yes. Without a terminal"
    " there is no question, and so no yes.",
    "Answer yes, or use `--yes`; `--dry-run` shows what would be removed.",
)
RSYNC_FAILED = ErrorCode(
    Code("RSYNC_FAILED"), Area.HOST, CheckFailed, "rsync failed",
    "rsync ended with an error or did not finish in time. It only fills a staging folder, so the app"
    " folder was not changed. The official SSH app has no rsync; the community one has it for root.",
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
    "There is no folder at `HA_REMOTE_RUNTIME` (or `HA_MOUNT`) on the host. That is normal before the"
    " first deploy. Later it means that the setting points elsewhere.",
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
    Code("RUNTIME_NOT_OURS"), Area.HOST, CheckFailed, "the folder on the host belongs to something else",
    "The folder that HA_REMOTE_RUNTIME or HA_MOUNT names exists, and it is not the folder of this app: it"
    " has neither a stamp of bb8deploy nor a config file with the app's slug, or it holds config files of"
    " other apps. A sync replaces the whole folder, so every other app in it would be gone. Nothing was"
    " changed, and `--yes` does not override this check.",
    "Set HA_REMOTE_RUNTIME (HA_MOUNT for a share) to the app's own folder, such as /addons/my_app. If the"
    " folder is the right one, for example after a change of the slug, move its content away on the host.",
)
RUNTIME_PATH_INVALID = ErrorCode(
    Code("RUNTIME_PATH_INVALID"), Area.HOST, UsageError, "HA_REMOTE_RUNTIME is not an app folder",
    "The setting must be an absolute path with at least one folder above the app's own. A sync removes"
    " everything in this folder that is not part of the app, so a wrong path does damage.",
    "Set HA_REMOTE_RUNTIME to the absolute path of the app folder on the host, such as /addons/my_app.",
)
STAMP_MISSING = Symptom(
    Code("STAMP_MISSING"), Area.HOST, "the app folder has no stamp",
    "There is no build_stamp.json in the app folder: another tool or a person filled it. Hand edits"
    " cannot be detected, and the app cannot report its digest.",
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
    "The swap was done, but the tree on the host, hashed again, differs from the plan. CLEAN_RUNTIME_OK"
    " was not written. Usually another program writes into the folder, such as an editor on the share"
    " or a file sync.",
    "Find out which program writes into the app folder, stop it, then run again.",
)
TOPOLOGY_UNREADABLE = ErrorCode(
    Code("TOPOLOGY_UNREADABLE"), Area.HOST, CheckFailed, "the folder of local apps cannot be read",
    "The user cannot read the folder of the local apps, a folder in it, or a config file there; or a"
    " config file is too large (256 KiB, 4 MiB for all). Whether another folder uses the same slug is"
    " then unknown.",
    "Make sure that the user can read all of the local apps' folder (HA_SSH_SUDO=yes for non-root"
    " users). Remove folders that are not apps, and links named `config.yaml`, `config.yml` or"
    " `config.json` that lead nowhere.",
)
TOPOLOGY_WRONG = ErrorCode(
    Code("TOPOLOGY_WRONG"), Area.HOST, CheckFailed, "the app's folder on the host is not as it should be",
    "Another folder uses the same slug, or has a broken config file that names it; the app folder has a"
    " repository or a workspace-only folder; or the Supervisor pulls an image although config.yaml has"
    " no `image:`. With two folders of one slug the Supervisor silently uses the one that it lists last.",
    "Remove what does not belong there, then run `bb8deploy verify`.",
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
    "Make sure that the run in the message no longer exists, then answer yes or give `--yes`.",
)
