"""The archive for a bug report: the diagnosis, receipts, journals, contracts, versions; no secret."""

from __future__ import annotations

import getpass
import io
import json
import platform
import socket
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from bb8deploy import __version__
from bb8deploy.base.atomic_files import write_bytes
from bb8deploy.catalogue.errors.tool import BUNDLE_UNWRITABLE
from bb8deploy.lanes.diagnose.diagnose import Diagnosis
from bb8deploy.lanes.diagnose.redaction import Names, Redactor, mentioned
from bb8deploy.runs.run import Run
from bb8deploy.settings.settings_table import (
    HA_CONFIG_MOUNT,
    HA_IMAGE,
    HA_IMAGE_CACHE,
    HA_MOUNT,
    HA_PUBLISH_REMOTE,
    HA_URL,
    SUPERVISOR_URL,
)

FOLDER = "bb8deploy-bundle"
RUNS = 5
MAX_FILE = 2_000_000
"""Bytes; a longer file is left out and named."""
LIBRARIES = ("httpx", "paho-mqtt", "paramiko", "pydantic", "rich", "typer", "voluptuous", "websockets")
_ADDRESSES = (HA_URL, SUPERVISOR_URL, HA_PUBLISH_REMOTE)
_PLACES = (HA_PUBLISH_REMOTE, HA_MOUNT, HA_CONFIG_MOUNT, HA_IMAGE, HA_IMAGE_CACHE)


def write_bundle(run: Run, diagnosis: Diagnosis, path: Path) -> tuple[str, ...]:
    """Writes the archive (tar.gz, mode 0600) and gives the names of the files in it.

    Raises UsageError BUNDLE_UNWRITABLE if it cannot be written.
    """
    texts = dict(_texts(run))
    names = names_of(run, diagnosis)
    names = replace(names, hosts=(*names.hosts, *mentioned(texts.values())))
    redactor = Redactor([*run.secrets(), *diagnosis.secrets], names)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in texts.items():
            _add(tar, redactor.clean(name), redactor.clean(text))
    try:
        write_bytes(path, buffer.getvalue(), mode=0o600)
    except OSError as error:
        raise BUNDLE_UNWRITABLE(f"{path} cannot be written: {error.strerror or error}") from error
    return tuple(map(redactor.clean, texts))


def names_of(run: Run, diagnosis: Diagnosis) -> Names:
    """Every name from the settings and the run that could identify the host's owner."""
    settings = run.settings
    alias = settings.ssh.host_alias or ""
    user, _, destination = alias.rpartition("@")
    hosts = {
        alias,
        destination,
        destination.rpartition(":")[0],
        settings.mqtt.host or "",
        socket.gethostname(),
        *(_host_of(settings.text_of(key)) for key in _ADDRESSES),
        *diagnosis.hosts,
    }
    users = {user, settings.mqtt.username or "", *diagnosis.users, *_own_name()}
    places = {str(run.workspace), str(Path.home()), *map(settings.text_of, _PLACES)}
    return Names(tuple(hosts), tuple(users), tuple(places - {"/"}))


def versions() -> dict[str, str]:
    """What runs here: bb8deploy, Python, the system, the libraries that talk to others."""
    found = {
        "bb8deploy": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _texts(run: Run) -> Iterator[tuple[str, str]]:
    """The files of the archive by name, unchanged."""
    yield "versions.json", json.dumps(versions(), indent=2) + "\n"
    left_out: list[str] = []
    for name, file in _files(run):
        if file.stat().st_size > MAX_FILE:
            left_out.append(name)
        else:
            yield name, file.read_text(encoding="utf-8", errors="replace")
    if left_out:
        yield "left_out.txt", "".join(f"{name}: longer than {MAX_FILE} bytes\n" for name in left_out)


def _files(run: Run) -> Iterator[tuple[str, Path]]:
    """This diagnosis, the receipts, and what the newest runs left, by their names in the archive."""
    reports = run.reports
    for path in sorted((*reports.glob("*.txt"), *reports.glob("*.json"))):
        yield path.name, path
    for folder in (run.folder, *_earlier(run)):
        for path in sorted((*folder.glob("*.jsonl"), *folder.glob("*.json"), *folder.glob("crash.txt"))):
            yield f"runs/{folder.name}/{path.name}", path


def _earlier(run: Run) -> list[Path]:
    """The newest runs that did something; earlier diagnoses would only push them out."""
    folders = sorted((path for path in run.folder.parent.glob("*") if path.is_dir()), reverse=True)
    return [path for path in folders if not (path / "diagnose_contract_v1.json").exists()][:RUNS]


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    member = tarfile.TarInfo(f"{FOLDER}/{name}")
    member.size, member.mtime, member.mode = len(data), int(time.time()), 0o600
    tar.addfile(member, io.BytesIO(data))


def _host_of(text: str) -> str:
    """The host in a URL or in git's `user@host:path`."""
    with suppress(ValueError):
        if "://" in text:
            return urlsplit(text).hostname or ""
    return text.partition(":")[0].rpartition("@")[2] if "@" in text else ""


def _own_name() -> tuple[str, ...]:
    with suppress(OSError, KeyError):
        return (getpass.getuser(),)
    return ()
