"""Opens the connection to a host once per run; every lane then uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol, Self

from bb8deploy.base.errors import Unreachable
from bb8deploy.catalogue.errors.host import HOST_MISSING, RUNTIME_PATH_INVALID
from bb8deploy.catalogue.errors.settings import SETTING_MISSING
from bb8deploy.host.files.app_folder_interface import RuntimeFiles, SyncSession
from bb8deploy.host.host_capabilities import HostFacts, facts_of
from bb8deploy.host.lock.lock_lifetime import LEASE_BEYOND_BUILD, MIN_LEASE, HostLock, LockFolder
from bb8deploy.host.lock.lock_owner import Held, Owner
from bb8deploy.host.shell.host_probe import Surroundings, look_around
from bb8deploy.host.shell.run_programs import Shell
from bb8deploy.settings.settings_table import HA_SSH_CONNECT_TIMEOUT
from bb8deploy.settings.settings_type import Settings
from bb8deploy.transport.transport_interface import Transport
from bb8deploy.workspace.ignore_patterns import STATE
from bb8deploy.workspace.tree_digest import PutIn

if TYPE_CHECKING:
    from bb8deploy.host.files.dev_transfer import LiveFiles
    from bb8deploy.host.files.removal import Removal
    from bb8deploy.transport.ssh_config import Hop

RECEIPT = "deploy_receipt.txt"
Via = Literal["auto", "ssh", "mount", "rsync"]


class Tell(Protocol):
    """Where notes for the reader go; a Run's progress is one."""

    def note(self, text: str) -> None:
        """One plain line."""

    def warn(self, text: str) -> None:
        """One line that deserves attention."""


class Closable(Protocol):
    """The part of a route to the Supervisor that ends it."""

    def close(self) -> None:
        """Ends it, also while a call waits for it."""


class RunLike(Protocol):
    """The part of a run that the lock names."""

    @property
    def id(self) -> str:
        """The run id."""

    @property
    def command(self) -> str:
        """The command."""


