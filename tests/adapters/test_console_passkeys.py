"""Passkeys: both ceremonies with an authenticator in software, and every way to cheat in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from adapters.web.console.access import BROWSER_COOKIE
from adapters.web.console.attempts import STRICT
from adapters.web.console.passkeys import CHALLENGE_SECONDS, MOST_PASSKEYS, by_name, party
from bot.clock import SystemClock
from bot.types import ConsoleRole, Passkey
from tests.adapters.authenticator import Authenticator, from64, to64
from tests.adapters.console_core import Browser, Site, site
from tests.adapters.web_core import Core, Script, web_deps

ACCOUNT = "/console/account/passkeys"
LOGIN = "/console/login/passkey"


async def options(browser: Browser, path: str) -> dict[str, Any]:
    response = await browser.json(f"{path}/options", {})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def register(browser: Browser, key: Authenticator, name: str = "Laptop") -> httpx.Response:
    asked = await options(browser, ACCOUNT)
    return await browser.json(ACCOUNT, {"credential": key.create(asked), "name": name})


async def log_in(browser: Browser, key: Authenticator, next: str = "") -> httpx.Response:
    asked = await options(browser, LOGIN)
    return await browser.json(LOGIN, {"credential": key.get(asked), "next": next})


async def registered(place: Site, **given: Any) -> Authenticator:
    """An owner's passkey."""
    key = Authenticator(**given)
    assert (await register(await place.owner(), key)).status_code == 200
    return key


async def test_a_passkey_is_added_enters_and_is_removed() -> None:
    async with site() as place:
        owner, key = await place.owner(), Authenticator()
        asked = await options(owner, ACCOUNT)
        assert asked["rp"] == {"id": "localhost", "name": "Tertulia"}
        assert asked["authenticatorSelection"]["userVerification"] == "preferred"
        added = await owner.json(ACCOUNT, {"credential": key.create(asked), "name": " My   phone "})
        assert added.json() == {"to": "/console/account?done=passkey.add"}
        assert "My phone" in (await owner.get("/console/account")).text
        assert (await options(owner, ACCOUNT))["excludeCredentials"][0]["id"] == to64(key.id)
        browser = await place.browser()
        entered = await log_in(browser, key, "/console/audit")
        assert entered.json() == {"to": "/console/audit"}
        assert (await browser.get("/console/audit")).status_code == 200
        await browser.post("/console/account/passkeys/remove", id=to64(key.id))
        assert (await log_in(await place.browser(), key)).status_code == 401
        actions = [action for _, action, _ in await place.audited()]
        assert actions == ["passkey.remove", "login.passkey", "passkey.add", "login.link"]


async def test_a_login_by_passkey_is_a_new_session_and_leads_nowhere_else() -> None:
    async with site() as place:
        key = await registered(place)
        first, second = await place.browser(), await place.browser()
        assert (await log_in(first, key, "https://evil.example/")).json() == {"to": "/console"}
        await log_in(second, key)
        assert first.session
        assert first.session != second.session


async def test_a_challenge_is_for_one_browser_one_ceremony_one_answer_and_a_while() -> None:
    async with site() as place:
        key = await registered(place)
        mine, other = await place.browser(), await place.browser()
        answer = key.get(await options(mine, LOGIN))
        assert (await other.json(LOGIN, {"credential": answer})).status_code == 401
        await options(other, LOGIN)
        assert (await other.json(LOGIN, {"credential": answer})).status_code == 401
        assert (await mine.json(LOGIN, {"credential": answer})).status_code == 200
        again = await place.browser()
        again.client.cookies = mine.client.cookies
        await again.get("/console/account")
        assert (await again.json(LOGIN, {"credential": answer})).status_code == 401
        late = await place.browser()
        answer = key.get(await options(late, LOGIN))
        await place.clock.advance(CHALLENGE_SECONDS + 1)
        assert (await late.json(LOGIN, {"credential": answer})).status_code == 401


async def test_an_answer_to_what_nobody_asked_is_refused() -> None:
    async with site() as place:
        key = await registered(place)
        browser = await place.browser()
        made_up = {"rpId": "localhost", "challenge": to64(b"x" * 32)}
        assert (await browser.json(LOGIN, {"credential": key.get(made_up)})).status_code == 401
        owner = await place.as_role(ConsoleRole.VIEWER)
        rp = {"rp": {"id": "localhost"}, "user": {"id": "x"}, "challenge": to64(b"x" * 32)}
        refused = await owner.json(ACCOUNT, {"credential": Authenticator().create(rp)})
        assert refused.status_code == 422


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:9999", "http://localhost"])
async def test_an_answer_made_for_another_place_is_refused(origin: str) -> None:
    async with site() as place:
        key = await registered(place)
        key.origin = origin
        assert (await log_in(await place.browser(), key)).status_code == 401
        owner = await place.as_role(ConsoleRole.OWNER)
        assert (await register(owner, Authenticator(origin=origin))).status_code == 422


