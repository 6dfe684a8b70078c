"""Where everything stands: the workspace, the host's files, what runs, what is published, the last run."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bb8deploy.errors import Bb8Error
from bb8deploy.host.connect import Host, open_host
from bb8deploy.host.supervisor.route import reach
from bb8deploy.lanes.run import Run
from bb8deploy.lanes.sync import read_wanted
from bb8deploy.lanes.verify import slug_of
from bb8deploy.plan.identity import newest
from bb8deploy.plan.sync import Stamp, plan_sync
from bb8deploy.workspace import git
from bb8deploy.workspace import remote as r
from bb8deploy.workspace.addon import parse_config


@dataclass(frozen=True, slots=True)
class Place:
    """One place where a version can be: what it holds and how that differs from the workspace."""

    name: str
    version: str = "-"
    tree: str = "-"
    detail: str = ""


def status(run: Run) -> list[Place]:
    """One row for each place, workspace first; a place that cannot be seen says why instead."""
    wanted = read_wanted(run, run.addon)
    head = git.head_state(run.workspace)
    dirty = ", uncommitted changes" if head.dirty else ""
    here = Place("here", wanted.stamp.version, wanted.manifest.digest, f"commit {head.commit[:12]}{dirty}")
    return [here, *_on_host(run), _published(run), _last_run(run)]


def _on_host(run: Run) -> list[Place]:
    named = run.settings.text("HA_SSH_HOST_ALIAS") or run.settings.text("HA_MOUNT")
    if not named:
        return [_running(run, None)]
    try:
        with open_host(run.settings, run.progress) as host:
            return [_files(run, host), _running(run, host)]
    except Bb8Error as error:
        return [Place("host", detail=error.cause)]


def _files(run: Run, host: Host) -> Place:
    wanted = read_wanted(run, run.addon)
    try:
        found = host.files.look()
        plan = plan_sync(found, wanted.manifest, wanted.ignore, wanted.stamp)
    except Bb8Error as error:
        return Place("host", detail=error.cause)
    if not plan.present:
        return Place("host", detail=f"{host.files.where} does not exist yet")
    stamp = Stamp.parse(found.stamp)
    edited = stamp is not None and stamp.tree != plan.have.digest
    differing = len(plan.changes.paths) + len(plan.extra)
    words = [f"{differing} file(s) differ from here" if differing else "same as here"]
    words += ["edited by hand since the last sync"] if edited else []
    return Place("host", stamp.version if stamp else "no stamp", plan.have.digest, "; ".join(words))


def _running(run: Run, host: Host | None) -> Place:
    try:
        reached = reach(run.settings, run.addon, host, slug_of(run))
    except Bb8Error as error:
        return Place("running", detail=error.cause)
    try:
        state, said = reached.first.state, newest(reached.first.log)
    finally:
        reached.supervisor.close()
    if state is None or not state.installed:
        return Place("running", detail="not installed")
    detail = f"{state.state}, seen by {reached.capabilities.chosen}"
    return Place("running", state.version, said.tree if said else "not reported", detail)


def _published(run: Run) -> Place:
    remote = run.settings.text("HA_PUBLISH_REMOTE")
    if not remote:
        return Place("published", detail="HA_PUBLISH_REMOTE is not set")
    branch = run.settings.text("HA_PUBLISH_BRANCH")
    try:
        tip = r.ask(run.workspace, remote, branch).branch(branch)
    except Bb8Error as error:
        return Place("published", detail=error.cause)
    if not tip:
        return Place("published", detail=f"{r.shown(remote)} has no branch {branch}")
    version = _version_at(run, tip)
    return Place("published", version or "-", detail=f"{branch} at {tip[:12]}")


def _version_at(run: Run, commit: str) -> str:
    """The version in a published commit, empty where the commit was never fetched here."""
    if not git.has_commit(run.workspace, commit):
        return ""
    data = git.read_file(run.workspace, commit, "config.yaml")
    return str(parse_config(data, "config.yaml").get("version", "")) if data else ""


def _last_run(run: Run) -> Place:
    try:
        row = json.loads((run.reports / "latest.json").read_text(encoding="utf-8"))
        detail = f"{row['command']} to {row['target']} at {row['ts']}, run {row['run_id']}"
    except (OSError, ValueError, KeyError, TypeError):
        detail = "none"
    return Place("last run", detail=detail)
