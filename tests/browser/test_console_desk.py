"""Personas, plugins and their pages, settings and backup in a real Chromium."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from adapters.web.console.render import sayer
from bot.clock import SystemClock
from bot.loading import load_settings
from bot.origins import in_force
from bot.personas import Personas
from bot.plugins.desk import Configured
from bot.sealing import KEY_BYTES
from bot.settings import PersonaSettings, SamplingSettings
from tests.adapters.console_plugins import running
from tests.adapters.web_core import House, console_deps, house
from tests.browser.console_look import enter, looks, well_made
from tests.browser.stage import LOOKS
from tests.fakes import FakeKeyValue, Memory
from tests.fakes_control import FakeBackup, a_sealer
from tests.fakes_personas import MemoryPersonas

pytestmark = pytest.mark.browser
PROMPT = """You are the assistant of a lighthouse museum.
Answer briefly, in the language of the question.
Name the room where a thing is shown."""
NAMED = {"pirate": PersonaSettings(prompt="Speak like a pirate.", sampling=SamplingSettings(top_p=0.9))}


async def personas() -> Personas:
    desk = Personas(NAMED, SamplingSettings(), store=MemoryPersonas(SystemClock()))
    more = PROMPT + "\nNever guess an opening time."
    for prompt, note in ((PROMPT, "First try"), (more, "It made up times"), (more + "\nBe kind.", "")):
        await desk.write("museum", prompt=prompt, sampling={"temperature": 0.3}, note=note, by="Ada")
    return desk


@asynccontextmanager
async def home(**changes: Any) -> AsyncIterator[House]:
    configured = Configured({"shop": {"key": "secret", "greeting": "hi"}})
    async with running(SystemClock(), configured) as plugins:
        environ = {"TERTULIA_CONCURRENCY": "16", "TERTULIA_TELEGRAM_TOKEN": "123456:x"}
        settings = await asyncio.to_thread(
            load_settings, environ, folder=Path("/"), home=Path("/srv/tertulia")
        )
        given = {
            "plugins": plugins,
            "personas": await personas(),
            "settings": lambda: in_force(settings),
            "backup": FakeBackup(b"SQLite format 3\0" + bytes(2_400_000)),
            **changes,
        }
        async with house(console=console_deps(Memory(), SystemClock(), **given)) as found:
            yield found


PAGES = {
    "personas": "/console/personas",
    "persona": "/console/personas/one?name=museum",
    "diff": "/console/personas/diff?name=museum&old=1&new=3",
    "plugins": "/console/plugins",
    "plugin": "/console/plugins/shop",
    "plugin-page": "/console/plugins/shop/goods",
    "documents": "/console/plugins/qa/documents?collection=documents",
    "broken": "/console/plugins/shop/broken",
    "settings": "/console/settings",
    "backup": "/console/backup",
}


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_the_pages_fit_and_are_accessible(
    browser: Browser, size: str, scheme: str, locale: str
) -> None:
    async with home() as found:
        page, errors = await enter(browser, found, "/console/personas", **looks(size, scheme, locale))
        for name, path in PAGES.items():
            await page.goto(found.url + path)
            await expect(page.locator("h1")).to_be_visible()
            if name == "persona":
                await expect(page.locator(".tokens")).not_to_be_empty()
            await well_made(page, f"console-{name}-{size}-{scheme}-{locale}")
        assert await page.evaluate("window.hacked") is None
        assert errors == []


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_a_secret_whose_key_is_gone_is_entered_again(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    store, say = FakeKeyValue(), sayer(locale[:2])
    async with running(SystemClock(), store=store) as plugins:
        await plugins.configure("shop", {"greeting": "hi", "size": "3", "share": "0.5", "key": "qz7canary"})
    async with (
        running(SystemClock(), store=store, sealer=a_sealer(b"n" * KEY_BYTES)) as plugins,
        home(plugins=plugins) as found,
    ):
        page, errors = await enter(browser, found, "/console/plugins", **looks(size, scheme, locale))
        again = page.get_by_text(say("fields.unreadable"), exact=True)
        await expect(again).to_have_count(1)
        await page.get_by_role("link", name="shop", exact=True).click()
        notice = page.get_by_text(say("plugin.unreadable", names="key"))
        await expect(notice).to_be_visible()
        await expect(again).to_have_count(1)
        await well_made(page, f"console-plugin-sealed-{size}-{scheme}-{locale}")
        await page.locator('input[name="key"]').fill("fresh")
        await page.get_by_role("button", name=say("save")).click()
        await expect(page.get_by_text(say("done.plugin.settings"))).to_be_visible()
        await expect(notice).to_have_count(0)
        await expect(page.get_by_text(say("fields.set"), exact=True)).to_be_visible()
        assert errors == []


async def test_a_persona_is_made_compared_and_rolled_back_as_a_person_would(browser: Browser) -> None:
    async with home() as found:
        page, errors = await enter(browser, found, "/console/personas")
        await page.get_by_role("link", name="New persona").click()
        await page.get_by_label("Name", exact=True).fill("poet")
        await page.get_by_label("System prompt").fill("Answer in rhymes.")
        await expect(page.locator(".tokens")).to_contain_text("tokens of each prompt")
        await page.get_by_text("Sampling", exact=True).click()
        await page.get_by_label("temperature").fill("1.2")
        await page.get_by_role("button", name="Save as a new version").click()
        await expect(page.get_by_text("Saved. It is in force")).to_be_visible()
        await page.get_by_label("System prompt").fill("Answer in free verse.")
        await page.get_by_label("Note on this version").fill("No more rhymes")
        await page.get_by_role("button", name="Save as a new version").click()
        await expect(page.get_by_role("cell", name="No more rhymes")).to_be_visible()
        await page.get_by_role("button", name="Compare").click()
        await expect(page.locator(".added")).to_have_text("+ Answer in free verse.")
        await page.go_back()
        await page.get_by_role("button", name="Roll back to it").click()
        await page.get_by_role("dialog").get_by_role("button", name="Roll back to it").click()
        await expect(page.get_by_label("System prompt")).to_have_value("Answer in rhymes.")
        await page.get_by_role("button", name="Remove").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.get_by_text("This persona was removed")).to_be_visible()
        assert errors == []


async def disabled(page: Page) -> None:
    await page.get_by_role("button", name="Disable").click()
    await page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    await expect(page.get_by_text("It is disabled.")).to_be_visible()


async def test_a_plugin_is_set_disabled_and_enabled(browser: Browser) -> None:
    async with home() as found:
        page, errors = await enter(browser, found, "/console/plugins")
        await page.get_by_role("link", name="shop", exact=True).click()
        await page.get_by_label("greeting").fill("")
        await page.get_by_label("loud").check()
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("At least 1.").first).to_be_visible()
        assert errors.pop().startswith("Failed to load resource")
        await page.get_by_label("greeting").fill("welcome")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved. It runs with these settings.")).to_be_visible()
        await expect(page.get_by_label("loud")).to_be_checked()
        await expect(page.get_by_label("key", exact=False).first).to_have_value("")
        await disabled(page)
        await page.get_by_role("button", name="Enable").click()
        await expect(page.get_by_text("It runs.")).to_be_visible()
        assert errors == []


async def test_a_document_is_brought_and_removed_by_hand(browser: Browser) -> None:
    async with home() as found:
        page, errors = await enter(browser, found, "/console/plugins")
        await page.get_by_role("link", name="Documents").first.click()
        content = b"# Opening hours\n\nThe lamp room is open from ten to six.\n"
        file: FilePayload = {"name": "hours.md", "mimeType": "text/markdown", "buffer": content}
        large: FilePayload = {"name": "large.md", "mimeType": "text/markdown", "buffer": b"x" * 10_000_001}
        await page.get_by_label("File").set_input_files([large])
        assert await page.get_by_label("File").evaluate("it => it.validationMessage")
        await page.get_by_label("File").set_input_files([file])
        await page.get_by_label("Collection").select_option("documents")
        await page.get_by_role("button", name="Learn it").click()
        await expect(page.get_by_text("passages are found from now on")).to_be_visible()
        row = page.get_by_role("row", name="hours.md")
        await row.get_by_role("button", name="Remove").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.get_by_text("was removed.")).to_be_visible()
        await expect(page.get_by_text("There is no document here yet.")).to_be_visible()
        assert errors == []


async def test_settings_are_found_and_a_backup_is_kept(browser: Browser, tmp_path: Path) -> None:
    async with home() as found:
        page, errors = await enter(browser, found, "/console/settings")
        await page.evaluate("window.same = true")
        await page.get_by_label("Find").fill("concurrency")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await expect(page.get_by_text("TERTULIA_CONCURRENCY")).to_be_visible()
        await page.get_by_label("Find").fill("")
        await expect(page.get_by_text("web_port")).to_be_visible()
        await page.get_by_text("Only what is not at its default").click()
        await expect(page.get_by_text("web_port")).to_have_count(0)
        assert await page.evaluate("window.same")
        await page.goto(f"{found.url}/console/backup")
        async with page.expect_download() as downloading:
            await page.get_by_role("button", name="Download a backup").click()
        download = await downloading.value
        await download.save_as(tmp_path / "kept.tar")
        assert download.suggested_filename.startswith("tertulia-")
        with tarfile.open(tmp_path / "kept.tar") as kept:
            assert kept.getmember("tertulia.db").size == 2_400_016
        assert errors == []
