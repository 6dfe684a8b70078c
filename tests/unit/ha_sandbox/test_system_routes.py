"""Each route that apps call through their shell library answers with the fields that it reads."""

from __future__ import annotations

from typing import Any

import pytest

from ha_sandbox.supervisor.tokens_and_roles import Caller, Role

STATS = "cpu_percent memory_usage memory_limit memory_percent network_rx network_tx blk_read blk_write"
VERSIONS = "version version_latest update_available"
# Route and the fields of its data that apps read.
READ: tuple[tuple[str, str], ...] = (
    *(
        (f"/{name}/stats", STATS)
        for name in ("audio", "cli", "core", "dns", "multicast", "observer", "supervisor")
    ),
    ("/addons/self/stats", STATS),
    ("/audio/info", f"{VERSIONS} host audio"),
    ("/cli/info", VERSIONS),
    ("/dns/info", f"{VERSIONS} host locals servers"),
    ("/multicast/info", VERSIONS),
    ("/observer/info", f"{VERSIONS} host"),
    ("/core/info", f"{VERSIONS} arch machine image boot port ssl watchdog"),
    (
        "/supervisor/info",
        (
            f"{VERSIONS} arch supported healthy channel timezone country logging ip_address debug debug_block"
            " diagnostics auto_update detect_blocking_io addons addons_repositories"
        ),
    ),
    (
        "/info",
        (
            "supervisor homeassistant hassos docker hostname operating_system machine arch channel"
            " supported_arch supported logging timezone state"
        ),
    ),
    (
        "/host/info",
        "hostname features operating_system kernel chassis deployment cpe disk_free disk_total disk_used",
    ),
    ("/host/services", "services"),
    ("/host/disks/default/usage", "id label total_bytes used_bytes children"),
    ("/os/info", f"{VERSIONS} board boot"),
    ("/os/datadisk/list", "devices disks"),
    ("/hardware/info", "devices drives"),
    ("/hardware/audio", "audio"),
    ("/network/info", "interfaces docker host_internet supervisor_internet"),
    ("/network/interface/default/info", "interface type enabled connected ipv4 ipv6"),
    ("/docker/info", "version storage logging enable_ipv6 mtu registries"),
    ("/docker/registries", "registries"),
    ("/security/info", "pwned force_security"),
    ("/resolution/info", "unsupported unhealthy issues suggestions checks"),
    ("/jobs/info", "ignore_conditions jobs"),
    ("/backups", "backups"),
    ("/backups/info", "backups days_until_stale"),
    ("/mounts", "default_backup_mount mounts"),
    ("/ingress/panels", "panels"),
    ("/available_updates", "available_updates"),
    ("/auth/list", "users"),
    ("/services", "services"),
    ("/services/mqtt", "host port ssl protocol username password"),
    ("/store/repositories/local", "slug name source url maintainer"),
    ("/store/addons", "addons"),
    (
        "/addons/self/info",
        (
            "name hostname dns description long_description auto_update url detached available stage "
            "startup arch machine repository version version_latest update_available state boot build "
            "options network network_description host_network host_pid host_ipc host_dbus privileged "
            "apparmor devices udev uart usb icon logo documentation changelog hassio_api hassio_role "
            "homeassistant homeassistant_api auth_api protected rating stdin full_access webui gpio "
            "kernel_modules devicetree docker_api video audio audio_input audio_output ip_address "
            "ingress ingress_entry ingress_url ingress_port ingress_panel watchdog slug advanced"
        ),
    ),
)
TEXTS = ("audio", "core", "dns", "host", "multicast", "observer", "supervisor", "addons/self")
# Route, body, and a message if the host refuses it.
DONE: tuple[tuple[str, str, Any, str], ...] = (
    ("POST", "/audio/reload", None, ""),
    ("POST", "/audio/restart", None, ""),
    ("POST", "/audio/update", None, "already in use"),
    ("POST", "/audio/volume/input", {"index": 0, "volume": 0.5}, "No audio stream"),
    ("POST", "/audio/mute/output/application", {"index": 0, "active": True}, "No audio stream"),
    ("POST", "/audio/default/input", {"name": "x"}, "No audio stream"),
    ("POST", "/audio/profile", {"card": "c", "name": "n"}, "card that does not exist"),
    ("POST", "/cli/update", None, ""),
    ("POST", "/observer/update", {"version": "1"}, "cannot be installed"),
    ("POST", "/dns/reset", None, ""),
    ("POST", "/core/check", None, ""),
    ("POST", "/core/start", None, ""),
    ("POST", "/core/update", None, "already installed"),
    ("POST", "/supervisor/reload", None, ""),
    ("POST", "/supervisor/repair", None, ""),
    ("POST", "/supervisor/update", None, "No supervisor update available"),
    ("POST", "/reload_updates", None, ""),
    ("POST", "/refresh_updates", None, ""),
    ("POST", "/host/reload", None, ""),
    ("POST", "/host/shutdown", None, ""),
    ("POST", "/network/reload", None, ""),
    ("POST", "/network/interface/default/update", None, "at least one option"),
    ("POST", "/network/interface/eth7/update", {"enabled": True}, "does not exist"),
    ("POST", "/os/update", None, "no Home Assistant OS available"),
    ("POST", "/os/config/sync", None, "no Home Assistant OS available"),
    ("POST", "/os/datadisk/move", {"device": "x"}, "no Home Assistant OS available"),
    ("POST", "/os/boot-slot", {"boot_slot": "A"}, "no Home Assistant OS available"),
    ("GET", "/os/config/swap", None, "15.0 or newer"),
    ("GET", "/os/boards/green", None, "Green board is not in use"),
    ("POST", "/os/boards/yellow", {"power_led": True}, "Yellow board is not in use"),
    ("POST", "/resolution/healthcheck", None, ""),
    ("POST", "/resolution/check/free_space/run", None, ""),
    ("POST", "/resolution/check/other/run", None, "does not exist"),
    ("POST", "/resolution/suggestion/x", None, "Suggestion x does not exist"),
    ("DELETE", "/resolution/issue/x", None, "Issue x does not exist"),
    ("POST", "/jobs/reset", None, ""),
    ("DELETE", "/jobs/x", None, "Job does not exist"),
    ("POST", "/store/repositories", {"repository": "https://x.example"}, "local apps only"),
    ("DELETE", "/store/repositories/local", None, "built-in"),
    ("POST", "/store/repositories/local/repair", None, ""),
    ("GET", "/store/repositories/other", None, "does not exist"),
    ("DELETE", "/auth/cache", None, ""),
    ("POST", "/auth/reset", {"username": "nobody", "password": "x"}, "does not exist"),
    ("POST", "/backups/reload", None, ""),
    ("POST", "/backups/thaw", None, "not frozen"),
    ("POST", "/backups/new/partial", {}, "Nothing to create"),
    ("GET", "/backups/x/info", None, "Backup does not exist"),
    ("POST", "/mounts/nas/reload", None, "No mount exists"),
    ("DELETE", "/docker/registries/x", None, "does not exist in registries"),
)


