"""Records in the journal which hosts of a rollout are done, so that `--resume` continues with the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bb8deploy.lanes.rollout.host_result import DONE, TargetResult
from bb8deploy.runs.journal import Journal, JournalEntry, newest_runs
from bb8deploy.runs.run import Run, warn_of_damage

STEP, HOST = "rollout", "host "
"""The step of the whole rollout, and the prefix of the step of each host."""


@dataclass(frozen=True, slots=True)
class DoneBefore:
    """A host that an earlier run had done, with what its row needs."""

    run: str
    version: str
    tree: str


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """The record of one rollout. `asked` are the words of `--target`, `content` names what the hosts get."""

    run: Run
    asked: tuple[str, ...]
    content: str

    def begin(self, hosts: Sequence[str]) -> None:
        """Records the rollout's hosts before the first of them is touched."""
        self._write(STEP, "started", hosts=list(hosts), **self._key())

    def end(self) -> None:
        """Records that every host is done."""
        self._write(STEP, "done")

    def keep(self, name: str, row: TargetResult) -> None:
        """Records how a host ended; a host that was done earlier stays recorded in this run."""
        state = "done" if row.result == DONE else "failed"
        facts = {"version": row.version, "tree": row.tree, "code": row.result}
        by = row.earlier or self.run.id
        self._write(f"{HOST}{name}", state, **facts, content=self.content, by=by)

    def done_before(self) -> dict[str, DoneBefore]:
        """The hosts that the newest unfinished rollout of the same command and targets had done.

        A host counts only if it was done with the same content. Empty if that rollout finished, or if there
        is none.
        """
        for folder in newest_runs(self.run.reports):
            journal = Journal(folder / "journal.jsonl")
            entries = journal.entries()
            if folder.name == self.run.id or not self._is_same(entries):
                continue
            if any(entry.step == STEP and entry.state == "done" for entry in entries):
                break
            warn_of_damage(self.run, journal)
            self.run.progress.note(f"going on with run {folder.name}")
            done = journal.done()
            hosts = {step.removeprefix(HOST): facts for step, facts in done.items() if step.startswith(HOST)}
            if any(facts.get("content") != self.content for facts in hosts.values()):
                self.run.progress.note("it had other content, so its hosts are not done")
            return {
                name: DoneBefore(*(str(facts.get(key, "")) for key in ("by", "version", "tree")))
                for name, facts in hosts.items()
                if facts.get("content") == self.content
            }
        self.run.progress.note("there is nothing to resume, so every host starts from the beginning")
        return {}

    def _is_same(self, entries: Sequence[JournalEntry]) -> bool:
        key = self._key()
        started = [entry.facts for entry in entries if entry.step == STEP and entry.state == "started"]
        return any(all(facts.get(name) == value for name, value in key.items()) for facts in started)

    def _key(self) -> dict[str, object]:
        instance = self.run.settings.instance
        command = self.run.command.split(maxsplit=1)[0]
        return {"command": command, "asked": list(self.asked), "instance": instance.name if instance else ""}

    def _write(self, step: str, state: str, **facts: object) -> None:
        if not self.run.dry_run:
            self.run.journal.write(step, state, **facts)
