"""The table of settings: each key of `.env` with its purpose, default, aliases and kind."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "float", "port", "bool", "path", "count"]
_OWN_PREFIXES = ("HA_", "MQTT_", "BB8_", "REMOTE_")


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its name in `.env`, its purpose, its default, and whether it is a secret.

    `project` is its name in bb8deploy.toml, empty if it belongs to one machine or is a secret.
    """

    name: str
    help: str
    default: str = ""
    example: str = ""
    secret: bool = False
    aliases: tuple[str, ...] = ()
    kind: Kind = "text"
    project: str = ""


HA_SSH_HOST_ALIAS = Key(
    "HA_SSH_HOST_ALIAS",
    "the host over ssh: an alias of ~/.ssh/config or [user@]host[:port]",
    example="root@homeassistant.local",
    aliases=("REMOTE_HOST_ALIAS",),
)
HA_SSH_KEY = Key("HA_SSH_KEY", "private key file; default: the keys of ssh's configuration", kind="path")
HA_SSH_KNOWN_HOSTS = Key(
    "HA_SSH_KNOWN_HOSTS", "known_hosts file; default: the files of ssh's configuration", kind="path"
)
HA_SSH_CONNECT_TIMEOUT = Key(
    "HA_SSH_CONNECT_TIMEOUT", "seconds to reach the host", default="10", kind="float"
)
HA_SSH_SUDO = Key(
    "HA_SSH_SUDO", "run host commands through sudo -n (non-root users)", default="no", kind="bool"
)
HA_REMOTE_RUNTIME = Key(
    "HA_REMOTE_RUNTIME",
    "the app's folder on the host; {slug} is replaced by the app's slug",
    example="/addons/beep_boop_bb8",
)
HA_REMOTE_SLUG = Key("HA_REMOTE_SLUG", "the app's slug on the host; default: local_<slug of config.yaml>")
HA_SECRETS_PATH = Key("HA_SECRETS_PATH", "secrets.yaml on the host, read over ssh if there is none here")
HA_URL = Key("HA_URL", "Home Assistant's address", example="http://homeassistant.local:8123")
HA_LLAT = Key("HA_LLAT", "long-lived access token of an administrator", secret=True)
HA_LLAT_KEY = Key("HA_LLAT_KEY", "name of the token's key in secrets.yaml", default="HA_LLAT_KEY")
HA_CA_FILE = Key("HA_CA_FILE", "certificate authority of HA_URL", kind="path")
HA_MOUNT = Key("HA_MOUNT", "the app's folder on the host, mounted here (Samba)", kind="path")
HA_CONFIG_MOUNT = Key("HA_CONFIG_MOUNT", "the host's config folder, mounted here", kind="path")
HA_REPORTS_DIR = Key("HA_REPORTS_DIR", "folder for receipts on the host", default="/config/reports")
HA_PUBLISH_REMOTE = Key(
    "HA_PUBLISH_REMOTE",
    "git remote (name, path or URL) of the repository that users add",
    project="publish_remote",
)
HA_PUBLISH_BRANCH = Key(
    "HA_PUBLISH_BRANCH", "branch of HA_PUBLISH_REMOTE", default="main", project="publish_branch"
)
HA_IMAGE = Key(
    "HA_IMAGE",
    "image name for publishing; {slug} is replaced by the app's slug",
    example="registry.example/you/beep_boop_bb8",
    project="image",
)
HA_IMAGE_CACHE = Key(
    "HA_IMAGE_CACHE",
    "repository in which image builds keep their layers; {slug} is replaced by the app's slug",
    example="registry.example/you/beep_boop_bb8-cache",
    project="image_cache",
)
MQTT_HOST = Key("MQTT_HOST", "MQTT broker for the attestation, by the name that this machine uses")
MQTT_PORT = Key("MQTT_PORT", "port of the broker", default="1883", kind="port")
MQTT_USERNAME = Key("MQTT_USERNAME", "user name for the broker")
MQTT_PASSWORD = Key("MQTT_PASSWORD", "password for the broker", secret=True)
MQTT_TLS = Key("MQTT_TLS", "use TLS for the connection to the broker", default="no", kind="bool")
MQTT_CA_FILE = Key("MQTT_CA_FILE", "certificate authority of the broker", kind="path")
MQTT_BASE_TOPIC = Key("MQTT_BASE_TOPIC", "the app's base topic", default="bb8")
SUPERVISOR_URL = Key(
    "SUPERVISOR_URL",
    "address of the Supervisor, if bb8deploy runs inside Home Assistant",
    default="http://supervisor",
)
SUPERVISOR_TOKEN = Key(
    "SUPERVISOR_TOKEN", "token for the Supervisor, if bb8deploy runs inside Home Assistant", secret=True
)
BB8_BUILD_DEADLINE = Key(
    "BB8_BUILD_DEADLINE", "seconds that a build on the host may take", default="1800", kind="float"
)
BB8_SETTLE_SECONDS = Key(
    "BB8_SETTLE_SECONDS", "seconds that the app must stay started", default="5", kind="float"
)
BB8_KEEP_TREES = Key(
    "BB8_KEEP_TREES", "earlier trees that the host keeps for rollback", default="3", kind="count"
)
BB8_LOCK_WAIT = Key(
    "BB8_LOCK_WAIT", "seconds to wait for another run that holds the host's lock", default="0", kind="float"
)
BB8_SIGN_KEY = Key(
    "BB8_SIGN_KEY",
    "ssh key that signs the evidence of every release and publish; a public key if the agent has it",
    kind="path",
)
BB8_VERIFY = Key(
    "BB8_VERIFY",
    "proof of what runs: sealed (the builder compares the files), stamp (the app reports its build stamp),"
    " running (none), or auto: the strongest that the app allows",
    default="auto",
    project="verify",
)
BB8_LAYOUT = Key(
    "BB8_LAYOUT",
    "how the app is published: subtree (its folder is a repository), store (this repository is), or auto",
    default="auto",
    project="layout",
)
BB8_TAG = Key(
    "BB8_TAG",
    "format of release tags, with {version} and, for several apps, {slug}; default in a store:"
    " {slug}-{version}",
    project="tag",
)

