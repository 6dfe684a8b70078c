"""The installed app and its robot: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, NotVerified, Unreachable, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
ADDON_DIED = ErrorCode(
    Code("ADDON_DIED"), Area.APP, NotVerified, "the app does not stay started",
    "It was started and then stopped or failed, at once or during the settle time. The Supervisor"
    " returns 200 for a start even if the container exits at once, so bb8deploy checks the state again.",
    "Read the container's last log lines below the error; `bb8deploy logs -n 500` shows more.",
)
ADDON_NOT_INSTALLED = ErrorCode(
    Code("ADDON_NOT_INSTALLED"), Area.APP, CheckFailed, "the app is listed, but not installed",
    "Home Assistant lists the app as a local one and shows Install instead of Start. It cannot be"
    " started or rebuilt before it is installed.",
    "Run `bb8deploy deploy`, which installs the app. If another slug is installed, set HA_REMOTE_SLUG"
    " to it.",
)
ADDON_NOT_IN_STORE = Symptom(
    Code("ADDON_NOT_IN_STORE"), Area.APP, "the Supervisor does not list the app",
    "The Supervisor has no app with this slug, or its store entry is gone (the app is detached). Either"
    " the app folder has no config.yaml, or the Supervisor cannot read it, or the store has not been"
    " reloaded since then.",
    "Run `bb8deploy validate`, then `bb8deploy deploy`, which sends the files and reloads the store.",
)
ADDON_RESTARTS = ErrorCode(
    Code("ADDON_RESTARTS"), Area.APP, NotVerified, "the app restarts again and again",
    "During the settle time it reported its identity a second time: it exited and the watchdog started"
    " it again.",
    "Read the container's last log lines below the error; `bb8deploy logs -n 500` shows more.",
)
ADDON_STOPPED = Symptom(
    Code("ADDON_STOPPED"), Area.APP, "the app is stopped",
    "The app is installed and does not run. The message has the last line of its log.",
    "Start the app in Home Assistant, or run `bb8deploy deploy`. If it stops again, see `bb8deploy"
    " logs`.",
)
BUILD_FAILED = ErrorCode(
    Code("BUILD_FAILED"), Area.APP, NotVerified, "the image could not be built",
    "The Supervisor's build failed; its output is below the error and in the verify contract. After a"
    " failed update the earlier version still runs. A rebuild removes the container first, so the app"
    " is down until the rollback or the next build.",
    "Fix what the build output names, such as a package, the network or the base image, then run again.",
)
FILES_NOT_BUILT = Symptom(
    Code("FILES_NOT_BUILT"), Area.APP, "the files are on the host, but not in the running app",
    "The app folder has another version or digest than the installed or running app. New files are used"
    " only after an update or a rebuild. A restart runs the old image, and its HTTP 200 does not show"
    " which content runs.",
    "Run `bb8deploy deploy`, which updates or rebuilds the app and waits for its identity.",
)
FILES_NOT_SYNCED = Symptom(
    Code("FILES_NOT_SYNCED"), Area.APP, "the host has another version of the files",
    "The version in config.yaml here is not the one in the app folder on the host.",
    "Run `bb8deploy deploy`, which sends the files and hashes them again on the host.",
)
IDENTITY_DIFFERS = ErrorCode(
    Code("IDENTITY_DIFFERS"), Area.APP, NotVerified, "another tree runs than the one that was sent",
    "The running app reported another version, digest or run than the one that was synced. Another"
    " deploy came in between, or the image was not built from these files.",
    "Make sure that no other program deploys to this host, then run `bb8deploy deploy` again.",
)
CHECK_FAILED = ErrorCode(
    Code("CHECK_FAILED"), Area.APP, NotVerified, "a smoke check of the project did not pass",
    "The app runs, but one of the checks in `[tool.bb8deploy.checks]` did not get the answer that it"
    " expects. After a deploy this is a failed verification, so the earlier version is restored.",
    "Fix the app, or the check in pyproject.toml or bb8deploy.toml; `bb8deploy test --on-host` runs only"
    " the checks.",
)
SEAL_DIFFERS = ErrorCode(
    Code("SEAL_DIFFERS"), Area.APP, NotVerified, "the image was built from other files than were sent",
    "The builder hashed the files in the app's folder on the host, and some were not those that the sync had"
    " sent: another process wrote there between the sync and the end of the build.",
    "Make sure that nothing else writes to the app's folder on the host, then run `bb8deploy deploy` again.",
)
SEAL_MISSING = ErrorCode(
    Code("SEAL_MISSING"), Area.APP, NotVerified, "the build has not compared the files that it was given",
    "The deploy was to be proven by a seal, but the running image has none: the base image lacks a tool for"
    " it, such as sha256sum, or the builder did not use the generated Dockerfile.",
    "Deploy with `--verify stamp` if the app reports its build_stamp.json, else with `--verify running`.",
)
VERIFY_IMPOSSIBLE = ErrorCode(
    Code("VERIFY_IMPOSSIBLE"), Area.APP, CheckFailed, "the app does not allow the proof that was asked for",
    "BB8_VERIFY or `--verify` asks for a seal, but nothing can report it: the entry point, or a shell in the"
    " image, is not known from the Dockerfile.",
    "Leave the level at `auto`, which takes the strongest that the app allows.",
)
IDENTITY_MISSING = ErrorCode(
    Code("IDENTITY_MISSING"), Area.APP, NotVerified, "the app does not report its identity",
    "The app runs, but its log has no IDENTITY line since the start. Version numbers and exit codes do"
    " not show what is in the image, so VERIFY_OK is skipped: the app is deployed, not verified.",
    "Copy build_stamp.json in the Dockerfile and let the app log an IDENTITY line from it at its start."
    " The line is `IDENTITY version= tree= commit= run= python=`.",
)
IDENTITY_STALE = ErrorCode(
    Code("IDENTITY_STALE"), Area.APP, NotVerified, "the app has not reported its identity since the update",
    "The app used to report its identity, and the Supervisor reports that it installed the new version,"
    " but no new report came. If the log has new lines, the app fails before it reports. If not, the"
    " earlier container probably still runs.",
    "Fix what the container's log lines name; without any, see `bb8deploy logs --supervisor`, then run"
    " again.",
)
JOB_UNFINISHED = ErrorCode(
    Code("JOB_UNFINISHED"), Area.APP, Unreachable, "the Supervisor's job did not finish in time",
    "The call returned no answer, and the Supervisor's job list still had a job for the app at the end"
    " of BB8_BUILD_DEADLINE (for a start, three minutes). Either version may run in the end, so nothing"
    " is rolled back.",
    "Wait until `ha jobs info` shows no job for the app, then run `bb8deploy deploy --resume`. For a"
    " slow host set a longer BB8_BUILD_DEADLINE.",
)
OPTIONS_INVALID = ErrorCode(
    Code("OPTIONS_INVALID"), Area.APP, CheckFailed, "the new version could not start with the app's options",
    "The new schema has a required option without a value, or refuses one that was given. The Supervisor"
    " checks options only at the start, after the new version is installed. Nothing was built.",
    "Deploy again with `--option KEY=VALUE`, which sets the option after the update and before the start.",
)
OPTIONS_NOT_SET = ErrorCode(
    Code("OPTIONS_NOT_SET"), Area.APP, CheckFailed, "the Supervisor reports other options than were set",
    "The options were sent and accepted, but a second look shows other values: another user or program set"
    " them meanwhile, or this Supervisor does not know a setting.",
    "Run `bb8deploy options get` to see the present values, then run again.",
)
OPTIONS_REFUSED = ErrorCode(
    Code("OPTIONS_REFUSED"), Area.APP, CheckFailed, "the app's schema refuses the options",
    "The options were checked before they were set, by the schema of the installed version and by the"
    " Supervisor. Nothing was changed.",
    "Give the option a value that fits `schema` in config.yaml.",
)
PUT_IN_REFUSED = ErrorCode(
    Code("PUT_IN_REFUSED"), Area.APP, NotVerified, "the Supervisor refused the install or update",
    "Install, update or rebuild returned an error before a build started. The host runs what it ran"
    " before.",
    "Fix the cause in the message: another architecture, a missing store entry, or a rate limit of the"
    " registry.",
)
ROBOT_ABSENT = Symptom(
    Code("ROBOT_ABSENT"), Area.APP, "the robot is not heard",
    "The app does not hear the robot: it is asleep, out of range, or connected to a phone. Commands"
    " wait or expire.",
    "Put the robot on its charger once, close the Sphero app on phones, or move it nearer to the"
    " adapter.",
)
ROBOT_BATTERY = Symptom(
    Code("ROBOT_BATTERY"), Area.APP, "the robot's battery is low",
    "The robot reported a low or critical battery at its last connection. It falls asleep soon, and"
    " weak motors look like a fault.",
    "Put the robot on its charger.",
)
ROBOT_HELD = Symptom(
    Code("ROBOT_HELD"), Area.APP, "another device is connected to the robot",
    "The robot is heard but refuses the connection: it accepts one at a time. The bridge cannot drive,"
    " stop or wake it.",
    "Close the Sphero app, and turn off Bluetooth on phones that drove the robot.",
)
ROBOT_NOT_ASKED = Symptom(
    Code("ROBOT_NOT_ASKED"), Area.APP, "the app did not answer the question about the robot",
    "The bridge is online, but did not answer `ble_ready` in time. It hangs, or it is an older version"
    " without this command.",
    "See `bb8deploy logs`, and restart the app if it logs nothing.",
)
ROBOT_NO_ADAPTER = Symptom(
    Code("ROBOT_NO_ADAPTER"), Area.APP, "the host's Bluetooth cannot be used",
    "The app finds no adapter, or the adapter is off, or the host's Bluetooth service does not answer."
    " The message quotes the app.",
    "Turn on Bluetooth, plug in an adapter, or correct the option adapter, then restart the app.",
)
ROBOT_WEAK = Symptom(
    Code("ROBOT_WEAK"), Area.APP, "the robot's signal is weak",
    "The signal is weaker than -85 dBm. Commands get lost, and the connection breaks while the robot"
    " drives.",
    "Move the robot nearer, or use an extension cable to move the adapter away from USB 3 devices.",
)
REBUILD_UNCONFIRMED = ErrorCode(
    Code("REBUILD_UNCONFIRMED"), Area.APP, NotVerified, "it is not known whether the rebuild was done",
    "The call for the rebuild ended without an answer. The version is the same before and after, and the app"
    " reports no identity, so nothing shows whether a new container runs.",
    "Run `bb8deploy deploy` again, which rebuilds the app.",
)
ROLLBACK_NO_TAG = ErrorCode(
    Code("ROLLBACK_NO_TAG"), Area.APP, UsageError, "there is no such tag",
    "A rollback by version takes the tree from a git tag, and the workspace has none with this name.",
    "Run `git fetch --tags`, and name a version from `git tag`.",
)
ROLLBACK_UNPROVABLE = ErrorCode(
    Code("ROLLBACK_UNPROVABLE"), Area.APP, CheckFailed, "the earlier tree cannot be proven",
    "The earlier files are back on the host, but their stamp is missing or does not match them (hand"
    " edits). What runs could not be compared with anything, so ROLLBACK_OK is not written.",
    "Check the app in Home Assistant, or run `bb8deploy rollback VERSION`.",
)
RUN_SH_MISSING = Symptom(
    Code("RUN_SH_MISSING"), Area.APP, "run.sh is not in the container",
    "The app folder has no run.sh, or the Dockerfile does not copy it, or the app itself reports that"
    " it is missing. Without it the container exits at once or runs nothing.",
    "Let the Dockerfile copy run.sh to /usr/src/app/run.sh, then run `bb8deploy deploy`.",
)
START_REFUSED = ErrorCode(
    Code("START_REFUSED"), Area.APP, NotVerified, "the Supervisor cannot start the app",
    "The new version is installed, but the start failed: invalid options, a port in use, or no image."
    " Options are checked only at the start.",
    "Fix the cause in the message: set the options, free the port, or fix the defaults in config.yaml.",
)
