"""A console over stores in memory, and browsers that work in it, for tests of the console alone."""

from __future__ import annotations

import contextlib
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from adapters.web.console.access import COOKIE, CSRF_HEADER
from adapters.web.console.deps import ConsoleDeps
from bot.clock import SystemClock
from bot.types import Account, ConsoleRole
from tests.adapters.web_core import Core, Script, console_deps, web_deps
from tests.fakes import FakeClock, Memory

CSRF = re.compile(r'"X-CSRF-Token": "([0-9a-f]{64})"')
ORIGIN = "http://localhost:8080"


@dataclass
class Browser:
    """Keeps cookies, and brings the CSRF token of the page that it saw last."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        response = await self.client.get(path, headers=headers)
        if found := CSRF.search(response.text):
            self.csrf = found[1]
        return response

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form, from our own page."""
        return await self.client.post(path, data={"csrf": self.csrf, **fields})

    async def json(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, json=body, headers={CSRF_HEADER: self.csrf})

    async def open(self, token: str) -> httpx.Response:
        """Follow a login link, and press its button."""
        await self.get(f"/console/login?token={token}")
        response = await self.post("/console/login/link", token=token)
        if response.status_code == 303:
            await self.get("/console/account")
        return response

    @property
    def session(self) -> str:
        return self.client.cookies.get(COOKIE) or ""


@dataclass
class Site:
    """A console, its stores and its clock."""

    app: FastAPI
    deps: ConsoleDeps
    clock: FakeClock
    memory: Memory
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def browser(self, *, address: str = "127.0.0.1", origin: str = ORIGIN, **headers: str) -> Browser:
        transport = httpx.ASGITransport(self.app, client=(address, 1234))
        given = {"Sec-Fetch-Site": "same-origin", **headers}
        client = httpx.AsyncClient(transport=transport, base_url=origin, headers=given)
        browser = Browser(await self._stack.enter_async_context(client))
        await browser.get("/console/login")
        return browser

    async def owner(self) -> Browser:
        """The first to open the printed link."""
        browser = await self.browser()
        await browser.open(await self.deps.accounts.owner_link(seconds=60))
        return browser

    async def account(self, name: str, role: ConsoleRole) -> Account:
        """Somebody who came by invitation. There is an owner beside them."""
        if not await self.deps.accounts.listing():
            await self.deps.accounts.enter(await self.deps.accounts.owner_link(seconds=60))
        token = await self.deps.accounts.invite("", name=name, role=role, seconds=60)
        return await self.deps.accounts.enter(token)

    async def as_role(self, role: ConsoleRole) -> Browser:
        """A browser that an account of this role has logged in."""
        account = await self.account(f"A {role}", role)
        browser = await self.browser()
        await browser.open(await self.deps.accounts.again(account.id, seconds=60))
        return browser

    async def audited(self) -> list[tuple[str, str, str]]:
        """Who, what, about what: the newest first."""
        entries = await self.deps.audit.listing(limit=500)
        return [(entry.account, entry.action, entry.target) for entry in entries]


@contextlib.asynccontextmanager
async def site(**changes: Any) -> AsyncIterator[Site]:
    memory, clock = Memory(), FakeClock()
    deps = console_deps(memory, clock, **changes)
    core = Core(memory, WebChannel(SystemClock()), Script())
    found = Site(create_app(web_deps(core, console=deps)), deps, clock, memory)
    async with found._stack:
        yield found


def table(response: httpx.Response) -> str:
    """The rows of a page's first table, without its form."""
    return html.unescape(response.text).partition("<tbody>")[2].partition("</tbody>")[0]


def shown(response: httpx.Response) -> str:
    """The page's text, as a person reads it, entities and all."""
    return html.unescape(response.text)
