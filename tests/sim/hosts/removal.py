"""The removal of everything that the simulated host holds of the app, behind the product's own protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from tests.sim.engine.faults import Fault
from tests.sim.hosts.files import SimFiles
from tests.sim.hosts.world import Host, found

from bb8deploy.catalogue.errors.host import HOST_EDITED_LIVE, LOCK_LOST
from bb8deploy.host.files.removal import HeldFiles
from bb8deploy.workspace.tree_digest import PutIn


@dataclass(slots=True)
class SimRemoval:
    """`Removal` of the simulated host."""

    files: SimFiles
    run_id: str
    found: HeldFiles = field(init=False)

    def __post_init__(self) -> None:
        self.found = self.files.ask("list everything", self._look)

    @property
    def _host(self) -> Host:
        return self.files.host

    def _look(self) -> HeldFiles:
        kept = enumerate(self._host.previous)
        return HeldFiles(found(self._host.tree), {f"kept {number}": found(tree) for number, tree in kept})

    def carry_out(self) -> None:
        """Removes the folder and the earlier trees, if they are as they were listed."""
        self.files.ask("remove everything", self._remove, also=(Fault.TORN,), torn=self._begin)

    def _begin(self) -> None:
        host = self._host
        if host.lock is None or host.lock.run != self.run_id:
            raise LOCK_LOST(f"the lock of {self.files.where} was lost")
        if self._look() != self.found:
            raise HOST_EDITED_LIVE(f"{self.files.where} was changed by another program")
        host.folders.pop(host.folder, None)

    def _remove(self) -> None:
        self._begin()
        self._host.previous.clear()
        self._host.put_in = PutIn()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
