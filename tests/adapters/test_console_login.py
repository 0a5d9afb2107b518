"""The ways into the console: one-time links, passwords, pauses; and out of it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from adapters.web.console.access import COOKIE
from adapters.web.console.attempts import FORGOTTEN, FREE, LONGEST_PAUSE, MOST, Attempts
from adapters.web.console.passwords import Passwords
from bot.types import Account, ConsoleRole
from tests.adapters.console_core import Browser, Site, shown, site
from tests.fakes import FakeClock

PASSWORD = "correct horse battery"


async def with_password(place: Site, name: str = "Ada", role: ConsoleRole = ConsoleRole.OPERATOR) -> Account:
    account = await place.account(name, role)
    await Passwords(place.deps.accounts).put(account, PASSWORD)
    return account


async def guess(browser: Browser, name: str, password: str = "wrong", **fields: str) -> int:
    return (await browser.post("/console/login/password", name=name, password=password, **fields)).status_code


async def test_a_link_enters_once_and_to_look_at_it_spends_nothing() -> None:
    async with site() as place:
        token = await place.deps.accounts.owner_link(seconds=60)
        first, second = await place.browser(), await place.browser()
        for _ in range(3):
            page = await first.get(f"/console/login?token={token}")
            assert "logs you in once" in page.text
            assert COOKIE not in page.headers.get("set-cookie", "")
        entered = await first.open(token)
        again = await second.open(token)
        late = await second.get(f"/console/login?token={token}")
        assert (entered.status_code, again.status_code, late.status_code) == (303, 410, 410)
        assert entered.headers["location"] == "/console/account?done=welcome"
        assert "used already" in again.text
        assert await place.audited() == [("Owner", "login.link", "")]


async def test_a_link_ends_with_its_time_and_with_the_next_one() -> None:
    async with site() as place:
        earlier = await place.deps.accounts.owner_link(seconds=3600)
        later = await place.deps.accounts.owner_link(seconds=3600)
        browser = await place.browser()
        assert (await browser.open(earlier)).status_code == 410
        await place.clock.advance(3601)
        assert (await browser.open(later)).status_code == 410
        assert await place.deps.accounts.listing() == []


async def test_two_browsers_cannot_spend_one_link_at_once() -> None:
    async with site() as place:
        token = await place.deps.accounts.owner_link(seconds=60)
        browsers = [await place.browser() for _ in range(5)]
        done = await asyncio.gather(*(b.post("/console/login/link", token=token) for b in browsers))
        assert sorted(r.status_code for r in done) == [303, 410, 410, 410, 410]
        assert len(await place.deps.accounts.listing()) == 1


async def test_a_login_makes_a_session_that_nobody_knew_before() -> None:
    async with site() as place:
        await with_password(place)
        thief, victim = await place.browser(), await place.browser()
        victim.client.cookies.set(COOKIE, "planted" * 6, domain="localhost.local")
        planted = await place.owner()
        assert await guess(victim, "Ada", PASSWORD) == 303
        assert victim.session not in ("", "planted" * 6)
        thief.client.cookies.set(COOKIE, "planted" * 6)
        assert (await thief.get("/console/account")).status_code == 303
        earlier = planted.session
        await planted.get("/console/account")
        assert await guess(planted, "Ada", PASSWORD) == 303
        assert planted.session != earlier
        thief.client.cookies.set(COOKIE, earlier)
        assert (await thief.get("/console/account")).status_code == 303


async def test_a_password_enters_and_leads_to_where_one_was_going() -> None:
    async with site() as place:
        await with_password(place)
        browser = await place.browser()
        page = await browser.get("/console/login?next=/console/audit")
        assert '<input type="hidden" name="next" value="/console/audit">' in page.text
        response = await browser.post(
            "/console/login/password", name=" ADA ", password=PASSWORD, next="/console/account"
        )
        assert response.headers["location"] == "/console/account"
        assert await place.audited() == [("Ada", "login.password", "")]
        evil = await place.browser()
        response = await evil.post(
            "/console/login/password", name="Ada", password=PASSWORD, next="//evil.example"
        )
        assert response.headers["location"] == "/console"


async def test_who_is_unknown_and_what_is_wrong_look_the_same() -> None:
    async with site() as place:
        account = await with_password(place)
        await place.account("Bare", ConsoleRole.VIEWER)
        pages = []
        for name in ("Ada", "Nobody", "Bare"):
            browser = await place.browser()
            response = await browser.post("/console/login/password", name=name, password="wrong")
            assert response.status_code == 401
            pages.append(response.text.replace(name, "").replace(browser.csrf, ""))
        assert len({page.split("<body")[1].split(">", 1)[1] for page in pages}) == 1
        await place.deps.accounts.update(account.id, disabled=True)
        assert await guess(await place.browser(), "Ada", PASSWORD) == 401


@pytest.mark.parametrize("name", ["Ada", "Nobody"])
async def test_guessing_at_one_name_from_everywhere_has_to_pause(name: str) -> None:
    async with site() as place:
        await with_password(place)
        for number in range(FREE):
            assert await guess(await place.browser(address=f"192.0.2.{number}"), name) == 401
        other = await place.browser(address="198.51.100.1")
        response = await other.post("/console/login/password", name=name.upper(), password=PASSWORD)
        assert response.status_code == 429
        assert response.headers["retry-after"] == "30"
        assert [action for _, action, _ in await place.audited()] == ["login.paused"]
        await place.clock.advance(31)
        assert await guess(other, "Ada", PASSWORD) == 303


async def test_one_address_that_guesses_at_many_names_has_to_pause_and_pauses_grow() -> None:
    async with site() as place:
        await with_password(place)
        browser = await place.browser(address="2001:db8::1")
        for number in range(FREE):
            assert await guess(browser, f"name {number}") == 401
        assert await guess(await place.browser(address="2001:db8::2"), "Ada", PASSWORD) == 429
        waits = []
        for number in range(8):
            response = await browser.post("/console/login/password", name=f"n{number}", password="x")
            waits.append(int(response.headers["retry-after"]))
            await place.clock.advance(waits[-1])
            assert await guess(browser, f"other {number}") == 401
        assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
        assert await guess(await place.browser(), "Ada", PASSWORD) == 303


async def test_many_guesses_at_the_same_time_are_no_way_around_the_pause() -> None:
    async with site() as place:
        await with_password(place)
        browser = await place.browser()
        statuses = await asyncio.gather(*(guess(browser, "Ada", f"wrong {n}") for n in range(30)))
        assert statuses.count(401) == FREE
        assert statuses.count(429) == 30 - FREE


def test_what_is_remembered_of_guesses_is_bounded_and_forgotten() -> None:
    clock = FakeClock()
    attempts = Attempts(clock)
    for number in range(MOST + 50):
        attempts.begin(f"name {number}")
    assert len(attempts) == MOST
    for _ in range(FREE):
        attempts.begin("name x", "place y")
    assert attempts.begin("name x", "place z") == 30
    assert attempts.pause("place z") == 0
    attempts.right("name x")
    attempts.give_back("place y")
    assert attempts.begin("name x", "place y") == 0


async def test_a_count_begins_anew_after_an_hour() -> None:
    clock = FakeClock()
    attempts = Attempts(clock)
    for _ in range(40):
        await clock.advance(attempts.pause("name x"))
        assert attempts.begin("name x") == 0
    assert attempts.pause("name x") == LONGEST_PAUSE
    await clock.advance(LONGEST_PAUSE + FORGOTTEN + 1)
    assert attempts.begin("name x") == 0
    assert attempts.pause("name x") == 0


async def test_the_way_out_ends_the_session_here_and_in_the_store() -> None:
    async with site() as place:
        owner = await place.owner()
        session = owner.session
        response = await owner.post("/console/logout")
        assert response.headers["location"] == "/console/login?done=logout"
        assert owner.session == ""
        thief = await place.browser()
        thief.client.cookies.set(COOKIE, session)
        assert (await thief.get("/console/account")).status_code == 303
        assert (await place.audited())[0] == ("Owner", "logout", "")


async def test_who_is_logged_in_is_led_on_and_a_link_can_change_who_one_is() -> None:
    async with site() as place:
        owner = await place.owner()
        assert (await owner.get("/console/login?next=/console/audit")).headers["location"] == "/console/audit"
        account = await place.account("Ada", ConsoleRole.VIEWER)
        await owner.open(await place.deps.accounts.again(account.id, seconds=60))
        assert "<p><b>Ada</b>" in (await owner.get("/console/account")).text


async def test_the_login_speaks_the_visitors_language_and_can_be_switched() -> None:
    async with site() as place:
        browser = await place.browser()
        assert "登录控制台" in (await browser.get("/console/login", **{"Accept-Language": "zh-CN"})).text
        response = await browser.get("/console/login?lang=zh&next=/console/audit")
        assert response.headers["location"] == "/console/login?next=/console/audit"
        assert "登录控制台" in (await browser.get("/console/login")).text


async def test_a_notice_says_only_what_we_say() -> None:
    async with site() as place:
        browser = await place.browser()
        assert "You are logged out." in (await browser.get("/console/login?done=logout")).text
        odd = await browser.get("/console/login?done=<script>alert(1)</script>")
        assert "alert" not in odd.text


async def test_names_that_try_to_be_markup_stay_text() -> None:
    attack = "<script>alert(1)</script>\"'>"
    async with site() as place:
        await place.account(attack, ConsoleRole.OWNER)
        owner = await place.as_role(ConsoleRole.OWNER)
        browser = await place.browser(**{"User-Agent": attack})
        page = await browser.post("/console/login/password", name=attack, password="x")
        for response in (page, await owner.get("/console/accounts"), await owner.get("/console/audit")):
            assert "<script>alert" not in response.text
        assert attack in shown(await owner.get("/console/accounts"))


async def test_no_secret_gets_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with site() as place:
        await with_password(place)
        token = await place.deps.accounts.owner_link(seconds=60)
        browser = await place.browser()
        await browser.open(token)
        csrf, session = browser.csrf, browser.session
        await browser.post("/console/logout")
        await browser.get("/console/login")
        await guess(browser, "Ada", PASSWORD)
        written = "\n".join(
            r.getMessage() for r in caplog.records if not r.name.startswith(("httpx", "httpcore"))
        )
        stored = repr(await place.deps.audit.listing())
    for secret in (token, csrf, session, PASSWORD, browser.session):
        assert secret
        assert secret not in written
        assert secret not in stored
