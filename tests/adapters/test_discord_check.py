"""What `tertulia check` learns from Discord."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.discord.check import look, mistaken
from tests.adapters.discord_core import simulated
from tests.fakes import FakeClock
from tests.simulators.discord import Discord, RateLimits


@pytest.mark.parametrize("privileged", [[], ["content"]])
async def test_a_token_that_works(privileged: list[str]) -> None:
    async with simulated(privileged=privileged) as dc:
        found = await look(dc.token, dc.url, FakeClock())
    assert (found.username, found.error, found.refused) == ("Tertulia", "", False)
    assert (found.guilds, found.hurdles) == (0, ())
    assert found.message_content is bool(privileged)
    assert found.invite == (
        f"https://discord.com/oauth2/authorize?client_id={dc.bot.id}"
        "&scope=bot+applications.commands&permissions=309237763136"
    )
    assert found.personal == (
        f"https://discord.com/oauth2/authorize?client_id={dc.bot.id}"
        "&scope=applications.commands&integration_type=1"
    )
    assert sorted(dc.calls) == ["GET /applications/@me", "GET /users/@me"]


async def test_a_bot_that_people_may_not_take_along() -> None:
    async with simulated() as dc:
        dc.world.bot.page = {"integration_types_config": {"0": {}}}
        found = await look(dc.token, dc.url, FakeClock())
    assert found.invite
    assert found.personal == ""


async def test_a_token_that_is_refused() -> None:
    async with simulated() as dc:
        found = await look("wrong", dc.url, FakeClock())
    assert found.refused
    assert found.error == "401 Unauthorized"


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


async def test_a_discord_that_asks_to_wait() -> None:
    async with Discord(limits=RateLimits(invalid=(1, 600.0))) as dc:
        await look("wrong", dc.url, FakeClock())
        found = await look(dc.token, dc.url, FakeClock())
    assert found.busy
    assert "3600 s" in found.error


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({"bot_require_code_grant": True}, "Requires OAuth2 Code Grant"),
        ({"interactions_endpoint_url": "https://old.example/hook"}, "Interactions Endpoint URL"),
    ],
)
async def test_what_the_bot_cannot_work_with(page: dict[str, object], words: str) -> None:
    async with simulated() as dc:
        dc.world.bot.page = page
        found = await look(dc.token, dc.url, FakeClock())
    assert words in found.hurdles[0]


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("Bot MTEwMA.abc.def", 'Leave out the word "Bot"'),
        ("1100000000000000001", "application's ID"),
        ("0f" * 32, "public key"),
        ("abcdefghijklmnopqrstuvwxyz_-0123", "client secret"),
        ("MTEwMA", "three parts"),
        ("MTEwMA.abc.def", ""),
    ],
)
def test_what_is_taken_for_the_token_is_named(token: str, words: str) -> None:
    assert words in mistaken(token)
    assert bool(words) is bool(mistaken(token))
