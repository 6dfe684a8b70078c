"""Makes one smoke check: asks the app by HTTP, listens on the broker, reads the log, or runs a command."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bb8deploy.host.open_host import Host, hop_of
from bb8deploy.host.supervisor.route_interface import Supervisor
from bb8deploy.runs.run import Run
from bb8deploy.workspace.smoke_settings import SmokeCheck

if TYPE_CHECKING:
    import httpx

Get = Callable[[str, float], "httpx.Response"]
POLL = 0.5
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Probes:
    """What the checks of one run need; `log` gives the lines of the present container."""

    run: Run
    host: Host
    supervisor: Supervisor
    slug: str
    log: Callable[[], Sequence[str]]

    def problem(self, check: SmokeCheck) -> str:
        """Why the check did not pass within its time, empty if it did. Raises Bb8Error."""
        ways = {"http": self._http, "topic": self._topic, "log": self._log, "command": self._command}
        return ways[check.kind](check)

    def _http(self, check: SmokeCheck) -> str:
        if not check.port:
            from bb8deploy.host.supervisor.ingress_requests import Ingress

            with Ingress.open(self.run.settings, self.run.addon, self.host, self.slug) as ingress:
                return _repeated(lambda: _answered(ingress.get, check), check.within)
        import httpx

        url = f"http://{self._address()}:{self._port(check.port)}{check.what}"
        with httpx.Client(follow_redirects=True) as client:
            get: Get = lambda _path, seconds: client.get(url, timeout=seconds)  # noqa: E731
            return _repeated(lambda: _answered(get, check), check.within)

    def _address(self) -> str:
        settings = self.run.settings
        if settings.ssh.host_alias:
            return hop_of(settings).host
        return urlsplit(settings.ha_url or "").hostname or "localhost"

    def _port(self, port: int) -> int:
        """The port of the host that leads to the container's; without a mapping it is the same."""
        network = self.supervisor.info(self.slug).raw.get("network")
        mapped = network.get(f"{port}/tcp") if isinstance(network, dict) else None
        return mapped if isinstance(mapped, int) else port

    def _topic(self, check: SmokeCheck) -> str:
        from bb8deploy.transport.mqtt import BrokerLink, address_of

        seen, heard = threading.Event(), [""]

        def listen(_topic: str, payload: bytes, _retained: bool) -> None:
            heard[0] = payload.decode(errors="replace")[:_SHOWN]
            if check.expect in payload.decode(errors="replace"):
                seen.set()

        with BrokerLink(address_of(self.run.settings), listen) as link:
            link.subscribe(check.what)
            if seen.wait(check.within):
                return ""
        return f"the newest message was `{heard[0]}`" if heard[0] else "no message came"

    def _log(self, check: SmokeCheck) -> str:
        return _repeated(
            lambda: "" if any(check.what in line for line in self.log()) else "no line has it", check.within
        )

    def _command(self, check: SmokeCheck) -> str:
        """Runs in the workspace; APP_SLUG and APP_TARGET name the app and the target."""
        environment = {**os.environ, "APP_SLUG": self.slug, "APP_TARGET": self.run.settings.target}
        try:
            done = subprocess.run(
                check.words,
                cwd=self.run.workspace,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=check.within,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "it did not end"
        except OSError as error:
            return f"{check.words[0]} cannot be run: {error.strerror}"
        last = (self.run.clean(done.stdout.decode(errors="replace")).strip().splitlines() or ["no output"])[
            -1
        ]
        return f"exit code {done.returncode}: {last[:_SHOWN]}" if done.returncode else ""


def _repeated(look: Callable[[], str], within: float) -> str:
    """Looks until there is no problem; the last problem after `within` seconds."""
    end = time.monotonic() + within
    while problem := look():
        if time.monotonic() + POLL > end:
            return problem
        time.sleep(POLL)
    return ""


def _answered(get: Get, check: SmokeCheck) -> str:
    """Why an answer of the app does not do, empty if it does."""
    import httpx

    try:
        answer = get(check.what, min(10.0, check.within))
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    if not answer.is_success:
        return f"the answer was {answer.status_code}"
    return "" if check.expect in answer.text else f"`{check.expect}` is not in the answer"
