"""Runs ansible-playbook with the collection of this repository against sandbox hosts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ops.bench.bench_deploy import HA
from tests.integration.deploylab import config, environment
from tests.integration.small_addon import DOCKERFILE, RUN_SH

from ha_sandbox import Sandbox

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(sys.executable).parent
DEADLINE = 240
PLAYBOOK = """
- hosts: robots
  gather_facts: false
  serial: "{{ wave | default(10) | int }}"
  max_fail_percentage: 0
  tasks:
    - bb8deploy.homeassistant.app:
        workspace: "{{ playbook_dir }}/../work"
        state: "{{ state | default('latest') }}"
        folder: "{{ folder }}"
        known_hosts: "{{ known_hosts }}"
        url: "{{ url }}"
        token: "{{ vault_tokens[inventory_hostname] }}"
        settings: "{{ settings }}"
        options: "{{ options | default({'level': 'debug'}) }}"
        secret_options:
          password: "{{ vault_password }}"
"""
OPTIONS = (
    "options:\n  level: info\n  password: hunter22\n"
    "schema:\n  level: list(info|debug)\n  password: password\n"
)
_RECAP = re.compile(r"^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Played:
    """How a playbook ended: `hosts` has (ok, changed, unreachable, failed) of each host that was started."""

    code: int
    output: str
    hosts: dict[str, tuple[int, ...]]

    def changed(self) -> list[str]:
        """The hosts with a change."""
        return [name for name, row in self.hosts.items() if row[1]]

    def failed(self) -> list[str]:
        """The hosts that failed; none may count as unreachable."""
        assert not any(row[2] for row in self.hosts.values()), self.output
        return [name for name, row in self.hosts.items() if row[3]]


@dataclass(slots=True)
class Controller:
    """A folder with an inventory, a vault and the collection."""

    folder: Path

    @property
    def log(self) -> Path:
        """Ansible's own log file."""
        return self.folder / "ansible.log"

    def write(
        self, hosts: dict[str, Sandbox], secrets: dict[str, object], **changes: dict[str, object]
    ) -> None:
        """Writes everything; `changes` are variables of single hosts."""
        place = self.folder / "collections/ansible_collections/bb8deploy"
        place.mkdir(parents=True)
        (place / "homeassistant").symlink_to(ROOT / "ansible")
        (self.folder / "playbook.yml").write_text(PLAYBOOK)
        self.inventory(hosts, **changes)
        (self.folder / "password").write_text("a password of the vault\n")
        vault = self.folder / "group_vars/all/vault.yml"
        vault.parent.mkdir(parents=True)
        vault.write_text(json.dumps(secrets))
        done = self._program("ansible-vault", "encrypt", str(vault))
        assert done.returncode == 0, done.stderr
        assert vault.read_text().startswith("$ANSIBLE_VAULT;")

    def inventory(self, hosts: dict[str, Sandbox], **changes: dict[str, object]) -> None:
        """Writes the hosts with what reaches each, as an inventory has it."""
        rows = {name: {**variables(box), **changes.get(name, {})} for name, box in hosts.items()}
        (self.folder / "inventory.yml").write_text(json.dumps({"robots": {"hosts": rows}}))

    def play(self, *words: str) -> Played:
        """Plays the playbook; what it prints is kept in Ansible's log too."""
        done = self._program("ansible-playbook", "-i", "inventory.yml", "playbook.yml", *words)
        output = done.stdout + done.stderr
        rows = {row[0]: tuple(map(int, row[1:])) for row in _RECAP.findall(done.stdout)}
        return Played(done.returncode, output, rows)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Begins to play, in a process group of its own."""
        return subprocess.Popen(
            [
                sys.executable,
                str(PROGRAMS / "ansible-playbook"),
                "-i",
                "inventory.yml",
                "playbook.yml",
                *words,
            ],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=self._environment(),
        )

    def _program(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(PROGRAMS / name), *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            env=self._environment(),
        )

    def _environment(self) -> dict[str, str]:
        own = {key: value for key, value in environment().items() if not key.startswith("ANSIBLE_")}
        return {
            **own,
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "password"),
            "ANSIBLE_LOG_PATH": str(self.log),
            "ANSIBLE_FORKS": "5",
            "ANSIBLE_NOCOLOR": "1",
        }


def variables(box: Sandbox) -> dict[str, object]:
    """The inventory's variables of a sandbox."""
    own = box.env()
    user, _, rest = own["HA_SSH_HOST_ALIAS"].partition("@")
    host, _, port = rest.partition(":")
    return {
        "ansible_host": host,
        "ansible_port": int(port),
        "ansible_user": user,
        "ansible_ssh_private_key_file": own["HA_SSH_KEY"],
        "known_hosts": own["HA_SSH_KNOWN_HOSTS"],
        "folder": own["HA_REMOTE_RUNTIME"],
        "url": own["HA_URL"],
        "settings": {
            "HA_REPORTS_DIR": own["HA_REPORTS_DIR"],
            "BB8_SETTLE_SECONDS": 0.2,
            "BB8_BUILD_DEADLINE": 120,
        },
    }


def light_ha(box: Sandbox) -> None:
    """Replaces the sandbox's `ha`, a Python program, by a script around curl if there is curl."""
    if shutil.which("curl"):
        (box.root / "bin/ha").write_text(HA)
        (box.root / "bin/ha").chmod(0o755)


def app(version: str) -> str:
    """The config.yaml of an app with two options."""
    return config(version).replace("options: {}\nschema: {}\n", OPTIONS)


def write_app(work: Path) -> None:
    """Writes the app in its first version."""
    (work / "addon").mkdir(parents=True)
    for name, text in (("config.yaml", app("1.0.0")), ("Dockerfile", DOCKERFILE), ("run.sh", RUN_SH)):
        (work / "addon" / name).write_text(text)
    (work / "addon/run.sh").chmod(0o755)
