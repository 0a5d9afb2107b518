"""What the browser tests share: sizes, looks, screenshots, and axe."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from tests.conftest import require

SIZES = {"phone": ViewportSize(width=390, height=844), "desktop": ViewportSize(width=1280, height=860)}
LOOKS: list[tuple[str, Literal["light", "dark"], str]] = [  # `violations` looks at the other colours, too
    ("phone", "light", "zh-CN"),
    ("phone", "dark", "en"),
    ("desktop", "light", "en"),
    ("desktop", "dark", "zh-CN"),
]
NO_CLIPBOARD = "Object.defineProperty(Navigator.prototype, 'clipboard', { value: undefined })"
"""As by plain http from another machine."""
ATTACK = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>[x](javascript:window.hacked=1)'
)


LAN = "lan.test"
"""A name of this machine as others of a network call it: no secure context over http."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The shell without windows where there is one: for each window that is not seen the whole program
    starts two processes of its own."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        require("there is no chromium: apt-get install chromium-headless-shell")
    async with async_playwright() as playwright:
        flags = [
            "--no-sandbox",
            "--disable-background-networking",
            f"--host-resolver-rules=MAP {LAN} 127.0.0.1",
        ]
        running = await playwright.chromium.launch(executable_path=path, args=flags)
        yield running
        await running.close()


async def say(page: Page, text: str) -> None:
    """Ask on the chat page."""
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Enter")


async def visit(browser: Browser, url: str, **look: Any) -> tuple[Page, list[str]]:
    """The page, opened, and what goes wrong in it from now on."""
    grants = ["clipboard-read", "clipboard-write"]
    context = await browser.new_context(permissions=grants, reduced_motion="reduce", **look)
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    await page.goto(url)
    return page, errors


async def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("TERTULIA_TEST_ARTEFACTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, rule by rule with the places; of its colours in light and in dark."""
    found = await _wrong(page)
    dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    # without motion: colours on their way from the one to the other are neither
    await page.emulate_media(color_scheme="light" if dark else "dark", reduced_motion="reduce")
    found += await _wrong(page, runOnly=["color-contrast", "link-in-text-block"])
    await page.emulate_media(color_scheme="dark" if dark else "light")
    return found


async def _wrong(page: Page, **options: Any) -> list[str]:
    found = await Axe().run(page, options={"resultTypes": ["violations"], **options})
    return [
        f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}"
        for one in found.response["violations"]
    ]


async def sideways(page: Page) -> bool:
    """Whether the page is wider than the window."""
    wide: bool = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return wide
