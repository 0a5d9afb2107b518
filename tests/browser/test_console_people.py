"""The console's pages about people in a real Chromium: conversations with takeover, people, invitations,
feedback and dead letters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from bot.types import Address, Citation, ConsoleRole, Event, EventKind, Part, Sender
from tests.adapters.console_people import Town
from tests.adapters.web_core import House, console_deps, house
from tests.browser.stage import ATTACK, LOOKS, SIZES, shot, sideways, violations, visit
from tests.fakes import FakeClock, FakeInbox, Memory

pytestmark = pytest.mark.browser
ANSWER = """Set the **token** and restart:

```python
import os
os.environ["TERTULIA_TELEGRAM_TOKEN"] = "123:abc"
```

| Setting | Meaning |
| --- | --- |
| `telegram_token` | from @BotFather |

It is described in the handbook [1]."""
CITED = Citation(
    1, "p1", "handbook/telegram.md", "Connect Telegram", "Talk to @BotFather, who gives a token."
)
PAGES = ("conversations", "conversations/search?q=token", "feedback?show=all", "people", "invites", "dead")


@asynccontextmanager
async def place() -> AsyncIterator[tuple[House, Town]]:
    """A console with people in it, one of them hostile."""
    memory, clock = Memory(), FakeClock()
    home = Town(memory, clock)
    asked = await home.ask("How do I connect Telegram? I have a token.", ANSWER, citations=(CITED,))
    await home.rate(asked, 1, "Worked at once")
    await home.ask(
        "怎么连接机器人？", "请在 **@BotFather** 那里创建机器人。", name="王小明", chat="zh", platform="web"
    )
    other = await home.ask(
        ATTACK, ATTACK, name=f"Mallory {ATTACK}", chat="x", title=ATTACK, file="<img src=x>.pdf"
    )
    await home.rate(other, -1, f"It was wrong {ATTACK}", name=f"Mallory {ATTACK}")
    inbox = FakeInbox(memory)
    event = Event(
        "e1", EventKind.MESSAGE, Address("telegram", "bot", "x"), Sender("m", f"Mallory {ATTACK}"),
        (Part(text=ATTACK),), received_at=clock.time(),
    )  # fmt: skip
    await inbox.put(event)
    await inbox.bury(event, "ModelRefused: the prompt is longer than the window (9,120 > 8,192 tokens)")
    await home.people.invite((await home.person()).id, uses=3)
    async with house(console=console_deps(memory, clock)) as running:
        yield running, home


async def entered(browser: Browser, home: House, **look: object) -> tuple[Page, list[str]]:
    assert home.deps.console is not None
    accounts = home.deps.console.accounts
    if not await accounts.listing():
        await accounts.enter(await accounts.owner_link(seconds=60))
    token = await accounts.invite("", name="Olga", role=ConsoleRole.OWNER, seconds=60)
    page, errors = await visit(browser, f"{home.url}/console/login?token={token}", **look)
    await page.locator("main .primary").click()
    await page.wait_for_url("**/console/account**")
    return page, errors


async def well_made(page: Page) -> None:
    assert await violations(page) == []
    assert not await sideways(page)
    assert await page.evaluate("window.hacked") is None


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_each_page_is_accessible_fits_and_runs_nothing_of_strangers(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    async with place() as (home, town):
        look = {"viewport": SIZES[size], "color_scheme": scheme, "locale": locale}
        page, errors = await entered(browser, home, **look)
        mallory = (await town.person(f"Mallory {ATTACK}")).id
        talks = sorted(town.memory.conversations)
        paths = (*PAGES, *(f"conversations/{talks[number]}" for number in (0, 2)), f"people/{mallory}")
        for number, path in enumerate(paths):
            await page.goto(f"{home.url}/console/{path}")
            await expect(page.locator("h1")).to_be_visible()
            await well_made(page)
            name = path.replace(mallory, "mallory").partition("?")[0].replace("/", "-")
            await shot(page, f"console-{number}-{name}-{size}-{scheme}-{locale}")
        await page.goto(f"{home.url}/console/people/{mallory}")
        await page.locator("[data-dialog=delete]").click()
        await well_made(page)
        await shot(page, f"console-delete-{size}-{scheme}-{locale}")
        await page.goto(f"{home.url}/console/conversations/{talks[0]}")
        await page.locator("[data-dialog=take]").click()
        await page.locator("dialog .primary").click()
        await expect(page.locator("#f-text")).to_be_visible()
        await well_made(page)
        await shot(page, f"console-taken-{size}-{scheme}-{locale}")
        assert errors == []


async def test_an_operator_finds_takes_over_answers_and_hands_back(browser: Browser) -> None:
    async with place() as (home, town):
        page, errors = await entered(browser, home)
        await page.get_by_role("link", name="Chats").first.click()
        await page.get_by_role("searchbox").fill("token")
        await page.keyboard.press("Enter")
        await expect(page.locator("mark").first).to_have_text("token")
        await page.locator("#list a").first.click()
        await expect(page.locator("figure.code code")).to_contain_text("os.environ")
        await page.get_by_role("button", name="Take over").click()
        await page.get_by_role("dialog").get_by_role("button", name="Take over").click()
        await page.evaluate("window.same = true")
        await page.get_by_label("Your answer").fill("Let me **look** at it.")
        await page.get_by_label("Your answer").press("Control+Enter")
        await expect(page.get_by_text("Olga (staff)")).to_be_visible()
        await expect(page.locator("strong", has_text="look")).to_be_visible()
        await expect(page.get_by_label("Your answer")).to_have_value("")
        await expect(page.locator("#said")).to_have_text("")
        await page.get_by_label("Your answer").fill("not sent yet")
        await town.ask("Are you still there?")
        await expect(page.get_by_text("Are you still there?")).to_be_visible()
        await expect(page.locator("#said")).to_contain_text("something new")
        await expect(page.get_by_label("Your answer")).to_have_value("not sent yet")
        assert await page.evaluate("window.same")
        await page.get_by_role("button", name="Hand back").click()
        await page.get_by_role("dialog").get_by_role("button", name="Hand back").click()
        await expect(page.get_by_text("The assistant answers here again.")).to_be_visible()
        assert errors == []


async def test_roles_invitations_feedback_and_dead_letters(browser: Browser) -> None:
    async with place() as (home, _):
        page, errors = await entered(browser, home)
        await page.get_by_role("link", name="People").first.click()
        await page.get_by_label("Name begins with").fill("王")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await page.get_by_role("link", name="王小明").click()
        await page.get_by_text("Blocked").click()
        await page.get_by_role("button", name="Change role").click()
        await expect(page.get_by_text("The role is changed.")).to_be_visible()
        await page.get_by_role("button", name="Delete").click()
        await page.get_by_label("Type “delete” to confirm").fill("delete")
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(page.get_by_text("The person is erased.")).to_be_visible()
        await page.get_by_role("link", name="Invitations").click()
        await page.get_by_label("Uses").fill("5")
        await page.get_by_role("button", name="Make the code").click()
        await expect(page.get_by_text("https://t.me/bot?start=")).to_be_visible()
        await expect(page.locator("tbody tr")).to_have_count(2)
        await page.locator("tbody button").first.click()
        await page.get_by_role("dialog").get_by_role("button", name="Take back").click()
        await expect(page.get_by_text("The invitation is taken back.")).to_be_visible()
        await page.get_by_role("link", name="Feedback").click()
        await page.get_by_label("Rating").select_option("down")
        await expect(page.locator(".found li")).to_have_count(1)
        await page.get_by_role("button", name="Mark as handled").click()
        await expect(page.get_by_role("button", name="Open again")).to_be_visible()
        await page.get_by_role("link", name="Dead letters").click()
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("There are no dead letters.")).to_be_visible()
        assert errors == []
        assert await page.evaluate("window.hacked") is None
