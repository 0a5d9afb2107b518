"""A page as somebody sees it for the first time: what goes over the wire, and when it is painted."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urljoin

from playwright.async_api import Browser, StorageState, expect

from tests.browser.stage import SIZES

_PAINT = """() => new Promise((done) => new PerformanceObserver((list) => {
  const found = list.getEntriesByName("first-contentful-paint")[0];
  if (found) done(found.startTime);
}).observe({ type: "paint", buffered: true }))"""


@dataclass(frozen=True, slots=True)
class Load:
    """`paint`: milliseconds from the call to the first text or picture. `sent`: bytes that came, heads
    and all, as they were packed; `bare`: the same unpacked, without heads. `files` counts responses."""

    paint: float
    sent: int
    bare: int
    files: int


async def first_load(
    browser: Browser, url: str, ready: str, *, state: StorageState | None = None, count: int = 1
) -> Load:
    """Open the page in a browser that has none of it, until `count` of `ready` are there. `state`: the
    cookies of somebody who is logged in. What the page goes on listening to is not counted."""
    context = await browser.new_context(storage_state=state, viewport=SIZES["desktop"], locale="en")
    try:
        page = await context.new_page()
        wire = await context.new_cdp_session(page)
        ended: dict[str, float] = {}
        bare: dict[str, float] = {}

        def received(event: dict[str, Any]) -> None:
            bare[event["requestId"]] = bare.get(event["requestId"], 0) + event["dataLength"]

        def finished(event: dict[str, Any]) -> None:
            ended[event["requestId"]] = event["encodedDataLength"]

        wire.on("Network.dataReceived", received)
        wire.on("Network.loadingFinished", finished)
        await wire.send("Network.enable")
        await page.goto(url)
        await expect(page.locator(ready)).to_have_count(count)
        paint = await page.evaluate(_PAINT)
        return Load(paint, int(sum(ended.values())), int(sum(bare.get(id, 0) for id in ended)), len(ended))
    finally:
        await context.close()


async def best_load(
    browser: Browser, url: str, ready: str, *, state: StorageState | None = None, count: int = 1, tries: int
) -> tuple[Load, float]:
    """The quickest of several, after one that warms the server: what others do on this machine can only
    slow a page down. And how soon the machine paints a line of text from the same server: the median of as
    many, taken in turn with these."""
    await first_load(browser, url, ready, state=state, count=count)
    line = urljoin(url, "/healthz")
    loads, lines = [], []
    for _ in range(tries):
        lines.append((await first_load(browser, line, "body")).paint)
        loads.append(await first_load(browser, url, ready, state=state, count=count))
    return min(loads, key=lambda load: load.paint), median(lines)
