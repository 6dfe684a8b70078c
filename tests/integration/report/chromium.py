"""A real Chromium, driven through its DevTools protocol: opens a file, measures it, takes a picture."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
DEADLINE = 90.0
COMPLAINTS = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
# What is wider than the screen, so that a person would have to scroll to see it.
OVERFLOW = """(() => {
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll('body *')]
    .filter(element => element.getBoundingClientRect().right > width + 1)
    .map(element => element.tagName + '.' + (element.getAttribute('class') || ''));
  return JSON.stringify({width, scroll: document.documentElement.scrollWidth, wide: wide.slice(0, 5)});
})()"""


def find_chromium() -> str | None:
    """The browser's program, None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Page:
    """One tab, reached over the browser's connection; `events` holds what happened since `show`."""

    socket: ClientConnection
    session: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        self.socket.send(json.dumps({**message, "sessionId": self.session} if self.session else message))
        while (answer := self._next()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def show(self, file: Path, *, width: int, scheme: str) -> None:
        """Opens a file on a screen `width` pixels wide, `scheme` light or dark."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **screen)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=file.absolute().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def value(self, script: str) -> Any:
        """What a script's expression gives."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def overflow(self) -> dict[str, Any]:
        """The screen's width, the page's, and what stands out."""
        return dict(json.loads(self.value(OVERFLOW)))

    def requests(self) -> list[str]:
        """Every address that was asked for, the page's own first."""
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [str(event["params"]["request"]["url"]) for event in sent]

    def complaints(self) -> list[str]:
        """What the console and the browser's log say."""
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in COMPLAINTS]

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _next(self) -> dict[str, Any]:
        return dict(json.loads(self.socket.recv(timeout=DEADLINE)))


@contextmanager
def chromium(program: str, profile: Path) -> Iterator[Page]:
    """Starts a browser with a fresh profile and gives it a tab; ends it whatever happens."""
    words = [
        program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", "--remote-debugging-port=0", f"--user-data-dir={profile}",
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(profile), "TMPDIR": str(profile)}
    with subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            with connect(_address(process), max_size=None, open_timeout=DEADLINE) as socket:
                yield _tab(socket)
        finally:
            process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    """The browser's DevTools address, which it says on stderr when it is ready."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "DevTools listening on " in line:
            return line.partition("listening on ")[2].strip()
    raise AssertionError(f"the browser ended: {''.join(said)[-2000:]}")


def _tab(socket: ClientConnection) -> Page:
    page = Page(socket)
    target = page.call("Target.createTarget", url="about:blank")["targetId"]
    page.session = page.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    return page
