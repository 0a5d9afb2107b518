"""Forms of the console that are sent twice, or for nothing, and that two people change at once."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Page, Route, expect

from bot.clock import SystemClock
from bot.types import Address, Place, Sender
from tests.adapters.console_people import Town
from tests.adapters.web_core import House, console_deps, house
from tests.browser.console_look import enter
from tests.browser.test_console_desk import home
from tests.fakes import FakeClock, FakePeople, Memory
from tests.fakes_atlas import FakeAtlas

pytestmark = pytest.mark.browser
AGAIN = "What you typed is here again."
MUSEUM = "/console/personas/one?name=museum"


async def session_ends(found: House) -> None:
    assert found.deps.console is not None
    accounts = found.deps.console.accounts
    (owner,) = await accounts.listing()
    await accounts.end_sessions(owner.id)


async def comes_back(page: Page, found: House, path: str) -> None:
    """The one account logs in once more, and goes there."""
    assert found.deps.console is not None
    accounts = found.deps.console.accounts
    (owner,) = await accounts.listing()
    await page.goto(f"{found.url}/console/login?token={await accounts.again(owner.id, seconds=60)}")
    await page.locator("main .primary").click()
    await page.wait_for_url("**/console/account**")
    await page.goto(found.url + path)


async def test_what_was_sent_after_the_sessions_end_is_there_after_the_login(browser: Browser) -> None:
    async with home() as found:
        page, _ = await enter(browser, found, MUSEUM)
        await page.get_by_label("System prompt").fill("A new prompt")
        await page.get_by_label("temperature").fill("0.5")
        await session_ends(found)
        await page.get_by_role("button", name="Save as a new version").click()
        await page.wait_for_url("**/console/login?next=/console/personas/one%3Fname%3Dmuseum")
        await comes_back(page, found, "/console/personas/one?name=pirate")
        await expect(page.get_by_label("System prompt")).to_have_value("Speak like a pirate.")
        await page.goto(found.url + MUSEUM)
        await expect(page.get_by_label("System prompt")).to_have_value("A new prompt")
        await expect(page.get_by_label("temperature")).to_have_value("0.5")
        await expect(page.locator("#said")).to_contain_text(AGAIN)
        await page.get_by_role("button", name="Save as a new version").click()
        await expect(page.get_by_text("Saved. It is in force")).to_be_visible()
        await page.reload()
        await expect(page.locator("#said")).to_have_text("")


async def test_what_is_being_typed_when_the_session_ends_is_there_after_the_login(browser: Browser) -> None:
    async with home() as found:
        page, _ = await enter(browser, found, MUSEUM)
        await expect(page.locator(".tokens")).not_to_be_empty()
        await session_ends(found)
        await page.get_by_label("System prompt").fill("Half of a prom")
        await page.wait_for_url("**/console/login?next=**")
        await comes_back(page, found, MUSEUM)
        await expect(page.get_by_label("System prompt")).to_have_value("Half of a prom")


async def test_what_could_not_be_sent_is_there_where_one_goes_back_to(browser: Browser) -> None:
    async with home() as found:
        page, _ = await enter(browser, found, MUSEUM)
        await page.get_by_label("System prompt").fill("A new prompt")
        await page.route("**/console/personas/one", lambda route: route.abort("connectionreset"))
        await page.get_by_role("button", name="Save as a new version").click()
        await page.wait_for_url("chrome-error://**")
        await page.unroute("**/console/personas/one")
        await page.go_back()
        await expect(page.get_by_label("System prompt")).to_have_value("A new prompt")
        await expect(page.locator("#said")).to_contain_text(AGAIN)


async def test_a_form_that_is_pressed_twice_is_sent_once(browser: Browser) -> None:
    memory = Memory()
    async with house(console=console_deps(memory, SystemClock())) as found:
        page, errors = await enter(browser, found, "/console/invites")
        sent: list[str] = []
        go, button = asyncio.Event(), page.get_by_role("button", name="Make the code")

        async def slowly(route: Route) -> None:
            sent.append(route.request.method)
            await go.wait()
            await route.continue_()

        await page.route("**/console/invites", slowly)
        place = await button.bounding_box()
        assert place is not None
        async with page.expect_request("**/console/invites"):
            await page.mouse.click(place["x"] + 5, place["y"] + 5)
        await page.mouse.click(place["x"] + 5, place["y"] + 5)
        go.set()
        await expect(page.get_by_text("https://t.me/bot?start=")).to_be_visible()
        assert len(await FakePeople(memory, SystemClock()).invitations(limit=9)) == 1
        assert sent == ["POST"]
        assert errors == []


async def test_what_two_set_at_once_is_kept_of_both_and_told_where_it_is_the_same_field(
    browser: Browser,
) -> None:
    async with home() as found:
        page, _ = await enter(browser, found, "/console/plugins/shop")
        other = await page.context.new_page()
        await other.goto(page.url)
        await other.get_by_label("loud").check()
        await other.get_by_role("button", name="Save").click()
        await expect(other.get_by_text("Saved. It runs with these settings.")).to_be_visible()
        await page.get_by_label("greeting").fill("welcome")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Saved. It runs with these settings.")).to_be_visible()
        await expect(page.get_by_label("loud")).to_be_checked()
        await other.get_by_label("greeting").fill("good day")
        await other.get_by_role("button", name="Save").click()
        await expect(other.get_by_label("greeting")).to_have_value("good day")
        await expect(other.get_by_text("Somebody saved this here meanwhile: welcome.")).to_be_visible()
        await other.get_by_role("button", name="Save").click()
        await expect(other.get_by_text("Saved. It runs with these settings.")).to_be_visible()
        await expect(other.get_by_label("greeting")).to_have_value("good day")


async def test_a_place_that_two_set_at_once_keeps_what_both_chose(browser: Browser) -> None:
    memory = Memory()
    await FakeAtlas(memory).note([Place(Address("discord", "99", "guild:1"), "Club")])
    async with house(console=console_deps(memory, SystemClock())) as found:
        page, _ = await enter(browser, found, "/console/places")
        await page.get_by_role("link", name="Club").click()
        await expect(page.locator("h1")).to_have_text("Club")
        other = await page.context.new_page()
        await other.goto(page.url)
        save = "#main form button.primary"
        await other.locator("#f-threads").select_option("long")
        await other.locator(save).click()
        await expect(other.locator(".notice.good")).to_be_visible()
        await page.locator("#f-trigger").select_option("all")
        await page.locator(save).click()
        await expect(page.locator(".notice.good")).to_be_visible()
        await expect(page.locator("#f-threads")).to_have_value("long")
        await other.locator("#f-trigger").select_option("mention")
        await other.locator(save).click()
        await expect(other.get_by_text("Somebody saved this here meanwhile: all.")).to_be_visible()


COVER = """dialog => {
  const { x, y, width, height } = document.querySelector('[data-dialog=revoke-1]').getBoundingClientRect();
  const sure = dialog.querySelector('.danger');
  const [left, top, wide, high] = [x, y, width, height].map((length) => `${length}px`);
  Object.assign(sure.style, { position: 'fixed', left, top, width: wide, height: high });
}"""


async def test_the_second_press_of_a_double_click_answers_no_question_that_the_first_opened(
    browser: Browser,
) -> None:
    memory = Memory()
    people = FakePeople(memory, SystemClock())
    await people.invite("console:nobody", uses=3)
    async with house(console=console_deps(memory, SystemClock())) as found:
        page, errors = await enter(browser, found, "/console/invites")
        opener, dialog = page.locator("[data-dialog=revoke-1]"), page.locator("#revoke-1")
        await opener.dblclick()
        await expect(dialog).to_be_visible()
        await dialog.locator("[data-close]").click()
        await dialog.evaluate(COVER)
        await opener.dblclick()
        await expect(dialog).to_be_visible()
        assert len(await people.invitations(limit=9)) == 1
        await dialog.locator(".danger").click()
        await expect(page.get_by_text("The invitation is taken back.")).to_be_visible()
        assert errors == []


async def test_of_pages_asked_for_at_once_the_last_is_shown(browser: Browser) -> None:
    memory = Memory()
    people = FakePeople(memory, SystemClock())
    for number in range(60):
        await people.admit("telegram", Sender(f"{number}", f"Ann {number:02}"))
    async with house(console=console_deps(memory, SystemClock())) as found:
        page, errors = await enter(browser, found, "/console/people")
        go, rows = asyncio.Event(), page.locator("tbody tr")

        async def slowly(route: Route) -> None:
            await go.wait()
            await route.continue_()

        await page.route("**/people?after=*", slowly)
        await page.get_by_role("link", name="Further").click()
        async with page.expect_event("requestfailed", lambda request: "?after=" in request.url):
            await page.get_by_label("Name begins with").fill("Ann 08")
        go.set()
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("Ann 08")
        assert page.url.endswith("?name=Ann%2008&role=")
        assert all(error.startswith("htmx:") for error in errors), "only of what was given up"


async def test_who_works_by_the_keyboard_stays_where_they_were_and_changed_feedback_is_not_done_with(
    browser: Browser,
) -> None:
    memory, clock = Memory(), FakeClock()
    town = Town(memory, clock)
    turn = await town.ask("Help!")
    await town.rate(turn, 1, "Thanks")
    async with house(console=console_deps(memory, clock)) as found:
        page, _ = await enter(browser, found, "/console/feedback")
        await town.rate(turn, -1, "It was wrong after all")
        await page.get_by_role("button", name="Mark as handled").press("Enter")
        await expect(page.locator("#said")).to_contain_text("They changed this feedback meanwhile.")
        await page.reload()
        await page.get_by_role("button", name="Mark as handled").press("Enter")
        await expect(page.get_by_role("button", name="Open again")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Mark as handled")).to_be_focused()
