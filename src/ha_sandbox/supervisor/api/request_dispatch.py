"""Answers requests to the Supervisor's REST API: access, dispatch, envelopes."""

from __future__ import annotations

from itertools import chain

from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api import app_routes, host_routes, ingress_routes, store_routes
from ha_sandbox.supervisor.api.routing import (
    PLAIN,
    Answer,
    Call,
    MqttLogin,
    Request,
    Response,
    json_response,
)
from ha_sandbox.supervisor.api.system_routes import (
    backups,
    control,
    discovery,
    host_settings,
    machine,
    mounts,
    plugins,
)
from ha_sandbox.supervisor.api_errors import ApiError, PlainError
from ha_sandbox.supervisor.app_lifecycle import Manager
from ha_sandbox.supervisor.tokens_and_roles import Access, Caller

_ROUTES = tuple(
    chain(
        host_routes.ROUTES,
        store_routes.ROUTES,
        app_routes.ROUTES,
        ingress_routes.ROUTES,
        backups.ROUTES,
        control.ROUTES,
        discovery.ROUTES,
        host_settings.ROUTES,
        machine.ROUTES,
        mounts.ROUTES,
        plugins.ROUTES,
    )
)


class Api:
    """The REST API of one host."""

    def __init__(self, manager: Manager, access: Access, mqtt: MqttLogin) -> None:
        self.manager = manager
        self.access = access
        self.mqtt = mqtt

    def answer(self, request: Request) -> Response:
        """The response. Never raises for anything that a client can send."""
        state = self.manager.faults.startup_state
        if state:
            return json_response(400, ApiError(f"System is not ready with state: {state}").envelope())
        try:
            caller = self.access.admit(request.path, request.token)
            data = self._dispatch(request, caller)
        except PlainError as error:
            return Response(error.status, PLAIN, error.text.encode())
        except ApiError as error:
            return json_response(error.status, error.envelope())
        except Exception as error:  # noqa: BLE001 - a server answers 500, it never just closes the connection
            self.manager.journal.log("ERROR", "api", f"{request.method} {request.path}: {error!r}")
            return Response(500, PLAIN, f"500 Internal Server Error\n\n{error}".encode())
        if isinstance(data, Response):
            return data
        return json_response(200, {"result": "ok", "data": {} if data is None else data})

    def _dispatch(self, request: Request, caller: Caller) -> Answer:
        known = False
        for route in _ROUTES:
            if match := route.pattern.match(request.path):
                if route.method == request.method:
                    return route.handler(Call(self.manager, self.mqtt, request, caller, match))
                known = True
        raise api_errors.wrong_method() if known else api_errors.no_route()
