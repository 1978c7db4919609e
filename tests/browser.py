"""Headless Chromium, driven over a pipe by the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.waiting import wait_for

PROGRAM = shutil.which("chromium") or shutil.which("google-chrome")
TIMEOUT_S = 60.0  # for anything a test waits for; the cores may be busy
POLL_S = 0.05
_READS, _WRITES = 3, 4  # Chromium's file descriptors for the protocol
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--force-prefers-reduced-motion",  # nothing scrolls away while a test points at it
    "--disable-background-networking",
    # Otherwise going back shows the page as it was left, without loading it.
    "--disable-features=BackForwardCache",
    "--remote-debugging-pipe",
)


class Page:
    """One tab."""

    def __init__(self, to_chromium: Any, from_chromium: Any) -> None:
        self._out, self._in = to_chromium, from_chromium
        self._number, self._session = 0, {}
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        self.send("Page.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and returns its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while (answer := self._receive()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def _receive(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._in.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            text += byte
        return json.loads(text)

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is awaited."""
        how = {"returnByValue": True, "awaitPromise": True}
        result = self.send("Runtime.evaluate", expression=script, **how)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Waits until the expression is true."""
        wait_for(lambda: self.run(script), TIMEOUT_S, POLL_S)

    def open(self, url: str) -> None:
        """Loads a page."""
        self.run("window.isOld = true")
        self.send("Page.navigate", url=url)
        self.wait_until_loaded()

    def wait_until_loaded(self) -> None:
        """Waits for the page that replaces the one with `window.isOld`."""
        self.wait_for("!window.isOld && document.readyState == 'complete'")
        self.run("new Promise(requestAnimationFrame)")

    def choose(self, selector: str, *files: Path) -> None:
        """Puts files into a file input, as a user does."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def press(self, selector: str) -> None:
        """Presses Enter on a control."""
        self.run(f"document.querySelector('{selector}').focus()")
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
        self.send("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
        self.send("Input.dispatchKeyEvent", type="keyUp", **key)

    def escape(self) -> None:
        """Presses Escape, wherever the focus is."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key="Escape", code="Escape")

    def drag(self, selector: str, *places: tuple[float, float], finger: bool = False) -> None:
        """Draws a line over an element with the mouse, or with a finger.

        Args:
            selector: the element.
            places: points of the line, as shares of the element's width and height.
            finger: draw with a finger instead of the mouse.
        """
        box = self.run(
            f"(e => (e.scrollIntoView({{block: 'center', behavior: 'instant'}}), "
            f"e.getBoundingClientRect().toJSON()))(document.querySelector('{selector}'))"
        )
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in places
        ]
        if finger:
            for number, point in enumerate(points):
                kind = "touchMove" if number else "touchStart"
                self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[point])
            self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            return
        how = {"button": "left", "buttons": 1, "clickCount": 1}
        self.send("Input.dispatchMouseEvent", type="mousePressed", **points[0], **how)
        for point in points[1:]:
            self.send("Input.dispatchMouseEvent", type="mouseMoved", **point, **how)
        self.send("Input.dispatchMouseEvent", type="mouseReleased", **points[-1], **how)

    def picture(self, path: Path, width: int, height: int) -> None:
        """Writes a PNG of the whole page as shown in a window of this size, px."""
        size = {"width": width, "height": height}
        self.send("Emulation.setDeviceMetricsOverride", deviceScaleFactor=1, mobile=False, **size)
        data = self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    """Runs a browser while the block runs.

    Args:
        profile: an empty folder for the browser's files.
    """
    reads, out = os.pipe()
    into, writes = os.pipe()
    # Kept away from 3 and 4, which these become in Chromium.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 64) for end in (reads, writes)]

    def take_ends() -> None:
        os.dup2(ends[0], _READS)
        os.dup2(ends[1], _WRITES)

    browser = subprocess.Popen(
        [str(PROGRAM), *_FLAGS, f"--user-data-dir={profile}"],
        preexec_fn=take_ends,
        env={
            **os.environ,
            "TMPDIR": str(profile),
        },  # tests watch /tmp
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (reads, writes, *ends):
        os.close(end)
    with os.fdopen(out, "wb") as to_chromium, os.fdopen(into, "rb") as from_chromium:
        try:
            yield Page(to_chromium, from_chromium)
        finally:
            browser.terminate()
            browser.wait(TIMEOUT_S)
