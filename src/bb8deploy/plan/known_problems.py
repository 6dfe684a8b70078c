"""The known problems of a deploy, each recognised by what was observed; pure.

The table follows the troubleshooting lists of the procedure ADR-0008 (sections 8 and 12), as far as they are
true for today's Supervisor, and adds the mistakes that its commands lead to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from bb8deploy.base.short_lists import first_few
from bb8deploy.catalogue.error_code import CatalogueEntry, first_sentence
from bb8deploy.catalogue.errors.app import (
    ADDON_NOT_IN_STORE,
    ADDON_NOT_INSTALLED,
    FILES_NOT_BUILT,
    FILES_NOT_SYNCED,
    RUN_SH_MISSING,
)
from bb8deploy.catalogue.errors.broker import BROKER_STORM, RESPONDER_TWICE
from bb8deploy.catalogue.errors.host import CACHE_IN_RUNTIME, RUNTIME_HAS_GIT, RUNTIME_NOT_WRITABLE
from bb8deploy.catalogue.errors.supervisor import (
    HA_URL_INVALID,
    HA_URL_MISSING,
    SLUG_ELSEWHERE,
    SSH_USER_WITHOUT_TOKEN,
    STORE_NOT_RELOADED,
    SUPERVISOR_PULLS,
    TOKEN_NOT_FOUND,
)
from bb8deploy.catalogue.rule_definitions.all_rules import rules


@dataclass(frozen=True, slots=True)
class Trouble:
    """A known problem that was recognised: its code, what was observed, and what to do."""

    name: str
    evidence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What was observed here, on the host, of the Supervisor and of the app. A default means "not observed".

    `folder_seen`: the app folder could be read. `asked`: the Supervisor answered about the app.
    `here` is the workspace, `there` is the app folder on the host.
    """

    version_here: str = ""
    dockerfile_here: str = ""
    run_sh_here: bool = False
    builds_here: bool = True
    folder: str = ""
    folder_seen: bool = False
    folder_present: bool = False
    config_there: bool = False
    version_there: str = ""
    image_there: str = ""
    slug_there: str = ""
    dockerfile_there: str = ""
    run_sh_there: bool = False
    stamp_tree: str = ""
    git: str = ""
    caches: tuple[str, ...] = ()
    writable: bool | None = None
    user: str = ""
    user_has_token: bool = True
    asked: bool = False
    denied: str = ""
    slug: str = ""
    known: bool = False
    installed: bool = False
    version_installed: str = ""
    version_listed: str = ""
    state: str = ""
    detached: bool = False
    built_by_supervisor: bool | None = None
    supervisor_log: tuple[str, ...] = ()
    reported: bool = False
    tree_reported: str = ""
    run_sh_reported: bool = False
    addon_log: tuple[str, ...] = ()
    ha_url: str = ""
    token_set: bool = False
    token_missing: str = ""


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """A problem that `diagnose` recognises: its entry, and the function that finds evidence ("" for none).

    `own_remedy` is for the rules of validate: their remedies are for a reader who sees the line of the file.
    """

    entry: CatalogueEntry
    evidence: Callable[[Observed], str]
    own_remedy: str = ""

    @property
    def name(self) -> str:
        """The code of the problem."""
        return self.entry.code

    @property
    def remedy(self) -> str:
        """What to do, in one sentence."""
        return self.own_remedy or first_sentence(self.entry.remedy)


def recognise(facts: Observed) -> tuple[Trouble, ...]:
    """Every known problem that the facts show, in the order of the table."""
    found = ((problem, problem.evidence(facts)) for problem in TABLE)
    return tuple(Trouble(problem.name, said, problem.remedy) for problem, said in found if said)