class Host:
    """One host for one run: its connection if there is one, its files, its lock."""

    def __init__(
        self,
        settings: Settings,
        files: RuntimeFiles,
        tell: Tell,
        *,
        transport: Transport | None = None,
        shell: Shell | None = None,
        lock_folder: LockFolder,
    ) -> None:
        self.settings = settings
        self.files = files
        self.transport = transport
        self._shell = shell
        self._tell = tell
        self._lock = HostLock(lock_folder, tell.note)
        self._facts: HostFacts | None = None
        self._routes: list[Closable] = []
        self._broken_off = False

    @property
    def where(self) -> str:
        """The host's name for people."""
        return self.transport.where if self.transport else self.files.where

    @property
    def locked(self) -> bool:
        """True while this run holds the host's lock."""
        return self._lock.holding is not None

    @property
    def receipt(self) -> str:
        """The receipt's path on the host."""
        return str(PurePosixPath(self.settings.ha_reports_dir) / RECEIPT)

    @contextlib.contextmanager
    def lock(self, run: RunLike) -> Iterator[None]:
        """Holds the lock; inside another `lock` of the same host it adds nothing.

        Taking it also puts right what a killed run left. It waits BB8_LOCK_WAIT seconds for another run.
        Raises HostLocked if it holds the lock longer.
        """
        if self.locked:
            yield
            return
        owner = Owner.of_run(run.id, run.command)
        deadline, wait = self.settings.bb8_build_deadline, self.settings.bb8_lock_wait
        with self._lock.held(owner, build_deadline=deadline, wait=wait) as holding:
            for note in holding.notes:
                self._tell.warn(f"{self.where}: {note}")
            yield

    def lock_holder(self) -> Held | None:
        """The holder of the lock, None if it is free."""
        return self._lock.folder.look()

    def remove_lock(self, held: Held) -> bool:
        """Removes the lock of another run; False if it has another owner by now, or is gone."""
        return self._lock.folder.remove(held)

    def session(self, run_id: str) -> contextlib.AbstractContextManager[SyncSession]:
        """A look at the app folder, and a transfer into it.

        The lock's first answer lists the folder too, so that the first look after it costs no round trip.
        """
        holding = self._lock.holding
        ready = holding.take_session() if holding else None
        return ready or self.files.session(run_id)

    def live(self, run_id: str) -> LiveFiles:
        """Repeated transfers into the app folder. Needs the lock, which each transfer renews."""
        from bb8deploy.host.files.dev_transfer import MountLive, SshLive
        from bb8deploy.host.files.mounted_folder import MountFiles

        lease = max(MIN_LEASE, self.settings.bb8_build_deadline + LEASE_BEYOND_BUILD)
        if self._shell:
            return SshLive(self._shell, run_id, lease)
        if isinstance(self.files, MountFiles):
            return MountLive(self.files, run_id, lease)
        raise TypeError("files without a shell are those of a mount")

    def removal(self, run_id: str) -> contextlib.AbstractContextManager[Removal]:
        """What the host holds of the app, and the way to remove it. Needs the lock."""
        from bb8deploy.host.files.mounted_folder import MountFiles
        from bb8deploy.host.files.removal import MountRemoval, SshRemoval

        if self._shell:
            return SshRemoval(self._shell, run_id)
        if isinstance(self.files, MountFiles):
            return MountRemoval(self.files, run_id)
        raise TypeError("files without a shell are those of a mount")

    def facts(self) -> HostFacts | None:
        """What the host offers; asked once, None without ssh."""
        holding = self._lock.holding
        if holding and holding.facts:
            self._facts = holding.facts
        if self._facts is None and self._shell:
            self._facts = facts_of(self._shell.ask("answer_host_facts"))
        return self._facts

    def surroundings(self) -> Surroundings | None:
        """The place around the app folder, by the lock's answer or asked for now; None for a share."""
        if self._lock.holding:
            return self._lock.holding.surroundings
        return look_around(self._shell) if self._shell else None

    def record_put_in(self, put_in: PutIn) -> None:
        """Records beside the app folder what the Supervisor has built from it; the next swap forgets it.

        An empty one ends the record that a tree was put back. Needs the lock; a record that is lost costs one
        more build.
        """
        if self._lock.holding:
            self._lock.holding.record_put_in(put_in)

    def append_receipt(self, lines: Sequence[str]) -> bool:
        """Appends lines to the host's own receipt; False if there is no way to it."""
        if self._shell is None:
            return _append_mounted(self.settings, lines)
        if self._lock.holding:
            return self._lock.holding.append_receipt(lines)
        text = "".join(f"{line}\n" for line in lines).encode()
        parts = self._shell.ask("append_receipt", self.receipt, stdin=text)
        return any(part.name == "KEPT" for part in parts)

    def note(self, text: str) -> None:
        """Shows one line to the user."""
        self._tell.note(text)

    def uses(self, route: Closable) -> None:
        """Registers a route to this host's Supervisor, which `break_off` ends too."""
        self._routes.append(route)
        if self._broken_off:
            route.close()

    def break_off(self) -> None:
        """Ends every connection, from another thread than the one that works, which then gets an error."""
        self._broken_off = True
        for route in tuple(self._routes):
            route.close()
        if self.transport:
            self.transport.close()

    def close(self) -> None:
        """Releases the lock and ends the connection; calling it twice is fine."""
        self._lock.release()
        if self.transport:
            self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_host(settings: Settings, tell: Tell, *, via: Via = "auto", accept_new: bool = False) -> Host:
    """Connects to the host that the settings name.

    `auto` takes ssh if HA_SSH_HOST_ALIAS is set, else HA_MOUNT; if both are set and the ssh host cannot be
    reached, it takes the mount, with a warning. Raises UsageError, Unreachable or Refused.
    """
    alias, mount = settings.ssh.host_alias, settings.ha_mount
    if via == "rsync":
        via = "ssh" if alias else "mount"
    if via == "mount" or (via == "auto" and not alias):
        return _open_mount(settings, mount, tell)
    if not alias:
        raise SETTING_MISSING(
            "HA_SSH_HOST_ALIAS is not set, so there is no ssh host",
            "Set it in .env, or use `--via mount` with HA_MOUNT.",
        )
    try:
        return _open_ssh(settings, tell, accept_new=accept_new)
    except Unreachable as error:
        if via != "auto" or not mount or type(error) is not Unreachable:
            raise
        tell.warn(f"{error.cause}; using the mounted folder {mount} instead")
        return _open_mount(settings, mount, tell)