def as_app(host: Any, **config: Any) -> Any:
    """Installs and starts the probe with this config; calls then come from the app as an admin."""
    host.write(hassio_api=True, hassio_role="admin", **config)
    host.ok("POST", "/store/reload")
    host.ok("POST", "/store/addons/local_probe/install")
    host.ok("POST", "/addons/local_probe/start")
    host.core_token = host.token
    host.token = host.access.grant(Caller(Role.ADMIN, "local_probe"))
    return host


@pytest.mark.parametrize(("path", "fields"), READ)
def test_an_app_finds_every_field(host: Any, path: str, fields: str) -> None:
    data = as_app(host, services=["mqtt:want"]).ok("GET", path)
    assert set(fields.split()) <= data.keys()


def test_logs_are_text(host: Any) -> None:
    app = as_app(host)
    for name in TEXTS:
        status, text = app.call("GET", f"/{name}/logs")
        assert (status, isinstance(text, str)) == (200, True), name


@pytest.mark.parametrize(("method", "path", "body", "refusal"), DONE)
def test_what_the_host_does_and_what_it_refuses(
    host: Any, method: str, path: str, body: Any, refusal: str
) -> None:
    status, answer = as_app(host).call(method, path, body)
    assert answer["result"] == ("error" if refusal else "ok"), answer
    assert refusal in answer.get("message", "")
    assert (status == 200) is not bool(refusal)


@pytest.mark.parametrize(
    ("area", "key", "value"),
    [
        ("supervisor", "channel", "beta"),
        ("supervisor", "timezone", "Europe/Berlin"),
        ("supervisor", "debug", True),
        ("core", "watchdog", False),
        ("core", "port", 8124),
        ("host", "hostname", "attic"),
        ("security", "pwned", False),
        ("docker", "mtu", 1400),
        ("dns", "servers", ["dns://192.0.2.1"]),
        ("backups", "days_until_stale", 7),
        ("jobs", "ignore_conditions", ["healthy"]),
    ],
)
def test_a_setting_is_read_back(host: Any, area: str, key: str, value: Any) -> None:
    host.ok("POST", f"/{area}/options", {key: value})
    assert host.ok("GET", f"/{area}/info")[key] == value


@pytest.mark.parametrize(
    ("area", "body", "message"),
    [
        (
            "supervisor",
            {"debug": "much"},
            "expected boolean for dictionary value @ data['debug']. Got 'much'",
        ),
        ("core", {"port": 0, "boot": False}, "not a valid value"),
        ("host", {"hostname": "a", "colour": "red"}, "extra keys not allowed @ data['colour']. Got red"),
    ],
)
def test_a_refused_setting_changes_nothing(host: Any, area: str, body: Any, message: str) -> None:
    before = host.ok("GET", f"/{area}/info")
    status, text = host.key("POST", f"/{area}/options", body)
    assert (status, message in text) == (400, True)
    after = host.ok("GET", f"/{area}/info")
    assert {key: after[key] for key in body if key in after} == {k: before[k] for k in body if k in before}


