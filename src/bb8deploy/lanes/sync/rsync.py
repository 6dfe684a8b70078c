"""`--via rsync`: rsync fills the staging folder, and bb8deploy swaps it in."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from bb8deploy.catalogue.errors.host import RSYNC_FAILED, RSYNC_MISSING
from bb8deploy.host.files.app_folder_interface import Transfer
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.files.ssh_folder import SshFiles
from bb8deploy.host.open_host import Host
from bb8deploy.settings.settings_type import Settings
from bb8deploy.transport.ssh_config import Destination
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import FoundTree

RSYNC_DEADLINE = 900.0


def deliver_by_rsync(host: Host, transfer: Transfer, ignore: Ignore, run_id: str) -> FoundTree:
    """Stages a copy of the host's tree, lets rsync change it, swaps it in and looks.

    Raises UsageError RSYNC_MISSING, CheckFailed RSYNC_FAILED.
    """
    if not shutil.which("rsync"):
        raise RSYNC_MISSING("rsync is not installed here")
    files = host.files
    if not isinstance(files, SshFiles | MountFiles):
        raise RSYNC_MISSING("this route has no rsync")
    staged = files.stage(run_id)
    with tempfile.TemporaryDirectory(prefix="bb8deploy-") as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        _write_made(made, transfer)
        rules = Path(scratch, "rules")
        rules.write_text(ignore.text())
        _run(
            command(host.settings, transfer.source, made, rules, staged, over_ssh=host.transport is not None)
        )
    return files.swap_staged(run_id)


def _write_made(folder: Path, transfer: Transfer) -> None:
    runnable = {entry.path for entry in transfer.entries if entry.executable}
    for path, data in transfer.made.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o755 if path in runnable else 0o644)


def command(
    settings: Settings, source: Path, made: Path, rules: Path, target: str, *, over_ssh: bool
) -> list[str]:
    """The rsync call: content by checksum, executable bits carried, owners and times left alone.

    Of a path that is in both folders rsync takes the first one: a generated file wins.
    """
    words = ["rsync", "-rl", "--executability", "--checksum", "--delete", "-m", f"--exclude-from={rules}"]
    place = target
    if over_ssh:
        where = Destination.parse(settings.ssh.host_alias or "")
        words += ["--secluded-args", "-e", shlex.join(_ssh_words(settings, where))]
        words += ["--rsync-path=sudo -n rsync"] if settings.ssh.sudo else []
        host = f"[{where.host}]" if ":" in where.host else where.host
        place = f"{where.user}@{host}:{target}" if where.user else f"{host}:{target}"
    return [*words, "--", f"{made}/", f"{source}/", f"{place}/"]


def _ssh_words(settings: Settings, where: Destination) -> list[str]:
    words = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    key, known = settings.ssh.key, settings.ssh.known_hosts
    words += ["-i", str(key), "-o", "IdentitiesOnly=yes"] if key else []
    words += ["-o", f"UserKnownHostsFile={known}"] if known else []
    words += ["-p", str(where.port)] if where.port else []
    return words


def _run(words: list[str]) -> None:
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=RSYNC_DEADLINE, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise RSYNC_FAILED(
            f"rsync did not end within {RSYNC_DEADLINE:.0f} s; the host's tree is as it was"
        ) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise RSYNC_FAILED(
            f"rsync ended with exit status {done.returncode}; the host's tree is as it was",
            details=lines[-8:],
        )
