"""The console of a real service: the printed link opens it, once, and a fresh one can be had."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from adapters.web.console.access import COOKIE
from tests.adapters.console_core import Browser
from tests.e2e.running import service, tertulia

LINK = re.compile(r"Console: (http://127\.0\.0\.1:\d+)/console/login\?token=([\w-]{43})")


async def enter(browser: Browser, token: str) -> int:
    return (await browser.open(token)).status_code


async def fresh(home: Path) -> str:
    """The token of a link that the command prints."""
    ended = await tertulia(home, "console-link")
    (token,) = re.findall(r"^http://127\.0\.0\.1:8080/console/login\?token=([\w-]{43})\n$", ended.out)
    return str(token)


@asynccontextmanager
async def browser_at(url: str) -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        yield Browser(client)


async def test_the_printed_link_opens_the_console_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with service(home) as running:
        found = LINK.search(running.out)
        assert found is not None, running.out
        async with browser_at(found[1]) as owner, browser_at(found[1]) as other:
            assert await enter(owner, found[2]) == 303
            assert await enter(other, found[2]) == 410
            earlier, latest = await fresh(home), await fresh(home)
            assert await enter(other, earlier) == 410
            assert await enter(other, latest) == 303
            assert (await other.get("/console/accounts")).text.count("/delete") == 1
            for odd in ("before=99999999999999999999", "account=%00", "account=%ff%fe"):
                assert (await owner.get(f"/console/audit?{odd}")).status_code < 500
            for odd in ("%00", "%ff", "a" * 3000):
                assert (await owner.post(f"/console/accounts/{odd}/delete")).status_code == 404
        stored = b"".join(file.read_bytes() for file in home.glob("tertulia.db*"))
        for secret in (found[2], latest, owner.session):
            assert secret not in running.log
            assert secret.encode() not in stored


async def test_a_restart_keeps_the_session_and_ends_the_link_that_was_not_used(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with service(home) as running:
        port, url = running.port, running.url
        token = await fresh(home)
        async with browser_at(url) as browser:
            assert await enter(browser, token) == 303
            session, unused = browser.session, await fresh(home)
    async with service(home, port=port) as running, browser_at(running.url) as browser:
        assert await enter(browser, unused) == 410
        browser.client.cookies.set(COOKIE, session)
        assert (await browser.get("/console/account")).status_code == 200
