"""A workspace, and hosts to sync it to: a full one, a busybox-only one, a share."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.integration.deploylab import Watcher
from tests.integration.sshlab import Sshd, start_sshd

from bb8deploy.host.open_host import Host, open_host
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run, new_run_id
from bb8deploy.runs.tokens import Ledger
from bb8deploy.settings.load_settings import load

CONFIG = 'name: "Beep"\nversion: "2026.1.1.0"\nslug: "beep"\ndescription: "x"\narch: [amd64]\n'
FILES = {
    "config.yaml": CONFIG,
    "Dockerfile": "FROM scratch\n",
    "run.sh": "#!/bin/sh\nexec true\n",
    'a b/it\'s "here".txt': "quotes\n",
    "-dash": "dash\n",
    "é/ü.txt": "accents\n",
    "new\nline": "line end\n",
    "back\\slash %s $(x) `y` *": "shell\n",
    "bb8_core/main.py": "print('hi')\n" * 50,
}


@dataclass
class Lab:
    """A workspace and one host for it."""

    folder: Path
    workspace: Path
    runtime: Path
    environ: dict[str, str]
    sshd: Sshd | None
    watcher: Watcher = field(default_factory=Watcher)

    @property
    def addon(self) -> Path:
        return self.workspace / "addon"

    @property
    def state(self) -> Path:
        """The state folder of this app on the host."""
        return self.runtime.parent / ".bb8deploy" / self.runtime.name

    @property
    def lock_folder(self) -> Path:
        return self.runtime.parent / ".bb8deploy" / f"{self.runtime.name}.lock"

    def run(self, **options: object) -> Run:
        """A fresh run with its own ledger."""
        run_id = new_run_id()
        reports = self.workspace / "reports"
        return Run(
            id=run_id,
            command="sync",
            workspace=self.workspace,
            addon=self.addon,
            settings=load(self.workspace, environ=self.environ),
            reports=reports,
            ledger=Ledger(run_id, reports),
            journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
            progress=self.watcher,
            **options,  # type: ignore[arg-type]
        )

    def host(self, **changes: str) -> Host:
        """Opens the host, with settings changed as given."""
        return open_host(load(self.workspace, environ={**self.environ, **changes}), self.watcher)

    def on_host(self) -> dict[str, str]:
        """The files of the runtime folder and their text, without the stamp."""
        return {
            str(p.relative_to(self.runtime)): p.read_text()
            for p in self.runtime.rglob("*")
            if p.is_file() and not p.is_symlink() and p.name != "build_stamp.json"
        }


def make_workspace(folder: Path) -> Path:
    """A small app with awkward names, in a git repository."""
    for name, text in FILES.items():
        (folder / "addon" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "addon" / name).write_text(text)
    (folder / "addon/run.sh").chmod(0o755)
    (folder / "addon/a b/link").symlink_to("../run.sh")
    (folder / "addon/stale.pyc").write_text("never sent")
    (folder / "addon/secrets.yaml").write_text("HA_LLAT_KEY: never sent\n")
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "addon/config.yaml"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    return folder


def busybox_command(folder: Path) -> str:
    """A ForceCommand under which nothing but busybox can be found."""
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.skip("SKIPPED: busybox is not installed")
    tools = folder / "busybox"
    tools.mkdir()
    subprocess.run([busybox, "--install", "-s", str(tools)], check=True)
    script = folder / "only-busybox"
    script.write_text(
        f'#!/bin/sh\nexec {busybox} env -i PATH={tools} HOME={folder} {tools}/sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    script.chmod(0o755)
    return str(script)


@pytest.fixture(scope="session")
def full_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A host with GNU tools and a busy prompt file."""
    folder = tmp_path_factory.mktemp("full")
    script = folder / "with-banner"
    script.write_text('#!/bin/sh\necho "Welcome!"; exec sh -c "$SSH_ORIGINAL_COMMAND"\n')
    script.chmod(0o755)
    with start_sshd(folder, options=[f"ForceCommand {script}", "MaxSessions 50"]) as server:
        yield server


@pytest.fixture(scope="session")
def busybox_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A host with nothing but busybox, as the official SSH app is."""
    folder = tmp_path_factory.mktemp("busybox")
    with start_sshd(folder, options=[f"ForceCommand {busybox_command(folder)}"]) as server:
        yield server


MakeLab = Callable[[str], Lab]


@pytest.fixture
def make_lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeLab]:
    """Makes a lab for `full`, `busybox` or `mount`."""
    with ExitStack() as stack:

        def make(kind: str) -> Lab:
            runtime = tmp_path / "addons/local" / "beep é"
            runtime.parent.mkdir(parents=True)
            workspace = make_workspace(tmp_path / "workspace")
            environ = {"HA_REMOTE_RUNTIME": str(runtime), "HA_REPORTS_DIR": str(tmp_path / "reports")}
            if kind == "mount":
                return Lab(tmp_path, workspace, runtime, {**environ, "HA_MOUNT": str(runtime)}, None)
            server: Sshd = request.getfixturevalue(f"{kind}_sshd")
            return Lab(tmp_path, workspace, runtime, {**environ, **ssh_settings(server)}, server)

        yield make
        stack.close()


@pytest.fixture(params=["full", "busybox", "mount"])
def lab(request: pytest.FixtureRequest, make_lab: MakeLab) -> Lab:
    """Each kind of host in turn."""
    return make_lab(request.param)


@pytest.fixture(params=["full", "busybox"])
def ssh_lab(request: pytest.FixtureRequest, make_lab: MakeLab) -> Lab:
    """Each kind of ssh host in turn."""
    return make_lab(request.param)


def ssh_settings(server: Sshd, port: int = 0) -> dict[str, str]:
    """The settings that lead to a server, perhaps through a relay's port."""
    alias = server.alias if not port else f"{server.user}@127.0.0.1:{port}"
    known = server.folder / f"known_{port or server.port}"
    text = server.known_hosts.read_text()
    known.write_text(text.replace(f"[127.0.0.1]:{server.port}", f"[127.0.0.1]:{port or server.port}"))
    return {"HA_SSH_HOST_ALIAS": alias, "HA_SSH_KEY": str(server.key), "HA_SSH_KNOWN_HOSTS": str(known)}
