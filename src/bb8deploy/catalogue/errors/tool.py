"""The command line, reports, demo and sandbox: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, Interrupted, Locked, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
AREA_UNKNOWN = ErrorCode(
    Code("AREA_UNKNOWN"), Area.TOOL, UsageError, "there is no such area",
    "The area is not one of those that the message lists.",
    "Use one of the areas in the message, or no area.",
)
BUNDLE_UNWRITABLE = ErrorCode(
    Code("BUNDLE_UNWRITABLE"), Area.TOOL, UsageError, "the archive cannot be written",
    "The file that `--bundle` names cannot be created. The diagnosis itself is in reports/.",
    "Name a file in a folder that you can write to.",
)
CACHE_UNWRITABLE = ErrorCode(
    Code("CACHE_UNWRITABLE"), Area.TOOL, UsageError, "the cache folder cannot be written",
    "bb8deploy keeps environments for tests, image layers and the sandbox in a cache. The folder cannot be"
    " created or written: there is no permission, no space, or a file has this name. Everything in the cache"
    " can be created again.",
    "Set BB8DEPLOY_CACHE to a folder that you can write to.",
)
CODE_UNKNOWN = ErrorCode(
    Code("CODE_UNKNOWN"), Area.TOOL, UsageError, "there is no such code",
    "`bb8deploy explain` was given a code that does not exist.",
    "Run `bb8deploy explain` to list all codes.",
)
DEMO_NO_FOLDER = ErrorCode(
    Code("DEMO_NO_FOLDER"), Area.TOOL, CheckFailed, "the demo's folder cannot be used",
    "The demo clones the app and keeps its host in a scratch folder: reports/demo of the workspace, or the"
    " folder that `--root` names. The folder cannot be created or written; or it has a folder `workspace`,"
    " `host` or `addon-repository.git` that was not made by a demo. A demo would remove it.",
    "Name a new folder that you can write to: `bb8deploy demo --root DIR`.",
)
DEMO_NO_GIT = ErrorCode(
    Code("DEMO_NO_GIT"), Area.TOOL, UsageError, "there is no commit for the demo",
    "The demo clones the workspace with git and releases the clone. This folder is not a git checkout,"
    " or has no commit.",
    "Get the repository with `git clone`, or commit your work, and run `bb8deploy demo` again.",
)
DEMO_NO_RECEIPT = ErrorCode(
    Code("DEMO_NO_RECEIPT"), Area.TOOL, CheckFailed, "the demo's release left no contract",
    "The release ended with exit code 0, but `reports/latest.json` or its contract cannot be read.",
    "Read the output of the release above, check for a full disk, and run `bb8deploy demo` again.",
)
DEMO_RUNNING = ErrorCode(
    Code("DEMO_RUNNING"), Area.TOOL, Locked, "another demo uses the same folder",
    "A running `bb8deploy demo` has locked the scratch folder. A demo takes about a minute.",
    "Wait for the other demo, or use another folder: `bb8deploy demo --root DIR`.",
)
DIAGNOSE_DEADLINE = Symptom(
    Code("DIAGNOSE_DEADLINE"), Area.TOOL, "a check did not finish in time",
    "One part of the diagnosis got no answer in time. The others are reported as usual. Common causes are"
    " a name server, a mounted share, or a host that accepts connections but does not answer.",
    "Check the load of the host, whether its name resolves (`getent hosts NAME`), and whether the share"
    " answers (`ls`).",
)
EVIDENCE_DAMAGED = ErrorCode(
    Code("EVIDENCE_DAMAGED"), Area.TOOL, CheckFailed, "a file of the evidence has changed",
    "A file is missing, or is not what was recorded at the end of the run. If one byte was changed, the"
    " message gives its old value, proven by the hash; larger damage is narrowed to its first 4096 bytes."
    " Added files, links and a renamed folder are reported too. The manifest also contains a hash of its own"
    " text.",
    "Get the folder again from your copy, and find out what changed it.",
)
EVIDENCE_MISSING = ErrorCode(
    Code("EVIDENCE_MISSING"), Area.TOOL, UsageError, "there is no evidence manifest",
    "The folder has no `evidence_manifest.json`. Only a release or publish that finished writes one.",
    "Name the folder of such a run, such as reports/runs/ID.",
)
EVIDENCE_NOT_SIGNED = ErrorCode(
    Code("EVIDENCE_NOT_SIGNED"), Area.TOOL, CheckFailed, "the evidence cannot be signed",
    "`--sign` or BB8_SIGN_KEY asks for a signature with an ssh key (`ssh-keygen -Y sign`, namespace"
    " bb8deploy), but signing failed: there is no key, its passphrase is not available, or OpenSSH is older"
    " than 8.1.",
    "Set BB8_SIGN_KEY to a key that works, such as the public key of one that the ssh agent holds.",
)
EVIDENCE_UNREADABLE = ErrorCode(
    Code("EVIDENCE_UNREADABLE"), Area.TOOL, UsageError, "not a valid evidence manifest",
    "The file is not an `evidence_manifest.json`, or it is damaged. A damaged manifest cannot prove"
    " the other files.",
    "Name a run's folder or its evidence_manifest.json; if it is damaged, get the folder again from"
    " your copy.",
)
INTERNAL = ErrorCode(
    Code("INTERNAL"), Area.TOOL, CheckFailed, "a defect in bb8deploy",
    "bb8deploy met a case that it does not handle. The full traceback is in `reports/runs/RUN/crash.txt`,"
    " without your secrets; for a command without a run, such as `sandbox`, in `crashes/ID/crash.txt` of the"
    " cache folder. Tokens written before the defect remain valid.",
    "Report it with `bb8deploy diagnose --bundle FILE`, and attach crash.txt. BB8DEPLOY_DEBUG=1 shows"
    " the traceback.",
)
INTERRUPTED = ErrorCode(
    Code("INTERRUPTED"), Area.TOOL, Interrupted, "the run was interrupted",
    "Ctrl-C, SIGTERM or SIGHUP stopped the run. Locks were released and child processes stopped. The host has"
    " either the earlier tree or the new one, never a mixture.",
    "Run the same command again. `bb8deploy deploy --resume` and `bb8deploy release --resume` continue"
    " after the last finished step.",
)
JOURNAL_DAMAGED = Symptom(
    Code("JOURNAL_DAMAGED"), Area.TOOL, "lines of a run's journal cannot be read",
    "Lines of `reports/runs/<run id>/journal.jsonl` are not valid, for example after a power failure or an"
    " edit. They are ignored. A lost line may have been the start of another attempt at a step, so a resumed"
    " release repeats every step that finished before it.",
    "You need not do anything: `bb8deploy release --resume` repeats the steps that have to be repeated.",
)
LOGS_FOLLOW_ADDON_ONLY = ErrorCode(
    Code("LOGS_FOLLOW_ADDON_ONLY"), Area.TOOL, UsageError, "only the app's log can be followed",
    "`--follow` and `--supervisor` were given together. The Supervisor's log cannot be followed.",
    "Leave out --follow or --supervisor.",
)
LOGS_FOLLOW_JSON = ErrorCode(
    Code("LOGS_FOLLOW_JSON"), Area.TOOL, UsageError, "a followed log is not one JSON document",
    "`--follow` and `--json` were given together. A JSON document can only be printed when the command ends.",
    "Leave out --follow or --json.",
)
MCP_INPUT_INVALID = ErrorCode(
    Code("MCP_INPUT_INVALID"), Area.TOOL, UsageError, "the input of a tool is not valid",
    "A client of `bb8deploy mcp` called a tool with a field that the tool does not have, or with a value of"
    " another type or form. Nothing was done.",
    "Send the fields of the tool's input schema.",
)
MCP_MISSING = ErrorCode(
    Code("MCP_MISSING"), Area.TOOL, UsageError, "the package mcp is not installed",
    "`bb8deploy mcp` needs the extra `mcp`, which the other commands do not need.",
    "Run `pip install 'bb8deploy[mcp]'`. In a clone of bb8deploy, `requirements-mcp.lock` pins it with"
    " hashes.",
)
MCP_NO_ANSWER = ErrorCode(
    Code("MCP_NO_ANSWER"), Area.TOOL, CheckFailed, "the command of a tool did not answer",
    "`bb8deploy mcp` runs a command for each call of a tool. This one could not be started, or ended without"
    " its JSON document, for example because it was killed. Tokens that it wrote remain valid.",
    "Call `status` to see what is on the host, then call the tool again.",
)
MCP_NO_FOLDER = ErrorCode(
    Code("MCP_NO_FOLDER"), Area.TOOL, UsageError, "the workspace is not a folder",
    "`bb8deploy mcp --workspace DIR` was given a path that does not exist, or that is a file.",
    "Name the folder of your workspace with `--workspace`.",
)
MCP_TOOL_UNKNOWN = ErrorCode(
    Code("MCP_TOOL_UNKNOWN"), Area.TOOL, UsageError, "there is no such tool",
    "A client of `bb8deploy mcp` called a tool that the server does not have.",
    "Use one of the tools that the message lists.",
)
REPORTS_UNWRITABLE = ErrorCode(
    Code("REPORTS_UNWRITABLE"), Area.TOOL, UsageError, "a receipt cannot be written",
    "A file below `reports/` could not be replaced: the disk is full, the folder belongs to another"
    " user, or it is read-only. A run that cannot record its observations stops.",
    'Free space, or take ownership of the folder: `sudo chown -R "$USER" reports`.',
)
REPORT_NO_RUNS = ErrorCode(
    Code("REPORT_NO_RUNS"), Area.TOOL, UsageError, "there is no run to report",
    "There is no folder below `reports/runs/` and no receipt with a run id.",
    "Run `bb8deploy validate`, `bb8deploy deploy` or `bb8deploy demo` first. If you expected runs,"
    " check that you are in the right workspace.",
)
REPORT_RUN_UNKNOWN = ErrorCode(
    Code("REPORT_RUN_UNKNOWN"), Area.TOOL, UsageError, "there is no such run",
    "The id given with `--run` is neither a folder below `reports/runs/` nor in a receipt. An id looks"
    " like `20261123T093000Z-a1b2c3`; every token line has it (`run=`).",
    "Use one of the ids in the message, or leave out `--run` for the newest run.",
)
REPORT_UNREADABLE = ErrorCode(
    Code("REPORT_UNREADABLE"), Area.TOOL, UsageError, "the files of a run are not valid",
    "The journal or a contract of the run cannot be read or is not valid: it was changed, cut off or"
    " damaged. The message names the files.",
    "Report on another run with `bb8deploy report --run ID`. To find out what changed in a released"
    " run, use `bb8deploy verify-evidence reports/runs/ID`.",
)
SIGNERS_UNREADABLE = ErrorCode(
    Code("SIGNERS_UNREADABLE"), Area.TOOL, UsageError, "the list of trusted signers cannot be read",
    "The file that `--allowed-signers` names does not exist, is not UTF-8 text, or you do not have"
    " permission to read it. Without it no signer is trusted, so nothing was checked.",
    "Name a readable file with a line `NAME KEYTYPE KEY` for each signer, as described in ssh-keygen(1)"
    " under ALLOWED SIGNERS.",
)
STDOUT_UNWRITABLE = ErrorCode(
    Code("STDOUT_UNWRITABLE"), Area.TOOL, CheckFailed, "the output cannot be written",
    "The requested document, such as a schema, a log or the JSON of `--json`, could not be written to"
    " stdout: the disk is full, or stdout is closed. Output that cannot be written never stops a deploy: the"
    " command does all of its work, and this error follows at its end.",
    "Free space, or redirect the output to another place.",
)
SANDBOX_APP_NOT_UP = ErrorCode(
    Code("SANDBOX_APP_NOT_UP"), Area.TOOL, CheckFailed, "the app did not come up in the sandbox",
    "`bb8deploy sandbox run` waits until the app runs, its health check has passed, and every `--wait-...`"
    " condition is met; without these options, until its ports listen. The app ended before that, or the"
    " time was too short.",
    "Read the app's last log lines below the message, and correct the app. If they name a program of its base"
    " that is missing, such as bashio, add `--docker`. If the app needs more time, add `--wait SECONDS`. If"
    " another condition shows that the app is up, name it with `--wait-log`, `--wait-port`, `--wait-http`,"
    " `--wait-topic` or `--wait-identity`.",
)
SANDBOX_BROKER_FAILED = ErrorCode(
    Code("SANDBOX_BROKER_FAILED"), Area.TOOL, CheckFailed, "mosquitto does not start",
    "The sandbox starts a private mosquitto on a free port. It exited at once, or did not answer.",
    "Run `mosquitto -v` to see why, or remove mosquitto: the sandbox has its own broker.",
)
SANDBOX_BROKER_MISSING = ErrorCode(
    Code("SANDBOX_BROKER_MISSING"), Area.TOOL, CheckFailed, "the sandbox has no MQTT broker",
    "The demo and the sandbox start an MQTT broker: mosquitto if it is installed, otherwise the broker from"
    " the extra `demo`. Neither is installed.",
    "Run `pip install 'bb8deploy[demo]'`, or install mosquitto with the system's package manager.",
)
SANDBOX_COMMAND_MISSING = ErrorCode(
    Code("SANDBOX_COMMAND_MISSING"), Area.TOOL, UsageError, "the command cannot be run",
    "The command after `--` of `bb8deploy sandbox run` names a program that is not on PATH or is not"
    " executable.",
    "Check the name of the program; write `--` before the command.",
)
SANDBOX_NOT_RUNNING = ErrorCode(
    Code("SANDBOX_NOT_RUNNING"), Area.TOOL, UsageError, "no sandbox runs in this folder",
    "No sandbox was started with `--detach` for this folder, or it has ended.",
    "Start one with `bb8deploy sandbox up`, or give its folder with --root.",
)
SANDBOX_NO_APP = ErrorCode(
    Code("SANDBOX_NO_APP"), Area.TOOL, UsageError, "the folder is not an app",
    "The sandbox installs an app from its folder, and reads its slug from config.yaml, config.yml or"
    " config.json. There is no such file, or it has no slug.",
    "Name the app's folder, the one with config.yaml and the Dockerfile. `bb8deploy validate` checks it.",
)
SANDBOX_NO_DOCKER = ErrorCode(
    Code("SANDBOX_NO_DOCKER"), Area.TOOL, UsageError, "Docker does not answer",
    "`--docker` builds and runs apps with Docker, but there is no `docker` on PATH, or its engine did"
    " not answer `docker version` within a minute.",
    "Start Docker (`docker info` must answer), or leave out `--docker` to run apps as processes. If the"
    " engine is not at the default socket, set DOCKER_HOST.",
)
SANDBOX_NO_FOLDER = ErrorCode(
    Code("SANDBOX_NO_FOLDER"), Area.TOOL, CheckFailed, "the sandbox's folder cannot be used",
    "The sandbox keeps its host in a folder below the cache folder, or in the one that `--root` names. It"
    " cannot be created or written, or it is a file.",
    "Name a folder that you can write to: `bb8deploy sandbox up --root DIR`.",
)
SANDBOX_OPTION_INVALID = ErrorCode(
    Code("SANDBOX_OPTION_INVALID"), Area.TOOL, UsageError, "an option of the command is wrong",
    "`--option` takes NAME=VALUE, with a YAML value such as `true`, `3` or `[a, b]` that the app's `schema`"
    " allows; `--wait-log` takes a regular expression; `--wait-port` and `--wait-http` take a port that"
    " `ports` in config.yaml names.",
    "Correct the option that the message names.",
)
SANDBOX_PORT_IN_USE = ErrorCode(
    Code("SANDBOX_PORT_IN_USE"), Area.TOOL, CheckFailed, "a port of the app is in use",
    "With `--docker`, and on a machine without user namespaces, apps use this machine's own network. Another"
    " program, or another sandbox, listens on a port of the app.",
    "Stop the other program. If this machine allows user namespaces, leave out `--docker`: each app then has"
    " a network of its own.",
)
SANDBOX_REFUSED = ErrorCode(
    Code("SANDBOX_REFUSED"), Area.TOOL, CheckFailed, "the sandbox's Supervisor refused",
    "A call to the Supervisor of the sandbox failed: a build error, options that do not fit the schema,"
    " or an unknown app. A real host would refuse it too.",
    "Read the message and the log lines below it, correct the app or the value of `--option`, and run again.",
)
SANDBOX_RUNNING = ErrorCode(
    Code("SANDBOX_RUNNING"), Area.TOOL, Locked, "a sandbox already runs in this folder",
    "The folder has the state of a sandbox whose process is alive.",
    "Stop it with `bb8deploy sandbox down`, or use another folder with --root.",
)
SANDBOX_SITUATION_UNKNOWN = ErrorCode(
    Code("SANDBOX_SITUATION_UNKNOWN"), Area.TOOL, UsageError, "there is no such situation",
    "`--situation` takes a name, and for `not-ready` and `core-booting` a duration: `not-ready=20`.",
    "Run `bb8deploy sandbox situations` to list all names.",
)
SANDBOX_START_FAILED = ErrorCode(
    Code("SANDBOX_START_FAILED"), Area.TOOL, CheckFailed, "the sandbox did not start",
    "The background process did not report its settings in time.",
    "Run `bb8deploy sandbox up` without --detach to see its output.",
)
SCHEMA_UNKNOWN = ErrorCode(
    Code("SCHEMA_UNKNOWN"), Area.TOOL, UsageError, "there is no such schema",
    "A schema has the name of its contract; `config` is the schema for config.yaml.",
    "Run `bb8deploy schema` to list all names.",
)
USAGE_INVALID = ErrorCode(
    Code("USAGE_INVALID"), Area.TOOL, UsageError, "the command line is not valid",
    "An option or argument is unknown, missing, or has a value that is not allowed. Nothing was done.",
    "Run the command with `--help` to see its options.",
)
