"""Settings and first setup: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import Code, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
OPTION_INVALID = ErrorCode(
    Code("OPTION_INVALID"), Area.SETTINGS, UsageError, "an option of the app is not key=value",
    "`--option` and `options set` take the name of an option of the app and its value, as JSON or as text.",
    "Write `KEY=VALUE`, such as `options set port=1883` or `deploy --option port=1883`.",
)
OPTIONS_FILE_INVALID = ErrorCode(
    Code("OPTIONS_FILE_INVALID"), Area.SETTINGS, UsageError, "an options file is not valid",
    "The file for `bb8deploy options apply` can have only the keys options, network, boot, watchdog,"
    " auto_update and ingress_panel. The message names what is wrong. Nothing was sent to the host.",
    "Correct the file; docs/operate.md describes it.",
)
ENV_EXISTS = ErrorCode(
    Code("ENV_EXISTS"), Area.SETTINGS, UsageError, "`.env` exists",
    "`bb8deploy init` found a `.env` (or `.env.NAME` for a target), and does not change the file without a"
    " confirmation. It may contain the only copy of a token.",
    "Run again and answer yes, or use `--yes`. bb8deploy changes only the settings that it asks for, and"
    " keeps all other lines. For a second host run `bb8deploy init --target NAME`.",
)
ENV_IN_GIT = ErrorCode(
    Code("ENV_IN_GIT"), Area.SETTINGS, UsageError, "git would commit the secrets",
    "`bb8deploy init` was about to save a token or password in a file that git tracks, or that a rule in"
    " .gitignore includes again. The next commit would publish it. Nothing was written.",
    "Take the file out of git with `git rm --cached .env` (and renew secrets that were committed), remove"
    " the rule that includes it, then run `bb8deploy init` again.",
)
ENV_READABLE = Symptom(
    Code("ENV_READABLE"), Area.SETTINGS, "other users can read .env",
    "The settings file can be read or written by other users of this machine. It may contain the long-lived"
    " token and the broker's password.",
    "Run `chmod 600 .env`.",
)
ENV_UNREADABLE = ErrorCode(
    Code("ENV_UNREADABLE"), Area.SETTINGS, UsageError, "a settings file cannot be read",
    "`.env`, or a target's `.env.NAME`, cannot be read: you do not have permission, it is not UTF-8 text, it"
    " is a folder or a broken link, or a line is not NAME=value. Without this file the deploy would use"
    " other settings, perhaps another host.",
    "Save the file as readable UTF-8 text with one NAME=value per line. Some editors on Windows save as"
    " UTF-16 by default.",
)
ENV_UNWRITABLE = ErrorCode(
    Code("ENV_UNWRITABLE"), Area.SETTINGS, UsageError, "the settings cannot be saved",
    "`.env` or `.gitignore` could not be written into the workspace. The earlier file, if any, is"
    " unchanged.",
    "Get write permission for the workspace's folder, or free disk space, and run `bb8deploy init`"
    " again.",
)
ENV_VALUE_INVALID = ErrorCode(
    Code("ENV_VALUE_INVALID"), Area.SETTINGS, UsageError, "a value cannot be saved in `.env`",
    "The answer has more than one line, or contains a character that is not printable. Every setting is one"
    " line of `.env`.",
    "Give the value as one line of plain text. Often a line break was copied together with a token.",
)
GROUP_INVALID = ErrorCode(
    Code("GROUP_INVALID"), Area.SETTINGS, UsageError, "a group of targets is not valid",
    "`[groups]` in bb8deploy.toml gives a name to a list of targets. This group is not a list of names,"
    " contains a target without a `.env.NAME`, has the same name as a target, or has a value of the wrong"
    " type. No host was contacted.",
    "Correct the group; docs/settings.md describes it.",
)
GROUP_NOT_TAKEN = ErrorCode(
    Code("GROUP_NOT_TAKEN"), Area.SETTINGS, UsageError, "the command does not accept a group",
    "`--target` names a group of bb8deploy.toml, but the command works with one host. No host was contacted.",
    "Name one target of the group. The commands deploy, diagnose, history, rollback, status and verify"
    " accept a group.",
)
INSTANCE_INVALID = ErrorCode(
    Code("INSTANCE_INVALID"), Area.SETTINGS, UsageError, "the instance cannot be named or placed",
    "`--as NAME` makes NAME part of the slug, which names the folder, the container and its host. `--ports"
    " drop` opens no port on the host; `--ports +1000` adds 1000 to each port. The highest port is 65535.",
    "Use lower-case letters, digits and single `_` in the name, and `--ports drop` or `--ports +N`.",
)
INIT_NO_TERMINAL = ErrorCode(
    Code("INIT_NO_TERMINAL"), Area.SETTINGS, UsageError, "init needs a terminal",
    "`bb8deploy init` asks questions, but stdin or stderr is not a terminal.",
    "Use `bb8deploy init --non-interactive` with `--set NAME=VALUE`, and secrets in the environment."
    " Through ssh, get a terminal with `ssh -t`.",
)
INIT_SECRET_ON_COMMAND_LINE = ErrorCode(
    Code("INIT_SECRET_ON_COMMAND_LINE"), Area.SETTINGS, UsageError, "a secret on the command line",
    "`--set` was given a secret such as HA_LLAT or MQTT_PASSWORD. Every user of this machine can read"
    " command lines, and the shell saves them. Treat the value as known to others and replace it.",
    "Set the secret in the environment, or let `bb8deploy init` ask for it.",
)
INIT_SETTING_UNKNOWN = ErrorCode(
    Code("INIT_SETTING_UNKNOWN"), Area.SETTINGS, UsageError, "--set names an unknown setting",
    "The name before `=` is not the name of a setting, or there is no `=`.",
    "Run `bb8deploy config` to list all settings. `.env.example` describes each one.",
)
SETTINGS_EMPTY = Symptom(
    Code("SETTINGS_EMPTY"), Area.SETTINGS, "nothing is set",
    "There is no .env in the workspace, and no setting of bb8deploy in the environment.",
    "Run `bb8deploy init`, which asks for each setting and checks the answer.",
)
SETTING_INVALID = ErrorCode(
    Code("SETTING_INVALID"), Area.SETTINGS, UsageError, "a setting has the wrong kind of value",
    "A number, yes or no, or a path was expected. The message names the setting and its origin: a file,"
    " the environment or an option.",
    "Correct the value; `bb8deploy config` shows each setting with its value and origin. An environment"
    " variable wins over the files. docs/settings.md describes each setting.",
)
SETTING_MISSING = ErrorCode(
    Code("SETTING_MISSING"), Area.SETTINGS, UsageError, "a required setting is not set",
    "The command needs a setting that has no default; the message names it.",
    "Set it in `.env`, in `.env.NAME` for a target, or in the environment. `bb8deploy config` shows"
    " each setting with its origin.",
)
SETTING_UNKNOWN = Symptom(
    Code("SETTING_UNKNOWN"), Area.SETTINGS, "an unknown setting",
    "A file sets a name that looks like a setting of bb8deploy but is not one. It is probably misspelt"
    " and has no effect.",
    "Correct the name; `bb8deploy config` lists all settings.",
)
TARGET_UNKNOWN = ErrorCode(
    Code("TARGET_UNKNOWN"), Area.SETTINGS, UsageError, "there is no such target",
    "`--target NAME` reads `.env.NAME` in addition to `.env`, and there is no such file in the workspace."
    " The message lists the targets that exist. Using `.env` alone would deploy to a host other than the one"
    " you named.",
    "Correct the name, or run `bb8deploy init --target NAME`. Settings that all hosts share can stay in"
    " `.env`.",
)
