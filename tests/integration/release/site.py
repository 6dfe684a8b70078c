"""A workspace to release as a whole: an embedded host to deploy to, a bare repository to publish to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.deploylab import Lab, env_file, open_lab
from tests.integration.desk import REPOSITORY, sh


@dataclass
class Site:
    """The deploy lab and the `store` that its workspace publishes to."""

    lab: Lab
    store: Path

    @property
    def version(self) -> str:
        """The version that the workspace's config names."""
        lines = (self.lab.addon / "config.yaml").read_text().splitlines()
        return next(line.split('"')[1] for line in lines if line.startswith("version:"))

    @property
    def reports(self) -> Path:
        return self.lab.folder / "reports"

    def at_store(self, *words: str, check: bool = True) -> str:
        return sh(self.store, "git", *words, check=check)

    def commit(self, message: str, **files: str) -> str:
        """Changes files of the app (see `Lab.write`) and commits them."""
        self.lab.write(**files)
        self.lab.git("add", "-A")
        self.lab.git("commit", "-q", "-m", message)
        return self.lab.git("rev-parse", "HEAD")

    def settings(self, **changes: str) -> None:
        """The workspace's .env; without a broker, unless one is asked for."""
        env_file(self.lab, **{"MQTT_HOST": "", "HA_PUBLISH_REMOTE": str(self.store), **changes})

    def contract(self, name: str = "release_contract_v1") -> dict[str, Any]:
        """A contract of the newest run."""
        run = json.loads((self.reports / "latest.json").read_text())["run_id"]
        document = json.loads((self.reports / "runs" / run / f"{name}.json").read_text())
        assert isinstance(document, dict)
        return document

    def assert_released(self, version: str) -> None:
        """The version runs on the host, is on the remote's branch and tag, and is tagged here, once each."""
        tree = self.lab.git("rev-parse", "HEAD:addon")
        state = self.lab.state()
        assert (state["version"], state["state"]) == (version, "started")
        assert self.at_store("rev-parse", "main^{tree}") == tree
        assert self.at_store("rev-parse", f"{version}^{{commit}}") == self.at_store("rev-parse", "main")
        assert self.lab.git("rev-parse", f"{version}^{{commit}}") == self.lab.git("rev-parse", "HEAD")
        assert self.lab.git("status", "--porcelain") == ""
        assert self.lab.git("log", "--format=%s").splitlines().count(f"Release {version}") == 1
        assert self.at_store("rev-list", "--count", "main") == str(len(self.at_store("tag").splitlines()))


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """A site whose app was never released."""
    with open_lab(folder) as lab:
        store = folder / "store.git"
        sh(folder, "git", "init", "-q", "--bare", "-b", "main", str(store))
        (lab.folder / "pyproject.toml").write_text("[tool.bb8deploy]\n")
        lab.write(**{"repository.yaml": REPOSITORY, "CHANGELOG.md": "# Changelog\n\n## 1.0.0\n\n- First\n"})
        text = (lab.addon / "config.yaml").read_text().replace("options: {}", "options: {enable_echo: true}")
        lab.write(config=text.replace("schema: {}", "schema: {enable_echo: bool}"))
        site = Site(lab, store)
        site.commit("Make it a store")
        site.settings()
        yield site
