"""The `ha` command of the sandbox: standard library only, starts fast, behaves like the real one.

From the source of the real command (home-assistant/cli): `--raw-json` prints the envelope and exits 0 even
for an error; without it an error exits 1; `ha apps UNKNOWN` prints the list and exits 0, so `ha addons
reload` reloads nothing; `ha ... logs` prints an HTTP error's body on stdout and exits 0; the old names warn
on stderr.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator

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
    except OSError as error:
        complain(lost(method, path, error))
        return 1
    if not kind.startswith("application/json"):
        complain(f"Error: {plain_problem(status)}")
        return 1
    if "raw-json" in flags:
        say(data.decode())
        return 0
    import json

    return show(json.loads(data))


def logs(path: str, flags: dict[str, str]) -> int:
    """Prints a log, and follows it if asked to."""
    suffix = "/follow" if "follow" in flags else ""
    query = f"?lines={flags['lines']}" if flags.get("lines") else ""
    deadline = None if suffix else DEFAULT
    try:
        answer = opened("GET", path + suffix + query, flags, None, deadline)
        try:
            for piece in answer.pieces():  # an error's body too is printed on stdout
                say(piece.decode(errors="replace"))
        finally:
            answer.close()
    except OSError as error:
        complain(lost("GET", path, error))
        return 1
    return 0


def lost(method: str, path: str, error: OSError) -> str:
    """The words of the real command if no answer came."""
    why = str(error)
    if isinstance(error, ConnectionRefusedError):  # on a host, a stopped container has no address
        time.sleep(float(os.environ.get("HA_SANDBOX_NO_ROUTE_SECONDS", "0")))
        why = "dial tcp 172.30.32.2:80: connect: no route to host"
    elif isinstance(error, ConnectionResetError):
        why = "EOF"
    elif isinstance(error, TimeoutError):
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return f'Error: {method.title()} "http://supervisor{path}": {why}'


class Answer:
    """The answer to one request, read from its connection: HTTP/1.1 as the sandbox's Supervisor speaks it.

    Importing http.client takes longer than all that this program does. Raises ConnectionResetError where the
    connection ends before the answer does.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self.status = int(self._line().split()[1])
        self.headers: dict[str, str] = {}
        while line := self._line().decode("latin-1").strip():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()

    def close(self) -> None:
        """Closes the connection."""
        self._file.close()
        self._connection.close()

    def pieces(self) -> Iterator[bytes]:
        """The body, as it comes."""
        if self.headers.get("transfer-encoding") != "chunked":
            yield self._exactly(int(self.headers.get("content-length", "0")))
            return
        while size := int(self._line(), 16):
            yield self._exactly(size)
            self._line()

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the answer has no end")
        return line

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise ConnectionResetError("the answer has no end")
        return data


def fetch(
    method: str, path: str, flags: dict[str, str], body: object, deadline: float
) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    answer = opened(method, path, flags, body, deadline)
    try:
        return answer.status, answer.headers.get("content-type", ""), b"".join(answer.pieces())
    finally:
        answer.close()


def opened(method: str, path: str, flags: dict[str, str], body: object, deadline: float | None) -> Answer:
    """Sends the request; returns the answer with its body unread."""
    endpoint = flags.get("endpoint") or os.environ.get("SUPERVISOR_ENDPOINT") or "supervisor"
    host, _, port = endpoint.removeprefix("http://").partition(":")
    token = flags.get("api-token") or os.environ.get("SUPERVISOR_TOKEN", "")
    headers = {"Host": host, "Accept": "application/json", "Connection": "close"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    payload = encoded(body) if body else b""
    if payload:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(payload))}
    elif method == "POST":
        headers["Content-Length"] = "0"
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    connection = socket.create_connection((host, int(port or 80)), deadline)
    try:
        connection.sendall("\r\n".join(lines).encode() + payload)
        return Answer(connection)
    except BaseException:
        connection.close()
        raise


def encoded(body: object) -> bytes:
    """The body as JSON."""
    import json

    return json.dumps(body).encode()


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
    return encoded(value).decode()


def say(text: str) -> None:
    """Writes to stdout and flushes."""
    sys.stdout.write(text)
    sys.stdout.flush()


def complain(text: str) -> None:
    """Writes a line to stderr."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
