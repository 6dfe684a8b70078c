"""The installed app and its robot: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, NotVerified, Unreachable, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
ADDON_DIED = ErrorCode(
    Code("ADDON_DIED"), Area.APP, NotVerified, "the app does not stay started",
    "The app started and then stopped or failed, at once or during the settle time. The Supervisor"
    " returns 200 for a start even if the container exits at once, so bb8deploy checks the state again.",
    "Read the container's last log lines below the error; `bb8deploy logs -n 500` shows more.",
)
ADDON_NOT_INSTALLED = ErrorCode(
    Code("ADDON_NOT_INSTALLED"), Area.APP, CheckFailed, "the app is listed but not installed",
    "Home Assistant lists the app as a local app that is not installed. It cannot be started or rebuilt"
    " before it is installed.",
    "Run `bb8deploy deploy`, which installs the app. If another slug is installed, set HA_REMOTE_SLUG"
    " to it.",
)
ADDON_NOT_IN_STORE = Symptom(
    Code("ADDON_NOT_IN_STORE"), Area.APP, "the Supervisor does not list the app",
    "The Supervisor has no app with this slug, or its store entry is gone (the app is detached). Common"
    " causes: the app folder has no config.yaml, the Supervisor cannot read it, or the store was not"
    " reloaded after the files arrived.",
    "Run `bb8deploy validate`, then `bb8deploy deploy`, which sends the files and reloads the store.",
)
ADDON_RESTARTS = ErrorCode(
    Code("ADDON_RESTARTS"), Area.APP, NotVerified, "the app restarts again and again",
    "The app reported its identity twice during the settle time: it exited, and the watchdog started it"
    " again.",
    "Read the container's last log lines below the error; `bb8deploy logs -n 500` shows more.",
)
ADDON_STOPPED = Symptom(
    Code("ADDON_STOPPED"), Area.APP, "the app is stopped",
    "The app is installed but not running. The message shows the last line of its log.",
    "Start the app in Home Assistant, or run `bb8deploy deploy`. If it stops again, see `bb8deploy"
    " logs`.",
)
BUILD_FAILED = ErrorCode(
    Code("BUILD_FAILED"), Area.APP, NotVerified, "the image could not be built",
    "The Supervisor's build failed; its output is below the error and in the verify contract. After a"
    " failed update, the earlier version still runs. A failed rebuild leaves the app down until the"
    " rollback or the next build, because a rebuild removes the container first.",
    "Fix the problem in the build output, such as a missing package, the network or the base image,"
    " then run again.",
)
FILES_NOT_BUILT = Symptom(
    Code("FILES_NOT_BUILT"), Area.APP, "the files are on the host but not in the running app",
    "The app folder has another version or digest than the installed or running app. The app uses new"
    " files only after an update or a rebuild. A restart runs the old image, even if the Supervisor"
    " returns HTTP 200.",
    "Run `bb8deploy deploy`, which updates or rebuilds the app and waits for its identity.",
)
FILES_NOT_SYNCED = Symptom(
    Code("FILES_NOT_SYNCED"), Area.APP, "the host has another version of the files",
    "The version in config.yaml here is not the one in the app folder on the host.",
    "Run `bb8deploy deploy`, which sends the files and hashes them again on the host.",
)
IDENTITY_DIFFERS = ErrorCode(
    Code("IDENTITY_DIFFERS"), Area.APP, NotVerified, "the running app is not the tree that was sent",
    "The running app reported a version, digest or run that differs from what was synced. Another"
    " deploy ran in between, or the image was not built from these files.",
    "Make sure that no other program deploys to this host, then run `bb8deploy deploy` again.",
)
CHECK_FAILED = ErrorCode(
    Code("CHECK_FAILED"), Area.APP, NotVerified, "a smoke check of the project did not pass",
    "The app runs, but one of the smoke checks in the settings did not get the expected result."
    " After a deploy this counts as a failed verification, so the earlier version is restored.",
    "Fix the app, or the check in pyproject.toml or bb8deploy.toml; `bb8deploy test --on-host` runs only"
    " the checks.",
)
SEAL_DIFFERS = ErrorCode(
    Code("SEAL_DIFFERS"), Area.APP, NotVerified, "the image was not built from the files that were sent",
    "The builder hashed the files in the app's folder on the host, and some differ from those that the"
    " sync sent: something else wrote to the folder between the sync and the end of the build.",
    "Make sure that nothing else writes to the app's folder on the host, then run `bb8deploy deploy` again.",
)
SEAL_MISSING = ErrorCode(
    Code("SEAL_MISSING"), Area.APP, NotVerified, "the image has no seal",
    "This deploy uses a seal as its proof: the build compares its files with those that were sent. The"
    " running image has none, because the base image lacks a tool such as sha256sum, or the builder did"
    " not use the generated Dockerfile.",
    "Deploy with `--verify stamp` if the app reports its build_stamp.json, otherwise with `--verify"
    " running`.",
)
VERIFY_IMPOSSIBLE = ErrorCode(
    Code("VERIFY_IMPOSSIBLE"), Area.APP, CheckFailed, "the app does not support the requested level of proof",
    "BB8_VERIFY or `--verify` requests a seal, but nothing in the image can report it: bb8deploy cannot"
    " determine the entry point or a shell from the Dockerfile.",
    "Leave the level at `auto`, which uses the strongest level that the app supports.",
)
IDENTITY_MISSING = ErrorCode(
    Code("IDENTITY_MISSING"), Area.APP, NotVerified, "the app does not report its identity",
    "The app runs, but it has logged no IDENTITY line since it started. Version numbers and exit codes"
    " do not show what is in the image, so VERIFY_OK is skipped: the app is deployed but not verified.",
    "Copy build_stamp.json in the Dockerfile and make the app log an IDENTITY line from it at startup."
    " The line is `IDENTITY version= tree= commit= run= python=`.",
)
IDENTITY_STALE = ErrorCode(
    Code("IDENTITY_STALE"), Area.APP, NotVerified, "the app has not reported its identity since the update",
    "The app used to report its identity, and the Supervisor reports that it installed the new version,"
    " but the app has not reported again. If the log has new lines, the app fails before it reports. If"
    " not, the earlier container probably still runs.",
    "Fix the problem in the container's log lines, then run again; if there are none, see `bb8deploy"
    " logs --supervisor`.",
)
JOB_UNFINISHED = ErrorCode(
    Code("JOB_UNFINISHED"), Area.APP, Unreachable, "the Supervisor's job did not finish in time",
    "The call returned no answer, and the Supervisor's job list still had a job for the app at the end"
    " of BB8_BUILD_DEADLINE (for a start, three minutes). Either version may be running when the job"
    " ends, so nothing is rolled back.",
    "Wait until `ha jobs info` shows no job for the app, then run `bb8deploy deploy --resume`. For a"
    " slow host, increase BB8_BUILD_DEADLINE.",
)
OPTIONS_INVALID = ErrorCode(
    Code("OPTIONS_INVALID"), Area.APP, CheckFailed, "the new version could not start with the app's options",
    "The new schema requires an option that has no value, or refuses a value that was given. bb8deploy"
    " checks this before the build, because the Supervisor checks options only at the start, after the"
    " new version is installed. Nothing was built.",
    "Deploy again with `--option KEY=VALUE`, which sets the option after the update and before the start.",
)
OPTIONS_NOT_SET = ErrorCode(
    Code("OPTIONS_NOT_SET"), Area.APP, CheckFailed, "the Supervisor does not report the options that were set",
    "The options were sent and accepted, but the values that were read back differ: another user or program"
    " changed them in the meantime, or this Supervisor does not support one of the settings.",
    "Run `bb8deploy options get` to see the current values, then run again.",
)
OPTIONS_REFUSED = ErrorCode(
    Code("OPTIONS_REFUSED"), Area.APP, CheckFailed, "the app's schema refuses the options",
    "Options are checked before they are set, against the schema of the installed version and by the"
    " Supervisor. Nothing was changed.",
    "Give the option a value that fits `schema` in config.yaml.",
)
PUT_IN_REFUSED = ErrorCode(
    Code("PUT_IN_REFUSED"), Area.APP, NotVerified, "the Supervisor refused the install or update",
    "The install, update or rebuild failed before a build started. The host still runs the earlier version.",
    "Fix the cause that the message names, such as another architecture, a missing store entry or a rate"
    " limit of the registry.",
)
ROBOT_ABSENT = Symptom(
    Code("ROBOT_ABSENT"), Area.APP, "the robot cannot be found",
    "The app receives no signal from the robot: it is asleep, out of range, or connected to a phone."
    " Commands wait or expire.",
    "Put the robot on its charger for a moment, close the Sphero app on phones, or move it nearer to"
    " the adapter.",
)
ROBOT_BATTERY = Symptom(
    Code("ROBOT_BATTERY"), Area.APP, "the robot's battery is low",
    "The robot reported a low or critical battery at its last connection. It will fall asleep soon, and"
    " weak motors can look like a fault.",
    "Put the robot on its charger.",
)
ROBOT_HELD = Symptom(
    Code("ROBOT_HELD"), Area.APP, "another device is connected to the robot",
    "The robot is in range but refuses the connection, because it accepts only one at a time. The app"
    " cannot drive, stop or wake it.",
    "Close the Sphero app, and turn off Bluetooth on phones that drove the robot.",
)
ROBOT_NOT_ASKED = Symptom(
    Code("ROBOT_NOT_ASKED"), Area.APP, "the app did not report the robot's state",
    "The app is online but did not answer `ble_ready` in time. It hangs, or it is an older version"
    " without this command.",
    "See `bb8deploy logs`, and restart the app if it logs nothing.",
)
ROBOT_NO_ADAPTER = Symptom(
    Code("ROBOT_NO_ADAPTER"), Area.APP, "the host's Bluetooth cannot be used",
    "The app finds no adapter, or the adapter is off, or the host's Bluetooth service does not answer."
    " The message quotes the app.",
    "Turn on Bluetooth, plug in an adapter, or correct the option `adapter`, then restart the app.",
)
ROBOT_WEAK = Symptom(
    Code("ROBOT_WEAK"), Area.APP, "the robot's signal is weak",
    "The signal is weaker than -85 dBm. Commands get lost, and the connection breaks while the robot"
    " drives.",
    "Move the robot nearer, or use an extension cable to move the adapter away from USB 3 devices.",
)
REBUILD_UNCONFIRMED = ErrorCode(
    Code("REBUILD_UNCONFIRMED"), Area.APP, NotVerified, "it is unknown whether the rebuild was done",
    "The call for the rebuild ended without an answer. The version is the same before and after, and"
    " the app reports no identity, so bb8deploy cannot tell whether a new container runs.",
    "Run `bb8deploy deploy` again, which rebuilds the app.",
)
ROLLBACK_NO_TAG = ErrorCode(
    Code("ROLLBACK_NO_TAG"), Area.APP, UsageError, "there is no such tag",
    "A rollback by version takes the tree from a git tag, and the repository has no tag with this name.",
    "Run `git fetch --tags`, and name a version from `git tag`.",
)
ROLLBACK_UNPROVABLE = ErrorCode(
    Code("ROLLBACK_UNPROVABLE"), Area.APP, CheckFailed, "the earlier tree cannot be proven",
    "The earlier files are back on the host, but their stamp is missing or does not match them (hand"
    " edits). There is nothing to compare the running app with, so ROLLBACK_OK is not written.",
    "Check the app in Home Assistant, or run `bb8deploy rollback VERSION`.",
)
RUN_SH_MISSING = Symptom(
    Code("RUN_SH_MISSING"), Area.APP, "run.sh is not in the container",
    "The app folder has no run.sh, or the Dockerfile does not copy it, or the app itself reports that"
    " it is missing. Without it the container exits at once or runs nothing.",
    "Copy run.sh to /usr/src/app/run.sh in the Dockerfile, then run `bb8deploy deploy`.",
)
START_REFUSED = ErrorCode(
    Code("START_REFUSED"), Area.APP, NotVerified, "the Supervisor cannot start the app",
    "The new version is installed, but the start failed: invalid options, a port in use, or no image."
    " Options are checked only at the start.",
    "Fix the cause that the message names: set the options, free the port, or fix the defaults in"
    " config.yaml.",
)
