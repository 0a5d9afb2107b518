"""Files brought to the page by button, drop and paste."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from adapters.web.files import Files
from bot.clock import SystemClock
from tests.adapters.web_core import Script, house
from tests.browser.stage import ATTACK, LOOKS, SIZES, shot, sideways, violations, visit
from tests.pictures import picture

pytestmark = pytest.mark.browser
LIMIT = 200_000
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP8//8/AwMDEwMDAwMDAwAkBgMBvR7uWAAAAABJRU5ErkJggg=="
)
PICTURE = FilePayload(name="chart.png", mimeType="image/png", buffer=PNG)
NOTES = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"The code word is heron.")
GIVE = """([kind, name, type, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type }));
  const how = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
  const event = kind === "paste" ? new ClipboardEvent("paste", how) : new DragEvent(kind, how);
  document.getElementById("text").dispatchEvent(event);
}"""


def files(folder: Path) -> Files:
    return Files(folder, SystemClock(), limit=LIMIT)


async def sent(page: Page, count: int) -> None:
    await expect(page.locator(".chip")).to_have_count(count)
    await expect(page.locator(".chip progress")).to_have_count(0)


@pytest.mark.parametrize(("size", "scheme", "locale"), LOOKS)
async def test_files_are_brought_asked_about_and_still_there_after_a_reload(
    browser: Browser, tmp_path: Path, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    look: dict[str, Any] = {"viewport": SIZES[size], "color_scheme": scheme, "locale": locale}
    async with house(files=files(tmp_path), sees=lambda: False) as home:
        page, errors = await visit(browser, home.url, **look)
        await page.locator("#pick").set_input_files([PICTURE, NOTES])
        await sent(page, 2)
        await expect(page.locator(".chip img")).to_have_count(1)
        unseen = {"en": "The assistant sees only its name.", "zh": "助手只能看到它的名称。"}[locale[:2]]
        await expect(page.locator(".chip", has=page.locator("img"))).to_contain_text(unseen)
        await expect(page.get_by_text(unseen)).to_have_count(1)
        assert await violations(page) == []
        await shot(page, f"chat-chips-{size}-{scheme}-{locale}")
        await page.locator("#text").fill("What is this?")
        await page.locator("#send").click()
        await expect(page.locator(".chip")).to_have_count(0)
        await expect(page.locator(".brought a")).to_have_count(2)
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        await shot(page, f"chat-brought-{size}-{scheme}-{locale}")
        await page.reload()
        await expect(page.locator(".brought a")).to_have_count(2)
        await expect(page.locator(".question p")).to_contain_text("What is this?")
        assert "[" not in await page.locator(".question p").inner_text()
        loaded = "document.querySelector('.brought img').naturalWidth > 0"
        await page.wait_for_function(loaded)
        assert await violations(page) == []
        assert not await sideways(page)
        assert [p.name for p in home.core.seen[0].parts if p.ref] == ["chart.png", "notes.txt"]
        assert errors == []


@pytest.mark.parametrize(
    ("locale", "told"),
    [
        ("en", "This picture is too large, too small or broken: the assistant sees only its name."),
        ("zh-CN", "图片太大、太小或已损坏，助手只能看到它的名称。"),
    ],
)
async def test_a_picture_that_cannot_be_read_says_so_when_it_is_brought(
    browser: Browser, tmp_path: Path, locale: str, told: str
) -> None:
    async with house(files=files(tmp_path), sees=lambda: True) as home:
        page, _ = await visit(browser, home.url, locale=locale)
        line = FilePayload(name="line.png", mimeType="image/png", buffer=picture(size=(90, 2)))
        whole = FilePayload(name="whole.png", mimeType="image/png", buffer=picture())
        await page.locator("#pick").set_input_files([whole, line])
        await sent(page, 2)
        await expect(page.locator(".chip", has_text="line.png")).to_contain_text(told)
        await expect(page.get_by_text(told)).to_have_count(1)
        assert await violations(page) == []


async def test_of_a_picture_that_the_assistant_sees_its_size_is_said(
    browser: Browser, tmp_path: Path
) -> None:
    async with house(files=files(tmp_path)) as home:
        page, errors = await visit(browser, home.url)
        whole = FilePayload(name="whole.png", mimeType="image/png", buffer=picture())
        await page.locator("#pick").set_input_files([whole])
        await sent(page, 1)
        await expect(page.locator(".chip img")).to_have_count(1)
        await expect(page.locator(".chip small")).to_have_text("1 kB")
        assert errors == []


async def test_drop_and_paste_bring_files_and_a_chip_takes_them_away(
    browser: Browser, tmp_path: Path
) -> None:
    async with house(files=files(tmp_path)) as home:
        page, errors = await visit(browser, home.url)
        await page.evaluate(GIVE, ["dragover", "a.txt", "text/plain", "a"])
        await expect(page.locator("#drop")).to_be_visible()
        await page.evaluate(GIVE, ["drop", "a.txt", "text/plain", "dropped"])
        await expect(page.locator("#drop")).to_be_hidden()
        await page.evaluate(GIVE, ["paste", "b.txt", "text/plain", "pasted"])
        await sent(page, 2)
        await page.locator(".chip button").first.click()
        await sent(page, 1)
        await expect(page.locator("#text")).to_be_focused()
        await page.locator("#text").press("Enter")
        await expect(page.locator(".brought a")).to_have_count(1)
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        assert [(p.name, p.text) for p in home.core.seen[0].parts] == [("b.txt", "")]
        assert errors == []


async def test_what_cannot_be_brought_is_said_in_words(browser: Browser, tmp_path: Path) -> None:
    async with house(files=files(tmp_path)) as home:
        page, _ = await visit(browser, home.url)
        large = FilePayload(name="large.bin", mimeType="", buffer=b"x" * (LIMIT + 1))
        empty = FilePayload(name="empty.txt", mimeType="", buffer=b"")
        await page.locator("#pick").set_input_files([large, empty])
        await expect(page.locator(".chip.trouble small")).to_have_text(
            ["Larger than 200 kB", "The file is empty."]
        )
        await expect(page.locator("#send")).to_be_disabled()
        await shot(page, "chat-refused")
        assert home.core.seen == []


async def test_a_hostile_file_and_its_name_can_do_nothing(browser: Browser, tmp_path: Path) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>window.hacked=1</script></svg>'
    hostile = [
        FilePayload(name=f"{ATTACK}.svg", mimeType="image/svg+xml", buffer=svg),
        FilePayload(name="page.html", mimeType="text/html", buffer=ATTACK.encode()),
        FilePayload(name="a\u202egnp.exe", mimeType="image/png", buffer=b"GIF89a" + ATTACK.encode()),
    ]
    async with house(script=Script(answer=ATTACK), files=files(tmp_path)) as home:
        page, _ = await visit(browser, home.url)
        await page.locator("#pick").set_input_files(hostile)
        await sent(page, 3)
        await page.locator("#text").fill(ATTACK)
        await page.locator("#send").click()
        await expect(page.locator("[data-do=retry]")).to_be_visible()
        await page.reload()
        await expect(page.locator(".brought a")).to_have_count(3)
        assert await page.evaluate("window.hacked") is None
        assert await page.locator("#log script, #log svg script").count() == 0
        for link in await page.locator(".brought a").all():
            url = home.url + str(await link.get_attribute("href"))
            shown = await page.context.request.get(url)
            assert "sandbox" in shown.headers["content-security-policy"]
            assert shown.headers["content-type"] in ("text/plain; charset=utf-8", "image/gif")
        gif = page.locator(".brought a", has=page.locator("img"))
        await page.goto(home.url + str(await gif.get_attribute("href")))
        assert await page.evaluate("window.hacked") is None


async def test_without_files_there_is_no_button(browser: Browser) -> None:
    async with house() as home:
        page, errors = await visit(browser, home.url)
        await expect(page.locator("#attach")).to_have_count(0)
        await page.evaluate(GIVE, ["paste", "b.txt", "text/plain", "pasted"])
        await expect(page.locator(".chip")).to_have_count(0)
        assert errors == []
