"""The pictures in README and docs, taken of a real service: `make pictures`."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.stage import SIZES, chromium, visit
from tests.e2e.running import Service, service

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
LINK = re.compile(r"Console: (http://\S+)")
DESK = ViewportSize(width=1280, height=800)
EARLIER = (
    "How do I back up the database?",
    "Which settings does vLLM need?",
    "What does Tertulia store about people?",
)
QUESTION = "How do I connect Telegram?"


async def ask(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#send").click()
    await expect(page.locator(".question").last).to_contain_text(text)
    await expect(page.locator("#send")).to_be_visible()
    await expect(page.locator("[data-do=retry]").last).to_be_visible(timeout=30_000)


async def opened(
    browser: Browser, url: str, size: ViewportSize, scheme: Literal["light", "dark"], locale: str
) -> Page:
    look: dict[str, Any] = {"viewport": size, "color_scheme": scheme, "locale": locale}
    page, _ = await visit(browser, url, **look)
    return page


async def take(page: Page, name: str) -> None:
    await page.evaluate("document.fonts.ready")
    await page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


async def chats(browser: Browser, running: Service) -> None:
    """A few conversations, and the last of them with its answer."""
    page = await opened(browser, running.url, DESK, "light", "en")
    for question in EARLIER:
        await ask(page, question)
        await page.locator("#new").click()
    await ask(page, QUESTION)
    await expect(page.locator("#list")).to_contain_text(QUESTION[:12])
    await take(page, "chat")
    phone = await opened(browser, running.url, SIZES["phone"], "dark", "zh-CN")
    await ask(phone, "怎么连接 Telegram？")
    await take(phone, "chat-phone-zh")


async def console(browser: Browser, running: Service) -> None:
    """The overview, and a conversation in which somebody answers in the bot's place."""
    link = LINK.search(running.out)
    assert link is not None, running.out
    page = await opened(browser, link[1], DESK, "light", "en")
    await page.locator("main .primary").click()
    await page.wait_for_url("**/console/account**")
    await page.goto(f"{running.url}/console/overview")
    await expect(page.locator("h1")).to_be_visible()
    await take(page, "console-overview")
    await page.goto(f"{running.url}/console/conversations")
    await page.get_by_role("link", name=QUESTION).first.click()
    await page.locator("[data-dialog=take]").click()
    await page.locator("dialog .primary").click()
    await page.locator("#f-text").fill("Hello, this is Olga. Did @BotFather give you the token?")
    await page.locator("#f-text").press("Control+Enter")
    await expect(page.locator("main")).to_contain_text("this is Olga")
    await page.locator("#f-text").evaluate("(field) => field.blur()")
    await take(page, "console-takeover")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with service(Path(folder) / "home") as running, chromium() as browser:
            await chats(browser, running)
            await console(browser, running)


if __name__ == "__main__":
    asyncio.run(main())
