"""Settings: `.env`, then the target's `.env.NAME`, then the environment, then flags, each with its origin."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from bb8deploy.base.errors import UsageError
from bb8deploy.base.secret import Secret


@dataclass(frozen=True, slots=True)
class Key:
    """One setting: its name in `.env`, what it is for, its default, whether it is a secret."""

    name: str
    help: str
    default: str = ""
    example: str = ""
    secret: bool = False
    aliases: tuple[str, ...] = ()
    kind: str = "text"  # text, float, port, bool, path


KEYS: tuple[Key, ...] = (
    Key(
        "HA_SSH_HOST_ALIAS",
        "the host over ssh: an alias of ~/.ssh/config or [user@]host[:port]",
        example="root@homeassistant.local",
        aliases=("REMOTE_HOST_ALIAS",),
    ),
    Key("HA_SSH_KEY", "private key file; without it ssh's own configuration decides", kind="path"),
    Key("HA_SSH_KNOWN_HOSTS", "known_hosts file; without it ssh's own", kind="path"),
    Key("HA_SSH_CONNECT_TIMEOUT", "seconds to reach the host", default="10", kind="float"),
    Key("HA_SSH_SUDO", "run host commands through sudo -n (non-root users)", default="no", kind="bool"),
    Key(
        "HA_REMOTE_RUNTIME",
        "the add-on's folder on the host",
        default="",
        example="/addons/local/beep_boop_bb8",
    ),
    Key("HA_REMOTE_SLUG", "the add-on's slug on the host; local_<slug of config.yaml> without it"),
    Key("HA_SECRETS_PATH", "secrets.yaml on the host, read over ssh when there is none here"),
    Key("HA_URL", "Home Assistant's address", example="http://homeassistant.local:8123"),
    Key("HA_LLAT", "long-lived access token of an administrator", secret=True),
    Key("HA_LLAT_KEY", "name of the token's key in secrets.yaml", default="HA_LLAT_KEY"),
    Key("HA_CA_FILE", "certificate authority of HA_URL", kind="path"),
    Key("HA_MOUNT", "the add-on's folder on the host, mounted here (Samba)", kind="path"),
    Key("HA_CONFIG_MOUNT", "the host's config folder, mounted here", kind="path"),
    Key("HA_REPORTS_DIR", "folder for receipts on the host", default="/config/reports"),
    Key("HA_PUBLISH_REMOTE", "git remote (name, path or URL) of the add-on repository"),
    Key("HA_PUBLISH_BRANCH", "its branch", default="main"),
    Key("HA_IMAGE", "image name for publishing", example="registry.example/you/beep_boop_bb8"),
    Key("MQTT_HOST", "broker, as this machine reaches it (attestation)"),
    Key("MQTT_PORT", "its port", default="1883", kind="port"),
    Key("MQTT_USERNAME", "its user"),
    Key("MQTT_PASSWORD", "its password", secret=True),
    Key("MQTT_TLS", "speak TLS to the broker", default="no", kind="bool"),
    Key("MQTT_CA_FILE", "certificate authority of the broker", kind="path"),
    Key("MQTT_BASE_TOPIC", "the add-on's base topic", default="bb8"),
    Key(
        "SUPERVISOR_URL",
        "the Supervisor, when bb8deploy runs inside Home Assistant",
        default="http://supervisor",
    ),
    Key("SUPERVISOR_TOKEN", "its token, when bb8deploy runs inside Home Assistant", secret=True),
    Key("BB8_BUILD_DEADLINE", "seconds that a build on the host may take", default="1800", kind="float"),
    Key("BB8_SETTLE_SECONDS", "seconds that the add-on must stay started", default="5", kind="float"),
)
_BY_NAME = {name: key for key in KEYS for name in (key.name, *key.aliases)}
_OWN_PREFIXES = ("HA_", "MQTT_", "BB8_", "REMOTE_")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's raw text and where it came from."""

    raw: str = field(repr=False)  # it may be a secret
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one target, frozen. `target` is "default" or the NAME of `.env.NAME`."""

    values: Mapping[str, Value]
    target: str = "default"
    unknown: tuple[tuple[str, str], ...] = field(default=())

    def text(self, name: str) -> str:
        """The setting's text, its default where nothing is set."""
        value = self.values.get(name)
        return value.raw if value and value.raw else _BY_NAME[name].default

    def path(self, name: str) -> Path | None:
        """The setting as a path with `~` expanded, None where it is empty."""
        text = self.text(name)
        return Path(text).expanduser() if text else None

    def secret(self, name: str) -> Secret | None:
        """The setting as a Secret, None where it is empty."""
        text = self.text(name)
        return Secret(text) if text else None

    def number(self, name: str) -> float:
        """The setting as a number; checked when the settings were read."""
        return float(self.text(name))

    def flag(self, name: str) -> bool:
        """The setting as yes or no; checked when the settings were read."""
        return self.text(name).lower() in _TRUE

    def origin(self, name: str) -> str:
        """Where the value comes from: a file, `environment`, `flag` or `default`."""
        value = self.values.get(name)
        return value.origin if value and value.raw else "default"

    def secrets(self) -> list[Secret]:
        """Every secret that is set, for redaction; a password within an address is one, too."""
        whole = {self.text(key.name) for key in KEYS if key.secret}
        parts = {part for key in KEYS if not key.secret for part in _passwords(self.text(key.name))}
        return [Secret(text) for text in sorted(whole | parts) if text]


