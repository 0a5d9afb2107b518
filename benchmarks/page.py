"""What the chat page and the console's overview weigh over the wire, and how soon they are painted, in a
real Chromium and of `tertulia run` as it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.report import Section, median, verdict
from tests.browser.first_load import Load, first_load
from tests.browser.stage import chromium
from tests.browser.staged import stage
from tests.e2e.running import service

TRIES = 20
MOST_BYTES = 150_000
MOST_PAINT = 500
"""Milliseconds."""
MEDIAN_PAGE = 2_652_000
"""Bytes over the wire of the median page for desktops (HTTP Archive's Web Almanac 2024, page weight)."""


def run(folder: Path, *, quick: bool) -> list[Section]:
    home = folder / "home"
    home.mkdir()
    loads = asyncio.run(measured(home, 2 if quick else TRIES))
    rows = [_row(page, found) for page, found in loads.items()]
    tries, bare = len(loads["chat page"]), loads["chat page"][0].bare
    note = (
        f"`tertulia run` with a day's statistics and {tries} loads of each page on loopback, after one that "
        "warms the server, each by a browser window of its own that has nothing of the page yet. Over the "
        "wire: what Chromium's network counts of all responses, heads included, scripts and styles packed "
        "with gzip; the pages themselves and the API's answers come unpacked. Painted: the first text or "
        "picture, by Chromium's own clock (first-contentful-paint). The last column is the share of "
        f"{MEDIAN_PAGE / 1e6:.1f} MB, the median page for desktops in October 2024 (HTTP Archive's Web "
        "Almanac). Hosted chat pages were not measured: the machine that measures reaches nothing outside, "
        "and what they send changes from week to week. One report (kendell.dev, chatgpt-bloat) found 20 MB "
        f"of scripts, unpacked, on a first load of ChatGPT; this whole chat page has {bare / 1000:.0f} kB "
        "unpacked."
    )
    columns = ("page", "responses", "unpacked", "over the wire", "target", "", "of the median page")
    heavy = Section("page", "Weight of a first load", columns, rows, note)
    painted = ("page", "painted, best", "median", "slowest", "target", "")
    return [heavy, Section("paint", "First paint", painted, [_paints(*each) for each in loads.items()])]


def _row(page: str, loads: list[Load]) -> list[str]:
    most = max(loads, key=lambda load: load.sent)
    return [
        page,
        f"{most.files}",
        f"{most.bare / 1000:.0f} kB",
        f"{most.sent / 1000:.0f} kB",
        f"< {MOST_BYTES / 1000:.0f} kB",
        verdict(most.sent < MOST_BYTES),
        f"{most.sent / MEDIAN_PAGE:.1%}",
    ]


def _paints(page: str, loads: list[Load]) -> list[str]:
    paints = [load.paint for load in loads]
    middle = median(paints)
    shown = (f"{value:.0f} ms" for value in (min(paints), middle, max(paints)))
    return [page, *shown, f"< {MOST_PAINT} ms (median)", verdict(middle < MOST_PAINT)]


async def measured(home: Path, tries: int) -> dict[str, list[Load]]:
    """The loads of each page, of a service with this folder."""
    token = await stage(home)
    async with service(home) as running, chromium() as browser:
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(f"{running.url}/console/login?token={token}")
        await page.locator("main .primary").click()
        await page.wait_for_url("**/console/account**")
        state = await context.storage_state()
        await context.close()

        async def chat() -> Load:
            return await first_load(browser, running.url, "#list[aria-busy=false]")

        async def overview() -> Load:
            path = f"{running.url}/console/overview"
            return await first_load(browser, path, ".chart canvas", state=state, count=10)

        loads: dict[str, list[Load]] = {}
        for name, load in (("chat page", chat), ("console's overview", overview)):
            await load()
            loads[name] = [await load() for _ in range(tries)]
        return loads
