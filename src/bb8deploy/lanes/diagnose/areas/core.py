"""Home Assistant Core: its address, whether it answers, and what the long-lived token may do.

The token is shown to Core once only: it counts refused ones, and may bar an address that brings too many.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.secret import Secret
from bb8deploy.catalogue.errors.supervisor import (
    HA_TLS,
    HA_UNREACHABLE,
    HA_URL_INVALID,
    HA_URL_MISSING,
    TOKEN_EXPIRES,
    TOKEN_NOT_ADMIN,
    TOKEN_NOT_FOUND,
)
from bb8deploy.host.supervisor.refusal_remedies import silence
from bb8deploy.lanes.diagnose.check_result import Check, Sheet, gave_no_answer
from bb8deploy.plan.known_problems import usable_url
from bb8deploy.plan.token_expiry import expiry
from bb8deploy.runs.run import Run

if TYPE_CHECKING:
    from bb8deploy.host.open_host import Host

SUBJECT = "core"
DEADLINE = 15.0
SOON = timedelta(days=30)
NEW_TOKEN = "Make a new token in the profile page of an administrator and put it into HA_LLAT."  # noqa: S105


@dataclass(frozen=True, slots=True)
class CoreSeen:
    """`usable`: Core answers, and the token opens the whole Supervisor. `missing` is the key
    that a secrets file was named for, and does not have."""

    checks: tuple[Check, ...]
    usable: bool = False
    token: Secret | None = None
    missing: str = ""


def look(run: Run, left: Callable[[], float], host: Callable[[], Host | None]) -> CoreSeen:
    """Looks at Core. `left` are the seconds that the connection may take; `host` waits for the ssh host,
    which may have the token."""
    sheet = Sheet(SUBJECT)
    url = run.settings.ha_url
    if not url:
        return _without_address(sheet, run)
    if not usable_url(url):
        remedy = "Write HA_URL as http://HOST:8123 or http://HOST, without a path."
        sheet.fail("address", f"HA_URL is `{url}`", remedy, HA_URL_INVALID.code)
        return CoreSeen(tuple(sheet.checks))
    ca_file = run.settings.ha_ca_file
    if ca_file and not ca_file.is_file():
        sheet.fail(
            "address", f"HA_CA_FILE names {ca_file}, which is not a file", "Correct HA_CA_FILE.", HA_TLS.code
        )
        return CoreSeen(tuple(sheet.checks))
    token, missing = _token(sheet, run, host)
    if token is None:
        _answers(sheet, run, url, left)
        return CoreSeen(tuple(sheet.checks), missing=missing)
    usable = _converse(sheet, run, url, token, left)
    _ends(sheet, token)
    return CoreSeen(tuple(sheet.checks), usable, token, missing)


def _without_address(sheet: Sheet, run: Run) -> CoreSeen:
    if run.settings.ha_llat:
        remedy = "Set HA_URL, such as http://homeassistant.local:8123."
        sheet.warn("address", "a long-lived token is set, but HA_URL is empty", remedy, HA_URL_MISSING.code)
    else:
        sheet.skip("address", "HA_URL is not set; over ssh it is not needed")
    return CoreSeen(tuple(sheet.checks))


def _token(sheet: Sheet, run: Run, host: Callable[[], Host | None]) -> tuple[Secret | None, str]:
    """The token, or where it was not found, in words; the host's own file is read last."""
    from bb8deploy.host.long_lived_token import long_lived_token

    settings = run.settings
    path = settings.ha_secrets_path
    try:
        token = long_lived_token(settings, run.addon, None)
        if token is None and path:
            found = host()
            token = long_lived_token(settings, run.addon, found) if found else None
    except Bb8Error as error:
        sheet.error("token", error)
        return None, ""
    name = settings.ha_llat_key
    if token:
        return token, ""
    if path:
        seen = f"neither HA_LLAT nor the key {name} in {path} holds a token"
        remedy = f"Put the token into HA_LLAT, or into secrets.yaml under {name}."
        sheet.warn("token", seen, remedy, TOKEN_NOT_FOUND.code)
        return None, seen
    sheet.skip("token", "none is set; over ssh it is not needed")
    return None, ""


def _answers(sheet: Sheet, run: Run, url: str, left: Callable[[], float]) -> None:
    """Whether anything answers there, without a token: any answer counts."""
    import httpx

    try:
        answer = httpx.get(url, timeout=left(), verify=_trust(run), trust_env=False)
    except httpx.HTTPError as error:
        _silent(sheet, url, str(error) or type(error).__name__)
    except OSError as error:
        _silent(sheet, url, f"HA_CA_FILE is not a certificate: {error}")
    else:
        sheet.ok("address", f"{url} answers ({answer.status_code})")


def _trust(run: Run) -> Any:
    import ssl

    ca_file = run.settings.ha_ca_file
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)


def _converse(sheet: Sheet, run: Run, url: str, token: Secret, left: Callable[[], float]) -> bool:
    """Logs in once, asks who we are and what runs there; True for an administrator's token."""
    from bb8deploy.host.supervisor.websocket_route import WebSocketSupervisor

    core = WebSocketSupervisor(
        url, token, run.settings.ha_ca_file, connect_timeout=left(), note=run.progress.note
    )
    with contextlib.closing(core):
        try:
            user = core.ask_core("auth/current_user", doing="name the user of the token", deadline=DEADLINE)
            config = core.ask_core("get_config", doing="report its version", deadline=DEADLINE)
        except Bb8Error as error:
            _failed(sheet, url, error)
            return False
    sheet.ok("address", f"{url} is Home Assistant {config.get('version', 'of unknown version')}")
    if user.get("is_admin"):
        sheet.ok("token", "accepted, an administrator's")
        return True
    seen = (
        f"accepted, but {user.get('name') or 'its user'} is not an administrator: no access to the Supervisor"
    )
    sheet.warn("token", seen, NEW_TOKEN, TOKEN_NOT_ADMIN.code)
    return False


def _failed(sheet: Sheet, url: str, error: Bb8Error) -> None:
    if gave_no_answer(error):
        _silent(sheet, url, error.cause)
        sheet.skip("token", "Core did not answer")
    else:
        sheet.ok("address", f"{url} answers")
        sheet.error("token", error)


def _silent(sheet: Sheet, url: str, why: str) -> None:
    if "certificate" in why.lower():
        remedy = "Set HA_CA_FILE to the authority that signed it, and name the host as the certificate does."
        sheet.fail("address", f"no TLS connection to {url}: {why}", remedy, HA_TLS.code)
        return
    sheet.fail(
        "address", f"{url} does not answer: {why}", silence(why), HA_UNREACHABLE.code, unreachable=True
    )


def _ends(sheet: Sheet, token: Secret) -> None:
    end = expiry(token.reveal())
    if end is None:
        return
    left = end - datetime.now(UTC)
    if left < timedelta(0):
        sheet.fail("expiry", f"the token ended on {end:%Y-%m-%d}", NEW_TOKEN, TOKEN_EXPIRES.code)
    elif left < SOON:
        sheet.warn("expiry", f"the token ends on {end:%Y-%m-%d}", NEW_TOKEN, TOKEN_EXPIRES.code)
    else:
        sheet.ok("expiry", f"the token ends on {end:%Y-%m-%d}")
