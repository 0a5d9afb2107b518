"""A chat platform of our own, as strict as real ones, for driving the core end to end.

It runs as an HTTP server, so that a bot in another process can be killed while the platform and
its people live on. Updates are acknowledged by offset, as with Telegram's getUpdates; sends are
idempotent by key (`keyed`, as with Discord's nonce) or not (as with Telegram); texts over the
limit and edits of messages that do not exist are refused; calls fail by a seed: refused before
they took effect, cut off after it, or answered with flood control.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

LIMIT = 500


@dataclass(slots=True)
class Shown:
    """One message of the bot's, as people saw it change."""

    id: str
    chat: str
    reply_to: str
    key: str
    texts: list[str]
    final: bool = False
    deleted: bool = False

    @property
    def text(self) -> str:
        return self.texts[-1]


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of calls, drawn by `seed`."""

    refused: float = 0.0
    cut_off: float = 0.0
    flood: float = 0.0
    retry_after: float = 0.05
    seed: int = 0


@dataclass(slots=True)
class Chat:
    messages: list[Shown] = field(default_factory=list)


class Platform:
    """``async with Platform() as platform:`` serves on a free loopback port at `url`."""

    def __init__(self, *, keyed: bool = True, limit: int = LIMIT, faults: Faults | None = None) -> None:
        self.keyed = keyed
        self.limit = limit
        self.faults = faults or Faults()
        self.url = ""
        self.messages: dict[str, Shown] = {}
        self.calls: Counter[str] = Counter()
        self.refusals: list[str] = []
        self.closed: set[str] = set()
        """Chats that let the bot in no more."""
        self.answered = asyncio.Condition()
        self._random = random.Random(self.faults.seed)
        self._updates: list[dict[str, Any]] = []
        self._acknowledged = 0
        self._next_message = 0
        self._news = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Platform:
        app = web.Application()
        app.router.add_get("/updates", self._get_updates)
        app.router.add_post("/send", self._send)
        app.router.add_post("/edit", self._edit)
        app.router.add_post("/delete", self._delete)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = str(site.name).rstrip("/")
        if site._server is not None:
            port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
            self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # the people's side

    async def say(self, chat: str, text: str, *, person: str = "", kind: str = "message", **more: Any) -> str:
        """Somebody writes; returns the id of their message."""
        message_id = more.pop("message_id", "") or self._new_id()
        update = {
            "id": len(self._updates) + 1,
            "kind": kind,
            "chat": chat,
            "person": person or f"person-{chat}",
            "text": text,
            "message_id": message_id,
            **more,
        }
        self._updates.append(update)
        async with self._news:
            self._news.notify_all()
        return message_id

    async def repeat_update(self, number: int) -> None:
        """The platform delivers an update a second time, under its old id."""
        self._updates.append(self._updates[number - 1])
        async with self._news:
            self._news.notify_all()

    @property
    def acknowledged(self) -> bool:
        """Whether the bot has taken all that happened."""
        return self._acknowledged >= len(self._updates)

    def answers(self, chat: str) -> list[Shown]:
        """The bot's messages in a chat, in order, without deleted ones."""
        return [m for m in self.messages.values() if m.chat == chat and not m.deleted]

    def answer_to(self, message_id: str) -> list[Shown]:
        """The messages that answer a question: the one that replies to it and those that follow
        it in the same turn (their keys share the turn)."""
        first = [m for m in self.messages.values() if m.reply_to == message_id and not m.deleted]
        turns = {m.key.rsplit(":", 1)[0] for m in first}
        return [m for m in self.messages.values() if m.key.rsplit(":", 1)[0] in turns and not m.deleted]

    async def until_final(self, *message_ids: str) -> None:
        """Wait until each of these questions has a final answer."""
        async with self.answered:
            await self.answered.wait_for(
                lambda: all(any(m.final for m in self.answer_to(i)) for i in message_ids)
            )

    # the bot's side

    async def _get_updates(self, request: web.Request) -> web.Response:
        offset = int(request.query["offset"])
        self._acknowledged = max(self._acknowledged, offset)
        wait = float(request.query.get("timeout", "0"))
        if len(self._updates) <= self._acknowledged:
            try:
                async with asyncio.timeout(wait), self._news:
                    await self._news.wait_for(lambda: len(self._updates) > self._acknowledged)
            except TimeoutError:
                pass
        first = self._acknowledged
        batch = [{"offset": first + i, **u} for i, u in enumerate(self._updates[first : first + 100])]
        return _json(batch)

    async def _send(self, request: web.Request) -> web.Response:
        body = await request.json()
        if (refused := self._gate("send", body)) is not None:
            return refused
        known = next((m for m in self.messages.values() if self.keyed and m.key == body["key"]), None)
        if known is None:
            known = Shown(self._new_id(), body["chat"], body["reply_to"], body["key"], [body["text"]])
            self.messages[known.id] = known
        known.final = known.final or body["final"]
        return await self._done({"id": known.id})

    async def _edit(self, request: web.Request) -> web.Response:
        body = await request.json()
        if (refused := self._gate("edit", body)) is not None:
            return refused
        message = self.messages.get(body["id"])
        if message is None or message.deleted:
            return web.Response(status=400, text="message not found")
        message.texts.append(body["text"])
        message.final = body["final"]
        return await self._done({})

    async def _delete(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.calls["delete"] += 1
        if (refused := self._weather()) is not None:
            return refused
        if message := self.messages.get(body["id"]):
            message.deleted = True
        return await self._done({})

    def _gate(self, call: str, body: dict[str, Any]) -> web.Response | None:
        self.calls[call] += 1
        if (refused := self._weather()) is not None:
            return refused
        if body["chat"] in self.closed:
            return web.Response(status=403, text="the chat is closed")
        if self._random.random() < self.faults.flood:
            return web.Response(status=429, text=str(self.faults.retry_after))
        if not body["text"].strip() or len(body["text"].encode("utf-16-le")) // 2 > self.limit:
            self.refusals.append(body["text"])
            return web.Response(status=400, text="text is empty or too long")
        return None

    def _weather(self) -> web.Response | None:
        if self._random.random() < self.faults.refused:
            return web.Response(status=502, text="bad gateway")
        return None

    async def _done(self, result: dict[str, Any]) -> web.Response:
        async with self.answered:
            self.answered.notify_all()
        if self._random.random() < self.faults.cut_off:
            return web.Response(status=504, text="gateway timeout")
        return _json(result)

    def _new_id(self) -> str:
        self._next_message += 1
        return f"m{self._next_message}"


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
