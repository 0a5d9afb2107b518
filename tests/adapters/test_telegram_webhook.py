"""Updates that Telegram brings: 200 only for what is stored, and only with the secret."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.webhook import HEADER
from bot.errors import SettingsError
from tests.adapters.telegram_core import Core
from tests.adapters.telegram_json import message
from tests.simulators.telegram import Telegram
from tests.simulators.telegram.driving import ManualClock

UPDATE = {"update_id": 1, "message": message("Hello")}


@asynccontextmanager
async def listening(core: Core, tg: Telegram) -> AsyncIterator[TelegramAdapter]:
    """A web server that hands what comes to the adapter."""
    adapters: list[TelegramAdapter] = []

    async def receive(request: web.Request) -> web.Response:
        return web.Response(status=await adapters[0].receive(request.headers, await request.read()))

    app = web.Application()
    app.router.add_post("/telegram", receive)
    async with TestServer(app) as server:
        url = str(server.make_url("/telegram"))
        adapters.append(TelegramAdapter(core.deps(tg, mode="webhook", webhook_url=url)))
        async with adapters[0].lifespan(core.put):
            yield adapters[0]
        await adapters[0].aclose()


async def test_updates_are_brought_and_stored() -> None:
    core = Core()
    async with Telegram() as tg, listening(core, tg) as adapter:
        await core.until(lambda: tg.calls["setWebhook"] == 1 and not adapter.state.error)
        ana = tg.person("Ana")
        for n in range(5):
            await ana.say(str(n))
        await core.until(lambda: len(core.events) == 5)
        assert core.texts == list("01234")
        assert tg.calls["getUpdates"] == 0


async def test_what_cannot_be_stored_comes_again() -> None:
    core = Core(broken=True)
    async with Telegram() as tg, listening(core, tg) as adapter:
        await core.until(lambda: tg.calls["setWebhook"] == 1)
        await tg.person("Ana").say("Hello")
        await core.until(lambda: "database" in adapter.state.error)
        core.broken = False
        await core.until(lambda: core.events)
    assert core.texts == ["Hello"]


async def test_the_webhook_is_set_only_when_it_differs() -> None:
    core, clock = Core(), ManualClock()
    async with Telegram(clock=clock) as tg:
        url = "https://bot.example/telegram"
        for address, calls in ((url, 1), (url, 1), (url + "2", 2)):
            async with core.running(tg, mode="webhook", webhook_url=address) as adapter:
                await core.until(lambda adapter=adapter: not adapter.state.error)  # type: ignore[misc]
                assert tg.calls["setWebhook"] == calls
            clock.advance(5)


async def test_only_telegram_may_bring_updates() -> None:
    core = Core()
    body = json.dumps(UPDATE).encode()
    async with Telegram() as tg, listening(core, tg) as adapter:
        await core.until(lambda: not adapter.state.error)
        secret = await core.store.get("webhook_secret")
        assert len(secret) >= 32
        assert await adapter.receive({}, body) == 401
        assert await adapter.receive({HEADER: "wrong"}, body) == 401
        assert await adapter.receive({HEADER: "é"}, body) == 401
        assert core.events == []
        for name in (HEADER, "X-Telegram-Bot-Api-Secret-Token"):
            assert await adapter.receive({name: secret}, body) == 200
        assert core.texts == ["Hello"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"update_id": "x"}', b"\xff", b"[" * 100_000])
async def test_what_is_no_update_is_refused(body: bytes) -> None:
    core = Core()
    async with Telegram() as tg, listening(core, tg) as adapter:
        await core.until(lambda: not adapter.state.error)
        headers = {HEADER: await core.store.get("webhook_secret")}
        assert await adapter.receive(headers, body) == 400
        assert await adapter.receive(headers, b'{"update_id": 5, "news": {"of": "tomorrow"}}') == 200
    assert core.events == []


async def test_before_the_start_and_after_the_end_updates_wait() -> None:
    core = Core()
    body = json.dumps(UPDATE).encode()
    async with Telegram() as tg:
        adapter = TelegramAdapter(core.deps(tg, mode="webhook", webhook_url="https://bot.example"))
        assert await adapter.receive({}, body) == 401
        headers = {HEADER: await core.store.get("webhook_secret")}
        assert await adapter.receive(headers, body) == 503
        async with adapter.lifespan(core.put):
            await core.until(lambda: not adapter.state.error)
            assert await adapter.receive(headers, body) == 200
        assert await adapter.receive(headers, body) == 503
        await adapter.aclose()


async def test_an_album_that_is_brought_one_by_one_is_one_event() -> None:
    core = Core()
    async with Telegram() as tg, listening(core, tg) as adapter:
        await core.until(lambda: not adapter.state.error)
        await tg.person("Ana").send_album(3, "Which?")
        await core.until(lambda: not tg.world.updates.pending)
        await core.until(lambda: core.events, step=0.4)
    assert [(len(e.parts), e.text) for e in core.events] == [(4, "Which?")]


async def test_a_webhook_needs_an_address() -> None:
    core = Core()
    async with Telegram() as tg:
        with pytest.raises(SettingsError):
            async with core.running(tg, mode="webhook"):
                pass


async def test_polling_takes_a_webhook_away_that_was_left_behind() -> None:
    core = Core()
    async with Telegram() as tg:
        async with core.running(tg, mode="webhook", webhook_url="https://bot.example/telegram") as adapter:
            await core.until(lambda: not adapter.state.error)
            assert await adapter.receive({}, b"") == 401
        async with core.running(tg) as adapter:
            await core.until(lambda: tg.polled)
            assert tg.calls["deleteWebhook"] == 1
            assert await adapter.receive({}, b"") == 404
