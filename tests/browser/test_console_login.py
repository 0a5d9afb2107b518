"""The console's login and its first pages in a real Chromium, with a virtual authenticator."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from adapters.web.console.access import BROWSER_COOKIE, COOKIE
from bot.types import ConsoleRole, Passkey
from tests.adapters.web_core import House, house
from tests.browser.stage import LAN, SIZES, shot, sideways, violations

pytestmark = pytest.mark.browser
ATTACK = '"><img src=x onerror="window.hacked=1">'


def named(home: House) -> str:
    """The same place by a name: there are no passkeys at an address that is a number."""
    return home.url.replace("127.0.0.1", "localhost")


async def link(home: House) -> str:
    assert home.deps.console is not None
    return f"{named(home)}/console/login?token={await home.deps.console.accounts.owner_link(seconds=60)}"


def watched(page: Page) -> list[str]:
    """What goes wrong in the page, from now on."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    return errors


async def well_made(page: Page) -> None:
    """No accessibility errors, and nothing wider than the window."""
    assert await violations(page) == []
    assert not await sideways(page)


async def authenticator(page: Page) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def test_over_http_by_a_name_of_the_network_forms_are_our_own(browser: Browser) -> None:
    """Browsers tell less there: neither Sec-Fetch-Site nor, by a strict referrer policy, whose form it is."""
    async with house() as home:
        page = await browser.new_page()
        await page.goto((await link(home)).replace("localhost", LAN))
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_text("Welcome. Now choose")).to_be_visible()
        await page.get_by_role("button", name="Log out").first.click()
        await expect(page).to_have_url(re.compile("/console/login"))


async def test_the_printed_link_enters_a_passkey_is_made_and_enters_again(browser: Browser) -> None:
    async with house() as home:
        page = await browser.new_page()
        errors = watched(page)
        await authenticator(page)
        await page.goto(await link(home))
        assert "token" not in page.url
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_text("Welcome. Now choose")).to_be_visible()
        await page.get_by_label("Name of the passkey").fill(ATTACK)
        await page.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("The passkey is added.")).to_be_visible()
        await expect(page.locator("#passkeys li b")).to_have_text(ATTACK)
        await page.get_by_role("button", name="Log out", exact=True).click()
        await expect(page.get_by_text("You are logged out.")).to_be_visible()
        await page.goto(f"{named(home)}/console/audit")
        await page.get_by_role("button", name="Log in with a passkey").click()
        await expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
        await expect(page.locator("tbody").get_by_text("Logged in with a passkey").first).to_be_visible()
        assert await page.evaluate("window.hacked") is None
        assert errors == []
        kept = {cookie["name"]: cookie for cookie in await page.context.cookies()}
        assert kept[COOKIE]["httpOnly"]
        assert kept[COOKIE]["sameSite"] == "Strict"
        assert BROWSER_COOKIE not in kept


async def test_an_owner_invites_changes_and_removes_somebody(browser: Browser) -> None:
    async with house() as home:
        page = await browser.new_page()
        errors = watched(page)
        await page.goto(await link(home))
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_role("link", name="Accounts").click()
        form = page.locator("#invite")
        await form.get_by_label("Name").fill("Ada <b>Lovelace</b>")
        await form.get_by_text("Author").click()
        await form.get_by_role("button", name="Make the link").click()
        invitation = await page.locator(".code code").inner_text()
        context = await browser.new_context()
        guest = await context.new_page()
        await guest.goto(invitation)
        await guest.get_by_role("button", name="Log in").click()
        await guest.get_by_label("New password").fill("a rather long one")
        await guest.get_by_role("button", name="Set the password").click()
        await expect(guest.get_by_text("The password is set.")).to_be_visible()
        await expect(guest.get_by_role("link", name="Accounts")).to_have_count(0)
        await page.get_by_role("link", name="Accounts").click()
        row = page.get_by_role("row", name="Ada <b>Lovelace</b>")
        await row.get_by_role("button", name="Change role").click()
        await page.get_by_role("dialog").get_by_text("Viewer").click()
        await page.get_by_role("dialog").get_by_role("button", name="Save").click()
        await expect(page.get_by_text("The role is changed.")).to_be_visible()
        await expect(row.get_by_role("cell").nth(1)).to_have_text("Viewer")
        await row.get_by_role("button", name="Delete").click()
        await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        await row.get_by_role("button", name="Delete").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(page.get_by_text("The account is deleted.")).to_be_visible()
        await guest.reload()
        await expect(guest.get_by_role("heading", name="Log in to the console")).to_be_visible()
        assert errors == []


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize(("scheme", "locale"), [("light", "en"), ("dark", "zh-CN")])
async def test_each_page_is_accessible_and_fits(
    browser: Browser, size: str, scheme: Literal["light", "dark"], locale: str
) -> None:
    async with house() as home:
        assert home.deps.console is not None
        page = await browser.new_page(viewport=SIZES[size], color_scheme=scheme, locale=locale)
        errors = watched(page)
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.goto(f"{named(home)}/console/login")
        await well_made(page)
        await shot(page, f"console-login-{size}-{scheme}-{locale}")
        await page.goto(await link(home))
        await well_made(page)
        await page.locator("main .primary").click()
        await page.wait_for_url("**/console/account")
        accounts = home.deps.console.accounts
        for name, role in (("Ada Lovelace", ConsoleRole.AUTHOR), ("Grace Hopper", ConsoleRole.OPERATOR)):
            await accounts.enter(await accounts.invite("", name=name, role=role, seconds=60))
        for path in ("account", "accounts", "audit"):
            await page.goto(f"{named(home)}/console/{path}")
            await expect(page.locator("h1")).to_be_visible()
            await well_made(page)
            await shot(page, f"console-{path}-{size}-{scheme}-{locale}")
        await page.goto(f"{named(home)}/console/accounts")
        if size == "phone":
            await page.locator(".bar button").click()
            await expect(page.locator("#menu")).to_be_visible()
            await well_made(page)
            await shot(page, f"console-menu-{size}-{scheme}-{locale}")
            await page.keyboard.press("Escape")
        await page.locator("tbody button[data-dialog]").first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await well_made(page)
        await shot(page, f"console-dialog-{size}-{scheme}-{locale}")
        assert errors == []


