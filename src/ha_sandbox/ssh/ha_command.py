"""The `ha` command of the sandbox: standard library only, starts fast, behaves like the real one.

From the source of the real command (home-assistant/cli): `--raw-json` prints the envelope and exits 0 even
for an error; without it an error exits 1; `ha apps UNKNOWN` prints the list and exits 0, so `ha addons
reload` reloads nothing; `ha ... logs` prints an HTTP error's body on stdout and exits 0; the old names warn
on stderr.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time

OLD_NAMES = ("addons", "addon", "add-on", "add-ons", "ad")
APPS = ("apps", "app", *OLD_NAMES)
VERSION = "5.3.0"
DEFAULT, CONTAINER, LONG = 30.0, 600.0, 3600.0  # seconds, the deadlines of the real command
APP_CALLS = {
    "info": ("GET", "/addons/{}/info", DEFAULT),
    "stats": ("GET", "/addons/{}/stats", DEFAULT),
    "start": ("POST", "/addons/{}/start", DEFAULT),
    "stop": ("POST", "/addons/{}/stop", CONTAINER),
    "restart": ("POST", "/addons/{}/restart", CONTAINER),
    "rebuild": ("POST", "/addons/{}/rebuild", CONTAINER),
    "uninstall": ("POST", "/addons/{}/uninstall", CONTAINER),
    "install": ("POST", "/store/addons/{}/install", LONG),
    "update": ("POST", "/store/addons/{}/update", LONG),
}
PLAIN_CALLS = {
    ("info",): "/info",
    ("supervisor", "info"): "/supervisor/info",
    ("host", "info"): "/host/info",
    ("core", "info"): "/core/info",
    ("os", "info"): "/os/info",
    ("network", "info"): "/network/info",
    ("resolution", "info"): "/resolution/info",
    ("jobs", "info"): "/jobs/info",
    ("store",): "/store",
    ("store", "addons"): "/store/addons",
    ("store", "apps"): "/store/addons",
    ("available-updates",): "/available_updates",
}


POST_CALLS: dict[tuple[str, ...], tuple[str, float]] = {
    ("store", "reload"): ("/store/reload", DEFAULT),
    ("store", "refresh"): ("/store/reload", DEFAULT),
    ("supervisor", "restart"): ("/supervisor/restart", CONTAINER),
    ("supervisor", "update"): ("/supervisor/update", CONTAINER),
    ("core", "restart"): ("/core/restart", CONTAINER),
}


def main() -> int:
    """Runs one command line and returns its exit code."""
    words, flags = split(sys.argv[1:])
    if "version" in flags:
        say(f"ha version {VERSION}\n")
        return 0
    if not words:
        say("Usage:\n  ha [command]\n")
        return 0
    if words[0] in OLD_NAMES:
        complain(f"The use of '{words[0]}' is deprecated, please use 'apps' instead!")
    if words[0] in APPS:
        return apps(words[1:], flags)
    return other(words, flags)


def split(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Words, and flags with their values; only -n, --lines, --endpoint and --api-token take one."""
    words: list[str] = []
    flags: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            words.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        name = {"n": "lines", "f": "follow", "v": "verbose"}.get(name, name)
        if name in {"lines", "endpoint", "api-token"} and not equals and rest:
            value = rest.pop(0)
        flags[name] = value
    return words, flags


def apps(words: list[str], flags: dict[str, str]) -> int:
    """`ha apps ...`; an unknown subcommand prints the list, as in the real one."""
    if not words or words[0] not in (*APP_CALLS, "logs"):
        return call("GET", "/addons", flags)
    verb, *slugs = words
    if len(slugs) != 1 and verb != "info":
        complain(f"Error: accepts 1 arg(s), received {len(slugs)}")
        return 1
    if not slugs:
        return call("GET", "/addons", flags)
    if verb == "logs":
        return logs(f"/addons/{slugs[0]}/logs", flags)
    method, path, deadline = APP_CALLS[verb]
    body: dict[str, object] = {"force": True} if verb == "rebuild" and "force" in flags else {}
    if verb == "uninstall" and "remove-config" in flags:
        body["remove_config"] = True
    if verb == "update" and "backup" in flags:
        body["backup"] = True
    return call(method, path.format(slugs[0]), flags, body, deadline)


def other(words: list[str], flags: dict[str, str]) -> int:
    """Everything that is not `ha apps`."""
    if tuple(words) in POST_CALLS:
        path, deadline = POST_CALLS[tuple(words)]
        return call("POST", path, flags, deadline=deadline)
    if len(words) == 3 and words[0] == "store" and words[1] in APPS:
        return call("GET", f"/store/addons/{words[2]}", flags)
    if len(words) == 4 and words[0] == "store" and words[1] in APPS and words[2] in {"install", "update"}:
        return call("POST", f"/store/addons/{words[3]}/{words[2]}", flags, {}, LONG)
    if len(words) == 2 and words[1] == "logs":
        return logs(f"/{words[0]}/logs", flags)
    if tuple(words) not in PLAIN_CALLS:
        complain(f'Error: unknown command "{words[0]}" for "ha"')
        return 1
    return call("GET", PLAIN_CALLS[tuple(words)], flags)