async def test_another_key_with_the_same_id_is_refused() -> None:
    async with site() as place:
        key = await registered(place)
        forged = Authenticator(id=key.id, user=key.user, count=50)
        assert (await log_in(await place.browser(), forged)).status_code == 401
        viewer = await place.as_role(ConsoleRole.VIEWER)
        taken = await register(viewer, Authenticator(id=key.id))
        assert taken.status_code == 409
        assert (await log_in(await place.browser(), key)).status_code == 200


async def test_a_copied_key_is_found_by_its_count_and_a_key_without_a_count_is_not() -> None:
    async with site() as place:
        key = await registered(place)
        for _ in range(3):
            assert (await log_in(await place.browser(), key)).status_code == 200
        key.count = 1
        assert (await log_in(await place.browser(), key)).status_code == 401
        still = Authenticator(counts=False)
        await register(await place.as_role(ConsoleRole.VIEWER), still)
        for _ in range(2):
            assert (await log_in(await place.browser(), still)).status_code == 200


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": "x"},
        {"id": 7, "rawId": [], "response": None, "type": "public-key"},
        {"id": "x" * 5000, "rawId": "x", "response": {}, "type": "public-key"},
    ],
)
async def test_what_is_no_credential_is_refused_with_a_sentence(credential: dict[str, Any]) -> None:
    async with site() as place:
        await registered(place)
        browser, owner = await place.browser(), await place.owner()
        await options(browser, LOGIN)
        await options(owner, ACCOUNT)
        refused = await browser.json(LOGIN, {"credential": credential})
        unmade = await owner.json(ACCOUNT, {"credential": credential})
        assert (refused.status_code, unmade.status_code) == (401, 422)
        assert refused.json()["message"] == unmade.json()["message"] == "This passkey was not accepted."


async def test_bytes_that_were_turned_around_are_refused() -> None:
    async with site() as place:
        key, owner = await registered(place), await place.owner()
        for field in ("clientDataJSON", "authenticatorData", "signature"):
            browser = await place.browser()
            answer = key.get(await options(browser, LOGIN))
            answer["response"][field] = to64(from64(answer["response"][field])[::-1])
            assert (await browser.json(LOGIN, {"credential": answer})).status_code == 401, field
            await place.clock.advance(3600)
        for field in ("clientDataJSON", "attestationObject"):
            made = Authenticator().create(await options(owner, ACCOUNT))
            made["response"][field] = to64(b"\xff" + from64(made["response"][field])[:40])
            assert (await owner.json(ACCOUNT, {"credential": made})).status_code == 422, field


async def test_a_key_that_is_no_point_of_its_curve_never_enters() -> None:
    async with site() as place:
        key = Authenticator(on_curve=False)
        await register(await place.owner(), key)
        assert (await log_in(await place.browser(), key)).status_code == 401


async def test_a_disabled_account_has_no_way_in_and_guessing_has_to_pause() -> None:
    async with site() as place:
        key = Authenticator()
        viewer = await place.as_role(ConsoleRole.VIEWER)
        await register(viewer, key)
        account = await place.deps.accounts.named("A viewer")
        assert account is not None
        await place.deps.accounts.update(account.id, disabled=True)
        for _ in range(STRICT.free):
            assert (await log_in(await place.browser(), key)).status_code == 401
        paused = await log_in(await place.browser(), key)
        assert paused.status_code == 429
        assert paused.headers["retry-after"] == "30"


async def test_an_account_has_a_bounded_number_of_passkeys_and_removes_only_its_own() -> None:
    async with site() as place:
        key = await registered(place)
        viewer = await place.as_role(ConsoleRole.VIEWER)
        await viewer.post("/console/account/passkeys/remove", id=to64(key.id))
        assert (await log_in(await place.browser(), key)).status_code == 200
        account = await place.deps.accounts.named("A viewer")
        assert account is not None
        for number in range(MOST_PASSKEYS):
            await place.deps.accounts.add_passkey(Passkey(f"k{number}", account.id, "AAAA", 0))
        assert (await viewer.json(f"{ACCOUNT}/options", {})).status_code == 409