async def test_a_list_turns_its_pages_and_is_filtered_without_a_new_page(browser: Browser) -> None:
    async with house() as home:
        assert home.deps.console is not None
        page = await browser.new_page()
        errors = watched(page)
        await page.goto(await link(home))
        await page.get_by_role("button", name="Log in").click()
        for number in range(60):
            await home.deps.console.audit.put("", "Nobody", "made.up", f"Number {number}")
        await page.get_by_role("link", name="Audit log").click()
        await page.evaluate("window.same = true")
        await page.get_by_role("link", name="Older").click()
        await expect(page.locator("tbody").get_by_text("Logged in by a link")).to_be_visible()
        await page.get_by_role("link", name="Newest").click()
        await expect(page.get_by_text("Number 59")).to_be_visible()
        await page.get_by_label("Name of an account").fill("owner")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Number 59")).to_have_count(0)
        await expect(page.locator("tbody").get_by_text("Logged in by a link")).to_be_visible()
        await expect(page.locator("time").first).not_to_contain_text("UTC")
        assert await page.evaluate("window.same")
        assert errors == []


async def test_passkeys_sessions_and_accounts_turn_their_pages(browser: Browser) -> None:
    async with house() as home:
        assert home.deps.console is not None
        page, accounts = await browser.new_page(viewport=SIZES["phone"]), home.deps.console.accounts
        errors = watched(page)
        await page.goto(await link(home))
        await page.get_by_role("button", name="Log in").click()
        await page.wait_for_url("**/console/account")
        mine = await accounts.named("Owner")
        assert mine is not None
        for number in range(60):
            name = f"Number {number:02}"
            await accounts.enter(await accounts.invite("", name=name, role=ConsoleRole.VIEWER, seconds=60))
            await accounts.open_session(mine.id, seconds=600, client="::1", agent=f"{name} {ATTACK}")
        for number in range(15):
            name = f"Number {number:02} {ATTACK}"
            await accounts.add_passkey(Passkey(f"k{number}", mine.id, "public", 1, name))
        await page.reload()
        await well_made(page)
        await page.evaluate("window.same = true")
        for place, rows, left, further in (
            (page.locator("#passkeys"), "#passkeys li", 5, "Further"),
            (page.locator("#sessions"), "#sessions tbody tr", 20, "Older"),
        ):
            before = await page.locator(rows).first.inner_text()
            await place.get_by_role("link", name=further).click()
            await expect(page.locator(rows).first).not_to_have_text(before)
            await expect(page.locator(rows)).to_have_count(left)
            await expect(place).to_be_in_viewport()
            await well_made(page)
        await expect(page.locator("#passkeys").get_by_label("Name of the passkey")).to_be_visible()
        assert await page.evaluate("window.same")
        await page.goto(f"{named(home)}/console/accounts")
        await page.get_by_role("link", name="Further").click()
        await expect(page.locator("tbody tr")).to_have_count(11)
        await page.get_by_role("row", name="Number 55").get_by_role("button", name="Change role").click()
        await page.get_by_role("dialog").get_by_text("Author").click()
        await page.get_by_role("dialog").get_by_role("button", name="Save").click()
        await expect(page.get_by_text("The role is changed.")).to_be_visible()
        assert await page.evaluate("window.hacked") is None
        assert errors == []
