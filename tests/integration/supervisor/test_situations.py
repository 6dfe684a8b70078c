"""What each route reports when the host is in a bad moment: the same kind of answer on all three."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.waiting import until
from tests.unit.lanes.silent import Silent

from bb8deploy.base.errors import Refused, Unreachable
from bb8deploy.base.secret import Secret
from bb8deploy.host.open_host import connect_ssh
from bb8deploy.host.supervisor.ha_cli_route import HaCli
from bb8deploy.host.supervisor.rest_route import RestSupervisor
from bb8deploy.host.supervisor.route_interface import NoAnswer, RefusalKind, Supervisor, SupervisorError
from bb8deploy.host.supervisor.websocket_route import WebSocketSupervisor
from bb8deploy.settings.load_settings import load
from ha_sandbox import Sandbox, Situation

SLUG = "local_beep_boop_bb8"
FILES = {
    "config.yaml": 'name: B\nversion: "1.0.0"\nslug: beep_boop_bb8\ndescription: x\narch: [amd64, aarch64]\n'
    "init: false\n",
    "Dockerfile": 'FROM x\nCOPY run.sh /\nCMD ["sh", "/run.sh"]\n',
    "run.sh": "echo hello\ntrap 'exit 0' TERM\nwhile :; do sleep 0.2; done\n",
}
ROUTES = ("ha", "rest", "websocket")
CALLS: dict[str, Callable[[Supervisor], object]] = {
    "info": lambda way: way.info(SLUG),
    "look": lambda way: way.look(SLUG, 20),
    "reload": lambda way: way.reload_store(),
    "rebuild": lambda way: way.act("rebuild", SLUG, deadline=60),
    "logs": lambda way: way.logs(SLUG, 20),
    "supervisor logs": lambda way: way.supervisor_logs(20),
    "jobs": lambda way: way.jobs(),
    "health": lambda way: way.health(),
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A host with the app installed and started, which restarts quickly."""
    folder = tmp_path_factory.mktemp("situations")
    source = folder / "addon"
    source.mkdir()
    for name, text in FILES.items():
        (source / name).write_text(text)
    with Sandbox(folder / "box") as made:
        made.faults.restart_seconds = 1.0
        made.faults.no_route_seconds = 0.1
        made.install(source, {})
        yield made


@pytest.fixture(params=ROUTES)
def way(request: pytest.FixtureRequest, box: Sandbox, tmp_path: Path) -> Iterator[Supervisor]:
    """One route to the host; afterwards the host is as before."""
    with opened(request.param, box, tmp_path) as made:
        yield made
    for situation in box.faults.active:
        box.faults.end(situation)
    until(lambda: box.call("GET", f"/addons/{SLUG}/info")["state"] == "started")


class opened:  # noqa: N801  reads as a phrase in a `with`
    """One route, closed at the end."""

    def __init__(self, route: str, box: Sandbox, folder: Path) -> None:
        self.route, self.box, self.folder = route, box, folder

    def __enter__(self) -> Supervisor:
        env, self.transport = self.box.env(), None
        self.way: Supervisor
        if self.route == "rest":
            self.way = RestSupervisor(self.box.supervisor_url, Secret(self.box.supervisor_token))
        elif self.route == "websocket":
            self.way = WebSocketSupervisor(self.box.core_url, Secret(env["HA_LLAT"]))
        else:
            self.transport = connect_ssh(load(self.folder, environ={}, flags=env), Silent())
            self.way = HaCli(self.transport)
        return self.way

    def __exit__(self, *_: object) -> None:
        self.way.close()
        if self.transport is not None:
            self.transport.close()


def refusal(call: Callable[[], object]) -> SupervisorError:
    with pytest.raises(SupervisorError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("name", CALLS)
def test_a_starting_supervisor_is_not_ready_in_every_call(way: Supervisor, box: Sandbox, name: str) -> None:
    with box.faults.during(Situation.NOT_READY, 60):
        error = refusal(lambda: CALLS[name](way))
    assert (error.problem, error.message) == (
        RefusalKind.NOT_READY,
        "System is not ready with state: setup",
    )


def test_a_pending_update_of_the_supervisor_is_not_called_unhealthy(way: Supervisor, box: Sandbox) -> None:
    with box.faults.during(Situation.UPDATE_PENDING):
        error = refusal(way.reload_store)
        assert way.health().healthy
    assert "supervisor needs to be updated first" in error.message
    assert error.problem is not RefusalKind.UNHEALTHY
    assert "ha supervisor update" in error.remedy


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        (Situation.NO_INTERNET, "no host internet connection"),
        (Situation.LOW_DISK_SPACE, "not enough free space"),
    ],
)
def test_a_missing_condition_of_a_build_is_not_called_unhealthy(
    way: Supervisor, box: Sandbox, situation: Situation, words: str
) -> None:
    with box.faults.during(situation):
        error = refusal(lambda: way.act("rebuild", SLUG, deadline=60))
        assert way.health().healthy
        assert way.info(SLUG).state == "started"
    assert words in error.message
    assert error.problem is not RefusalKind.UNHEALTHY


