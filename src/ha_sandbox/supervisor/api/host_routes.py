"""Routes about the host: information, jobs and the Supervisor's own log."""

from __future__ import annotations

from ha_sandbox.json_types import JsonObject
from ha_sandbox.situations import Situation
from ha_sandbox.supervisor.api import host_info
from ha_sandbox.supervisor.api.log_responses import log_response
from ha_sandbox.supervisor.api.routing import Call, Response, Routes
from ha_sandbox.supervisor.api_errors import ApiError
from ha_sandbox.supervisor.jobs import Job

ROUTES = Routes()


@ROUTES.add("GET", "/supervisor/ping")
def _ping(_call: Call) -> None:
    return None


@ROUTES.add("GET", "/(?P<what>info|supervisor/info|host/info|core/info|os/info|network/info|resolution/info)")
def _host_info(call: Call) -> JsonObject:
    return host_info.INFO[call.match["what"]](call.manager)


@ROUTES.add("GET", "/available_updates")
def _available_updates(call: Call) -> JsonObject:
    return {"available_updates": host_info.available_updates(call.manager)}


@ROUTES.add("GET", "/supervisor/logs(?P<kind>/follow|/latest)?")
def _supervisor_logs(call: Call) -> Response:
    return log_response(call.manager.journal, call.request, call.match["kind"] or "")


@ROUTES.add("POST", "/supervisor/restart")
def _restart_supervisor(call: Call) -> None:
    call.manager.power.restart_supervisor()


@ROUTES.add("POST", "/supervisor/update")
def _update_supervisor(call: Call) -> None:
    if Situation.UPDATE_PENDING not in call.manager.faults:
        raise ApiError(f"No supervisor update available - {host_info.version(call.manager)}")
    call.manager.power.update_supervisor()


@ROUTES.add("POST", "/core/restart")
def _restart_core(call: Call) -> None:
    call.manager.power.restart_core()


@ROUTES.add("GET", "/jobs/info")
def _jobs(call: Call) -> JsonObject:
    rows = [job.view() for job in call.manager.jobs.listed()]
    return {**call.manager.system.settings.of("jobs"), "jobs": rows}


@ROUTES.add("GET", "/jobs/(?P<uuid>[^/]+)")
def _job(call: Call) -> JsonObject:
    return _running(call).view()


@ROUTES.add("DELETE", "/jobs/(?P<uuid>[^/]+)")
def _remove_job(call: Call) -> None:
    raise ApiError(f"Job {_running(call).uuid} is not done!")


def _running(call: Call) -> Job:
    found = [job for job in call.manager.jobs.listed() if job.uuid == call.match["uuid"]]
    if not found:
        raise ApiError("Job does not exist", status=404)
    return found[0]