STORM = 5
"""So many refused or failed broker connections at the end of the log count as a storm."""
_PULL = re.compile(r"pull access denied|Can't install local/|manifest unknown", re.IGNORECASE)
_BROKER = re.compile(r"broker refused|broker.* cannot be reached|Connection refused|Not authori[sz]ed")
_TWICE = "another echo responder took over"
# The reason directly after the name: a line such as `run.sh: line 2: x: command not found` shows that it ran.
_RUN_SH = re.compile(r"run\.sh\W{1,4}(?:No such file|not found|Permission denied)|can't open .*run\.sh")
_COPIES_RUN_SH = re.compile(r"^\s*(?:COPY|ADD)\b.*(?:run\.sh|\s\.\s)", re.MULTILINE)


def _not_in_store(f: Observed) -> str:
    if not f.asked or (f.known and not f.detached):
        return ""
    if f.folder_seen and not f.config_there:
        return f"the Supervisor does not list {f.slug}, and {f.folder} has no config.yaml"
    told = _last(f.supervisor_log, re.compile(r"Can't read|config\.ya?ml|required key"))
    reason = f": {told}" if told else ""
    return f"the Supervisor does not list {f.slug}{reason}"


def _not_installed(f: Observed) -> str:
    listed = f.asked and f.known and not f.installed and not f.detached
    return f"{f.slug} {f.version_listed} is listed, but not installed" if listed else ""


def _pulls(f: Observed) -> str:
    if f.image_there and f.builds_here:
        return f"config.yaml on the host has `image: {f.image_there}`, but the workspace is built on the host"
    if f.installed and f.built_by_supervisor is False and f.builds_here:
        return "the Supervisor pulls the installed app, but the workspace is built on the host"
    name = f.slug.partition("_")[2] or f.slug
    own = [line for line in f.supervisor_log if name and name in line]
    told = _last(own, _PULL)
    return f"the Supervisor's log has: {told}" if told else ""


def _run_sh(f: Observed) -> str:
    told = _last(f.addon_log, _RUN_SH)
    if told and f.state != "started":
        return f"the app's log has: {told}"
    if not f.run_sh_here:
        return ""
    if f.folder_present and not f.run_sh_there:
        return f"{f.folder} has no run.sh"
    if f.dockerfile_there and not _COPIES_RUN_SH.search(f.dockerfile_there):
        return "the Dockerfile on the host does not copy run.sh"
    if f.state == "started" and f.reported and not f.run_sh_reported:
        return "the running app reports that it has no run.sh"
    return ""


def _not_writable(f: Observed) -> str:
    if f.writable is not False:
        return ""
    return f"{f.user or 'the ssh user'} may not write to the parent folder of {f.folder}"


def _storm(f: Observed) -> str:
    lines = [line for line in f.addon_log if _BROKER.search(line)]
    if len(lines) < STORM:
        return ""
    return f"{len(lines)} failed broker connections in the app's log, the last: {lines[-1].strip()}"


def _twice(f: Observed) -> str:
    told = _last(f.addon_log, re.compile(re.escape(_TWICE)))
    return f"the app's log has: {told}" if told else ""


def _not_synced(f: Observed) -> str:
    differ = f.version_there and f.version_here and f.version_there != f.version_here
    return f"the workspace is {f.version_here}, the host's files are {f.version_there}" if differ else ""


def _not_built(f: Observed) -> str:
    """The files are on the host, but the image was built from others; a restart does not change that."""
    if not (f.installed and f.version_there):
        return ""
    if f.version_there != f.version_installed:
        return f"the host's files are {f.version_there}, {f.version_installed} is installed"
    tree = f.stamp_tree and f.reported and f.tree_reported not in {"", "unknown", f.stamp_tree}
    return "the running app reports another digest than the delivery that was sent last" if tree else ""


def _not_reloaded(f: Observed) -> str:
    """The Supervisor compares time stamps only, and `ha addons reload` does nothing."""
    stale = f.asked and f.known and f.version_there and f.version_listed not in {"", f.version_there}
    if not stale or f.detached:
        return ""
    return f"the host's files are {f.version_there}, the Supervisor lists {f.version_listed}"


def _venv_package(f: Observed) -> str:
    return _package(f, re.compile(r"\bpy3-venv\b"), "py3-venv")


def _apt(f: Observed) -> str:
    return _package(f, re.compile(r"\bapt(?:-get)? (?:-\S+ )*install\b"), "apt-get")


