"""Routes with which apps offer services and discovery messages.

Source: supervisor/api/discovery.py, services.py (2026.08).
"""

from __future__ import annotations

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor.api.routing import Call, Routes
from ha_sandbox.supervisor.api_errors import ApiError
from ha_sandbox.supervisor.installed_app import State
from ha_sandbox.supervisor.system.host_state import Message

ROUTES = Routes()
_SERVICES = ("mqtt", "mysql")
_BROKER_APP = "core_mosquitto"
_REQUIRED = ("host", "port")
_OPTIONAL = {"mqtt": ("username", "password", "ssl", "protocol"), "mysql": ("username", "password")}
_DEFAULTS: dict[str, JsonObject] = {"mqtt": {"ssl": False, "protocol": "3.1.1"}, "mysql": {}}


@ROUTES.add("GET", "/discovery")
def _messages(call: Call) -> JsonObject:
    call.need_core()
    installed = call.manager.installed
    with call.manager.system.guard:
        messages = list(call.manager.system.messages.values())
    running = [m.view() for m in messages if m.app in installed and installed[m.app].state is State.STARTED]
    services: dict[str, list[str]] = {}
    for app in installed.values():
        for service in app.config.get("discovery") or ():
            services.setdefault(service, []).append(app.slug)
    return {"discovery": running, "services": services}


@ROUTES.add("POST", "/discovery")
def _send(call: Call) -> JsonObject:
    body = call.only_keys("service", "config")
    app = call.manager.installed.get(call.caller.slug)
    if app is None or body.get("service") not in (app.config.get("discovery") or ()):
        raise ApiError("Apps must list services they provide via discovery in their config!", status=403)
    system, service = call.manager.system, str(body["service"])
    with system.guard:
        same = [m for m in system.messages.values() if (m.app, m.service) == (app.slug, service)]
        message = same[0] if same and same[0].config == body.get("config") else None
        if message is None:
            for old in same:
                del system.messages[old.uuid]
            message = Message(app.slug, service, body.get("config") or {})
            system.messages[message.uuid] = message
    return {"uuid": message.uuid}


@ROUTES.add("GET", "/discovery/(?P<uuid>[^/]+)")
def _message(call: Call) -> JsonObject:
    call.need_core()
    return _named(call).view()


@ROUTES.add("DELETE", "/discovery/(?P<uuid>[^/]+)")
def _withdraw(call: Call) -> None:
    message = _named(call)
    if message.app != call.caller.slug:
        raise ApiError("Can't remove discovery message", status=403)
    with call.manager.system.guard:
        call.manager.system.messages.pop(message.uuid, None)


def _named(call: Call) -> Message:
    with call.manager.system.guard:
        message = call.manager.system.messages.get(call.match["uuid"])
    if message is None:
        raise ApiError("Discovery message not found", status=404)
    return message


@ROUTES.add("GET", "/services")
def _services(call: Call) -> JsonObject:
    rows = []
    for service in _SERVICES:
        data = _data(call, service)
        providers = [data["addon"]] if data else []
        rows.append({"slug": service, "available": bool(data), "providers": providers})
    return {"services": rows}


@ROUTES.add("GET", "/services/(?P<service>[^/]+)")
def _service(call: Call) -> JsonObject:
    service = _known(call)
    _need_role(call, service, provide=False)
    data = _data(call, service)
    if not data:
        raise ApiError("Service not enabled")
    return data


@ROUTES.add("POST", "/services/(?P<service>[^/]+)")
def _provide(call: Call) -> None:
    service = _known(call)
    body = call.only_keys(*_REQUIRED, *_OPTIONAL[service])
    for key in _REQUIRED:
        if key not in body:
            raise ApiError(f"required key not provided @ data['{key}']. Got {body}")
    _need_role(call, service, provide=True)
    if current := _data(call, service):
        raise ApiError(
            f"The {service} service is already provided by {current['addon']}",
            status=409,
            key="service_already_provided_error",
            fields={"service": service, "app": current["addon"]},
        )
    with call.manager.system.guard:
        call.manager.system.services[service] = {**_DEFAULTS[service], **body, "addon": call.caller.slug}


@ROUTES.add("DELETE", "/services/(?P<service>[^/]+)")
def _end(call: Call) -> None:
    service = _known(call)
    _need_role(call, service, provide=True)
    with call.manager.system.guard:
        if call.manager.system.services.pop(service, None) is None:
            raise ApiError(
                f"The {service} service is not currently provided by any app",
                status=404,
                key="service_not_provided_error",
                fields={"service": service},
            )


def _known(call: Call) -> str:
    service = str(call.match["service"])
    if service not in _SERVICES:
        raise ApiError("Service does not exist", status=404)
    return service


def _data(call: Call, service: str) -> JsonObject:
    """The service's data, empty if nothing provides it; MQTT is provided by the sandbox's broker."""
    with call.manager.system.guard:
        provided = dict(call.manager.system.services.get(service, {}))
    if provided or service != "mqtt":
        return provided
    host, port = call.manager.runtime.address("mqtt")
    return {
        "host": host,
        "port": port,
        "ssl": False,
        "protocol": "3.1.1",
        "username": call.mqtt.username,
        "password": call.mqtt.password,
        "addon": _BROKER_APP,
    }


def _need_role(call: Call, service: str, *, provide: bool) -> None:
    """Raises ApiError 403 unless the app's config names the service; only `provide` may write."""
    if not call.caller.slug:
        return
    app = call.manager.installed.get(call.caller.slug)
    rows = [str(row).partition(":") for row in (app.config.get("services") or ())] if app else []
    roles = {name: role for name, _, role in rows}
    if service not in roles:
        raise ApiError(f"No access to {service} service!", status=403)
    if provide and roles[service] != "provide":
        raise ApiError(f"No access to write {service} service!", status=403)
