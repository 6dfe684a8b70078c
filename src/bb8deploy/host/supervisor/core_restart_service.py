"""The last route: Core's service call restarts an app, and cannot show what runs afterwards."""

from __future__ import annotations

import ssl
from contextlib import closing
from pathlib import Path

from bb8deploy.base.secret import Secret
from bb8deploy.host.supervisor.route_interface import NoAnswer, RefusalKind, SupervisorError, denied

SERVICES = (("app_restart", "app"), ("addon_restart", "addon"))


def restart_by_service(url: str, token: Secret, slug: str, *, ca_file: Path | None, deadline: float) -> str:
    """Restarts the app's present image and returns the service that did it.

    New files do not enter by a restart, so nothing is proven by this. Older Cores know only `addon_restart`.
    """
    import httpx

    from bb8deploy.transport.http import Calls

    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    headers = {"Authorization": f"Bearer {token.reveal()}"}
    doing = f"restart {slug}"
    client = httpx.Client(base_url=url.rstrip("/"), headers=headers, verify=context, trust_env=False)
    with closing(Calls(client)) as calls:
        answer = None
        for service, field in SERVICES:
            try:
                path = f"/api/services/hassio/{service}"
                answer = calls.call("POST", path, deadline=deadline, json={field: slug})
            except httpx.HTTPError as error:
                raise NoAnswer(doing, url, str(error) or type(error).__name__) from error
            if answer.status_code == 200:
                return service
            if answer.status_code in {401, 403}:
                raise denied(url, answer.status_code, doing)
    assert answer is not None  # noqa: S101 - SERVICES is not empty
    raise SupervisorError(RefusalKind.OTHER, doing, f"{answer.status_code} {answer.text[:200]}")
