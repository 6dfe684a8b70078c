"""Checks each answer of `init` against the real system: ssh, folder, Core, token, broker, repository."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bb8deploy.catalogue.errors.host import RUNTIME_PARENT_MISSING
from bb8deploy.catalogue.errors.settings import SETTING_INVALID, SETTING_MISSING
from bb8deploy.catalogue.errors.ssh import SSH_NO_SHELL
from bb8deploy.catalogue.errors.supervisor import HA_UNREACHABLE, HA_URL_INVALID, TOKEN_NOT_ADMIN
from bb8deploy.host.open_host import Tell
from bb8deploy.host.shell.load_programs import in_sh
from bb8deploy.settings.load_settings import SLUG
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.project import Project

if TYPE_CHECKING:
    from bb8deploy.transport.known_hosts import KeyUnknown
    from bb8deploy.transport.ssh_connection import SshTransport

DEADLINE = 15.0
"""Seconds for one answer of Core, and for one command on the host."""


@dataclass(frozen=True, slots=True)
class InitCheck:
    """What the checks are about: the settings as they would be written, the project, where notes go.

    `accept_new` pins an unknown host key without a question; `can_ask` lets ssh ask for a key's passphrase;
    `several`: the settings are for every app of the workspace, `project` is that of the first one.
    """

    settings: Settings
    project: Project
    tell: Tell
    accept_new: bool = False
    can_ask: bool = True
    several: bool = False


_LOOK = """for place; do [ -e "$place/config.yaml" ] && echo "$place" && exit; done
if [ -d /addons/local ]; then echo "$2"; else echo "$1"; fi
"""
Check = Callable[[InitCheck], str]


@contextmanager
def logged_in(asked: InitCheck) -> Iterator[SshTransport]:
    """An ssh connection with keys alone, as scripts will make it. Raises Unreachable or Refused."""
    from bb8deploy.host.open_host import hop_of
    from bb8deploy.transport import ssh_connection, ssh_login

    hop = replace(hop_of(asked.settings, accept_new=asked.accept_new), password=False)
    prompt = ssh_login.terminal_prompt() if asked.can_ask else None
    with ssh_connection.connect(hop, prompt=prompt, tell=asked.tell.warn) as transport:
        done = transport.run(["true"], deadline=DEADLINE)
        if not done.ok:
            raise SSH_NO_SHELL(f"{transport.where} accepts the login, but runs no command: {done.complaint}")
        yield transport


def trust(settings: Settings, offered: KeyUnknown) -> None:
    """Pins exactly the key that was shown, into the known_hosts file of the host that offered it."""
    from bb8deploy.host.open_host import hop_of
    from bb8deploy.transport import known_hosts

    hop = hop_of(settings)
    for each in (*hop.via, hop):
        if known_hosts.lookup_name(each.key_name, each.port) == offered.name and each.known_hosts:
            known_hosts.pin(
                each.known_hosts[0],
                each.key_name,
                each.port,
                offered.kind,
                offered.key,
                hashed=each.hash_hosts,
            )
            return
    raise offered


def suggest_runtime(transport: SshTransport, slug: str) -> str:
    """The app's folder on the host: where it is, else where a local app belongs.

    The SSH apps show the local apps' folder as /addons, some hosts as /addons/local.
    """
    places = (f"/addons/{slug}", f"/addons/local/{slug}")
    done = transport.run([*in_sh(_LOOK), *places], deadline=DEADLINE)
    found = done.text.strip()
    return found if found in places else places[0]


def for_every_app(folder: str) -> str:
    """The setting by which each app of a workspace has a folder of its own, beside `folder`."""
    return f"{folder.rpartition('/')[0]}/{SLUG}"


def check_ssh(asked: InitCheck) -> str:
    """Reaches the host, finds the folder's place there."""
    with logged_in(asked) as transport:
        return f"{transport.where} answers; {check_runtime(asked, transport)}"


