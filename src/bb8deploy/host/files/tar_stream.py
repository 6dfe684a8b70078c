"""Packs a transfer as one tar stream, compressed if that saves time, without ever holding it in memory."""

from __future__ import annotations

import hashlib
import io
import queue
import tarfile
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.host import WORKSPACE_MOVING
from bb8deploy.host.files.app_folder_interface import Transfer
from bb8deploy.transport.ssh_command import PACKET
from bb8deploy.workspace.tree_digest import Entry

WHOLE = ".bb8deploy.whole"
SAMPLE = 256 * 1024
PAYS = 0.5
PIECE = 8 * PACKET  # whole packets, and whole blocks of tar


def pays_to_compress(transfer: Transfer) -> bool:
    """True if a sample shrinks to half at zlib's fastest level; otherwise a LAN is faster."""
    sample = b"".join(_sample(transfer))
    return len(sample) > 1024 and len(zlib.compress(sample, 1)) < PAYS * len(sample)


def pack(transfer: Transfer, run_id: str, *, compress: bool) -> Iterator[bytes]:
    """The tar of the transfer's entries in pieces; its last member marks it as complete.

    Made in a thread of its own, a few pieces ahead, so that packing and sending go on at the same time.
    Raises CheckFailed if a file changed since it was hashed.
    """
    pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=8)
    stop = threading.Event()
    worker = threading.Thread(
        target=_work, args=(transfer, run_id, compress, pieces, stop), name="bb8deploy-pack", daemon=True
    )
    worker.start()
    try:
        while (piece := pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        stop.set()
        _empty(pieces)
        worker.join()


def _work(
    transfer: Transfer,
    run_id: str,
    compress: bool,
    pieces: queue.Queue[bytes | BaseException | None],
    stop: threading.Event,
) -> None:
    sink = _Sink(pieces, stop, compress)
    try:
        _write(transfer, run_id, sink)
        sink.end()
    except _Stopped:
        return
    except BaseException as error:  # noqa: BLE001 - raised again where the pieces are read
        pieces.put(error)
        return
    pieces.put(None)


def _write(transfer: Transfer, run_id: str, sink: _Sink) -> None:
    # Not `w|`: tarfile's own stream copies all that it holds at every write.
    with tarfile.TarFile(
        fileobj=sink, mode="w", copybufsize=PIECE, format=tarfile.GNU_FORMAT, encoding="utf-8"
    ) as tar:
        for entry in transfer.entries:
            _add(tar, transfer, entry)
        _add_bytes(tar, WHOLE, run_id.encode(), 0o600)


def _add(tar: tarfile.TarFile, transfer: Transfer, entry: Entry) -> None:
    mode = 0o755 if entry.executable else 0o644
    if entry.path in transfer.made:
        _add_bytes(tar, entry.path, transfer.made[entry.path], mode)
        return
    info = _info(entry.path, mode)
    if entry.kind == "link":
        info.type, info.linkname = tarfile.SYMTYPE, entry.target
        tar.addfile(info)
        return
    info.size = entry.size
    try:
        with (transfer.source / entry.path).open("rb") as file:
            hashed = _Hashed(file)
            tar.addfile(info, hashed)
            grown = bool(file.read(1))
    except OSError as error:
        raise _moved(entry.path) from error
    if grown or hashed.digest.hexdigest() != entry.sha256:
        raise _moved(entry.path)


def _add_bytes(tar: tarfile.TarFile, path: str, data: bytes, mode: int) -> None:
    info = _info(path, mode)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _info(path: str, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(f"./{path}")
    info.mode, info.mtime = mode, int(time.time())
    return info


def _moved(path: str) -> CheckFailed:
    return WORKSPACE_MOVING(
        f"{path} changed in the workspace while it was being sent; the host's tree is as it was"
    )


class _Hashed(io.RawIOBase):
    """A file that is hashed as it is read, so that what is sent is what was planned."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        self.digest.update(data)
        return data


class _Stopped(Exception):
    """The reader went away."""


class _Sink(io.RawIOBase):
    """Where tarfile writes: compresses, cuts into pieces, hands them over."""

    def __init__(
        self,
        pieces: queue.Queue[bytes | BaseException | None],
        stop: threading.Event,
        compress: bool,
    ) -> None:
        super().__init__()
        self._pieces = pieces
        self._stop = stop
        self._zip = zlib.compressobj(1, wbits=31) if compress else None
        self._held = bytearray()
        self._taken = 0

    def writable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The bytes of the tar so far."""
        return self._taken

    def write(self, data: bytes) -> int:  # type: ignore[override]  # tarfile writes nothing else
        """Takes a block of the tar; whole pieces go on."""
        size = len(data)
        self._held += data
        self._taken += size
        while len(self._held) >= PIECE:
            self._pass_on(bytes(self._held[:PIECE]))
            del self._held[:PIECE]
        return size

    def end(self) -> None:
        """Hands over what is still held, by the compressor too."""
        self._pass_on(bytes(self._held))
        if self._zip:
            self._hand_over(self._zip.flush())

    def _pass_on(self, raw: bytes) -> None:
        self._hand_over(self._zip.compress(raw) if self._zip else raw)

    def _hand_over(self, data: bytes) -> None:
        if self._stop.is_set():
            raise _Stopped
        if data:
            self._pieces.put(data)


def _empty(pieces: queue.Queue[bytes | BaseException | None]) -> None:
    """Makes room, so that a waiting worker sees the stop."""
    try:
        while True:
            pieces.get_nowait()
    except queue.Empty:
        return


def _sample(transfer: Transfer) -> Iterator[bytes]:
    """Up to SAMPLE bytes from files spread over the transfer."""
    left = SAMPLE
    files = [entry for entry in transfer.entries if entry.kind == "file"]
    for entry in files[:: max(1, len(files) // 32)]:
        if left <= 0:
            return
        data = _head(transfer, entry.path, min(left, SAMPLE // 8))
        left -= len(data)
        yield data


def _head(transfer: Transfer, path: str, size: int) -> bytes:
    if path in transfer.made:
        return transfer.made[path][:size]
    place: Path = transfer.source / path
    try:
        with place.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""
