"""Every route of the console, walked as a stranger and as each role; cookies and CSRF tokens."""

from __future__ import annotations

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from adapters.web.console.access import (
    COOKIE,
    CSRF_HEADER,
    IDLE_SECONDS,
    SESSION_SECONDS,
    checked,
    needed,
    own_path,
    routes_of,
)
from adapters.web.console.pages import PAGES
from bot.types import ConsoleRole
from tests.adapters.console_core import Browser, Site, site

ROLES = list(ConsoleRole)


def walk(place: Site) -> list[tuple[str, str, ConsoleRole | None]]:
    """Method, path and role of every route below /console, found in the application itself."""
    found = []
    for route in routes_of(list(place.app.routes)):
        path = getattr(route, "path", "")
        if f"{path}/".startswith("/console/"):
            assert isinstance(route, APIRoute), path
            (role,) = needed(route)
            path = path.replace("{path:path}", "no/such/page").replace("{id}", "nobody")
            found += [(method, path, role) for method in sorted(route.methods or ())]
    return found


async def call(browser: Browser, method: str, path: str) -> int:
    headers = {CSRF_HEADER: browser.csrf}
    content = {} if method == "GET" else {"data": {"x": "1"}}
    response = await browser.client.request(method, path, headers=headers, **content)  # type: ignore[arg-type]
    return response.status_code


async def test_every_route_declares_one_role_or_that_it_is_open() -> None:
    async with site() as place:
        routes = walk(place)
    assert {path for _, path, _ in routes} > {entry.path for entry, _ in PAGES} | {"/console"}
    assert {path for _, path, role in routes if role is None} == {
        "/console/login",
        "/console/login/link",
        "/console/login/password",
        "/console/login/passkey",
        "/console/login/passkey/options",
        "/console/logout",
    }


def test_a_route_without_a_role_or_outside_of_the_console_is_refused() -> None:
    async def page() -> str:
        return ""

    for path in ("/console/bare", "/api/v1/other"):
        bare = APIRouter()
        bare.add_api_route(path, page)
        with pytest.raises(ValueError, match="must declare"):
            checked(bare)


async def test_a_stranger_gets_to_no_page_and_changes_nothing() -> None:
    async with site() as place:
        browser = await place.browser()
        for method, path, role in walk(place):
            if role is not None:
                response = await browser.client.request(method, path, headers={CSRF_HEADER: browser.csrf})
                assert response.status_code in (303, 415), (method, path)
                if response.status_code == 303:
                    assert response.headers["location"].startswith("/console/login")
                else:
                    assert method != "GET"
                assert await call(browser, method, path) == 303
        assert await place.audited() == []


async def test_what_is_no_page_of_its_own_is_401_for_a_stranger() -> None:
    async with site() as place:
        browser = await place.browser()
        part = await browser.get("/console/audit", **{"HX-Request": "true"})
        data = await browser.json("/console/account/passkeys/options", {})
        deep = await browser.get("/console/audit?before=3")
    assert (part.status_code, data.status_code) == (401, 401)
    assert part.headers["hx-redirect"] == "/console/login"
    assert deep.headers["location"] == "/console/login?next=/console/audit"


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_to_what_it_may_and_to_nothing_else(role: ConsoleRole) -> None:
    async with site() as place:
        browser = await place.as_role(role)
        before = len(await place.audited())
        routes = [r for r in walk(place) if r[2] is not None and "/sessions/end-all" not in r[1]]
        for method, path, needs in routes:
            assert needs is not None
            status = await call(browser, method, path)
            assert (status == 403) is not role.may(needs), (method, path, status)
            assert status < 500
            assert status != 303 or role.may(needs)
        if role is ConsoleRole.VIEWER:
            assert len(await place.audited()) == before


@pytest.mark.parametrize("role", ROLES)
async def test_the_navigation_shows_what_the_role_may_see(role: ConsoleRole) -> None:
    async with site() as place:
        browser = await place.as_role(role)
        page = await browser.get("/console/account")
        first = await browser.get("/console")
        for entry, _ in PAGES:
            assert (f'<a href="{entry.path}"' in page.text) == (
                role.may(entry.role) and entry.there(place.deps)
            )
    assert first.status_code == 303
    assert first.headers["location"] in {entry.path for entry, _ in PAGES if role.may(entry.role)}