def load(
    folder: Path,
    *,
    target: str = "default",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """Reads the settings of `target` for the workspace `folder`.

    Raises UsageError where the target's file is missing or a value is not of its kind.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Value] = {}
    unknown: list[tuple[str, str]] = []
    for file in _files(folder, target):
        found, strange = _from_file(file)
        values.update(found)
        unknown.extend(strange)
    values.update(_known(environ, "environment"))
    values.update(_known(flags or {}, "flag"))
    settings = Settings(values, target, tuple(unknown))
    _check_kinds(settings)
    return settings


def target_names(folder: Path) -> list[str]:
    """The named targets of a workspace: the NAMEs of its `.env.NAME` files."""
    return sorted(p.name.removeprefix(".env.") for p in folder.glob(".env.*") if p.name != ".env.example")


def suggestion(name: str) -> str:
    """The known key nearest to a mistyped one, or an empty string."""
    return _nearest(name, 0.6)


def _nearest(name: str, likeness: float) -> str:
    near = difflib.get_close_matches(name, [key.name for key in KEYS], n=1, cutoff=likeness)
    return near[0] if near else ""


def _passwords(text: str) -> set[str]:
    """The password in `scheme://user:password@host`, as it stands there and as it is meant."""
    if "://" not in text:
        return set()
    from urllib.parse import unquote, urlsplit

    try:
        password = urlsplit(text).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}


def _files(folder: Path, target: str) -> list[Path]:
    files = [folder / ".env"] if (folder / ".env").exists() else []
    if target == "default":
        return files
    named = folder / f".env.{target}"
    if not named.exists():
        known = ", ".join(target_names(folder)) or "none"
        raise UsageError(
            "TARGET_UNKNOWN",
            f"there is no target `{target}`: {named.name} does not exist (known: {known})",
            f"Write its settings into {named.name}, or run `bb8deploy init --target {target}`.",
        )
    return [*files, named]


def _from_file(file: Path) -> tuple[dict[str, Value], list[tuple[str, str]]]:
    from dotenv.parser import parse_stream

    try:
        with file.open(encoding="utf-8-sig") as stream:  # an editor on Windows may begin it with a mark
            lines = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "ENV_UNREADABLE",
            f"{file.name} cannot be read: {error}",
            "Save it as UTF-8 text that you may read.",
        ) from error
    for line in lines:
        if line.error:
            blank = len(line.original.string) - len(line.original.string.lstrip("\r\n"))
            _refuse_line(file, line.original.line + blank)
    texts = {line.key: line.value or "" for line in lines if line.key}
    return _known(texts, file.name), [(name, file.name) for name in texts if _is_strange(name)]


def _refuse_line(file: Path, number: int) -> NoReturn:
    """The line itself is not shown: it may hold a secret."""
    raise UsageError(
        "ENV_UNREADABLE",
        f"line {number} of {file.name} is no setting",
        "Write it as NAME=value, with quotes that close, or begin it with # to leave it out.",
    )


def _is_strange(name: str) -> bool:
    """Whether a key seems to be meant for bb8deploy, which does not know it."""
    return name not in _BY_NAME and (name.startswith(_OWN_PREFIXES) or bool(_nearest(name, 0.85)))


def _known(source: Mapping[str, str], origin: str) -> dict[str, Value]:
    """The known keys of a source; an alias counts only where the real name is absent."""
    found: dict[str, Value] = {}
    for key in KEYS:
        for name in (*reversed(key.aliases), key.name):
            if source.get(name):
                found[key.name] = Value(source[name], origin)
    return found


def _check_kinds(settings: Settings) -> None:
    for key in KEYS:
        text = settings.text(key.name)
        if text and not _fits(text, key.kind):
            raise UsageError(
                "SETTING_INVALID",
                f"{key.name} from {settings.origin(key.name)} is `{text}`, not {_KIND_WORDS[key.kind]}",
                f"Set it to {_KIND_WORDS[key.kind]}: {key.help}.",
            )


_KIND_WORDS = {
    "float": "a number from 0 to 1e9",
    "port": "a whole number from 1 to 65535",
    "bool": "yes or no",
}


def _fits(text: str, kind: str) -> bool:
    if kind == "bool":
        return text.lower() in _TRUE | _FALSE
    if kind == "port":
        return text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535
    if kind == "float":
        try:
            return 0 <= float(text) < 1e9
        except ValueError:
            return False
    return True