BB8_OPTIONS = Key(
    "BB8_OPTIONS",
    "options file of the target, which `deploy` applies too; relative to the workspace",
    example="options/kitchen.yaml",
    kind="path",
)

KEYS: tuple[Key, ...] = (
    HA_SSH_HOST_ALIAS,
    HA_SSH_KEY,
    HA_SSH_KNOWN_HOSTS,
    HA_SSH_CONNECT_TIMEOUT,
    HA_SSH_SUDO,
    HA_REMOTE_RUNTIME,
    HA_REMOTE_SLUG,
    HA_SECRETS_PATH,
    HA_URL,
    HA_LLAT,
    HA_LLAT_KEY,
    HA_CA_FILE,
    HA_MOUNT,
    HA_CONFIG_MOUNT,
    HA_REPORTS_DIR,
    HA_PUBLISH_REMOTE,
    HA_PUBLISH_BRANCH,
    HA_IMAGE,
    HA_IMAGE_CACHE,
    MQTT_HOST,
    MQTT_PORT,
    MQTT_USERNAME,
    MQTT_PASSWORD,
    MQTT_TLS,
    MQTT_CA_FILE,
    MQTT_BASE_TOPIC,
    SUPERVISOR_URL,
    SUPERVISOR_TOKEN,
    BB8_BUILD_DEADLINE,
    BB8_SETTLE_SECONDS,
    BB8_VERIFY,
    BB8_LAYOUT,
    BB8_TAG,
    BB8_KEEP_TREES,
    BB8_LOCK_WAIT,
    BB8_SIGN_KEY,
    BB8_OPTIONS,
)
"""Every setting, in the order of the documentation and of `.env.example`."""

BY_NAME: dict[str, Key] = {name: key for key in KEYS for name in (key.name, *key.aliases)}
"""Every name that a source may use, aliases included."""


def suggestion(name: str) -> str:
    """The known key nearest to a misspelt one, or an empty string."""
    return _nearest(name, 0.6)


def is_misspelt(name: str) -> bool:
    """True if an unknown name was probably meant as a setting of bb8deploy."""
    return name not in BY_NAME and (name.startswith(_OWN_PREFIXES) or bool(_nearest(name, 0.85)))


def _nearest(name: str, likeness: float) -> str:
    near = difflib.get_close_matches(name, [key.name for key in KEYS], n=1, cutoff=likeness)
    return near[0] if near else ""
