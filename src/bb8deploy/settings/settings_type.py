"""The settings of one target as a frozen dataclass with real types; each value knows its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bb8deploy.base.secret import Secret
from bb8deploy.settings.app_instance import Instance
from bb8deploy.settings.settings_table import KEYS, Key


@dataclass(frozen=True, slots=True)
class Value:
    """The text of a setting and its origin: a file name, `environment`, `flag` or `answer`."""

    raw: str = field(repr=False)  # it may be a secret
    origin: str


@dataclass(frozen=True, slots=True)
class SshSettings:
    """HA_SSH_*: how the host is reached over ssh. `connect_timeout` is in seconds."""

    host_alias: str | None
    key: Path | None
    known_hosts: Path | None
    connect_timeout: float
    sudo: bool


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """MQTT_*: the broker, as this machine reaches it."""

    host: str | None
    port: int
    username: str | None
    password: Secret | None
    tls: bool
    ca_file: Path | None
    base_topic: str


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """All settings of one target: an attribute is None if its key is not set and has no default.

    An attribute is named like its key in lower case; HA_SSH_* and MQTT_* are grouped in `ssh` and `mqtt`.
    `target` is "default" or the NAME of `.env.NAME`; `unknown` holds (key, file) of misspelt keys.
    `slug` is the app's, which replaces `{slug}` in the attributes; `values` have the texts as written.
    """

    ssh: SshSettings
    mqtt: MqttSettings
    ha_remote_runtime: str | None
    ha_remote_slug: str | None
    ha_secrets_path: str | None
    ha_url: str | None
    ha_llat: Secret | None
    ha_llat_key: str
    ha_ca_file: Path | None
    ha_mount: Path | None
    ha_config_mount: Path | None
    ha_reports_dir: str
    ha_publish_remote: str | None
    ha_publish_branch: str
    ha_image: str | None
    ha_image_cache: str | None
    supervisor_url: str
    supervisor_token: Secret | None
    bb8_build_deadline: float
    bb8_settle_seconds: float
    bb8_verify: str
    bb8_layout: str
    bb8_tag: str | None
    bb8_options: Path | None
    bb8_sign_key: Path | None
    bb8_keep_trees: int
    bb8_lock_wait: float
    target: str
    slug: str
    values: Mapping[str, Value]
    unknown: tuple[tuple[str, str], ...]
    instance: Instance | None = None

    @property
    def destination(self) -> str:
        """The target, with the instance of the app if there is one, as in `kitchen as beta`."""
        return f"{self.target} as {self.instance.name}" if self.instance else self.target

    def __repr__(self) -> str:
        return f"Settings(target={self.target!r})"  # an address may contain a password

    def text_of(self, key: Key) -> str:
        """The text of a setting as it was written, its default if it is not set; for lists of settings."""
        return text_of(self.values, key)

    def origin_of(self, key: Key) -> str:
        """The origin of a value: a file name, `environment`, `flag`, `answer` or `default`."""
        value = self.values.get(key.name)
        return value.origin if value and value.raw else "default"

    def flags(self) -> dict[str, str]:
        """The settings that came from the command line, for the other targets of the same command."""
        return {name: value.raw for name, value in self.values.items() if value.origin == "flag"}

    def secrets(self) -> list[Secret]:
        """Every secret that is set, for redaction; includes passwords within addresses."""
        whole = {self.text_of(key) for key in KEYS if key.secret}
        parts = {part for key in KEYS if not key.secret for part in _passwords(self.text_of(key))}
        return [Secret(text) for text in sorted(whole | parts) if text]


def text_of(values: Mapping[str, Value], key: Key) -> str:
    """The text of `key` in `values`, its default if it is missing or empty."""
    value = values.get(key.name)
    return value.raw if value and value.raw else key.default


def _passwords(text: str) -> set[str]:
    """The password in `scheme://user:password@host`, as written and unquoted."""
    if "://" not in text:
        return set()
    from urllib.parse import unquote, urlsplit

    try:
        password = urlsplit(text).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}