def _package(f: Observed, pattern: re.Pattern[str], what: str) -> str:
    for where, text in (("here", f.dockerfile_here), ("on the host", f.dockerfile_there)):
        if any(pattern.search(line) for line in text.splitlines() if not line.lstrip().startswith("#")):
            return f"the Dockerfile {where} uses {what}"
    told = _last(f.supervisor_log, re.compile(rf"{what}.*(?:no such package|not found)"))
    return f"the build said: {told}" if told else ""


def _no_base(f: Observed) -> str:
    told = _last(f.supervisor_log, re.compile(r"base name \(.*\) should not be blank"))
    return f"the build said: {told}" if told else ""


def _url_missing(f: Observed) -> str:
    return "a long-lived token is set, but HA_URL is empty" if f.token_set and not f.ha_url else ""


def _url_invalid(f: Observed) -> str:
    return f"HA_URL is `{f.ha_url}`" if f.ha_url and not usable_url(f.ha_url) else ""


def usable_url(text: str) -> bool:
    """Whether this is an address of Home Assistant: http or https, a host, an optional port, no path."""
    try:
        url = urlsplit(text)
        url.port  # noqa: B018 - raises ValueError for a bad port
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.hostname) and url.path in {"", "/"}


def _token_missing(f: Observed) -> str:
    return f.token_missing


def _caches(f: Observed) -> str:
    if not f.caches:
        return ""
    return f"{first_few(f.caches, 1)} is in the app folder"


def _git(f: Observed) -> str:
    return f"the app folder has a git repository at {f.git}" if f.git else ""


def _no_token(f: Observed) -> str:
    if not f.denied or f.user_has_token:
        return ""
    user = f.user or "this user"
    return f"`ha` as {user} gets the answer {f.denied}: the Supervisor token is not in its environment"


def _other_slug(f: Observed) -> str:
    expected = f"local_{f.slug_there}"
    differ = f.slug_there and f.slug and f.slug != expected
    return (
        f"by the host's config.yaml the slug is {expected}, but HA_REMOTE_SLUG is {f.slug}" if differ else ""
    )


def _last(log: Sequence[str], pattern: re.Pattern[str]) -> str:
    return next((line.strip() for line in reversed(log) if pattern.search(line)), "")


TABLE: tuple[KnownProblem, ...] = (
    KnownProblem(SLUG_ELSEWHERE, _other_slug),
    KnownProblem(ADDON_NOT_IN_STORE, _not_in_store),
    KnownProblem(ADDON_NOT_INSTALLED, _not_installed),
    KnownProblem(SUPERVISOR_PULLS, _pulls),
    KnownProblem(RUN_SH_MISSING, _run_sh),
    KnownProblem(RUNTIME_NOT_WRITABLE, _not_writable),
    KnownProblem(BROKER_STORM, _storm),
    KnownProblem(RESPONDER_TWICE, _twice),
    KnownProblem(FILES_NOT_SYNCED, _not_synced),
    KnownProblem(STORE_NOT_RELOADED, _not_reloaded),
    KnownProblem(FILES_NOT_BUILT, _not_built),
    KnownProblem(
        rules()["PACKAGE_PY3_VENV"], _venv_package, "Leave py3-venv out: Alpine's python3 has venv in it."
    ),
    KnownProblem(rules()["PACKAGE_APT"], _apt, "Use `apk add`: Home Assistant's base images are Alpine."),
    KnownProblem(
        rules()["FROM_WITHOUT_DEFAULT"], _no_base, "Give BUILD_FROM a default (`ARG BUILD_FROM=<image>`)."
    ),
    KnownProblem(HA_URL_MISSING, _url_missing),
    KnownProblem(HA_URL_INVALID, _url_invalid),
    KnownProblem(TOKEN_NOT_FOUND, _token_missing),
    KnownProblem(CACHE_IN_RUNTIME, _caches),
    KnownProblem(RUNTIME_HAS_GIT, _git),
    KnownProblem(SSH_USER_WITHOUT_TOKEN, _no_token),
)
