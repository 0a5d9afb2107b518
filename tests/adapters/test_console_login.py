"""The ways into the console: one-time links, passwords, pauses; and out of it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from adapters.web.console.access import COOKIE
from adapters.web.console.attempts import ANYWHERE, FORGOTTEN, MOST, PLACE, STRICT, Attempts, Key, Limit
from adapters.web.console.passwords import Passwords, Price
from bot.types import Account, ConsoleRole
from tests.adapters.authenticator import Authenticator
from tests.adapters.console_core import Browser, Site, shown, site
from tests.fakes import FakeClock

PASSWORD = "correct horse battery"


async def with_password(place: Site, name: str = "Ada", role: ConsoleRole = ConsoleRole.OPERATOR) -> Account:
    account = await place.account(name, role)
    await Passwords(place.deps.accounts, place.deps.price).put(account, PASSWORD)
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


async def test_a_password_is_hashed_at_the_price_that_is_recommended() -> None:
    async with site(price=Price()) as place:
        account = await with_password(place)
        hashed = await place.deps.accounts.password(account.id)
        assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        assert await guess(await place.browser(), "Ada") == 401
        assert await guess(await place.browser(), "Nobody") == 401
        assert await guess(await place.browser(), "Ada", PASSWORD) == 303


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
async def test_one_address_that_guesses_at_one_name_has_to_pause_and_others_do_not(name: str) -> None:
    async with site() as place:
        await with_password(place)
        for number in range(STRICT.free):
            assert await guess(await place.browser(address=f"2001:db8::{number}"), name) == 401
        same = await place.browser(address="2001:db8::ffff")
        response = await same.post("/console/login/password", name=name.upper(), password=PASSWORD)
        assert response.status_code == 429
        assert response.headers["retry-after"] == "30"
        assert [action for _, action, _ in await place.audited()] == ["login.paused"]
        assert await guess(await place.browser(address="198.51.100.1"), "Ada", PASSWORD) == 303
        await place.clock.advance(31)
        assert await guess(same, "Ada", PASSWORD) == 303


async def test_one_address_that_guesses_at_many_names_has_to_pause_and_pauses_grow() -> None:
    async with site() as place:
        await with_password(place)
        browser = await place.browser(address="2001:db8::1")
        for number in range(PLACE.free):
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


async def in_and_out(browser: Browser) -> None:
    """Ada logs in, and out again."""
    assert await guess(browser, "Ada", PASSWORD) == 303
    await browser.get("/console/account")
    await browser.post("/console/logout")
    await browser.get("/console/login")


async def besiege(place: Site, name: str) -> list[tuple[int, str]]:
    """Strangers of many addresses guess until they have to pause, and once more; what they are told."""
    told = []
    for number in range(ANYWHERE.free + 1):
        browser = await place.browser(address=f"2001:db8:{number:x}::1")
        response = await browser.post("/console/login/password", name=name, password="wrong")
        text = response.text.replace(name, "").replace(browser.csrf, "")
        told.append((response.status_code, text))
    return told


async def test_many_addresses_that_guess_at_one_name_have_to_pause_and_its_owner_gets_in() -> None:
    async with site() as place:
        await with_password(place)
        mine = await place.browser(address="192.0.2.1")
        await in_and_out(mine)
        told = await besiege(place, "Ada")
        assert [status for status, _ in told] == [401] * ANYWHERE.free + [429]
        assert await besiege(place, "Nobody") == told
        stranger = await place.browser(address="203.0.113.9")
        response = await stranger.post("/console/login/password", name="Ada", password=PASSWORD)
        assert (response.status_code, response.headers["retry-after"]) == (429, "30")
        assert "or log in with a passkey" in response.text
        assert await guess(mine, "ada ", PASSWORD) == 303
        moved = await place.browser(address="2001:db8:1::1")
        moved.client.cookies = mine.client.cookies
        await moved.get("/console/account")
        assert await guess(moved, "Ada", PASSWORD) == 303
        await place.clock.advance(ANYWHERE.longest)
        assert await guess(stranger, "Ada", PASSWORD) == 303


async def test_a_known_device_that_guesses_has_to_pause_alone() -> None:
    async with site() as place:
        await with_password(place)
        device, other = await place.browser(), await place.browser()
        await in_and_out(device)
        await in_and_out(other)
        for _ in range(STRICT.free):
            assert await guess(device, "Ada") == 401
        assert await guess(device, "Ada", PASSWORD) == 429
        assert await guess(other, "Ada", PASSWORD) == 303
        assert await guess(device, "Bob") == 401


async def test_to_log_in_often_is_no_way_to_many_devices() -> None:
    async with site() as place:
        await with_password(place)
        browser, kept = await place.browser(), set()
        for _ in range(3):
            await in_and_out(browser)
            kept.add(device_of(browser))
        assert len(kept) == 1


def device_of(browser: Browser) -> tuple[str, str]:
    """The cookie that says that an account came in here."""
    (found,) = [(n, v) for n, v in browser.client.cookies.items() if n.startswith("tertulia_device_")]
    return found


@pytest.mark.parametrize("forged", ["", "x", f"{'a' * 32}.{'b' * 64}", "other"])
async def test_a_forged_device_is_a_stranger(forged: str) -> None:
    async with site() as place:
        await with_password(place)
        await with_password(place, "Bob")
        mine, bobs = await place.browser(), await place.browser()
        assert await guess(mine, "Ada", PASSWORD) == 303
        assert await guess(bobs, "Bob", PASSWORD) == 303
        value = device_of(bobs)[1] if forged == "other" else forged
        thief = await place.browser(address="203.0.113.9")
        thief.client.cookies.set(device_of(mine)[0], value, path="/console")
        for _ in range(STRICT.free):
            assert await guess(thief, "Ada") == 401
        other = await place.browser(address="203.0.113.9")
        assert await guess(other, "Ada", PASSWORD) == 429


async def test_a_passkey_is_never_paused_by_guesses_at_passwords() -> None:
    async with site() as place:
        owner, key = await place.owner(), Authenticator()
        asked = (await owner.json("/console/account/passkeys/options", {})).json()
        await owner.json("/console/account/passkeys", {"credential": key.create(asked), "name": ""})
        for number in range(PLACE.free):
            assert await guess(await place.browser(), f"n {number}") == 401
        browser = await place.browser()
        assert await guess(browser, "Owner") == 429
        asked = (await browser.json("/console/login/passkey/options", {})).json()
        entered = await browser.json("/console/login/passkey", {"credential": key.get(asked)})
        assert entered.status_code == 200


async def test_many_guesses_at_the_same_time_are_no_way_around_the_pause() -> None:
    async with site() as place:
        await with_password(place)
        browser = await place.browser()
        statuses = await asyncio.gather(*(guess(browser, "Ada", f"wrong {n}") for n in range(30)))
        assert statuses.count(401) == STRICT.free
        assert statuses.count(429) == 30 - STRICT.free


def test_what_is_remembered_of_guesses_is_bounded_and_forgotten() -> None:
    clock = FakeClock()
    attempts = Attempts(clock)
    x, y, z = (Key(STRICT, name) for name in "xyz")
    for number in range(MOST + 50):
        attempts.begin(Key(PLACE, f"place {number}"))
    assert len(attempts) == MOST
    for _ in range(STRICT.free):
        attempts.begin(x, y)
    assert attempts.begin(x, z) == 30
    assert attempts.pause(z) == 0
    attempts.right(x)
    attempts.give_back(y, z)
    assert attempts.begin(x, y) == 0


@pytest.mark.parametrize("limit", [STRICT, PLACE, ANYWHERE], ids=["strict", "place", "anywhere"])
async def test_a_count_begins_anew_after_an_hour(limit: Limit) -> None:
    clock = FakeClock()
    attempts, key = Attempts(clock), Key(limit, "x")
    for _ in range(limit.free + 20):
        await clock.advance(attempts.pause(key))
        assert attempts.begin(key) == 0
    assert attempts.pause(key) == limit.longest
    await clock.advance(limit.longest + FORGOTTEN + 1)
    assert attempts.begin(key) == 0
    assert attempts.pause(key) == 0


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
