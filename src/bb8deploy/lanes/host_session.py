"""Owns the host of a lane: opens it, takes its lock, and writes the receipt lines here and on the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.os_differences import user_and_machine
from bb8deploy.catalogue.errors.settings import SETTING_INVALID
from bb8deploy.host.open_host import Host, Via, open_host
from bb8deploy.host.supervisor.find_route import Reached, reach
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import DEPLOY
from bb8deploy.workspace.app_config import has_dockerfile, read_addon


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the host: `via` as `--via` has it; `accept_new` keeps the key of an unknown host."""

    via: Via = "auto"
    accept_new: bool = False


def slug_of(run: Run) -> str:
    """The app's slug on the host: HA_REMOTE_SLUG, else `local_` and the slug of config.yaml."""
    return run.settings.ha_remote_slug or read_addon(run.addon).supervisor_slug


def config_slug_of(run: Run) -> str:
    """The slug in the config file on the host: that of the app, or of its instance."""
    slug, instance = read_addon(run.addon).slug, run.settings.instance
    return instance.slug(slug) if instance else slug


def is_pulled(run: Run) -> bool:
    """Whether the host pulls the app: it names an image, and has no Dockerfile to build instead."""
    info = read_addon(run.addon)
    return bool(info.image) and not has_dockerfile(info.folder)


@contextmanager
def held(
    run: Run, lane: str, access: Access | None = None, *, opened: Callable[[Host], object] = lambda _: None
) -> Iterator[Host]:
    """Opens the host and holds its lock for `lane`; `opened` receives the host before anything else.

    Whatever ends the block, the run's lines are appended to the receipt on the host, and a failure is a
    DRIFT line of `lane`. A dry run takes no lock and writes no receipt. Raises UsageError, Unreachable,
    Refused or Locked.
    """
    _require_own_slug(run)
    with connected(run, access) as host:
        opened(host)
        if run.dry_run:
            yield host
            return
        with host.lock(run), _receipt(run, host, lane):
            yield host


def _require_own_slug(run: Run) -> None:
    """Raises UsageError SETTING_INVALID if HA_REMOTE_SLUG is another app's: that one would be looked at."""
    named, own = run.settings.ha_remote_slug, config_slug_of(run)
    if named and not named.endswith(f"_{own}"):
        raise SETTING_INVALID(
            f"HA_REMOTE_SLUG is `{named}`, which is not the slug of this app, {own}",
            f"Leave HA_REMOTE_SLUG out, or set it to `local_{own}`.",
        )


@contextmanager
def connected(run: Run, access: Access | None = None) -> Iterator[Host]:
    """Opens the host without a lock and without receipts."""
    access = access or Access()
    with open_host(run.settings, run.progress, via=access.via, accept_new=access.accept_new) as host:
        yield host


@contextmanager
def routed(run: Run, access: Access | None = None) -> Iterator[Reached]:
    """A route to the Supervisor, over the host if the settings name one. Raises what `reach` raises."""
    with ExitStack() as stack:
        host = stack.enter_context(connected(run, access)) if names_host(run) else None
        reached = reach(run.settings, run.addon, host, slug_of(run), note=run.progress.note)
        stack.callback(reached.supervisor.close)
        yield reached


def names_host(run: Run) -> bool:
    """Whether the settings name a host: by ssh or as a mounted folder."""
    return bool(run.settings.ssh.host_alias or run.settings.ha_mount)


@contextmanager
def _receipt(run: Run, host: Host, lane: str) -> Iterator[None]:
    # The host's receipt is shared by all apps, so a failure names the app that it belongs to.
    run.ledger.subject = {"slug": slug_of(run), "by": user_and_machine()}
    try:
        yield
    except Bb8Error as error:
        if not run.ledger.has_drift(error.code):
            run.ledger.drift(lane, error.code, run.clean(error.cause))
        raise
    finally:
        _append(run, host)


def _append(run: Run, host: Host) -> None:
    """A host that cannot take the receipt fails nothing: what was observed has been observed."""
    try:
        kept = host.append_receipt(run.ledger.texts(DEPLOY))
    except Bb8Error as error:
        run.progress.warn(f"the receipt on the host was not written: {error.cause}")
        return
    if not kept:
        run.progress.note("SKIPPED: receipt on the host reason=no way to its reports folder")
