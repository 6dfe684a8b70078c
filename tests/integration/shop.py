"""A store in a scratch folder: a repository with two apps, a bare remote, and a second person's clone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from tests.integration.desk import CONFIG, DOCKERFILE, REPOSITORY, Desk, sh

from bb8deploy.runs.run import Run
from bb8deploy.settings.load_settings import load

FIRST = "1.0.0"


@dataclass
class Shop(Desk):
    """A desk whose workspace is a store with the apps `lamp` and `fan`; `store` is its remote `origin`."""

    app: str = "lamp"

    @property
    def addon(self) -> Path:
        return self.root / self.app

    def of(self, app: str) -> Shop:
        """The same store, seen from another app."""
        return replace(self, app=app)

    def run_in_store(self, *, dry_run: bool = False, **settings: str) -> Run:
        """A fresh run that publishes to `origin`."""
        run = self.run(remote="origin", dry_run=dry_run)
        flags = {"HA_PUBLISH_REMOTE": "origin", **settings}
        run.settings = load(self.root, environ={}, flags=flags, slug=lambda: self.app)
        return run

    def tree(self, app: str = "", commit: str = "HEAD") -> str:
        """The tree of an app's folder in a commit of the workspace."""
        return self.git("rev-parse", f"{commit}:{app or self.app}")

    def person(self, folder: Path) -> Desk:
        """Another person's clone of the remote."""
        sh(folder.parent, "git", "clone", "-q", str(self.store), str(folder))
        return Desk(folder, self.store)

    def change(self, app: str, text: str, message: str) -> str:
        """Commits a change of an app."""
        return self.commit(f"{app}/run.sh", f"#!/bin/sh\nexec true # {text}\n", message)


def make_shop(folder: Path) -> Shop:
    """A store whose apps were never released; its commits are pushed, its tags do not exist."""
    made = Shop(folder / "work", folder / "store.git")
    made.root.mkdir()
    made.git("init", "-q")
    sh(folder, "git", "init", "-q", "--bare", str(made.store))
    (made.root / ".gitignore").write_text("reports/\n.env*\n")
    (made.root / "repository.yaml").write_text(REPOSITORY)
    for app in ("lamp", "fan"):
        home = made.root / app
        home.mkdir()
        config = CONFIG.replace("slug: demo", f"slug: {app}").replace("name: Demo", f"name: {app.title()}")
        (home / "config.yaml").write_text(config.replace("2026.1.2.0", FIRST))
        (home / "Dockerfile").write_text(DOCKERFILE)
        (home / "run.sh").write_text("#!/bin/sh\nexec true\n")
        (home / "run.sh").chmod(0o755)
        (home / "CHANGELOG.md").write_text(f"# Changelog\n\n## {FIRST}\n\n- First words of {app}\n")
    made.commit("README.md", "# A store\n", "Begin")
    made.git("remote", "add", "origin", str(made.store))
    made.git("push", "-q", "-u", "origin", "main")
    return made