async def test_no_call_changes_anything_without_the_csrf_token() -> None:
    async with site() as place:
        stranger, owner = await place.browser(), await place.owner()
        known = await place.audited()
        for browser, others in ((stranger, owner.csrf), (owner, stranger.csrf)):
            for method, path, role in walk(place):
                if method == "GET" or (browser is stranger and role is not None):
                    continue
                for token in ("", "0" * 64, others):
                    form = await browser.client.request(method, path, data={"csrf": token})
                    header = await browser.client.request(
                        method, path, json={"credential": {}}, headers={CSRF_HEADER: token}
                    )
                    assert (form.status_code, header.status_code) == (403, 403), (method, path)
                assert (await browser.client.request(method, path, json={})).status_code == 403
        assert await place.audited() == known


async def test_the_csrf_token_does_not_help_from_another_site() -> None:
    async with site() as place:
        owner = await place.owner()
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            response = await owner.client.post("/console/logout", data={"csrf": owner.csrf}, headers=headers)
            assert response.status_code == 403
        elsewhere = await owner.client.post("/api/v1/chat", data={"text": "hi"})
        files = await owner.client.post("/console/logout", files={"csrf": owner.csrf.encode()})
        assert (elsewhere.status_code, files.status_code) == (415, 415)
        assert (await owner.get("/console/account")).status_code == 200


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "a.b", "%00", "a" * 9000, "é", '"; x=y'])
async def test_a_forged_cookie_is_a_stranger(cookie: str) -> None:
    async with site() as place:
        await place.owner()
        browser = await place.browser()
        header = f"{COOKIE}={cookie}".encode("utf-8", "replace")
        response = await browser.client.get("/console/account", headers=[(b"Cookie", header)])
    assert response.status_code == 303


async def test_a_session_ends_with_its_time_and_when_it_is_not_used() -> None:
    async with site() as place:
        owner = await place.owner()
        await place.clock.advance(IDLE_SECONDS - 1)
        assert (await owner.get("/console/account")).status_code == 200
        await place.clock.advance(IDLE_SECONDS + 1)
        assert (await owner.get("/console/account")).status_code == 303
        busy = await place.owner()
        for _ in range(int(SESSION_SECONDS // (IDLE_SECONDS / 2)) - 1):
            await place.clock.advance(IDLE_SECONDS / 2)
            assert (await busy.get("/console/account")).status_code == 200
        await place.clock.advance(IDLE_SECONDS / 2)
        assert (await busy.get("/console/account")).status_code == 303


async def test_the_cookie_is_out_of_reach_and_its_value_is_stored_nowhere() -> None:
    async with site() as place:
        browser = await place.browser(origin="https://bot.example")
        token = await place.deps.accounts.owner_link(seconds=60)
        await browser.get(f"/console/login?token={token}")
        response = await browser.post("/console/login/link", token=token)
    (cookie,) = (c for c in response.headers.get_list("set-cookie") if c.startswith(f"{COOKIE}="))
    for attribute in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie


async def test_a_role_that_was_taken_holds_no_longer_at_the_next_request() -> None:
    async with site() as place:
        browser = await place.as_role(ConsoleRole.OWNER)
        account = await place.deps.accounts.named("A owner")
        assert account is not None
        assert (await browser.get("/console/audit")).status_code == 200
        await place.deps.accounts.update(account.id, role=ConsoleRole.AUTHOR)
        assert (await browser.get("/console/audit")).status_code == 403
        await place.deps.accounts.update(account.id, disabled=True)
        assert (await browser.get("/console/account")).status_code == 303


@pytest.mark.parametrize(
    "wish",
    [
        "//evil.example",
        "https://evil.example/console",
        "/\\evil.example",
        "/console\\..\\x",
        "/console//evil.example",
        "/consoles",
        "/console.evil.example",
        "/console@evil.example",
        "/",
        "javascript:alert(1)",
        "/console\r\nSet-Cookie: a=b",
        "/console/login?next=/console/login",
        "/console?x=<script>",
        "",
    ],
)
def test_the_login_leads_to_pages_of_the_console_only(wish: str) -> None:
    assert own_path(wish) == "/console"


@pytest.mark.parametrize("wish", ["/console", "/console/audit", "/console/audit?before=3&account=a-1"])
def test_the_login_leads_back(wish: str) -> None:
    assert own_path(wish) == wish
