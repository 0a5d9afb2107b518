"""Telegram brings its updates to a running service, by the proxy that makes it public."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.e2e.running import Service, service
from tests.e2e.telegram_service import answer, calm
from tests.simulators.telegram import Telegram
from tests.simulators.telegram.webhook import SECRET_HEADER

QUESTION = "How do I connect Telegram?"
PATH = "/hooks/telegram"


class Proxy:
    """Hands what comes to the service, where there is one, `times` over; `statuses` are its answers."""

    def __init__(self, session: aiohttp.ClientSession, times: int) -> None:
        self.service: Service | None = None
        self.url = ""
        self.statuses: list[int] = []
        self._session = session
        self._times = times

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {k: v for k, v in request.headers.items() if k in ("Content-Type", SECRET_HEADER)}
        found = [await self.hand(body, headers) for _ in range(self._times)]
        return web.Response(status=found[-1])

    async def hand(self, body: bytes, headers: dict[str, str]) -> int:
        """The status that the service answers with; 502 where it cannot be reached."""
        url = self.service.url if self.service is not None else ""
        try:
            async with self._session.post(url + PATH, data=body, headers=headers) as answered:
                self.statuses.append(answered.status)
                return answered.status
        except aiohttp.ClientError:
            return 502


@asynccontextmanager
async def proxied(times: int = 1) -> AsyncIterator[Proxy]:
    async with aiohttp.ClientSession(headers={"User-Agent": "proxy"}) as session:
        proxy = Proxy(session, times)
        app = web.Application()
        app.router.add_post(PATH, proxy.handle)
        async with TestServer(app) as server:
            proxy.url = str(server.make_url(PATH))
            yield proxy


@asynccontextmanager
async def brought_to(home: Path, tg: Telegram, proxy: Proxy) -> AsyncIterator[Service]:
    """`tertulia run` to which Telegram brings what people write, through the proxy."""
    settings = {
        "access": "open",
        "telegram_token": tg.token,
        "telegram_api_url": tg.url,
        "telegram_mode": "webhook",
        "telegram_webhook_url": proxy.url,
        "telegram_chat_rate": "1000",
    }
    async with service(home, **settings) as running:
        proxy.service = running
        await tg.until(lambda: tg.world.webhook.url == proxy.url)
        yield running


async def test_a_question_that_is_brought_is_answered(tmp_path: Path) -> None:
    async with calm() as tg, proxied() as proxy, brought_to(tmp_path / "home", tg, proxy):
        ann = tg.person("Ann")
        shown = await answer(tg, await ann.say(QUESTION))
        assert "@BotFather" in shown.text
        await ann.press(shown, "sources")
        await tg.until(lambda: len(ann.chat.answers) == 2 and "handbook" in ann.chat.texts[-1])
        assert tg.errors == []
        assert tg.calls["getUpdates"] == 0
    assert set(proxy.statuses) == {200}


async def test_what_telegram_did_not_bring_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with calm() as tg, proxied() as proxy, brought_to(home, tg, proxy):
        ann, mallory = tg.person("Ann"), tg.person("Mallory")
        who = mallory.user.json()
        message = {"message_id": 1, "date": 0, "chat": {**who, "type": "private"}, "from": who, "text": "Hi"}
        async with aiohttp.ClientSession() as session:
            for headers in ({}, {SECRET_HEADER: "wrong"}, {SECRET_HEADER: ""}):
                forged = {"update_id": 1, "message": message}
                async with session.post(proxy.url, json=forged, headers=headers) as refused:
                    assert refused.status == 401
        await answer(tg, await ann.say(QUESTION))
    with closing(sqlite3.connect(home / "tertulia.db")) as database:
        stored = "\n".join(database.iterdump())
    assert "Ann" in stored
    assert "Mallory" not in stored


async def test_what_is_brought_twice_is_answered_once(tmp_path: Path) -> None:
    async with calm() as tg, proxied(times=2) as proxy, brought_to(tmp_path / "home", tg, proxy):
        ann = tg.person("Ann")
        questions = [await ann.say(QUESTION) for _ in range(3)]
        for question in questions:
            await answer(tg, question)
        await tg.until(lambda: not tg.world.updates.pending)
        assert [len(ann.chat.answers_to(question)) for question in questions] == [1, 1, 1]
        assert proxy.statuses == [200] * 6


async def test_what_comes_while_the_service_is_dead_is_brought_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with calm(webhook_pause=0.05) as tg, proxied() as proxy:
        ann = tg.person("Ann")
        async with brought_to(home, tg, proxy) as running:
            await answer(tg, await ann.say(QUESTION))
            await running.kill()
            missed = [await ann.say(QUESTION) for _ in range(3)]
            await tg.until(lambda: "502" in tg.world.webhook.last_error)
        async with brought_to(home, tg, proxy):
            later = [await answer(tg, question) for question in missed]
        assert [m.id for m in later] == sorted(m.id for m in later)
        assert len(ann.chat.answers) == 4
        assert tg.calls["setWebhook"] == 1
