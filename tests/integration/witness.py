"""Holds the tokens of a run against the host itself: its files, its Supervisor's log, its container's log."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.integration.deploylab import SLUG, Lab

from bb8deploy.plan.logs.identity_line import Identity, identities, newest
from bb8deploy.plan.sync_plan import without_stamp
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import Manifest, walk

DONE = {"install": "installed", "update": "updated", "rebuild": "rebuilt"}
ALL_LINES = 100_000


@dataclass(frozen=True)
class Said:
    """A receipt line: TOKEN, SKIPPED or DRIFT, its name, its fields."""

    kind: str
    name: str
    fields: dict[str, str]

    @classmethod
    def read(cls, line: str) -> Said:
        kind, name, *pairs = shlex.split(line)
        return cls(kind.rstrip(":"), name, dict(pair.split("=", 1) for pair in pairs))


def tokens_of(lines: Iterable[str]) -> list[Said]:
    """The tokens among a run's lines."""
    return [Said.read(line) for line in lines if line.startswith("TOKEN: ")]


@dataclass
class Witness:
    """Remembers where the host stood before a run; what came later is the run's own doing."""

    lab: Lab
    commands: int
    supervisor_lines: int

    @classmethod
    def of(cls, lab: Lab) -> Witness:
        return cls(lab, len(lab.commands), len(supervisor_log(lab)))

    def refutes(self, lines: Iterable[str]) -> list[str]:
        """What the host says against the tokens; empty where every one of them is true."""
        tokens = {said.name: said.fields for said in tokens_of(lines)}
        checks = {
            "SSH_HA_OK": self._ssh,
            "CLEAN_RUNTIME_OK": self._clean,
            "DEPLOY_OK": self._deployed,
            "RUN_SH_PRESENT": self._reported,
            "PY_OK": self._reported,
            "VERIFY_OK": self._verified,
            "RUNTIME_TOPOLOGY_OK": self._topology,
            "DEPLOY_SSH_OK": self._over_ssh,
            "ROLLBACK_OK": self._rolled_back,
        }
        return [
            f"{name}: {why}"
            for name, fields in tokens.items()
            if (why := checks[name](fields, tokens) if fields.get("run") else "it names no run")
        ]

    def _ssh(self, _fields: dict[str, str], _all: dict[str, dict[str, str]]) -> str:
        return "" if len(self.lab.commands) > self.commands else "no command reached the host"

    def _clean(self, fields: dict[str, str], _all: dict[str, dict[str, str]]) -> str:
        stamp = stamp_on(self.lab)
        if stamp["tree"] != host_tree(self.lab) or stamp.get("delivery", "") != host_delivery(self.lab):
            return "the host's tree is not the one that its stamp names"
        sent_by_this_run = stamp["run"] == fields["run"]
        return (
            "" if stamp["tree"] == fields["tree"] or not sent_by_this_run else "the host holds another tree"
        )

    def _deployed(self, fields: dict[str, str], _all: dict[str, dict[str, str]]) -> str:
        mine = supervisor_log(self.lab)[self.supervisor_lines :]
        done = f"App '{SLUG}' successfully {DONE[fields['action']]}"
        return "" if any(done in line for line in mine) else f"the Supervisor never said: {done}"

    def _reported(self, fields: dict[str, str], everything: dict[str, dict[str, str]]) -> str:
        run = everything.get("VERIFY_OK", {}).get("stamp_run", fields["run"])
        told = [said for said in reports(self.lab) if said.run == run]
        python = fields.get("python")
        fine = told and (python is None or told[-1].python == python) and (python or told[-1].run_sh)
        return "" if fine else "no container reported this"

    def _verified(self, fields: dict[str, str], everything: dict[str, dict[str, str]]) -> str:
        wanted = (fields["version"], fields["tree"], fields["stamp_run"])
        if wanted not in [(said.version, said.tree, said.run) for said in reports(self.lab)]:
            return "no container reported this"
        if "ROLLBACK_OK" in everything:
            return ""
        return self._runs(*wanted)

    def _rolled_back(self, fields: dict[str, str], _all: dict[str, dict[str, str]]) -> str:
        return self._runs(fields["version"], fields["tree"], stamp_on(self.lab)["run"])

    def _runs(self, version: str, tree: str, run: str) -> str:
        state, said = self.lab.state(), newest(container_log(self.lab))
        if (state["state"], state["version"]) != ("started", version):
            return f"{state['version']} is {state['state']}"
        if said is None or (said.version, said.tree, said.run) != (version, tree, run):
            return "another container runs now"
        return "" if host_tree(self.lab) == tree else "the host holds another tree"

    def _topology(self, _fields: dict[str, str], _all: dict[str, dict[str, str]]) -> str:
        local = self.lab.box.local_root
        slugs = [path for path in local.glob("*/config.yaml") if "slug: beep_boop_bb8" in path.read_text()]
        return "" if len(slugs) == 1 and not any(local.rglob(".git")) else "more than one folder, or a .git"

    def _over_ssh(self, _fields: dict[str, str], everything: dict[str, dict[str, str]]) -> str:
        missing = {"SSH_HA_OK", "CLEAN_RUNTIME_OK", "VERIFY_OK"} - everything.keys()
        return f"without {sorted(missing)}" if missing else ""


def runtime(lab: Lab) -> Path:
    """The app's folder on the host."""
    return lab.box.local_root / "beep_boop_bb8"


def stamp_on(lab: Lab) -> dict[str, str]:
    """The stamp on the host; empty values if there is none."""
    path = runtime(lab) / "build_stamp.json"
    found: dict[str, str] = json.loads(path.read_text()) if path.exists() else {"tree": "", "run": ""}
    return found


def host_tree(lab: Lab) -> str:
    """The digest of the app's own files on the host; empty if the folder is absent."""
    if not runtime(lab).is_dir():
        return ""
    files = without_stamp(walk(runtime(lab), Ignore.of_workspace(lab.folder))).entries
    return Manifest(tuple(entry for entry in files if not entry.path.startswith("Dockerfile."))).digest


def host_delivery(lab: Lab) -> str:
    """The digest of all files on the host but the stamp; empty if the folder is absent."""
    if not runtime(lab).is_dir():
        return ""
    return without_stamp(walk(runtime(lab), Ignore.of_workspace(lab.folder))).digest


def container_log(lab: Lab) -> list[str]:
    """Everything that the app's containers ever said."""
    return lab.box.manager.log_of(SLUG).tail(ALL_LINES).splitlines()


def reports(lab: Lab) -> list[Identity]:
    """Every report of identity, oldest first."""
    return identities(container_log(lab))


def supervisor_log(lab: Lab) -> list[str]:
    """Everything that the Supervisor ever said."""
    return lab.box.manager.journal.tail(ALL_LINES).splitlines()
