"""The pictures in README and docs, taken of a real service: `make pictures`.

The service has a day behind it (`tests.browser.staged`). What its two models say is written here: no
model server has to be at hand, and the pictures are the same each time.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.browser.stage import SIZES, chromium, visit
from tests.browser.staged import MODEL, stage
from tests.e2e.running import Service, service
from tests.simulators.openai import Behaviour, Server

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
DESK = ViewportSize(width=1280, height=800)
SMALL = "house-small"
QUALITY = 88
"""Of WebP: text stays sharp."""
EARLIER = (
    "Which settings does vLLM need?",
    "How do I back up the database?",
    "What does Tertulia store about people?",
)
QUESTION = "How do I connect Telegram?"
CHINESE = "怎么连接 Telegram？"
ANSWER = """\
Three steps [1]:

1. Ask **@BotFather** for a bot with `/newbot`. It answers with a token like `123456:ABC-DEF`.
2. Start Tertulia with that token:

```sh
export TERTULIA_TELEGRAM_TOKEN=123456:ABC-DEF
make run
```

3. Send the bot `/start CODE`, with the owner code that Tertulia prints. The bot is yours from then on.
"""
ANSWERS = {
    QUESTION: ANSWER,
    CHINESE: """\
分三步 [1]：

1. 在 Telegram 里向 **@BotFather** 发送 `/newbot`，它会给出一个令牌，例如 `123456:ABC-DEF`。
2. 用这个令牌启动 Tertulia：

```sh
export TERTULIA_TELEGRAM_TOKEN=123456:ABC-DEF
make run
```

3. 把 Tertulia 打印的所有者代码用 `/start 代码` 发给机器人，它就归您所有了。
""",
}
OTHERWISE = "The handbook says how [1]."
TRIED = "A customer asks: may I return a lamp that I have already put up?"
PROMPT = "You answer for a lamp shop. Be friendly and brief. Returns are free within 30 days."
TRIALS = (
    "Yes, gladly! You have **30 days** to send it back, and the return is free. Please pack it so that "
    "the glass is safe; the box it came in does best.\n\nShall I make a label for you?",
    "Yes, within 30 days, free of charge.",
)


@dataclass(frozen=True, slots=True)
class House:
    """A running service and the models behind it."""

    running: Service
    token: str
    large: Server
    small: Server


@asynccontextmanager
async def house(home: Path) -> AsyncIterator[House]:
    token = await stage(home)
    large, small = Server(model=MODEL, window=32_768), Server(model=SMALL, window=8_192)
    async with large.lifespan(), small.lifespan():
        urls = f"{large.url},{small.url}"
        async with service(home, model_url=urls, web_port="0") as running:
            yield House(running, token, large, small)


async def ask(made: House, page: Page, text: str) -> None:
    made.large.behaviour = Behaviour(text=ANSWERS.get(text, OTHERWISE), first=0.2, interval=0.01)
    await page.locator("#text").fill(text)
    await page.locator("#send").click()
    await expect(page.locator(".question").last).to_contain_text(text)
    await expect(page.locator("[data-do=retry]").last).to_be_visible(timeout=30_000)


async def opened(
    browser: Browser,
    url: str,
    size: ViewportSize = DESK,
    scheme: Literal["light", "dark"] = "light",
    locale: str = "en",
    **more: Any,
) -> Page:
    look: dict[str, Any] = {"viewport": size, "color_scheme": scheme, "locale": locale}
    page, _ = await visit(browser, url, device_scale_factor=1.5, **look, **more)
    return page


async def take(page: Page, name: str) -> None:
    """As WebP, which Chromium writes itself."""
    await page.evaluate("document.fonts.ready")
    await page.evaluate("document.activeElement.blur()")
    wire = await page.context.new_cdp_session(page)
    shown = await wire.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    await asyncio.to_thread((FOLDER / f"{name}.webp").write_bytes, base64.b64decode(shown["data"]))


async def chats(browser: Browser, made: House) -> None:
    """A few conversations, the last of them with its answer, and the passage that it cites."""
    page = await opened(browser, made.running.url)
    for question in EARLIER:
        await ask(made, page, question)
        await page.locator("#new").click()
    await ask(made, page, QUESTION)
    await expect(page.locator("#list")).to_contain_text(QUESTION[:12])
    await take(page, "chat")
    await page.emulate_media(color_scheme="dark")
    await page.locator(".mark").first.click()
    await expect(page.locator("#passage mark").first).to_be_visible()
    await take(page, "chat-citation-dark")
    phone = await opened(browser, made.running.url, SIZES["phone"], "dark", "zh-CN")
    await ask(made, phone, CHINESE)
    await take(phone, "chat-phone-dark-zh")


async def console(browser: Browser, made: House) -> None:
    """The overview, a conversation that somebody took over, and two models side by side."""
    page = await opened(browser, f"{made.running.url}/console/login?token={made.token}")
    await page.locator("main .primary").click()
    await page.wait_for_url("**/console/account**")
    await overview(browser, made, page)
    await takeover(made, page)
    await playground(made, page)


async def overview(browser: Browser, made: House, page: Page) -> None:
    path = f"{made.running.url}/console/overview"
    await page.goto(path)
    await expect(page.locator(".chart canvas")).to_have_count(10)
    await expect(page.locator("#updated")).to_contain_text("Updated")
    await take(page, "console-overview")
    state = await page.context.storage_state()
    phone = await opened(browser, path, SIZES["phone"], "dark", "zh-CN", storage_state=state)
    await expect(phone.locator(".chart canvas")).to_have_count(10)
    await take(phone, "console-overview-phone-dark-zh")


async def takeover(made: House, page: Page) -> None:
    await page.goto(f"{made.running.url}/console/conversations")
    await take(page, "console-conversations")
    await page.get_by_role("link", name=QUESTION).first.click()
    await page.locator("[data-dialog=take]").click()
    await page.locator("dialog .primary").click()
    await page.locator("#f-text").fill("Did @BotFather give you the token? I can make the bot for you, too.")
    await page.locator("#f-text").press("Control+Enter")
    await expect(page.locator("main")).to_contain_text("make the bot for you")
    await expect(page.locator(".about .badge")).to_have_count(0, timeout=20_000)
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await take(page, "console-takeover")


async def playground(made: House, page: Page) -> None:
    for server, text in zip((made.large, made.small), TRIALS, strict=True):
        server.behaviour = Behaviour(text=text, first=0.2, interval=0.01)
    await page.goto(f"{made.running.url}/console/models/playground")
    await page.locator("[name=compare]").check()
    await page.locator('[name="b.model"]').select_option(SMALL)
    for side in ("a", "b"):
        await page.locator(f'[name="{side}.prompt"]').fill(PROMPT)
    await page.locator("#f-question").fill(TRIED)
    await page.locator("[data-ask]").click()
    await expect(page.locator("#side-a .log")).to_contain_text("make a label", timeout=20_000)
    await expect(page.locator("[data-ask]")).to_be_enabled()
    await expect(page.locator("#side-b .log")).to_contain_text("tokens", timeout=20_000)
    await page.set_viewport_size(ViewportSize(width=1280, height=1040))
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await take(page, "console-playground")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        async with house(home) as made, chromium() as browser:
            await chats(browser, made)
            await console(browser, made)


if __name__ == "__main__":
    asyncio.run(main())