async def test_an_address_that_is_a_number_says_so_and_offers_localhost() -> None:
    async with site() as place:
        origin = "http://127.0.0.1:8080"
        browser = await place.browser(origin=origin)
        assert "http://localhost:8080" in (await browser.get("/console/login")).text
        await browser.open(await place.deps.accounts.owner_link(seconds=60))
        assert (await browser.json(f"{ACCOUNT}/options", {})).status_code == 400
        moved = await browser.post("/console/account/localhost")
        token = moved.text.split("http://localhost:8080/console/login?token=")[1].split("&")[0]
        there = await place.browser()
        assert (await there.open(token)).status_code == 303
        assert (await register(there, Authenticator())).status_code == 200
        far = await place.browser(origin="http://192.0.2.1:8080")
        assert (await far.json(f"{LOGIN}/options", {})).status_code == 400


def test_the_relying_party_is_the_name_of_the_place() -> None:
    assert party("https://bot.example:8443") == "bot.example"
    assert party("http://localhost:8080") == "localhost"
    assert party("http://[::1]:8080") == party("http://192.0.2.1") == ""
    assert by_name("http://[::1]:8080") == "http://localhost:8080"
    assert by_name("http://127.0.0.1") == "http://localhost"
    assert by_name("http://192.0.2.1") == by_name("http://localhost:8080") == ""


async def test_a_challenge_that_was_answered_is_spent_for_whoever_kept_the_answer() -> None:
    async with site() as place:
        key = await registered(place)
        key.counts = False
        browser, thief = await place.browser(), await place.browser()
        thief.client.cookies.set(BROWSER_COOKIE, browser.client.cookies[BROWSER_COOKIE], path="/console")
        await thief.get("/console/login")
        answer = key.get(await options(browser, LOGIN))
        early = key.get(await options(thief, LOGIN))
        await place.clock.advance(1)
        assert (await browser.json(LOGIN, {"credential": answer})).status_code == 200
        for taken in (answer, early):
            assert (await thief.json(LOGIN, {"credential": taken})).status_code == 401
        assert (await log_in(thief, key)).status_code == 200


async def test_a_passkey_that_was_removed_does_not_come_back_by_an_old_answer_in_another_session() -> None:
    async with site() as place:
        owner, key = await place.owner(), Authenticator()
        made = {"credential": key.create(await options(owner, ACCOUNT)), "name": "x"}
        assert (await owner.json(ACCOUNT, made)).status_code == 200
        assert (await owner.json(ACCOUNT, made)).status_code == 409
        await owner.post("/console/account/passkeys/remove", id=to64(key.id))
        viewer = await place.as_role(ConsoleRole.VIEWER)
        assert (await viewer.json(ACCOUNT, made)).status_code == 422


def replica(place: Site, **changes: Any) -> Site:
    """The same console in another process, as far as it can tell."""
    core = Core(place.memory, WebChannel(SystemClock()), Script())
    return replace(place, app=create_app(web_deps(core, console=replace(place.deps, **changes))))


async def test_another_process_with_the_same_secret_takes_the_answer() -> None:
    async with site() as place:
        key = await registered(place)
        browser = await place.browser()
        answer = key.get(await options(browser, LOGIN))
        there = await replica(place).browser()
        there.client.cookies, there.csrf = browser.client.cookies, browser.csrf
        assert (await there.json(LOGIN, {"credential": answer})).status_code == 200
        other = await place.browser()
        answer = key.get(await options(other, LOGIN))
        elsewhere = await replica(place, secret=b"another secret of 16 bytes or more").browser()
        elsewhere.client.cookies = other.client.cookies
        await elsewhere.get("/console/login")
        assert (await elsewhere.json(LOGIN, {"credential": answer})).status_code == 401


@pytest.mark.parametrize("place", [0, 8, 30, 55])
async def test_a_challenge_that_was_changed_is_none_of_ours(place: int) -> None:
    async with site() as made:
        key, browser = await registered(made), await made.browser()
        asked = await options(browser, LOGIN)
        challenge = bytearray(from64(asked["challenge"]))
        challenge[place] ^= 1
        answer = key.get({**asked, "challenge": to64(bytes(challenge))})
        assert (await browser.json(LOGIN, {"credential": answer})).status_code == 401
        short = key.get({**asked, "challenge": to64(bytes(challenge[:place]))})
        assert (await browser.json(LOGIN, {"credential": short})).status_code == 401