def check_runtime(asked: InitCheck, transport: SshTransport) -> str:
    """Checks that the folder above HA_REMOTE_RUNTIME exists. Raises CheckFailed RUNTIME_PARENT_MISSING."""
    from bb8deploy.host.open_host import runtime_folder

    runtime = runtime_folder(asked.settings)
    parent = runtime.rpartition("/")[0] or "/"
    prefix = ("sudo", "-n") if asked.settings.ssh.sudo else ()
    done = transport.run([*prefix, "test", "-d", parent], deadline=DEADLINE)
    if not done.ok:
        raise RUNTIME_PARENT_MISSING(f"{transport.where} has no folder {parent} for {runtime}")
    return f"{parent} is there"


def check_mount(asked: InitCheck) -> str:
    """The mounted folder, or the one that it will be made in, answers."""
    from bb8deploy.host.files.mounted_folder import MountFiles

    root = asked.settings.ha_mount
    if root is None:
        raise SETTING_MISSING("HA_MOUNT is not set", "Set HA_MOUNT.")
    MountFiles.open(root, asked.settings)
    config = asked.settings.ha_config_mount
    if config and not config.is_dir():
        raise SETTING_INVALID(
            f"HA_CONFIG_MOUNT is `{config}`, which is not a folder on this machine",
            "Mount the host's config folder there, or leave the setting out.",
        )
    return f"{root.parent} is mounted"


def check_core(asked: InitCheck) -> str:
    """Core answers and takes the token, and the token is an administrator's.

    Raises Unreachable HA_UNREACHABLE, Refused HA_TOKEN_REFUSED or TOKEN_NOT_ADMIN.
    """
    from bb8deploy.host.supervisor.websocket_route import WebSocketSupervisor
    from bb8deploy.plan.known_problems import usable_url

    url, token = asked.settings.ha_url or "", asked.settings.ha_llat
    if not usable_url(url):
        raise HA_URL_INVALID(f"HA_URL is `{url}`")
    if token is None:
        return _answers(asked, url)
    ca_file = asked.settings.ha_ca_file
    with contextlib.closing(WebSocketSupervisor(url, token, ca_file, connect_timeout=DEADLINE)) as core:
        user = core.ask_core("auth/current_user", doing="name the user of the token", deadline=DEADLINE)
        version = core.ask_core("get_config", doing="report its version", deadline=DEADLINE).get("version")
    if not user.get("is_admin"):
        raise TOKEN_NOT_ADMIN(
            f"{url} accepts the token, but {user.get('name') or 'its user'} is not an administrator"
        )
    return f"{url} is Home Assistant {version}; the token is an administrator's"


def check_broker(asked: InitCheck) -> str:
    """The broker takes our login. Raises Unreachable or Refused as `BrokerLink.open` does."""
    from bb8deploy.transport.mqtt import BrokerLink, address_of

    address = address_of(asked.settings)
    BrokerLink(address, lambda *_: None).open().close()
    return f"the broker {address} accepts the login"


def check_store(asked: InitCheck) -> str:
    """The store answers. Raises as `remote.ask` does."""
    from bb8deploy.workspace import git_remote

    name, branch = asked.settings.ha_publish_remote or "", asked.settings.ha_publish_branch
    tip = git_remote.ask(asked.project.root, name, branch).branch(branch)
    return f"{git_remote.shown(name)} answers, {branch} is {tip[:12] if tip else 'not there yet'}"


def _answers(asked: InitCheck, url: str) -> str:
    """Whether anything answers at `url`; without a token any answer counts."""
    import ssl

    import httpx

    ca_file = asked.settings.ha_ca_file
    try:
        trusted = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        answer = httpx.get(url, timeout=DEADLINE, verify=trusted, trust_env=False)
    except (httpx.HTTPError, OSError) as error:
        raise HA_UNREACHABLE(f"{url} does not answer: {error or type(error).__name__}") from error
    return f"{url} answers ({answer.status_code}); without a token nothing more is known"
