"""Taken over on Telegram, on Discord and on the page: the words of a person, where they belong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from adapters.web.adapter import WebAdapter
from adapters.web.identity import COOKIE
from adapters.web.metrics import PrometheusTelemetry
from bot.clock import SystemClock
from bot.compose import App, compose, open_models, open_stores
from bot.platforms import web_adapter
from bot.settings import Settings
from bot.types import Account, ConsoleRole, Conversation, Event, Person
from tests.adapters.web_core import ask, browser_like, listen, text_of
from tests.e2e import discord_service, telegram_service
from tests.simulators.openai import Server

ANN = Account("acc-1", "Ann", ConsoleRole.OPERATOR)
NOW = "Ann, a member of staff, answers here now. The assistant is silent until they hand back."
BACK = "The assistant answers here again."


def talking(model: Server) -> dict[str, Any]:
    """With a model that says the question back, and no documents."""
    return {"model_url": model.url, "plugins_disabled": ("qa",)}


async def only(app: App, platform: str, user: object) -> Conversation:
    """The one conversation of somebody."""
    person: Person | None = await app.stores.people.find(platform, str(user))
    assert person is not None
    (found,) = await app.stores.conversations.listing(person.id)
    return found


async def test_on_telegram(tmp_path: Path) -> None:
    async with telegram_service.calm() as tg, Server().lifespan() as model:
        bob = tg.person("Bob")
        async with telegram_service.service(tg, tmp_path, **talking(model)) as app:
            await telegram_service.answer(tg, await bob.say("Hello"))
            number = (await only(app, "telegram", bob.id)).id
            await app.takeover.take(number, ANN)
            question = await bob.say("Is anybody there?")
            await tg.until(lambda: bob.chat.texts[-1:] == [NOW])
        async with telegram_service.service(tg, tmp_path, **talking(model)) as app:
            await app.takeover.say(number, "Yes, *I* am.", ANN)
            await tg.until(lambda: bob.chat.texts[-1] == "Ann (staff): Yes, I am.")
            said = bob.chat.answers[-1]
            assert said.reply_to is question
            assert [b["callback_data"] for b in said.buttons] == ["up", "down"]
            await bob.press(said, "up")
            await app.takeover.give_back(number, ANN)
            await tg.until(lambda: bob.chat.texts[-1] == BACK)
            last = await bob.say("Thanks")
            assert (await telegram_service.answer(tg, last)).text == "Thanks"
        assert [m["role"] for m in model.chats[-1].body["messages"][1:]] == ["user", "assistant"] * 2 + [
            "user"
        ]
        assert tg.errors == []


async def test_in_a_thread_on_discord(tmp_path: Path) -> None:
    async with discord_service.calm() as dc, Server().lifespan() as model:
        bob, eve = dc.person("Bob"), dc.person("Eve")
        room = await dc.guild("Friends", bob, eve)
        async with discord_service.service(dc, tmp_path, **talking(model)) as app:
            first = await bob.say("Our thread", channel=room.general)
            thread = await bob.thread("help", message=first)
            await discord_service.answer(dc, await bob.ask("hello", channel=thread))
            number = (await only(app, "discord", bob.user.id)).id
            await app.takeover.take(number, ANN)
            question = await eve.ask("is anybody there?", channel=thread)
            await dc.until(lambda: thread.texts[-1:] == [NOW.replace("Ann", "**Ann**")])
            await app.takeover.say(number, "For both of you @everyone.", ANN)
            await dc.until(lambda: thread.texts[-1].startswith("**Ann (staff):** For both"))
            said = thread.answers_to(question)[-1]
            assert "For both" in said.content
            await discord_service.answer(dc, await bob.ask("elsewhere", channel=room.general))
            await app.takeover.give_back(number, ANN)
            await dc.until(lambda: thread.texts[-1] == BACK)
        assert dc.errors == []


class Begun:
    """The page's adapter; `ready` once it listens."""

    def __init__(self, inner: WebAdapter) -> None:
        self.channel = inner.channel
        self.ready = asyncio.Event()
        self._inner = inner

    @asynccontextmanager
    async def lifespan(self, put: Callable[[Event], Awaitable[bool]]) -> AsyncIterator[None]:
        async with self._inner.lifespan(put):
            self.ready.set()
            yield


