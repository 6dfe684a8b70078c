"""Gathers what a deploy needs to know, each answer checked at once, and writes it down as `.env`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bb8deploy.base.atomic_files import write_text
from bb8deploy.base.errors import Bb8Error, Refused, UsageError
from bb8deploy.base.os_differences import real_path
from bb8deploy.catalogue.errors.host import HOST_MISSING
from bb8deploy.catalogue.errors.settings import ENV_UNWRITABLE
from bb8deploy.host.open_host import Tell
from bb8deploy.lanes.init import answer_checks
from bb8deploy.lanes.init.answer_checks import Check, InitCheck
from bb8deploy.lanes.init.env_file import compose, read_earlier
from bb8deploy.lanes.init.find_home_assistant import Found
from bb8deploy.lanes.init.keep_out_of_git import Ignore, for_everybody, keep_from_git
from bb8deploy.settings.load_settings import with_answer
from bb8deploy.settings.settings_table import (
    HA_CONFIG_MOUNT,
    HA_LLAT,
    HA_MOUNT,
    HA_PUBLISH_BRANCH,
    HA_PUBLISH_REMOTE,
    HA_REMOTE_RUNTIME,
    HA_SSH_HOST_ALIAS,
    HA_SSH_KEY,
    HA_URL,
    KEYS,
    MQTT_HOST,
    MQTT_PASSWORD,
    MQTT_PORT,
    MQTT_USERNAME,
    SUPERVISOR_TOKEN,
    SUPERVISOR_URL,
    Key,
)
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.app_config import read_addon

if TYPE_CHECKING:
    from bb8deploy.transport.ssh_connection import SshTransport

SHOW_FINGERPRINT = "ssh-keyscan localhost 2>/dev/null | ssh-keygen -lf -"
"""Prints the fingerprints of the host's keys; for the terminal of the SSH app in Home Assistant."""
_ABOUT_THE_KEY = {"SSH_AUTH_REFUSED", "SSH_KEY_MISSING"}
_WRITTEN = {"answer", "environment", "flag"}
# They belong to the container that they were found in.
_NEVER = {SUPERVISOR_URL.name, SUPERVISOR_TOKEN.name}


class Asker(Tell, Protocol):
    """The user who answers, usually at a terminal."""

    def ask(self, question: str, default: str = "") -> str:
        """One line; `default` if nothing was typed."""

    def ask_secret(self, question: str) -> str:
        """One line that is not shown; empty if nothing was typed."""

    def confirm(self, question: str) -> bool:
        """Yes or no."""

    def problem(self, error: Bb8Error) -> None:
        """Shows what failed, and what to do."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Settings that are asked for and checked together; without an answer to the first, the rest is left."""

    title: str
    hint: str
    keys: tuple[Key, ...]
    check: Check

    @property
    def gate(self) -> Key:
        """The setting that decides whether the topic is wanted."""
        return self.keys[0]


SSH = Topic(
    "ssh",
    "Any SSH app works, with a key. Leave it out to use a mounted folder instead.",
    (HA_SSH_HOST_ALIAS, HA_SSH_KEY, HA_REMOTE_RUNTIME),
    answer_checks.check_ssh,
)
MOUNT = Topic(
    "Mounted folder",
    "The share of the Samba app works.",
    (HA_MOUNT, HA_CONFIG_MOUNT),
    answer_checks.check_mount,
)
CORE = Topic(
    "Home Assistant",
    "Optional with ssh. Create a token in an administrator's profile, under Security.",
    (HA_URL, HA_LLAT),
    answer_checks.check_core,
)
BROKER = Topic(
    "MQTT broker",
    "Without it a release does not attest the echo.",
    (MQTT_HOST, MQTT_PORT, MQTT_USERNAME, MQTT_PASSWORD),
    answer_checks.check_broker,
)
STORE = Topic(
    "Store",
    "Without it a release tags here and publishes nothing.",
    (HA_PUBLISH_REMOTE, HA_PUBLISH_BRANCH),
    answer_checks.check_store,
)


