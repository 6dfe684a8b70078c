"""The state of everything: the workspace, the host's files, what runs, what is published, robot, last run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.untrusted_json import JsonObject, json_object
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import reach
from bb8deploy.lanes.dev.container_state import is_on
from bb8deploy.lanes.host_session import connected, names_host, slug_of
from bb8deploy.lanes.status.robot import robot
from bb8deploy.lanes.sync.plan_from_workspace import Wanted, plan_look, read_wanted
from bb8deploy.plan.logs.identity_line import Identity, Proof, newest
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.plan.version_drift import DriftState, VersionPlace, drift_of
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace.app_config import parse_config, read_addon
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.project import find_project
from bb8deploy.workspace.tree_digest import FoundTree
from bb8deploy.workspace.versions.publish_layout import publishing_of

CONTRACT = "_contract_v1.json"


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One row for each place, the workspace first, and each way in which they differ."""

    places: tuple[VersionPlace, ...]
    drift: tuple[str, ...]


def status(run: Run) -> StatusReport:
    """Looks at every place at once; the reason instead for one that cannot be seen."""
    wanted = read_wanted(run, run.addon)
    here = place_here(run, wanted)
    looks: list[Callable[[], list[VersionPlace]]] = [
        lambda: _on_host(run, wanted),
    ]
    if not run.settings.instance:  # nothing of an instance is published
        looks.append(lambda: [_published(run)])
    if find_project(run.workspace, addon=run.addon).profile == "bb8":
        looks.append(lambda: [robot(run)])
    with ThreadPoolExecutor(len(looks), "bb8deploy-status") as pool:
        seen = [place for found in pool.map(lambda look: look(), looks) for place in found]
    places = (here, *seen, _last_run(run))
    return StatusReport(places, drift_of(places, rolled_back=_was_rolled_back(run)))


def place_here(run: Run, wanted: Wanted) -> VersionPlace:
    """The workspace."""
    detail = commit_in_words(git.head_state(run.workspace))
    return VersionPlace("here", wanted.stamp.version, wanted.manifest.digest, detail)


def commit_in_words(head: git.Head) -> str:
    """The commit, and whether files differ from it."""
    if not head.commit:
        return "not committed yet"
    return f"commit {head.commit[:12]}" + (", uncommitted changes" if head.dirty else "")


def _on_host(run: Run, wanted: Wanted) -> list[VersionPlace]:
    if not names_host(run):
        return [running_on(run, None)]
    try:
        with connected(run) as host:
            return [files_on(host, wanted), running_on(run, host)]
    except Bb8Error as error:
        return [
            unseen("host", error),
            VersionPlace("running", state=DriftState.UNSEEN, detail="the host was not reached"),
        ]


def unseen(name: str, error: Bb8Error) -> VersionPlace:
    """The place `name`, which could not be read."""
    return VersionPlace(name, state=DriftState.UNSEEN, detail=error.cause)


def files_on(host: Host, wanted: Wanted) -> VersionPlace:
    """The app folder on the host, compared with the workspace."""
    try:
        found = host.files.look()
        plan = plan_look(found, wanted).plan
    except Bb8Error as error:
        return unseen("host", error)
    if not plan.present:
        return VersionPlace("host", state=DriftState.ABSENT, detail=_absent(host, found))
    stamp = Stamp.parse(found.stamp)
    edited = stamp is not None and not plan.found_as(stamp)
    differing = len(plan.differing)
    words = f"{differing} file(s) differ from here" if differing else "same as here"
    if is_on(found):
        words = "the dev loop is on; `bb8deploy dev --end` ends it"
    return VersionPlace(
        "host",
        stamp.version if stamp else "",
        stamp.tree if stamp and not edited else plan.have.digest,
        f"{words}; edited by hand since the last sync" if edited else words,
        DriftState.EDITED if edited else DriftState.FINE,
    )


