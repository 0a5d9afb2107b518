"""The conversations beside the page, in a real Chromium."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from adapters.web.shares import SHOWN_SHARES
from bot.takeover import TAKEN, Taken
from bot.types import Address, Markup, Message, Outgoing, Part, Role, TurnState
from tests.adapters.test_web_conversations import said_elsewhere
from tests.adapters.web_core import House, Script, house
from tests.browser.stage import ATTACK, LOOKS, SIZES, shot, sideways, violations, visit

pytestmark = pytest.mark.browser


async def ask(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Enter")
    await expect(page.locator(".turn").last).to_contain_text(text)
    await expect(page.locator("#send")).to_be_visible()


async def conversations(page: Page, *texts: str) -> None:
    for number, text in enumerate(texts):
        if number:
            await page.locator("#new").click()
        await ask(page, text)


async def drawn(page: Page) -> None:
    """The list is there, on a phone once it was asked for."""
    if await page.locator("#chats-open").is_visible():
        await page.locator("#chats-open").click()
    await expect(page.locator("#chats")).to_be_visible()


async def act(page: Page, title: str, name: str) -> None:
    row = page.locator("#list li", has_text=title)
    await row.hover()
    await row.locator(".do").click()
    await page.locator(f".menu [data-do='{name}']").click()


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_the_list_is_searched_and_looks_well(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    async with house() as home:
        page, errors = await visit(
            browser, home.url, viewport=SIZES[size], color_scheme=scheme, locale=locale
        )
        await conversations(page, "Where is the kettle?", "绿茶怎么泡?", "What are the opening hours?")
        await _from_telegram(home)
        await drawn(page)
        await expect(page.locator(".chat")).to_have_count(4)
        await expect(page.locator("#list h3")).to_have_text(["今天" if locale == "zh-CN" else "Today"])
        await shot(page, f"sidebar-{size}-{scheme}-{locale}")
        assert await violations(page) == []
        await page.locator("#find").fill("绿茶")
        await expect(page.locator(".chat")).to_have_count(1)
        await expect(page.locator(".excerpt")).to_contain_text("绿茶")
        await shot(page, f"sidebar-search-{size}-{scheme}-{locale}")
        await page.locator(".do").click()
        await expect(page.locator(".menu")).to_be_visible()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await page.locator(".chat").click()
        await expect(page.locator("#log")).to_contain_text("绿茶怎么泡")
        assert not await sideways(page)
        assert errors == []


async def _from_telegram(home: House) -> None:
    person = await home.core.people.find("web", home.core.seen[-1].sender.id)
    assert person is not None
    await said_elsewhere(home, person.id, Address("telegram", "bot", "7"), "From my phone", "Seen.")


async def test_rename_and_delete_with_undo_by_keys(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        await conversations(page, "First", "Second")
        await expect(page.locator(".chat")).to_have_count(2)
        await act(page, "First", "rename")
        await page.keyboard.type("A better title")
        await page.keyboard.press("Enter")
        await expect(page.locator(".chat")).to_have_text(["Second", "A better title"])
        await page.reload()
        await expect(page.locator(".chat")).to_have_text(["Second", "A better title"])
        await page.locator(".chat").first.focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Enter")
        await expect(page.locator("#toast")).to_contain_text("A better title")
        await expect(page.locator(".chat")).to_have_text(["Second"])
        await shot(page, "sidebar-undo")
        assert await violations(page) == []
        await page.keyboard.press("Enter")
        await expect(page.locator(".chat")).to_have_text(["Second", "A better title"])
        assert len(home.core.memory.conversations) == 2
        await act(page, "Second", "delete")
        await expect(page.locator("#welcome")).to_be_visible()
        await page.reload()
        await expect(page.locator(".chat")).to_have_text(["A better title"])
        assert [c.title for c in home.core.memory.conversations.values()] == ["A better title"]
        assert errors == []


async def test_a_conversation_is_shared_read_without_login_and_taken_back(browser: Browser) -> None:
    async with house() as home:
        for size in ("phone", "desktop"):
            page, errors = await visit(browser, home.url, viewport=SIZES[size])
            await conversations(page, "How do I connect Telegram?")
            await drawn(page)
            await act(page, "How do I", "share")
            await expect(page.locator("#share")).to_be_visible()
            await shot(page, f"share-dialog-{size}")
            assert await violations(page) == []
            await page.locator("#share-heading").fill("For you")
            await page.locator("#share .primary").click()
            link = await page.locator("#share-link").input_value()
            await shot(page, f"share-link-{size}")
            await page.keyboard.press("Escape")
            for scheme in ("light", "dark"):
                stranger, wrong = await visit(browser, link, viewport=SIZES[size], color_scheme=scheme)
                await expect(stranger.locator("h1")).to_have_text("For you")
                await expect(stranger.locator(".answer strong")).to_have_text("@BotFather")
                await shot(stranger, f"shared-{size}-{scheme}")
                assert await violations(stranger) == []
                assert not await sideways(stranger)
                assert await stranger.context.cookies() == []
                assert wrong == []
            await page.locator("#shared-links").click()
            await shot(page, f"shares-{size}")
            assert await violations(page) == []
            await page.locator("#shares li button").click()
            await expect(page.locator("#shares li")).to_have_text(["You have shared nothing."])
            stranger, _ = await visit(browser, link, viewport=SIZES[size])
            await expect(stranger.locator("h1")).to_contain_text("does not work any more")
            await shot(stranger, f"share-gone-{size}")
            assert await violations(stranger) == []
            assert errors == []


async def test_many_shared_links_are_shown_page_by_page(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["phone"])
        await ask(page, "How do I connect Telegram?")
        ((id, _),), (person,) = home.core.memory.conversations.items(), home.core.memory.people
        for number in range(SHOWN_SHARES + 2):
            title = f"Link {number}"
            await home.deps.shares.put(id, person, last_turn=1, title=title, expires_at=9e9)
        await drawn(page)
        await page.locator("#shared-links").click()
        await expect(page.locator("#shares li")).to_have_count(SHOWN_SHARES + 1)
        more = page.get_by_role("button", name="Show older links")
        await page.context.set_offline(True)
        await more.click()
        await expect(more).to_be_enabled()
        await page.context.set_offline(False)
        await more.click()
        await expect(page.locator("#shares li")).to_have_count(SHOWN_SHARES + 2)
        await expect(page.locator("#shares li", has_text="Link 0").locator("button")).to_be_visible()
        await expect(page.locator("#shares li").nth(SHOWN_SHARES).locator("button")).to_be_focused()
        await expect(more).to_have_count(0)
        assert await violations(page) == []
        assert not await sideways(page)
        assert [error for error in errors if "ERR_INTERNET_DISCONNECTED" not in error] == []


async def test_downloads_have_safe_names(browser: Browser, tmp_path: Path) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, viewport=SIZES["desktop"])
        await conversations(page, "../../etc/passwd?")
        for name, ending in (("export.markdown", ".md"), ("export.json", ".json")):
            async with page.expect_download() as coming:
                await act(page, "passwd", name)
            download = await coming.value
            assert "/" not in download.suggested_filename
            assert download.suggested_filename.endswith(ending)
            await download.save_as(tmp_path / "kept")
            assert "@BotFather" in (tmp_path / "kept").read_text()


async def test_no_title_and_no_share_can_act(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, viewport=SIZES["desktop"])
        await conversations(page, "Harmless")
        await act(page, "Harmless", "rename")
        await page.keyboard.type(ATTACK)
        await page.keyboard.press("Enter")
        await expect(page.locator(".chat")).to_contain_text("onerror")
        await page.locator("#find").fill("onerror")
        await expect(page.locator(".chat")).to_contain_text("onerror")
        await act(page, "onerror", "share")
        await page.locator("#share .primary").click()
        link = await page.locator("#share-link").input_value()
        await page.keyboard.press("Escape")
        await page.locator("#shared-links").click()
        await expect(page.locator("#shares li")).to_contain_text("onerror")
        await page.keyboard.press("Escape")
        await act(page, "onerror", "delete")
        await expect(page.locator("#toast")).to_contain_text("onerror")
        assert await page.evaluate("window.hacked") is None
        shared = await page.context.new_page()
        await shared.goto(link)
        await expect(shared.locator("h1")).to_contain_text("onerror")
        assert await shared.evaluate("window.hacked") is None
        assert await shared.locator("main img, main script").count() == 0


async def test_the_drawer_of_a_phone_keeps_the_keyboard_and_closes(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["phone"])
        await expect(page.locator("#chats")).to_be_hidden()
        await drawn(page)
        await expect(page.locator("#chats-close")).to_be_focused()
        assert await violations(page) == []
        await shot(page, "sidebar-empty-phone")
        await page.keyboard.press("Escape")
        await expect(page.locator("#chats")).to_be_hidden()
        await expect(page.locator("#chats-open")).to_be_focused()
        await drawn(page)
        await page.locator("#veil").click(position={"x": 380, "y": 400})
        await expect(page.locator("#chats")).to_be_hidden()
        assert errors == []


async def test_a_list_that_was_put_away_stays_so(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, viewport=SIZES["desktop"])
        await page.locator("#chats-close").click()
        await expect(page.locator("#chats")).to_be_hidden()
        await page.reload()
        await expect(page.locator("#chats-open")).to_be_visible()
        await expect(page.locator("#chats")).to_be_hidden()


async def _two(browser: Browser, home: House) -> tuple[BrowserContext, Page, Page]:
    first, _ = await visit(browser, home.url, viewport=SIZES["desktop"])
    await ask(first, "First question")
    second = await first.context.new_page()
    await second.goto(first.url)
    await expect(second.locator(".turn")).to_have_count(1)
    return first.context, first, second


async def test_two_tabs_agree_and_the_second_streams_too(browser: Browser) -> None:
    script = Script()
    async with house(script=script) as home:
        _, first, second = await _two(browser, home)
        script.pause_after = 3
        await first.locator("#text").fill("Second question")
        await first.locator("#text").press("Enter")
        await expect(first.locator(".answer").last).to_contain_text("Create a bot")
        await expect(second.locator(".question").last).to_contain_text("Second question")
        await expect(second.locator(".answer").last).to_contain_text("Create a bot")
        await expect(second.locator("#stop")).to_be_visible()
        await expect(second.locator(".chat .answering")).to_have_count(1)
        await shot(second, "second-tab-streams")
        script.gate.set()
        for page in (first, second):
            await expect(page.locator(".answer").last).to_contain_text("TERTULIA_TELEGRAM_TOKEN")
            await expect(page.locator("#send")).to_be_visible()
            await expect(page.locator(".turn")).to_have_count(2)
        await act(first, "First question", "rename")
        await first.keyboard.type("Together")
        await first.keyboard.press("Enter")
        await expect(second.locator(".chat")).to_have_text(["Together"])
        await act(first, "Together", "delete")
        await first.locator("#toast button").press("Escape")
        await first.close(run_before_unload=False)
        await expect(second.locator("#welcome")).to_be_visible(timeout=15_000)
        await expect(second.locator(".chat")).to_have_count(0)


async def test_what_a_person_says_who_took_over_appears_by_itself(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        await ask(page, "Is anybody there?")
        await expect(page.locator(".chat")).to_have_count(1)
        address = home.core.seen[-1].address
        person = await home.core.people.find("web", home.core.seen[-1].sender.id)
        assert person is not None
        await said_elsewhere(home, person.id, address, "", "I am a person.")
        out = Outgoing("I am a person.", "I am a person.", markup=Markup.MARKDOWN, final=True)
        await home.core.channel.send(address, out, key="console")
        await expect(page.locator(".answer").last).to_contain_text("I am a person.")
        await expect(page.locator(".question").last).to_be_hidden()
        await expect(page.locator(".turn")).to_have_count(2)
        await ask(page, "Thank you")
        await expect(page.locator(".turn")).to_have_count(3)
        assert errors == []


async def test_a_question_that_is_kept_for_a_person_says_so(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["phone"])
        await ask(page, "Is anybody there?")
        await expect(page.locator(".chat")).to_have_count(1)
        asked = home.core.seen[-1]
        person = await home.core.people.find("web", asked.sender.id)
        assert person is not None
        conversation = await home.core.conversations.open(asked.address)
        kept = replace(asked, id="kept", parts=(Part(text="I can wait."),), message_id="kept")
        turn = await home.core.turns.begin(conversation, kept, person_id=person.id)
        ended = replace(turn, state=TurnState.CANCELLED, finish_reason="taken", ended_at=1.0)
        await home.core.turns.finish(ended, (Message(Role.USER, "I can wait."),))
        taken = {TAKEN: asdict(Taken("Olga", 1.0))}
        await home.core.conversations.update(conversation.id, settings=taken)
        await page.reload()
        last = page.locator(".turn").last
        await expect(last.locator(".status")).to_have_text("A person will answer here.")
        await expect(last.locator(".actions button")).to_have_count(0)
        assert errors == []


async def test_another_chat_can_be_read_while_an_answer_is_written(browser: Browser) -> None:
    script = Script()
    async with house(script=script) as home:
        page, errors = await visit(browser, home.url, viewport=SIZES["desktop"])
        await conversations(page, "Quick one")
        script.pause_after = 3
        await page.locator("#new").click()
        await page.locator("#text").fill("Slow one")
        await page.locator("#text").press("Enter")
        await expect(page.locator(".answer").last).to_contain_text("Create a bot")
        await page.locator(".chat", has_text="Quick one").click()
        await expect(page.locator(".question")).to_contain_text("Quick one")
        await expect(page.locator("#send")).to_be_visible()
        await page.locator(".chat").first.click()
        await expect(page.locator(".question")).to_contain_text("Slow one")
        script.gate.set()
        await expect(page.locator(".answer")).to_contain_text("TERTULIA_TELEGRAM_TOKEN")
        assert errors == []


@pytest.mark.parametrize("size", ["phone", "desktop"])
async def test_what_was_said_on_telegram_is_read_here_and_continued_there(
    browser: Browser, size: str
) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url, viewport=SIZES[size])
        await ask(page, "Hello")
        await _from_telegram(home)
        await page.reload()
        await drawn(page)
        await page.locator(".chat", has_text="Telegram").click()
        await expect(page.locator(".answer")).to_have_text("Seen.")
        await expect(page.locator("#elsewhere")).to_contain_text("Telegram")
        await expect(page.locator("#composer")).to_be_hidden()
        await shot(page, f"from-telegram-{size}")
        assert await violations(page) == []
        await page.locator("#begin-here").click()
        await expect(page.locator("#composer")).to_be_visible()
        assert errors == []


async def test_older_chats_come_while_one_scrolls(browser: Browser) -> None:
    async with house() as home:
        page, _ = await visit(browser, home.url, viewport=SIZES["desktop"])
        await ask(page, "The first of all")
        sent = home.core.seen[-1]
        person = await home.core.people.find("web", sent.sender.id)
        assert person is not None
        for number in range(70):
            at = Address("web", "web", f"{sent.sender.id}:chat{number}")
            await said_elsewhere(home, person.id, at, f"Question {number}")
        await page.reload()
        await expect(page.locator(".chat").first).to_be_visible()
        await page.locator(".chat").last.scroll_into_view_if_needed()
        await expect(page.locator(".chat")).to_have_count(71)
        await expect(page.locator(".chat").last).to_have_text("The first of all")
