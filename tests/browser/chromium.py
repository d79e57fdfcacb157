"""A real browser: Debian's Chromium by its own driver, which nothing has to be downloaded for.

Calls run in a thread of their own: the page is served by the loop of the test.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

SHOTS = Path(__file__).resolve().parents[2] / "logs" / "browser"
HOW = "the browser tests need Chromium and its driver: apt-get install chromium chromium-driver"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip
WAIT_S = 15.0
WIDE, PHONE = (1280, 900), (375, 812)

# Looks at a condition at every frame until it holds: nothing sleeps, and a wait ends in the frame that makes it true.
UNTIL = """
const [condition, boundMs, done] = arguments, end = performance.now() + boundMs;
const holds = new Function("return (" + condition + ")");
const look = () => {
  let held = false;
  try { held = Boolean(holds()); } catch { held = false; }
  if (held) done(true);
  else if (performance.now() > end) done(false);
  else setTimeout(look, 15);
};
look();
"""


class Browser:
    """One window."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    async def _do(self, method: Any, *args: Any) -> Any:
        return await asyncio.to_thread(method, *args)

    async def open(self, url: str) -> None:
        """Go to an address, and wait until the page is told something."""
        await self._do(self._driver.get, url)
        await self.until("document.getElementById('link').dataset.state === 'live'")

    async def js(self, code: str, *args: Any) -> Any:
        """Return what a piece of script returns."""
        return await self._do(self._driver.execute_script, code, *args)

    async def until(self, condition: str, bound_s: float = WAIT_S) -> None:
        """Wait until a JavaScript expression is true.

        Raises:
            AssertionError: it was not within the bound; says what the page shows.
        """
        held = await self._do(self._driver.execute_async_script, UNTIL, condition, bound_s * 1000)
        assert held, f"not within {bound_s} s: {condition}\n{await self.shown('body')}"

    async def shown(self, selector: str) -> str:
        """The text that a person sees of the first element."""
        text: str = await self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
        return text

    async def until_shown(self, selector: str, text: str, bound_s: float = WAIT_S) -> None:
        """Wait until an element shows a text."""
        await self.until(f"document.querySelector({selector!r}).innerText.includes({text!r})", bound_s)

    async def click(self, selector: str) -> None:
        """Click as a person does: in the middle of what is really there."""
        element = await self._do(self._driver.find_element, "css selector", selector)
        await self._do(element.click)

    async def type(self, selector: str, text: str) -> None:
        """Type into a field, by the keyboard."""
        element = await self._do(self._driver.find_element, "css selector", selector)
        await self._do(element.clear)
        await self._do(element.send_keys, text)

    async def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        chain = webdriver.ActionChains(self._driver)
        for key in keys:
            chain = chain.send_keys(key)
        await self._do(chain.perform)

    async def size(self, width: int, height: int) -> None:
        """Be a screen of this size, in CSS pixels."""
        told = {"width": width, "height": height, "deviceScaleFactor": 2 if width < 500 else 1, "mobile": width < 500}
        await self._do(self._driver.execute_cdp_cmd, "Emulation.setDeviceMetricsOverride", told)

    async def dark(self, is_dark: bool = True) -> None:
        """Prefer the dark, or the light."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        await self._do(self._driver.execute_cdp_cmd, "Emulation.setEmulatedMedia", {"features": [feature]})

    async def shot(self, name: str, whole: bool = True) -> Path:
        """Take a picture of the page, or of what the screen shows of it, into `logs/browser`: for a person to see."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        wanted = {"format": "png", "captureBeyondViewport": whole}
        told = await self._do(self._driver.execute_cdp_cmd, "Page.captureScreenshot", wanted)
        path = SHOTS / f"{name}.png"
        path.write_bytes(base64.b64decode(told["data"]))
        return path

    async def complaints(self) -> list[str]:
        """What the console says of errors: scripts that failed, things the security policy did not let through."""
        logs = await self._do(self._driver.get_log, "browser")
        return [it["message"] for it in logs if it["level"] == "SEVERE"]

    async def overflows(self) -> list[str]:
        """Elements that make the page wider than the screen."""
        found: list[str] = await self.js(
            "const w = document.documentElement.clientWidth;"
            "if (document.documentElement.scrollWidth <= w) return [];"
            "return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > w + 1)"
            ".map((e) => e.tagName + '#' + e.id + '.' + e.className).slice(0, 8)"
        )
        return found


def _start(profile: Path, lang: str) -> webdriver.Chrome:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.fail(HOW)
    os.environ["SE_OFFLINE"] = "true"
    options = Options()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--lang={lang}", f"--accept-lang={lang}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": lang})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    started.set_script_timeout(60)
    return started


@asynccontextmanager
async def browser(tmp_path: Path, lang: str = "en", size: tuple[int, int] = WIDE) -> AsyncIterator[Browser]:
    """Run a browser with a profile of its own, in a language."""
    driver = await asyncio.to_thread(_start, tmp_path / f"profile-{lang}", lang)
    it = Browser(driver)
    try:
        await it.size(*size)
        yield it
    finally:
        await asyncio.to_thread(driver.quit)
