"""A real Chromium without a window, driven through the DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

CHROMIUM = next(
    filter(None, (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))), None
)
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
)


class Tab:
    """One page. Commands and events are those of the DevTools protocol."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser = browser
        self.target = target
        self.session = session

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        return await self._browser.call(method, self.session, **params)

    async def js(self, expression: str) -> Any:
        """Evaluate an expression in the page; an exception there is one here."""
        found = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise AssertionError(json.dumps(found["exceptionDetails"])[:800])
        return found["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        try:
            async with asyncio.timeout(60):
                while not await self.js(expression):  # noqa: ASYNC110 - the browser has no event for it
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never true: {expression}") from None

    async def centre(self, selector: str) -> tuple[float, float]:
        """Where the middle of an element is in the window, after scrolling it into view."""
        box = await self.js(
            f"(() => {{ const e = document.querySelector({selector!r});"
            " e.scrollIntoView({block: 'center'});"
            " const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return box[0], box[1]

    async def mouse(self, kind: str, x: float, y: float) -> None:
        """`mousePressed`, `mouseMoved` or `mouseReleased` with the left button."""
        await self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
        )

    async def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """`touchStart`, `touchMove`, `touchEnd` or `touchCancel`."""
        await self.call(
            "Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points]
        )

    async def click(self, selector: str) -> None:
        """Press and release the mouse on an element."""
        x, y = await self.centre(selector)
        await self.mouse("mousePressed", x, y)
        await self.mouse("mouseReleased", x, y)

    async def key(self, kind: str, code: str, key: str) -> None:
        """`keyDown` or `keyUp`."""
        number = {"Space": 32, "Enter": 13, "Escape": 27, "Tab": 9}.get(code, ord(key[0].upper()))
        await self.call("Input.dispatchKeyEvent", type=kind, code=code, key=key, windowsVirtualKeyCode=number)

    async def picture(self, width: int, height: int, scheme: str) -> bytes:
        """What the page looks like in a window of this size, `light` or `dark`, as PNG."""
        await self.size(width, height, scheme)
        await asyncio.sleep(0.4)
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])

    async def size(self, width: int, height: int, scheme: str = "light") -> None:
        """Give the window a size and a colour scheme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        await self.call(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    async def window(self, state: str) -> None:
        """`minimized` or `normal`."""
        found = await self._browser.call("Browser.getWindowForTarget", targetId=self.target)
        bounds = {"windowState": state}
        await self._browser.call("Browser.setWindowBounds", windowId=found["windowId"], bounds=bounds)

    async def close(self) -> None:
        """Close the page."""
        await self._browser.call("Target.closeTarget", targetId=self.target)


class Browser:
    """The browser's connection, on which all tabs speak."""

    def __init__(self, ws: ClientConnection) -> None:
        self._ws = ws
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        await self._ws.send(json.dumps(message))
        async with asyncio.timeout(60):
            return await answer

    async def open(self, url: str, script: str = "") -> Tab:
        """Open a page; `script` runs in it before its own."""
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = Tab(self, target, session)
        for domain in ("Page", "Runtime", "Log"):
            await tab.call(f"{domain}.enable")
        if script:
            await tab.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        await tab.call("Page.navigate", url=url)
        return tab

    async def _read(self) -> None:
        async for text in self._ws:
            message = json.loads(text)
            if "id" in message:
                self._answered(message)
            elif message["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(message["params"])[:500])

    def _answered(self, message: dict[str, Any]) -> None:
        answer = self._answers.pop(message["id"])
        if answer.done():
            return
        if "error" in message:
            answer.set_exception(AssertionError(str(message["error"])))
        else:
            answer.set_result(message["result"])

    def close(self) -> None:
        """Stop reading."""
        self._reading.cancel()


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A browser of its own, with a profile that is removed afterwards."""
    if CHROMIUM is None:
        raise FileNotFoundError("chromium")
    folder = tempfile.mkdtemp(prefix="bb8-browser-")
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *_FLAGS,
        f"--user-data-dir={folder}",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "TMPDIR": folder},  # its socket's folder is removed with the profile
    )
    try:
        address = await _address(process)
        drain = asyncio.create_task(_drain(process))
        async with connect(address, max_size=1 << 26) as ws:
            chromium = Browser(ws)
            yield chromium
            chromium.close()
        drain.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def _address(process: asyncio.subprocess.Process) -> str:
    """Where it listens, from what it prints."""
    assert process.stderr is not None
    said = b""
    async with asyncio.timeout(60):
        while line := await process.stderr.readline():
            said += line
            if b"DevTools listening on " in line:
                return line.decode().split("listening on ")[1].strip()
    raise AssertionError(said.decode(errors="replace"))


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    while await process.stderr.readline():
        pass