def connect_ssh(settings: Settings, tell: Tell, *, accept_new: bool = False) -> Transport:
    """The ssh connection alone, for commands that touch no app folder."""
    return connect_hop(hop_of(settings, accept_new=accept_new), tell)


def connect_hop(hop: Hop, tell: Tell) -> Transport:
    """Connects and logs in; asks for passwords on the terminal."""
    from bb8deploy.transport import ssh_connection, ssh_login

    return ssh_connection.connect(hop, prompt=ssh_login.terminal_prompt(), tell=tell.warn)


def hop_of(settings: Settings, *, accept_new: bool = False) -> Hop:
    """How HA_SSH_HOST_ALIAS is reached, by ssh's own configuration and the settings that override it."""
    from bb8deploy.transport import ssh_config

    seconds = settings.ssh.connect_timeout
    asked_for = settings.origin_of(HA_SSH_CONNECT_TIMEOUT) != "default"
    hop = ssh_config.resolve(settings.ssh.host_alias or "", connect_timeout=seconds)
    return ssh_config.override(
        hop,
        key=settings.ssh.key,
        known_hosts=settings.ssh.known_hosts,
        accept_new=accept_new,
        connect_timeout=seconds if asked_for else None,
    )


def runtime_folder(settings: Settings) -> str:
    """HA_REMOTE_RUNTIME, checked: absolute, a folder above it, no `..`, and not among the earlier trees."""
    given = settings.ha_remote_runtime or ""
    text = given.rstrip("/")
    if not given:
        raise SETTING_MISSING(
            "HA_REMOTE_RUNTIME is not set, so the app's folder on the host is unknown",
            "Set it in .env, for example to /addons/beep_boop_bb8.",
        )
    path = PurePosixPath(text)
    if not path.is_absolute() or len(path.parts) < 3 or {"..", STATE} & {*path.parts} or {*"\n{}"} & {*text}:
        raise RUNTIME_PATH_INVALID(f"HA_REMOTE_RUNTIME is `{given}`, which cannot be an app folder")
    return text


def _open_ssh(settings: Settings, tell: Tell, *, accept_new: bool) -> Host:
    runtime = runtime_folder(settings)
    return ssh_host(settings, tell, connect_ssh(settings, tell, accept_new=accept_new), runtime)


def ssh_host(settings: Settings, tell: Tell, transport: Transport, runtime: str) -> Host:
    """The host at the end of a connection, its app folder at that path."""
    from bb8deploy.host.files.ssh_folder import SshFiles
    from bb8deploy.host.lock.ssh_lock import SshLockFolder

    shell = Shell(transport, runtime, sudo=settings.ssh.sudo, keep=settings.bb8_keep_trees)
    receipt = str(PurePosixPath(settings.ha_reports_dir) / RECEIPT)
    return Host(
        settings,
        SshFiles(shell),
        tell,
        transport=transport,
        shell=shell,
        lock_folder=SshLockFolder(shell, receipt),
    )


def _open_mount(settings: Settings, mount: Path | None, tell: Tell) -> Host:
    from bb8deploy.host.files.mounted_folder import MountFiles
    from bb8deploy.host.lock.mount_lock import MountLockFolder

    if mount is None and settings.ssh.host_alias:
        raise SETTING_MISSING(
            "HA_MOUNT is not set, so there is no mounted folder", "Set it in .env, or use `--via ssh`."
        )
    if mount is None:
        raise HOST_MISSING(
            "neither HA_SSH_HOST_ALIAS nor HA_MOUNT is set, so there is no host to send to",
            "Set one of them in .env; `bb8deploy init` asks for them.",
        )
    files = MountFiles.open(mount, settings)
    return Host(settings, files, tell, lock_folder=MountLockFolder(files))


def _append_mounted(settings: Settings, lines: Sequence[str]) -> bool:
    """The receipt below HA_CONFIG_MOUNT, in the folder that HA_REPORTS_DIR names below /config."""
    config = settings.ha_config_mount
    if config is None or not config.is_dir():
        return False
    reports = PurePosixPath(settings.ha_reports_dir)
    inside = reports.relative_to("/config") if reports.is_relative_to("/config") else PurePosixPath("reports")
    try:
        (config / inside).mkdir(parents=True, exist_ok=True)
        with (config / inside / RECEIPT).open("a", encoding="ascii") as file:
            file.write("".join(f"{line}\n" for line in lines))
    except OSError:
        return False
    return True