def settle(asked: InitCheck) -> tuple[str, ...]:
    """Checks everything that is set, without asking the user; returns what was seen.

    Raises the first problem with all others as its details, and UsageError HOST_MISSING if the settings
    name no host at all.
    """
    settings = asked.settings
    if not (settings.text_of(SSH.gate) or settings.text_of(MOUNT.gate)):
        raise HOST_MISSING(
            "neither HA_SSH_HOST_ALIAS nor HA_MOUNT is given, so there is no host to send to",
            "Give one with `--set NAME=VALUE` or in the environment.",
        )
    seen: list[str] = []
    problems: list[Bb8Error] = []
    for topic in (SSH, MOUNT, CORE, BROKER, STORE):
        if settings.text_of(topic.gate):
            try:
                seen.append(topic.check(asked))
            except Bb8Error as error:
                problems.append(error)
    if problems:
        first, *others = problems
        first.details = (*first.details, *(f"also {error.code}: {error.cause}" for error in others))
        raise first
    return tuple(seen)


def converse(asked: InitCheck, asker: Asker, found: Sequence[Found]) -> Settings:
    """Asks for everything, topic by topic, and returns the settings with the answers."""
    talk = _Talk(asked, asker)
    talk.choose(found)
    talk.ssh()
    if not talk.settings.text_of(SSH.gate):
        talk.mount()
    for topic in (CORE, BROKER, STORE):
        talk.discuss(topic)
    return talk.settings


def changes(settings: Settings) -> dict[str, str]:
    """What must be written: answers, flags and the environment; a value of an existing file is kept."""
    return {
        name: value.raw
        for name, value in settings.values.items()
        if value.origin in _WRITTEN and name not in _NEVER
    }


def write_env(
    root: Path,
    path: Path,
    values: Mapping[str, str],
    tell: Tell,
    ignore: Ignore = for_everybody,
) -> None:
    """Writes the file of the workspace `root` in one step, mode 0600, after git was made to ignore it.

    Raises UsageError ENV_UNWRITABLE, ENV_IN_GIT for secrets that git would take, and what `compose` and
    `read_earlier` raise.
    """
    secrets = SECRET_NAMES & values.keys()
    write_private(root, path, compose(read_earlier(path), values), tell, ignore, secrets)


def write_private(
    root: Path, path: Path, text: str, tell: Tell, ignore: Ignore, secrets: frozenset[str]
) -> None:
    """Writes a text with these secret settings, mode 0600, after git was made to ignore it.

    Raises UsageError ENV_UNWRITABLE, and ENV_IN_GIT for secrets that git would take.
    """
    try:
        keep_from_git(root, path.name, tell, secrets, ignore)
        # A link stays one: what it leads to is replaced.
        write_text(real_path(path), text, mode=0o600)
    except OSError as error:
        raise ENV_UNWRITABLE(f"{error.filename or path} cannot be written: {error.strerror}") from error


SECRET_NAMES = frozenset(key.name for key in KEYS if key.secret)


