"""What process 1 of a container runs: its configuration, made from the image and its tree."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.seal_paths import LAUNCHER
from ha_sandbox.json_types import JsonObject
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.runtime.building.build_stage import BASE_PATH
from ha_sandbox.runtime.building.image_config import Image
from ha_sandbox.runtime.merged_usr import COMMAND
from ha_sandbox.runtime.runtime_interface import ContainerSpec
from ha_sandbox.runtime.s6_tools import TOOLS

_CONTENV = re.compile(rb"^#![ \t]*/usr/bin/with-contenv\b")
_HEAD = 64  # bytes that show a script's interpreter
SERVICES = {"supervisor": ("supervisor", 80), "mqtt": ("core-mosquitto", 1883)}
"""The names and ports under which a container reaches the host's services."""
_S6_RC = "/etc/s6-overlay/s6-rc.d"
S6_INIT = "/init"
"""The program that starts the services of a base image with s6-overlay."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a container has besides its image: the descriptor of its control socket, its doors as (descriptor,
    port, purpose), and without a network of its own the port of its page.
    """

    control: int
    doors: tuple[tuple[int, int, str], ...] = ()
    page_port: int = 0


def init_config(
    tree: Path, image: Image, spec: ContainerSpec, wiring: Wiring, *, isolated: bool
) -> JsonObject:
    """The document that the container's init program reads: environment, services and health check."""
    environment = {"PATH": bubblewrap.search_path(), "HOME": "/root", **image.environment, **spec.environment}
    if not isolated:
        environment |= _plain_paths(tree, spec.data, wiring.page_port)
    return {
        "control": wiring.control,
        "doors": wiring.doors,
        "isolated": isolated,
        "tools": TOOLS if isolated else {},
        "listen": [port for _, port in SERVICES.values()] if isolated else [],
        "environment": environment,
        "folder": image.workdir if isolated else str(tree),
        "services": _services(tree, image, isolated=isolated),
        "health": image.health if isolated else {},
    }


def _plain_paths(tree: Path, data: Path, page_port: int) -> dict[str, str]:
    app = tree / "usr" / "src" / "app"
    return {
        "PATH": os.environ.get("PATH", BASE_PATH),
        "VIRTUAL_ENV": str(tree / "opt" / "venv"),
        "BB8_APP": str(app),
        "BB8_OPTIONS": str(data / "options.json"),
        "OPTIONS_FILE": str(data / "options.json"),
        "BB8_DATA": str(data),
        "BB8_STAMP": str(app / "build_stamp.json"),
        "BB8_RUN_SH": str(app / "run.sh"),
        "BB8_PAGE_PORT": str(page_port),
    }


def _services(tree: Path, image: Image, *, isolated: bool) -> list[JsonObject]:
    """services.d and CMD, as under the base's own /init, or the image's entry point."""
    folder = image.workdir if isolated else str(tree)
    words = [*image.entrypoint, *image.command]
    main = _shown(words, tree) if isolated else [_in_tree(word, tree) for word in _without_init(words)]
    found: list[JsonObject] = []
    if not image.entrypoint or (S6_INIT in image.entrypoint and not has_init(tree)):
        runs = sorted((tree / "etc" / "services.d").glob("*/run"))
        found = [_service(run, tree, isolated=isolated) for run in runs]
    if found and not main and LAUNCHER in words[:1]:
        found[0]["argv"] = [_in_tree(LAUNCHER, tree), *found[0]["argv"]]
    if main:
        spec = {"name": "main", "argv": main, "finish": [], "contenv": True, "restart": False}
        found.append({**spec, "folder": folder})
        for one in found[:-1]:
            one["waits"] = isolated and S6_INIT in words
    return found


def nothing_to_run(tree: Path, config: JsonObject) -> str:
    """Why a container would run nothing at all on this machine's own system; empty if it runs something."""
    if config["services"]:
        return ""
    if _scripts(tree, _S6_RC):
        return f"its services in {_S6_RC} need s6-overlay 3: use `--docker`"
    return "the image has no command of its own, and its base is not here: use `--docker`"


def left_out(tree: Path) -> list[str]:
    """A line for each kind of script that only the real base would run."""
    return [
        f"[sandbox] the scripts in {folder} do not run on this machine's own system: "
        "to run them, use `--docker`"
        for folder in (_S6_RC, "/etc/cont-init.d")
        if _scripts(tree, folder)
    ]


def _scripts(tree: Path, folder: str) -> bool:
    return any(path.is_file() for path in (tree / folder.lstrip("/")).rglob("*"))


def use_contenv(tree: Path) -> None:
    """Points scripts at the stand-in for with-contenv: this machine's /usr is in the place of the image's."""
    for path in tree.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if _CONTENV.match(head):
            path.write_bytes(_CONTENV.sub(b"#!" + COMMAND.encode(), path.read_bytes(), count=1))


def has_init(tree: Path) -> bool:
    """Whether the image has an /init of its own; an empty file is a mount point."""
    init = tree / S6_INIT.lstrip("/")
    return init.is_file() and init.stat().st_size > 0


def _without_init(words: list[str]) -> list[str]:
    """The words for a plain process, which has no /init: a launcher before it starts the command itself.

    Empty if /init has no command; then the services are all that runs.
    """
    if S6_INIT not in words:
        return words
    at = words.index(S6_INIT)
    command = words[at + 1 :]
    return [*words[:at], *command] if command else []


def _shown(words: list[str], tree: Path) -> list[str]:
    """The words with a launcher as its text: this machine's /usr hides the file that the image has there."""
    hidden = tree / LAUNCHER.lstrip("/")
    if words[:1] != [LAUNCHER] or not hidden.is_file():
        return words
    return ["/bin/sh", "-c", hidden.read_text(encoding="utf-8"), *words]


def _in_tree(word: str, tree: Path) -> str:
    """A word of a plain process's command line: a file of the image is in its tree, not at the root."""
    inside = tree / word.lstrip("/")
    return str(inside) if word.startswith("/") and inside.is_file() else word


def _service(run: Path, tree: Path, *, isolated: bool) -> JsonObject:
    finish = run.with_name("finish")
    argv, contenv = _interpreter(run, tree, isolated=isolated)
    plain_run_sh = tree / "usr" / "src" / "app" / "run.sh"
    if not isolated and "/usr/src/app/run.sh" in run.read_text(encoding="utf-8"):
        argv = [str(plain_run_sh)]
    return {
        "name": run.parent.name,
        "argv": argv,
        "finish": _interpreter(finish, tree, isolated=isolated)[0] if finish.is_file() else [],
        "contenv": contenv or not isolated,
        "restart": True,
        "folder": f"/{run.parent.relative_to(tree)}" if isolated else str(run.parent),
    }


def _interpreter(script: Path, tree: Path, *, isolated: bool) -> tuple[list[str], bool]:
    """How to run a script: `#!/usr/bin/with-contenv bash` means bash with the container's environment."""
    path = f"/{script.relative_to(tree)}" if isolated else str(script)
    first = script.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    words = first.removeprefix("#!").split()
    if words and Path(words[0]).name == "with-contenv":
        # The stand-in in /command knows what to do for a missing bashio.
        return [*([COMMAND] if isolated else []), *words[1:], path], True
    return [path], False
