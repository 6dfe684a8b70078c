"""Asks an app for pages through Home Assistant's ingress, as a browser of its user would.

Source: Core's hassio integration, ingress.py: the view asks for no token, the Supervisor behind it for the
cookie `ingress_session`, which `POST /ingress/session` gives to a user of Core.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bb8deploy.catalogue.errors.settings import SETTING_MISSING
from bb8deploy.catalogue.errors.supervisor import INGRESS_MISSING
from bb8deploy.host.long_lived_token import long_lived_token
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.route_interface import QUICK
from bb8deploy.host.supervisor.websocket_route import WebSocketSupervisor
from bb8deploy.settings.settings_type import Settings

if TYPE_CHECKING:
    import httpx


class Ingress:
    """One session of ingress; use it as a context manager."""

    def __init__(self, client: httpx.Client, entry: str) -> None:
        self._client = client
        self._entry = entry

    @classmethod
    def open(cls, settings: Settings, addon: Path, host: Host, slug: str) -> Ingress:
        """Asks Core for a session.

        Raises UsageError SETTING_MISSING without HA_URL and a token, CheckFailed INGRESS_MISSING for an app
        without ingress, and what the WebSocket route raises.
        """
        import httpx

        token = long_lived_token(settings, addon, host) if settings.ha_url else None
        if not settings.ha_url or token is None:
            raise SETTING_MISSING(
                "a check through ingress needs HA_URL and HA_LLAT", "Set both, or give the check a `port`."
            )
        core = WebSocketSupervisor(settings.ha_url, token, settings.ha_ca_file)
        try:
            entry = str(core.info(slug).raw.get("ingress_entry") or "")
            if not entry:
                raise INGRESS_MISSING(f"{slug} has no ingress")
            doing = "open a session of ingress"
            session = str(core.call("POST", "/ingress/session", None, doing=doing, deadline=QUICK)["session"])
            client = httpx.Client(
                base_url=core.where,
                cookies={"ingress_session": session},
                verify=core.tls,
                trust_env=False,
            )
        finally:
            core.close()
        return cls(client, entry)

    def get(self, path: str, deadline: float) -> httpx.Response:
        """The app's answer to GET. Raises httpx.HTTPError."""
        return self._client.get(f"{self._entry}{path}", timeout=deadline)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