def _absent(host: Host, found: FoundTree) -> str:
    if found.cut:
        return f"{host.files.where} is missing: a sync was cut off in its swap; the next deploy puts it back"
    return f"{host.files.where} does not exist yet"


def running_on(run: Run, host: Host | None) -> VersionPlace:
    """What the Supervisor reports of the app, and what the app reports of itself."""
    try:
        reached = reach(run.settings, run.addon, host, slug_of(run))
    except Bb8Error as error:
        return unseen("running", error)
    try:
        state, said = reached.first.state, newest(reached.first.log)
    finally:
        reached.supervisor.close()
    if state is None or not state.installed:
        return VersionPlace("running", state=DriftState.ABSENT, detail="not installed")
    if said and said.version != state.version:
        said = None
    proof, how = _proof(run, said)
    return VersionPlace(
        "running",
        state.version,
        said.tree if said else "",
        f"{state.state}, {how}, seen by {reached.capabilities.chosen}",
        DriftState.FINE if state.state == "started" else DriftState.DOWN,
        proof,
    )


def _proof(run: Run, said: Identity | None) -> tuple[str, str]:
    """The level of proof of what runs, and the level in words."""
    if said is None:
        return Proof.RUNNING.value, "proof running: it did not report its content"
    ignore = Ignore.of_workspace(run.workspace)
    proof = said.proof(ignore.ignores_file)
    if proof is None:
        return "", "no proof: the builder was given other files than were sent"
    return proof.value, f"proof {proof.value}"


def _published(run: Run) -> VersionPlace:
    remote = run.settings.ha_publish_remote
    if not remote:
        return VersionPlace("published", state=DriftState.UNSET, detail="HA_PUBLISH_REMOTE is not set")
    branch = run.settings.ha_publish_branch
    try:
        tip = r.ask(run.workspace, remote, branch).branch(branch)
    except Bb8Error as error:
        return unseen("published", error)
    if not tip:
        return VersionPlace(
            "published", state=DriftState.ABSENT, detail=f"{r.shown(remote)} has no branch {branch}"
        )
    return VersionPlace("published", _version_at(run, tip), detail=f"{branch} at {tip[:12]}")


def _version_at(run: Run, commit: str) -> str:
    """The version in a published commit, empty if the commit was never fetched here."""
    if not git.has_commit(run.workspace, commit):
        return ""
    path = publishing_of(run.workspace, run.addon, run.settings).path
    name = read_addon(run.addon).config.name
    data = git.read_file(run.workspace, commit, f"{path}/{name}" if path else name)
    return str(parse_config(data, "config.yaml").get("version", "")) if data else ""


def _last_run(run: Run) -> VersionPlace:
    row = _latest(run)
    try:
        when = f"{row['ts'][:16].replace('T', ' ')} UTC"
        words = [f"{row['command']} to {row['target']}, {when}", *_verdicts(run, str(row["run_id"]))]
    except (OSError, ValueError, KeyError, TypeError):
        return VersionPlace("last run", state=DriftState.ABSENT, detail="none")
    return VersionPlace("last run", detail=", ".join(words))


def _was_rolled_back(run: Run) -> bool:
    """Whether the newest run of this workspace was a rollback of this target."""
    row = _latest(run)
    return (row.get("command"), row.get("target")) == ("rollback", run.settings.destination)


def _latest(run: Run) -> JsonObject:
    """What latest.json has about the newest run, empty if there is none."""
    try:
        return json_object((run.reports / "latest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _verdicts(run: Run, run_id: str) -> list[str]:
    """How each lane of a run ended, from its contracts."""
    paths = sorted((run.reports / "runs" / run_id).glob(f"*{CONTRACT}"))
    verdicts = [(path, json_object(path.read_text(encoding="utf-8")).get("verdict")) for path in paths]
    return [f"{path.name.removesuffix(CONTRACT)} {verdict}" for path, verdict in verdicts if verdict]
