"""The Supervisor and Home Assistant Core: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import CheckFailed, Code, NotVerified, Refused, Unreachable, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode, Symptom

# fmt: off
HA_CLI_MISSING = ErrorCode(
    Code("HA_CLI_MISSING"), Area.SUPERVISOR, Refused, "the host has no `ha` command",
    "The ssh login works, but the shell does not find `ha`. Home Assistant's SSH apps have it; the"
    " host's own shell on port 22222 and other Linux machines may not.",
    "Log in to Home Assistant's SSH app, or set HA_URL and HA_LLAT.",
)
HA_TLS = Symptom(
    Code("HA_TLS"), Area.SUPERVISOR, "no trusted connection to Home Assistant",
    "The certificate of `HA_URL` is not trusted on this machine or is for another host, or `HA_CA_FILE`"
    " cannot be read. bb8deploy sends the token only over trusted connections.",
    "Set HA_CA_FILE to the certificate of the authority that signed it (PEM), and use the certificate's"
    " host name in HA_URL.",
)
HA_TOKEN_REFUSED = ErrorCode(
    Code("HA_TOKEN_REFUSED"), Area.SUPERVISOR, Refused, "Home Assistant does not accept the token",
    "The token in HA_LLAT was deleted, is mistyped, or belongs to another installation.",
    "Create a new token in the profile of an administrator and set HA_LLAT to it. Or save it in"
    " secrets.yaml under the name in HA_LLAT_KEY.",
)
HA_UNREACHABLE = ErrorCode(
    Code("HA_UNREACHABLE"), Area.SUPERVISOR, Unreachable, "Home Assistant does not answer",
    "bb8deploy could not connect to `HA_URL` in time. Without ssh there is no other route to the"
    " Supervisor; with ssh, a deploy does not need it.",
    "Check that Home Assistant runs and that HA_URL is its address from this machine, with the port.",
)
HA_URL_INVALID = ErrorCode(
    Code("HA_URL_INVALID"), Area.SUPERVISOR, UsageError, "HA_URL is not an address",
    "`HA_URL` must consist of http or https, a host and optionally a port, without a path.",
    "Write HA_URL as http://HOST:8123, without a path.",
)
HA_URL_MISSING = Symptom(
    Code("HA_URL_MISSING"), Area.SUPERVISOR, "a token without an address",
    "`HA_LLAT` has a long-lived token, but `HA_URL` is empty, so the routes through Core cannot be used.",
    "Set HA_URL, such as http://homeassistant.local:8123. Remove the token if you use ssh only.",
)
HOST_OFFLINE = ErrorCode(
    Code("HOST_OFFLINE"), Area.SUPERVISOR, Refused, "the host has no internet connection",
    "The Supervisor does not install, update or rebuild apps while the host is offline: each build asks"
    " the registry for its base image.",
    "Connect the host to the internet; `ha network info` shows its state.",
)
IMAGE_SAME_VERSION = ErrorCode(
    Code("IMAGE_SAME_VERSION"), Area.SUPERVISOR, CheckFailed, "this version is already installed from a published image",
    "config.yaml names an `image:`, and this version is installed. A rebuild does not replace a pulled"
    " image, so changed content with the same version never reaches the app.",
    "Release a new version, or remove `image:` from config.yaml to build on the host.",
)
LISTED_OTHER = ErrorCode(
    Code("LISTED_OTHER"), Area.SUPERVISOR, CheckFailed,
    "the Supervisor does not list the version that was sent",
    "After the reload, the store lists another version. Either the Supervisor read another folder with"
    " the same slug, or it did not read the file again, because a reload compares only file times. If"
    " restoring the earlier tree also fails, the exit code is 4.",
    "Look for a second folder with the same slug on the host, check the host's clock, and run again.",
)
NOT_LISTED = ErrorCode(
    Code("NOT_LISTED"), Area.SUPERVISOR, CheckFailed, "the Supervisor does not list the app",
    "After the reload the store has no entry for the app, or the installed copy is detached from the"
    " store. Common causes are a config.yaml that the Supervisor cannot read, and a wrong"
    " HA_REMOTE_SLUG. If restoring the earlier tree also fails, the exit code is 4.",
    "Run `bb8deploy validate`, and check HA_REMOTE_SLUG (`local_` plus `slug` in config.yaml) and"
    " HA_REMOTE_RUNTIME.",
)
PROFILE_SAME_VERSION = ErrorCode(
    Code("PROFILE_SAME_VERSION"), Area.SUPERVISOR, CheckFailed, "apparmor.txt changed at the same version",
    "A rebuild does not load the AppArmor profile; only an install or an update does. The app would run"
    " with its old permissions. If this run replaced the files, it restored the earlier ones.",
    "Release a new version: `bb8deploy release patch`.",
)
ROUTE_CLOSED = Symptom(
    Code("ROUTE_CLOSED"), Area.SUPERVISOR, "one route to the Supervisor does not work",
    "One of the configured routes to the Supervisor failed, but another works. If that one fails too,"
    " no route is left. The ssh route is the fastest.",
    "For `ha`, use an SSH app with the manager role and HA_SSH_SUDO=yes for a non-root user; for Core,"
    " use an administrator's token.",
)
ROUTE_MISSING = ErrorCode(
    Code("ROUTE_MISSING"), Area.SUPERVISOR, UsageError, "no route to the Supervisor is set",
    "Neither ssh, nor `HA_URL` with a token, nor `SUPERVISOR_TOKEN` is set, so the app cannot be built"
    " or started. Copying files alone does not change the running app.",
    "Set HA_SSH_HOST_ALIAS, or HA_URL and HA_LLAT.",
)
ROUTE_ONLY_SERVICE = ErrorCode(
    Code("ROUTE_ONLY_SERVICE"), Area.SUPERVISOR, NotVerified, "only Core's restart service is available",
    "No route can read the app's state or log. Core's service only restarts the installed image, which"
    " does not contain new files, so VERIFY_OK and the other tokens of lane 3 are skipped.",
    "Use an administrator's HA_LLAT, or an SSH app with the manager role.",
)
SECRETS_INVALID = ErrorCode(
    Code("SECRETS_INVALID"), Area.SUPERVISOR, UsageError, "secrets.yaml is not valid",
    "secrets.yaml (in the app's folder here, or at `HA_SECRETS_PATH` on the host) is not a YAML mapping"
    " of names to values. bb8deploy reads the long-lived token from it, under the name in HA_LLAT_KEY,"
    " and never shows its content.",
    "Write one `name: value` per line, or set HA_LLAT in .env and remove the file.",
)
SLUG_ELSEWHERE = Symptom(
    Code("SLUG_ELSEWHERE"), Area.SUPERVISOR, "HA_REMOTE_SLUG names another app",
    "The slug in the host's config.yaml and `HA_REMOTE_SLUG` do not match: for a local app,"
    " HA_REMOTE_SLUG is `local_` plus the slug in config.yaml. bb8deploy would ask the Supervisor about"
    " a different app.",
    "Remove HA_REMOTE_SLUG, or correct it.",
)
SSH_USER_WITHOUT_TOKEN = Symptom(
    Code("SSH_USER_WITHOUT_TOKEN"), Area.SUPERVISOR, "the ssh user has no Supervisor token",
    "`ha` returns 401 or 403 for this user. The SSH apps set the token only in root's environment.",
    "Set HA_SSH_SUDO=yes, or log in as root.",
)
STORE_NOT_RELOADED = Symptom(
    Code("STORE_NOT_RELOADED"), Area.SUPERVISOR, "the Supervisor lists another version",
    "The version in the host's config.yaml is not the one that the Supervisor lists. The Supervisor"
    " reads local apps only at a store reload, and only if a file is newer than before; `ha addons"
    " reload` does not reload the store.",
    "Run `bb8deploy deploy`, which reloads the store and reads the listed version back.",
)
SUPERVISOR_BUSY = Symptom(
    Code("SUPERVISOR_BUSY"), Area.SUPERVISOR, "jobs are running",
    "The Supervisor is running an update, a backup or an install. It runs one job per app at a time,"
    " and some jobs block all others.",
    "Wait until the jobs are done, then run `bb8deploy deploy`.",
)
INGRESS_MISSING = ErrorCode(
    Code("INGRESS_MISSING"), Area.SUPERVISOR, CheckFailed, "the app has no ingress",
    "A smoke check requests a page through ingress, but the installed app has no `ingress: true` in its"
    " config.",
    "Set the container's `port` in the check, or turn on ingress in config.yaml.",
)
SUPERVISOR_DENIED = ErrorCode(
    Code("SUPERVISOR_DENIED"), Area.SUPERVISOR, Refused, "the Supervisor refused the token",
    "The Supervisor returned 401 (no token) or 403 (wrong token, or a role without this permission)."
    " Non-root users of the community SSH app have no token in their environment, and the `default`"
    " role can only read.",
    "Use an SSH app with the manager role (for a non-root user set HA_SSH_SUDO=yes), or an"
    " administrator's HA_LLAT.",
)
SUPERVISOR_ISSUES = Symptom(
    Code("SUPERVISOR_ISSUES"), Area.SUPERVISOR, "the Supervisor reports issues",
    "The resolution center has open issues. Some of them, such as a full disk or a corrupt repository,"
    " can make builds fail.",
    "See Settings, System, Repairs in Home Assistant, or `ha resolution info`.",
)
SUPERVISOR_NO_ANSWER = ErrorCode(
    Code("SUPERVISOR_NO_ANSWER"), Area.SUPERVISOR, Unreachable, "the Supervisor did not answer",
    "The connection was lost or the deadline passed. The job may still be running: the Supervisor"
    " finishes a job even if its client disconnects.",
    "Wait until `ha jobs info` on the host shows no job for the app, then run the same command again.",
)
SUPERVISOR_OUTDATED = ErrorCode(
    Code("SUPERVISOR_OUTDATED"), Area.SUPERVISOR, Refused, "the Supervisor must be updated first",
    "An update of the Supervisor is pending. Until it is installed, the Supervisor refuses to reload the store"
    " and to install, update or rebuild apps.",
    "Run `ha supervisor update` on the host, then run the command again.",
)
SUPERVISOR_PULLS = Symptom(
    Code("SUPERVISOR_PULLS"), Area.SUPERVISOR, "the Supervisor pulls an image instead of building",
    "config.yaml has `image:`, or the Supervisor's log shows a failed pull. With `image:`, it never"
    " builds the files in the app folder. A `build:` block does not change this: the Supervisor builds"
    " only if `image:` is missing.",
    "Remove `image:` from config.yaml, then run `bb8deploy deploy`.",
)
SUPERVISOR_SAID_NO = ErrorCode(
    Code("SUPERVISOR_SAID_NO"), Area.SUPERVISOR, CheckFailed, "the Supervisor refused a request",
    "The Supervisor returned an error, which the message quotes. It did not do what was requested.",
    "Fix the cause in the message; `bb8deploy logs --supervisor` shows more.",
)
SUPERVISOR_UNHEALTHY = ErrorCode(
    Code("SUPERVISOR_UNHEALTHY"), Area.SUPERVISOR, Refused, "the Supervisor is unhealthy",
    "The Supervisor does not install, update or rebuild apps while it is unhealthy, short of disk space"
    " or offline. The app is not the cause.",
    "Fix the problem that `ha resolution info` names, often the disk or the internet connection, then"
    " run again.",
)
SUPERVISOR_UNSUPPORTED = Symptom(
    Code("SUPERVISOR_UNSUPPORTED"), Area.SUPERVISOR, "the installation is unsupported",
    "Home Assistant reports this installation as unsupported, for the reasons shown. The Supervisor"
    " still builds apps.",
    "See Settings, System, Repairs in Home Assistant.",
)
TOKEN_EXPIRES = Symptom(
    Code("TOKEN_EXPIRES"), Area.SUPERVISOR, "the long-lived token expires soon",
    "The token expires within 30 days, or has expired. Home Assistant refuses an expired token.",
    "Create a new token in the profile of an administrator and set HA_LLAT to it.",
)
TOKEN_NOT_ADMIN = ErrorCode(
    Code("TOKEN_NOT_ADMIN"), Area.SUPERVISOR, Refused, "the token does not belong to an administrator",
    "Home Assistant accepts the token, but Core gives access to the Supervisor to administrators only.",
    "Create a token in the profile of an administrator and set HA_LLAT to it.",
)
TOKEN_NOT_FOUND = Symptom(
    Code("TOKEN_NOT_FOUND"), Area.SUPERVISOR, "the token is not in the secrets file",
    "`HA_SECRETS_PATH` names a secrets file, but neither it nor `HA_LLAT` has the token under the key"
    " `HA_LLAT_KEY`. The routes through Core cannot be used.",
    "Set HA_LLAT in .env, or add the key to the secrets file. Never put a token in the app's folder.",
)