class _Talk:
    """The conversation under way: the settings grow with each answer."""

    def __init__(self, asked: InitCheck, asker: Asker) -> None:
        self._asked = asked
        self._asker = asker
        self._hint = ""

    @property
    def settings(self) -> Settings:
        """The settings with all answers so far."""
        return self._asked.settings

    def choose(self, found: Sequence[Found]) -> None:
        """Lets one of the hosts of the network be chosen; its address is then proposed below."""
        if not found:
            return
        self._asker.note("Found in this network:")
        for number, one in enumerate(found, 1):
            self._asker.note(f"  {number}  {one.name}, {one.version or 'unknown version'}, {one.url}")
        answer = self._asker.ask("Which one? (- for none of them)", "1")
        if answer.isdecimal() and 1 <= int(answer) <= len(found):
            chosen = found[int(answer) - 1]
            self._hint = chosen.host
            if not self.settings.text_of(CORE.gate):
                self._answer(CORE.gate, chosen.url)

    def ssh(self) -> None:
        """The host over ssh: name, key, folder; an empty name leaves ssh out."""
        self._introduce(SSH)
        while self._ask(SSH.gate, f"root@{self._hint}" if self._hint else ""):
            try:
                with self._log_in() as transport:
                    self._asker.note(f"  {transport.where} accepts the login")
                    self._runtime(transport)
                return
            except Bb8Error as error:
                if self._stays(error):
                    self._ask(HA_REMOTE_RUNTIME)
                    return

    def mount(self) -> None:
        """The mounted folder; without ssh there must be one."""
        while not self.discuss(MOUNT):
            self._asker.warn("a deploy needs ssh or a mounted folder")
            if self._asker.confirm("Go on without a host?"):
                return

    def discuss(self, topic: Topic) -> bool:
        """Asks until the check passes or the user keeps the answers; False if the topic is left out."""
        self._introduce(topic)
        while self._ask(topic.gate, self._hint if topic is BROKER else ""):
            for key in topic.keys[1:]:
                self._ask(key)
            try:
                self._asker.note(f"  {topic.check(self._asked)}")
                return True
            except Bb8Error as error:
                if self._stays(error):
                    return True
        return False

    @contextmanager
    def _log_in(self) -> Iterator[SshTransport]:
        """A connection, after the host's key was accepted and a key of ours was found, by asking."""
        from bb8deploy.transport.known_hosts import KeyUnknown

        shown = b""
        with ExitStack() as stack:
            while True:
                try:
                    transport = stack.enter_context(answer_checks.logged_in(self._asked))
                    break
                except KeyUnknown as offered:
                    self._asker.note(f"  {offered.cause}")
                    if offered.key != shown:
                        self._asker.note(f"  To see the host's own, run in its terminal: {SHOW_FINGERPRINT}")
                    if offered.key == shown or not self._asker.confirm("  Is this the host's fingerprint?"):
                        raise
                    answer_checks.trust(self.settings, offered)
                    shown = offered.key
                except (Refused, UsageError) as error:
                    if error.code not in _ABOUT_THE_KEY or not self._other_key(error):
                        raise
            yield transport

    def _other_key(self, error: Bb8Error) -> bool:
        """Asks for another key after one failed; False if the answer is the same again."""
        self._asker.problem(error)
        before = self.settings.text_of(HA_SSH_KEY)
        return self._ask(HA_SSH_KEY) != before

    def _runtime(self, transport: SshTransport) -> None:
        slug = read_addon(self._asked.project.addon).slug
        while True:
            folder = answer_checks.suggest_runtime(transport, slug)
            self._ask(
                HA_REMOTE_RUNTIME, answer_checks.for_every_app(folder) if self._asked.several else folder
            )
            try:
                self._asker.note(f"  {answer_checks.check_runtime(self._asked, transport)}")
                return
            except Bb8Error as error:
                if self._stays(error):
                    return

    def _stays(self, error: Bb8Error) -> bool:
        """Shows what failed; True if the user keeps the answers anyway."""
        self._asker.problem(error)
        return self._asker.confirm("  Keep these answers all the same?")

    def _introduce(self, topic: Topic) -> None:
        self._asker.note(f"\n{topic.title}: {topic.hint}")

    def _ask(self, key: Key, proposal: str = "") -> str:
        """Asks for one setting until the answer is valid; `proposal` is the default if nothing is set."""
        self._asker.note(f"  {key.help}{f', such as {key.example}' if key.example else ''}")
        while True:
            try:
                self._answer(key, self._line(key, proposal))
                return self.settings.text_of(key)
            except UsageError as error:
                self._asker.problem(error)

    def _line(self, key: Key, proposal: str) -> str:
        """One answer of the user, empty to leave the setting out."""
        now = self.settings.text_of(key)
        if key.secret:
            known = "Enter keeps the current one" if now else "Enter for none"
            answer = self._asker.ask_secret(f"  {key.name} (not shown; {known}): ") or now
        else:
            answer = self._asker.ask(f"  {key.name}", now or proposal)
        return "" if answer == "-" else answer

    def _answer(self, key: Key, text: str) -> None:
        """Stores an answer that differs from the current value. Raises UsageError SETTING_INVALID."""
        if text != self.settings.text_of(key):
            self._asked = replace(self._asked, settings=with_answer(self.settings, key, text))
