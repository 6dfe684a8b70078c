"""A folder tree with the real Home Assistant Core in it: Debian with its Python, Core from PyPI, no compiler.

Made once (some minutes, 1.5 GB) and kept in the lab's cache. Only what Core's own default integrations and
MQTT want is installed, as Core names it itself, within Core's own constraints.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ops.lab.bases import alone, cache_dir, debian_mirror
from ops.lab.errors import LabUnavailable

VERSION: Final = "2026.11.0"
SUITE: Final = "forky"
"""Debian's release that has the Python that this Core asks for."""
PYTHON: Final = "python3.14"
VENV: Final = "/opt/core"
ENVIRONMENT: Final[Mapping[str, str]] = {
    "HOME": "/root",
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_HTTP_TIMEOUT": "180",
    "UV_LINK_MODE": "copy",
}
PURE_SOURCES: Final = ("pyric", "psutil-home-assistant", "pyturbojpeg")
"""Published without wheels, but all Python: they need no compiler."""
STUBS: Final = {
    "pymicro_vad": "class MicroVad: ...\n",
    "pyspeex_noise": "class AudioProcessor: ...\n",
}
"""Compiled parts of the voice pipeline without wheels; nobody speaks here, so their names are enough."""
BUILD_DEADLINE_S: Final = 1500.0

WANTED = f"""
import ast, importlib.util, json, pathlib
from homeassistant.const import Platform
home = pathlib.Path(importlib.util.find_spec("homeassistant").origin).parent
parts = home / "components"
waiting = {{platform.value for platform in Platform}}
# Read and not imported: it would import integrations whose requirements are not there yet.
for node in ast.parse((home / "bootstrap.py").read_text()).body:
    if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DEFAULT_INTEGRATIONS":
        waiting |= {{part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)}}
waiting |= {{"api", "auth", "config", "http", "mqtt", "onboarding", "recorder", "websocket_api"}}
# The MQTT integration's form looks at the Supervisor's, which is not a dependency of it.
wanted, seen = set(json.loads((parts / "hassio/manifest.json").read_text()).get("requirements", ())), set()
while waiting:
    name = waiting.pop()
    manifest = parts / name / "manifest.json"
    if name not in seen and manifest.exists():
        seen.add(name)
        about = json.loads(manifest.read_text())
        wanted.update(about.get("requirements", ()))
        waiting.update(about.get("dependencies", ()))
stubs = {tuple(STUBS)!r}
print(*sorted(w for w in wanted if not w.lower().replace("-", "_").startswith(stubs)), sep=chr(10))
"""


def core_root() -> Path:
    """The tree, made now if it is not there yet; LabUnavailable describes what this machine lacks."""
    if os.geteuid() != 0:
        raise LabUnavailable("the real Home Assistant needs root (chroot, unshare)")
    for tool in ("debootstrap", "unshare", "ip", "chroot"):
        if shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            raise LabUnavailable(f"{tool} is not installed")
    root = cache_dir() / f"core-{SUITE}-{VERSION}"
    with alone(root):
        if not (root / ".complete").is_file():
            _make(root)
            (root / ".complete").touch()
    return root


def _make(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    packages = f"--include=ca-certificates,tzdata,{PYTHON},{PYTHON}-venv"
    mirror = debian_mirror() or ["http://deb.debian.org/debian"]
    _run(["debootstrap", "--variant=minbase", packages, SUITE, str(root), *mirror, "sid"])
    for name in ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt"):
        shutil.copyfile(Path("/", name), root / name)
    _inside(root, PYTHON, "-m", "venv", VENV)
    pip = (f"{VENV}/bin/pip", "install", "--quiet", "--no-cache-dir", "--no-compile", "--no-deps")
    _inside(root, *pip, "uv", f"homeassistant=={VERSION}")
    site = next((root / VENV.lstrip("/") / "lib").glob("python3.*/site-packages"))
    for name, text in STUBS.items():
        (site / f"{name}.py").write_text(text)
    constraints = "/" + str((site / "homeassistant/package_constraints.txt").relative_to(root))
    _install(root, constraints, f"homeassistant=={VERSION}")
    wanted = _inside(root, f"{VENV}/bin/python", "-c", WANTED)
    (root / "root/wanted.txt").write_text(wanted)
    _install(root, constraints, "--requirements", "/root/wanted.txt")


def _install(root: Path, constraints: str, *what: str) -> None:
    sources = [word for name in PURE_SOURCES for word in ("--no-binary", name)]
    uv = (f"{VENV}/bin/uv", "pip", "install", "--quiet", "--no-cache", "--python", f"{VENV}/bin/python")
    _inside(root, *uv, "--constraints", constraints, "--only-binary", ":all:", *sources, *what)


def _inside(root: Path, *command: str) -> str:
    words = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    return _run(["chroot", str(root), "/usr/bin/env", "-i", *words, *command])


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_DEADLINE_S, check=True)
    except subprocess.CalledProcessError as error:
        tail = (error.stderr or error.stdout or "").strip().splitlines()[-3:]
        raise LabUnavailable(f"Home Assistant cannot be installed: {' / '.join(tail)}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabUnavailable(f"Home Assistant cannot be installed: {error}") from error
    return done.stdout