def call(
    method: str, path: str, flags: dict[str, str], body: object = None, deadline: float = DEFAULT
) -> int:
    """One call; prints its answer on stdout."""
    try:
        status, kind, data = fetch(method, path, flags, body, deadline)
    except (OSError, http.client.HTTPException) as error:
        complain(lost(method, path, error))
        return 1
    if not kind.startswith("application/json"):
        complain(f"Error: {plain_problem(status)}")
        return 1
    if "raw-json" in flags:
        say(data.decode())
        return 0
    return show(json.loads(data))


def logs(path: str, flags: dict[str, str]) -> int:
    """Prints a log, and follows it if asked to."""
    suffix = "/follow" if "follow" in flags else ""
    query = f"?lines={flags['lines']}" if flags.get("lines") else ""
    deadline = None if suffix else DEFAULT
    try:
        connection, response = opened("GET", path + suffix + query, flags, None, deadline)
    except (OSError, http.client.HTTPException) as error:
        complain(lost("GET", path, error))
        return 1
    with connection_of(connection):  # an error's body too is printed on stdout
        while piece := response.read1(65536):
            say(piece.decode(errors="replace"))
    return 0


def lost(method: str, path: str, error: Exception) -> str:
    """The words of the real command if no answer came."""
    why = str(error)
    if isinstance(error, ConnectionRefusedError):  # on a host, a stopped container has no address
        time.sleep(float(os.environ.get("HA_SANDBOX_NO_ROUTE_SECONDS", "0")))
        why = "dial tcp 172.30.32.2:80: connect: no route to host"
    elif isinstance(error, http.client.RemoteDisconnected | ConnectionResetError):
        why = "EOF"
    elif isinstance(error, TimeoutError):
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return f'Error: {method.title()} "http://supervisor{path}": {why}'


class connection_of:  # noqa: N801  reads as a phrase; importing contextlib would cost time
    """Closes the connection."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self.connection.close()


def fetch(
    method: str, path: str, flags: dict[str, str], body: object, deadline: float
) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    connection, response = opened(method, path, flags, body, deadline)
    with connection_of(connection):
        return response.status, response.headers.get("Content-Type", ""), response.read()


def opened(
    method: str, path: str, flags: dict[str, str], body: object, deadline: float | None
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """Sends the request; returns the connection and the response with its body unread."""
    endpoint = flags.get("endpoint") or os.environ.get("SUPERVISOR_ENDPOINT") or "supervisor"
    token = flags.get("api-token") or os.environ.get("SUPERVISOR_TOKEN", "")
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    payload = json.dumps(body).encode() if body else None
    if payload:
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=deadline)
    connection.request(method, path, payload, headers)
    return connection, connection.getresponse()


def plain_problem(status: int) -> str:
    """The words of the real command for an answer that is not JSON."""
    known = {
        401: "unauthorized: missing or invalid API token",
        403: "forbidden: insufficient permissions or invalid token",
        500: "unknown error occurred, check supervisor logs with 'ha supervisor logs'",
    }
    return known.get(status, f"unexpected non-JSON response (status: {status})")


def show(envelope: dict[str, object]) -> int:
    """Prints the data as YAML, or the error."""
    if envelope.get("result") != "ok":
        complain(f"Error: {envelope.get('message', '')}")
        return 1
    data = envelope.get("data")
    say("\n".join(yaml_lines(data)) + "\n" if data else "Command completed successfully.\n")
    return 0


def yaml_lines(value: object, indent: str = "") -> list[str]:
    """JSON as YAML, keys sorted."""
    if isinstance(value, dict) and value:
        return [line for key in sorted(value) for line in entry(f"{indent}{key}:", value[key], indent)]
    if isinstance(value, list) and value:
        found: list[str] = []
        for item in value:
            first, *rest = yaml_lines(item, indent + "  ")
            found += [f"{indent}- {first.lstrip()}", *rest]
        return found
    return [f"{indent}{scalar(value)}"]


def entry(head: str, value: object, indent: str) -> list[str]:
    """One key of a mapping."""
    if isinstance(value, dict | list) and value:
        return [head, *yaml_lines(value, indent if isinstance(value, list) else indent + "  ")]
    return [f"{head} {scalar(value)}"]


def scalar(value: object) -> str:
    """A plain word if YAML reads it back as the same string, else JSON."""
    if isinstance(value, str) and value and value[0].isalpha() and not set(value) & set(":#\n\"'{}[]"):
        return (
            value if value.lower() not in {"true", "false", "null", "yes", "no", "on", "off"} else repr(value)
        )
    return json.dumps(value)


def say(text: str) -> None:
    """Writes to stdout and flushes."""
    sys.stdout.write(text)
    sys.stdout.flush()


def complain(text: str) -> None:
    """Writes a line to stderr."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