async def test_a_command_on_discord_is_answered_by_a_person(tmp_path: Path) -> None:
    async with discord_service.calm() as dc, Server().lifespan() as model:
        bob = dc.person("Bob")
        room = await dc.guild("Friends", bob)
        async with discord_service.service(dc, tmp_path, **talking(model)) as app:
            await dc.until(bob.commands)
            await discord_service.answer(dc, await bob.ask("hello", channel=room.general))
            number = (await only(app, "discord", bob.user.id)).id
            await app.takeover.take(number, ANN)
            asked = await bob.slash("ask", channel=room.general, text="Why?")
            await dc.until(lambda: asked.texts[-1:] == [NOW.replace("Ann", "**Ann**")])
            await app.takeover.say(number, "Because.", ANN)
            await dc.until(lambda: room.general.texts[-1].endswith("**Ann (staff):** Because."))
        assert not bob.failed(asked)
        assert dc.errors == []


@asynccontextmanager
async def page(home: Path, **options: Any) -> AsyncIterator[tuple[App, httpx.AsyncClient]]:
    """The whole of Tertulia with its page, and a visitor."""
    given = {"home": home, "access": "open", "web_port": 0, "model_discovery": False, **options}
    settings, clock, stop = Settings.model_validate(given), SystemClock(), asyncio.Event()
    telemetry = PrometheusTelemetry()
    async with (
        open_stores(settings, clock, durable_inbox=True) as stores,
        open_models(settings, clock) as models,
    ):
        running: list[App] = []
        adapter = web_adapter(
            settings,
            stores,
            models,
            telemetry,
            clock,
            metrics=telemetry,
            hooks={},
            checks={},
            app=lambda: running[0],
        )
        begun = Begun(adapter)
        async with compose(settings, stores, models, [begun], telemetry, clock) as app:
            running.append(app)
            serving = asyncio.create_task(app.serve([begun], stop))
            await asyncio.wait_for(begun.ready.wait(), 20)
            try:
                async with browser_like(adapter.url) as client:
                    yield app, client
            finally:
                stop.set()
                await serving
                await adapter.aclose()


async def until_said(client: httpx.AsyncClient, conversation: str) -> list[dict[str, str]]:
    """The conversation's messages, once a person's answer is among them."""
    async with asyncio.timeout(20):
        while True:
            response = await client.get(f"/api/v1/conversations/{conversation}/messages")
            shown: list[dict[str, str]] = response.json()["messages"]
            if shown[-1]["answer"]:
                return shown


async def test_on_the_page(tmp_path: Path) -> None:
    async with Server().lifespan() as model, page(tmp_path, **talking(model)) as (app, client):
        name = (await ask(client, "Hello"))[0][1]["conversation"]
        conversation = await only(app, "web", client.cookies[COOKIE].partition(".")[0])
        await app.takeover.take(conversation.id, ANN)
        told = await ask(client, "Is anybody there?", conversation=name)
        assert text_of(told) == NOW.replace("Ann", "**Ann**")
        kept = await ask(client, "I can wait.", conversation=name)
        assert (text_of(kept), kept[-1][1]["finish_reason"]) == ("", "taken")
        await app.takeover.say(conversation.id, "Yes.", ANN, key="one")
        shown = await until_said(client, name)
        assert text_of(await listen(client, "console-one")) == "**Ann (staff):** Yes."
        assert [(m["question"], m["answer"]) for m in shown] == [
            ("Hello", "Hello"),
            ("Is anybody there?", ""),
            ("I can wait.", "**Ann (staff):** Yes."),
        ]
        rated = await client.post(f"/api/v1/chat/{shown[-1]['id']}/feedback", json={"value": 1})
        assert rated.json() == {"accepted": True}
        async with browser_like(str(client.base_url)) as stranger:
            await ask(stranger, "Who else?")
            assert (await stranger.get("/api/v1/chat/console-one")).status_code == 404
        await app.takeover.give_back(conversation.id, ANN)
        assert text_of(await ask(client, "Thanks", conversation=name)) == "Thanks"
        assert "acc-1" not in (await client.get(f"/api/v1/conversations/{name}/messages")).text
