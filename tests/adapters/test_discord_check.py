"""What `tertulia check` learns from Discord."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.discord.check import look
from tests.adapters.discord_core import simulated
from tests.fakes import FakeClock


@pytest.mark.parametrize("privileged", [[], ["content"]])
async def test_a_token_that_works(privileged: list[str]) -> None:
    async with simulated(privileged=privileged) as dc:
        found = await look(dc.token, dc.url, FakeClock())
    assert (found.username, found.error, found.refused) == ("Tertulia", "", False)
    assert found.message_content is bool(privileged)
    assert found.invite == (
        f"https://discord.com/oauth2/authorize?client_id={dc.bot.id}"
        "&scope=bot+applications.commands&permissions=309237763136"
    )
    assert sorted(dc.calls) == ["GET /applications/@me", "GET /users/@me"]


async def test_a_token_that_is_refused() -> None:
    async with simulated() as dc:
        found = await look("wrong", dc.url, FakeClock())
    assert found.refused
    assert "wrong" not in found.error


async def test_a_discord_that_cannot_be_reached() -> None:
    async with simulated() as dc:
        dc.outage()
        found = await look(dc.token, dc.url, FakeClock())
    assert found.error
    assert not found.refused


async def test_something_else_at_the_address() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<h1>Welcome</h1>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with TestServer(app) as server:
        found = await look("t", str(server.make_url("/api")), FakeClock())
    assert "not Discord" in found.error
