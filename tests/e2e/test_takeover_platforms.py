"""Taken over on Telegram, on Discord and on the page: the words of a person, where they belong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from adapters.web.identity import COOKIE
from bot.compose import App
from bot.types import Conversation, Person
from tests.adapters.web_core import ask, browser_like, listen, text_of
from tests.e2e import discord_service, telegram_service
from tests.e2e.taken_page import ann, page, talking
from tests.simulators.openai import Server

NOW = "Ann, a member of staff, answers here now. The assistant is silent until they hand back."
BACK = "The assistant answers here again."


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
            await app.takeover.take(number, await ann(app))
            question = await bob.say("Is anybody there?")
            await tg.until(lambda: bob.chat.texts[-1:] == [NOW])
        async with telegram_service.service(tg, tmp_path, **talking(model)) as app:
            await app.takeover.say(number, "Yes, *I* am.", await ann(app))
            await tg.until(lambda: bob.chat.texts[-1] == "Ann (staff): Yes, I am.")
            said = bob.chat.answers[-1]
            assert said.reply_to is question
            assert [b["callback_data"] for b in said.buttons] == ["up", "down"]
            await bob.press(said, "up")
            await app.takeover.give_back(number, await ann(app))
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
            await app.takeover.take(number, await ann(app))
            question = await eve.ask("is anybody there?", channel=thread)
            await dc.until(lambda: thread.texts[-1:] == [NOW.replace("Ann", "**Ann**")])
            await app.takeover.say(number, "For both of you @everyone.", await ann(app))
            await dc.until(lambda: thread.texts[-1].startswith("**Ann (staff):** For both"))
            said = thread.answers_to(question)[-1]
            assert "For both" in said.content
            await discord_service.answer(dc, await bob.ask("elsewhere", channel=room.general))
            await app.takeover.give_back(number, await ann(app))
            await dc.until(lambda: thread.texts[-1] == BACK)
        assert dc.errors == []


async def test_a_command_on_discord_is_answered_by_a_person(tmp_path: Path) -> None:
    async with discord_service.calm() as dc, Server().lifespan() as model:
        bob = dc.person("Bob")
        room = await dc.guild("Friends", bob)
        async with discord_service.service(dc, tmp_path, **talking(model)) as app:
            await dc.until(bob.commands)
            await discord_service.answer(dc, await bob.ask("hello", channel=room.general))
            number = (await only(app, "discord", bob.user.id)).id
            await app.takeover.take(number, await ann(app))
            asked = await bob.slash("ask", channel=room.general, text="Why?")
            await dc.until(lambda: asked.texts[-1:] == [NOW.replace("Ann", "**Ann**")])
            await app.takeover.say(number, "Because.", await ann(app))
            await dc.until(lambda: room.general.texts[-1].endswith("**Ann (staff):** Because."))
        assert not bob.failed(asked)
        assert dc.errors == []


async def until_said(client: httpx.AsyncClient, conversation: str) -> list[dict[str, str]]:
    """The conversation's messages, once a person's answer is among them."""
    async with asyncio.timeout(20):
        while True:
            response = await client.get(f"/api/v1/conversations/{conversation}/messages")
            shown: list[dict[str, str]] = response.json()["messages"]
            if shown[-1]["answer"]:
                return shown


async def staff(client: httpx.AsyncClient) -> list[str]:
    """Who answers in the assistant's place, of each conversation."""
    listed = (await client.get("/api/v1/conversations")).json()["conversations"]
    return [one["staff"] for one in listed]


async def test_on_the_page(tmp_path: Path) -> None:
    async with Server().lifespan() as model, page(tmp_path, **talking(model)) as (app, client):
        name = (await ask(client, "Hello"))[0][1]["conversation"]
        conversation = await only(app, "web", client.cookies[COOKIE].partition(".")[0])
        await app.takeover.take(conversation.id, await ann(app))
        told = await ask(client, "Is anybody there?", conversation=name)
        assert text_of(told) == NOW.replace("Ann", "**Ann**")
        kept = await ask(client, "I can wait.", conversation=name)
        assert (text_of(kept), kept[-1][1]["finish_reason"]) == ("", "taken")
        waiting = (await client.get(f"/api/v1/conversations/{name}/messages")).json()["messages"]
        assert [m["fate"] for m in waiting] == ["", "waits", "waits"]
        assert await staff(client) == ["Ann"]
        await app.takeover.say(conversation.id, "Yes.", await ann(app), key="one")
        shown = await until_said(client, name)
        assert [m["fate"] for m in shown] == ["", "later", ""]
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
        await app.takeover.give_back(conversation.id, await ann(app))
        assert await staff(client) == [""]
        assert text_of(await ask(client, "Thanks", conversation=name)) == "Thanks"
        assert (await ann(app)).id not in (await client.get(f"/api/v1/conversations/{name}/messages")).text