def test_a_backup_restores_data_and_options_and_starts_the_app_again(started: Any) -> None:
    data = started.root / "data" / "local_probe" / "kept"
    data.write_text("first")
    started.ok("POST", "/addons/local_probe/options", {"options": {"level": "warn", "n": 3}})
    made = started.ok("POST", "/backups/new/full", {"name": "one", "password": "secret"})
    info = started.ok("GET", f"/backups/{made['slug']}/info")
    assert (info["name"], info["type"], info["protected"]) == ("one", "full", True)
    assert [row["slug"] for row in info["addons"]] == ["local_probe"]
    data.write_text("second")
    started.ok("POST", "/addons/local_probe/options", {"options": None})
    wrong = started.key("POST", f"/backups/{made['slug']}/restore/full", {"password": "guess"})
    assert (wrong[0], data.read_text()) == (400, "second")
    started.ok("POST", f"/backups/{made['slug']}/restore/full", {"password": "secret"})
    assert data.read_text() == "first"
    assert (started.info["options"]["level"], started.info["state"]) == ("warn", "started")
    started.ok("DELETE", f"/backups/{made['slug']}")
    assert started.ok("GET", "/backups/info")["backups"] == []


def test_a_mount_shows_no_password_and_can_be_the_default_for_backups(host: Any) -> None:
    mount = {"name": "nas", "type": "cifs", "usage": "backup", "server": "s", "share": "b"}
    host.ok("POST", "/mounts", {**mount, "username": "u", "password": "hidden"})
    shown = host.ok("GET", "/mounts")
    assert shown["default_backup_mount"] == "nas"
    assert "hidden" not in str(shown)
    assert "already exists" in host.key("POST", "/mounts", mount)[1]
    host.ok("PUT", "/mounts/nas", {**mount, "share": "c"})
    assert host.ok("GET", "/mounts")["mounts"][0]["share"] == "c"
    host.ok("DELETE", "/mounts/nas")
    assert host.ok("GET", "/mounts") == {"default_backup_mount": None, "mounts": []}


def test_an_app_offers_what_its_config_names_and_nothing_else(host: Any) -> None:
    app = as_app(host, discovery=["probe"], services=["mysql:provide", "mqtt:want"])
    uuid = app.ok("POST", "/discovery", {"service": "probe", "config": {"host": "h"}})["uuid"]
    assert app.ok("POST", "/discovery", {"service": "probe", "config": {"host": "h"}})["uuid"] == uuid
    assert app.key("POST", "/discovery", {"service": "other", "config": {}})[0] == 403
    assert app.call("GET", "/discovery")[0] == 401, "only Core may list messages"
    rows = app.call("GET", "/discovery", token=app.core_token)[1]["data"]["discovery"]
    assert [row["config"] for row in rows] == [{"host": "h"}]
    app.ok("DELETE", f"/discovery/{uuid}")
    app.ok("POST", "/services/mysql", {"host": "h", "port": 3306})
    assert app.ok("GET", "/services/mysql")["addon"] == "local_probe"
    assert app.key("POST", "/services/mysql", {"host": "h", "port": 1}) == (
        409,
        "service_already_provided_error",
    )
    app.ok("DELETE", "/services/mysql")
    assert app.key("GET", "/services/mysql") == (400, "Service not enabled")
    assert app.key("DELETE", "/services/mqtt") == (403, "No access to write mqtt service!")
    assert app.key("GET", "/services/other") == (404, "Service does not exist")


def test_a_login_of_core_needs_basic_or_a_body_without_a_bearer(host: Any) -> None:
    import base64
    import json

    from ha_sandbox.supervisor.api.routing import Request

    app = as_app(host, auth_api=True)

    def login(headers: dict[str, str], body: bytes = b"") -> int:
        sent = {"x-supervisor-token": app.token, **headers}
        return int(app.api.answer(Request("POST", "/auth", {}, body, sent)).status)

    good = base64.b64encode(b"user:word").decode()
    assert login({"authorization": f"Basic {good}"}) == 200
    assert login({"authorization": f"Basic {base64.b64encode(b'user:no').decode()}"}) == 401
    assert login({}, json.dumps({"username": "user", "password": "word"}).encode()) == 200
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert login(form, b"username=user&password=word") == 200
    assert login(form, b"username=user&password=no") == 401


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("default", "/core/info", 200),
        ("default", "/backups", 403),
        ("default", "/core/logs", 403),
        ("backup", "/backups", 200),
        ("backup", "/core/logs", 403),
        ("homeassistant", "/core/logs", 200),
        ("homeassistant", "/backups", 403),
        ("manager", "/backups", 200),
        ("manager", "/docker/registries", 200),
        ("manager", "/auth/list", 403),
        ("admin", "/auth/list", 200),
    ],
)
def test_each_role_may_call_its_paths(host: Any, role: str, path: str, status: int) -> None:
    token = host.access.grant(Caller(Role[role.upper()], "local_probe"))
    assert host.call("GET", path, token=token)[0] == status


def test_a_known_path_refuses_another_method(host: Any) -> None:
    assert host.call("DELETE", "/core/info") == (405, "405: Method Not Allowed")
    assert host.call("GET", "/no/such/path")[0] == 404