def test_an_unhealthy_setup_is_named(way: Supervisor, box: Sandbox) -> None:
    with box.faults.during(Situation.UNHEALTHY_SETUP):
        error = refusal(lambda: way.act("rebuild", SLUG, deadline=60))
        health = way.health()
        assert way.info(SLUG).detached
    assert (error.problem, health.healthy, health.unhealthy) == (RefusalKind.UNHEALTHY, False, ("setup",))


def test_a_config_that_crashes_the_reload_is_a_refusal_and_the_app_runs_on(
    way: Supervisor, box: Sandbox
) -> None:
    with box.faults.during(Situation.BROKEN_NEIGHBOUR):
        error = refusal(way.reload_store)
        assert way.info(SLUG).state == "started"
    assert error.message == "'NoneType' object is not iterable"


def test_a_stopped_supervisor_gives_no_answer(way: Supervisor, box: Sandbox) -> None:
    with box.faults.during(Situation.SUPERVISOR_STOPPED):
        for call in CALLS.values():
            with pytest.raises(Unreachable):
                call(way)
    assert way.info(SLUG).state == "started"


def test_a_restart_in_the_middle_of_a_job_is_not_an_answer_and_then_not_ready(
    way: Supervisor, box: Sandbox
) -> None:
    box.faults.begin(Situation.RESTART_IN_JOB)
    with pytest.raises(NoAnswer):
        way.act("rebuild", SLUG, deadline=60)
    assert refusal(lambda: way.info(SLUG)).problem is RefusalKind.NOT_READY
    until(lambda: Situation.NOT_READY not in box.faults)
    until(lambda: way.info(SLUG).state == "started")


def test_a_full_answer_comes_after_the_supervisor_has_started(way: Supervisor, box: Sandbox) -> None:
    box.power.restart_supervisor(0.3)
    until(lambda: Situation.NOT_READY not in box.faults)
    assert way.info(SLUG).state == "started"


@pytest.fixture
def ssh(box: Sandbox, tmp_path: Path) -> Iterator[Supervisor]:
    """The route `ha` over ssh."""
    with opened("ha", box, tmp_path) as made:
        yield made


@pytest.fixture
def core(box: Sandbox, tmp_path: Path) -> Iterator[Supervisor]:
    """The route over Core's WebSocket."""
    with opened("websocket", box, tmp_path) as made:
        yield made


@pytest.mark.parametrize("name", ["reload", "rebuild", "jobs", "logs", "supervisor logs"])
def test_an_ssh_app_with_the_role_default_is_denied(ssh: Supervisor, box: Sandbox, name: str) -> None:
    with box.faults.during(Situation.ROLE_DEFAULT):
        assert ssh.info(SLUG).state == "started"
        if name == "jobs":
            return  # /jobs/info is an info path, which every role may read
        with pytest.raises(Refused) as caught:
            CALLS[name](ssh)
    assert caught.value.code == "SUPERVISOR_DENIED"


def test_a_role_that_is_too_low_shows_before_the_app_is_installed(ssh: Supervisor, box: Sandbox) -> None:
    box.call("POST", f"/addons/{SLUG}/uninstall")
    try:
        assert ssh.look(SLUG, 20).state
        with box.faults.during(Situation.ROLE_DEFAULT), pytest.raises(Refused) as caught:
            ssh.look(SLUG, 20)
    finally:
        box.call("POST", f"/store/addons/{SLUG}/install")
        box.call("POST", f"/addons/{SLUG}/start")
    assert caught.value.code == "SUPERVISOR_DENIED"


def test_a_booting_core_is_not_ready(core: Supervisor, box: Sandbox) -> None:
    with box.faults.during(Situation.CORE_BOOTING, 60), pytest.raises((SupervisorError, NoAnswer)) as caught:
        core.info(SLUG)
    error = caught.value
    assert isinstance(error, NoAnswer) or error.problem is RefusalKind.NOT_READY
    assert core.info(SLUG).state == "started"


def test_a_restart_of_core_ends_the_socket_and_the_next_call_opens_another(
    core: Supervisor, box: Sandbox
) -> None:
    assert core.info(SLUG).state == "started"
    box.power.restart_core(0.0)
    until(lambda: answers(core))
    assert core.info(SLUG).state == "started"


def answers(way: Supervisor) -> bool:
    try:
        way.info(SLUG)
    except NoAnswer:
        return False
    return True


def test_a_restart_of_core_in_the_middle_of_a_call_is_not_an_answer(core: Supervisor, box: Sandbox) -> None:
    gate, met = threading.Event(), list[BaseException]()
    real = box.runtime.build
    box.runtime.build = lambda request: gate.wait(60) and real(request)  # type: ignore[method-assign, return-value]

    def rebuild() -> None:
        try:
            core.act("rebuild", SLUG, deadline=60)
        except NoAnswer as error:
            met.append(error)

    worker = threading.Thread(target=rebuild)
    try:
        worker.start()
        until(lambda: bool(box.manager.jobs.listed()))
        box.power.restart_core(0.0)
        worker.join(60)
    finally:
        gate.set()
        box.runtime.build = real  # type: ignore[method-assign]
    until(lambda: not box.manager.jobs.listed())
    assert len(met) == 1


def test_a_stopped_core_is_unreachable(core: Supervisor, box: Sandbox) -> None:
    with box.faults.during(Situation.CORE_STOPPED), pytest.raises(NoAnswer):
        core.info(SLUG)
    assert core.info(SLUG).state == "started"
