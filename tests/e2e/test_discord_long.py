"""On Discord a long answer can go on in a thread of its first message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.discord_service import answer, calm, service
from tests.simulators.discord import Channel, Discord, Message, Permission, Person
from tests.simulators.openai import Server

LONG = "\n\n".join(f"Item {n}: {'word ' * 30}" for n in range(40))


def talking(model: Server) -> dict[str, Any]:
    return {"model_url": model.url, "plugins_disabled": ("qa",)}


async def choose_long(dc: Discord, person: Person, channel: Channel) -> None:
    await dc.until(person.commands)
    asked = await person.slash("settings", channel=channel, text="threads long")
    assert "`threads` is now" in (await dc.until(lambda: [t for t in asked.texts if t]))[-1]


def whole(channel: Channel) -> Message | None:
    """The message that ends an answer there."""
    return next((m for m in channel.answers if any(b["custom_id"] == "retry" for b in m.buttons)), None)


async def goes_on(dc: Discord, question: Message) -> Channel:
    """The thread that the question's answer goes on in, when that is whole."""
    begun = await dc.until(lambda: question.channel.answers_to(question))
    await dc.until(lambda: begun[0].thread and whole(begun[0].thread), 30)
    thread = begun[0].thread
    assert thread is not None
    return thread


async def test_a_long_answer_goes_on_in_a_thread_where_people_can_ask_on(tmp_path: Path) -> None:
    async with calm() as dc, Server(window=100_000).lifespan() as model:
        own, ana = dc.person("Own"), dc.person("Ana")
        room = await dc.guild("Club", own, ana)
        async with service(dc, tmp_path, **talking(model)):
            await choose_long(dc, own, room.general)
            short = await answer(dc, await ana.ask("Short, please", channel=room.general))
            assert short.thread is None
            model.behaviour.text = LONG
            question = await ana.ask("Everything, please", channel=room.general)
            thread = await goes_on(dc, question)
            (first,) = room.general.answers_to(question)
            assert (thread.name, thread.id) == ("Everything, please", first.id)
            shown = [first.content, *(m.content for m in thread.answers)]
            assert [text.count("Item ") > 0 for text in shown] == [True] * len(shown)
            assert all(f"Item {n}:" in "\n".join(shown) for n in range(40))

            last = whole(thread)
            assert last is not None
            model.behaviour.text = "Once more."
            await ana.press(last, "retry")
            await dc.until(lambda: first.content == "Once more." and not thread.answers, 30)

            model.behaviour.text = "It is so."
            await ana.say("And why?", channel=thread)
            await dc.until(lambda: whole(thread), 30)
            said = [m["content"] for m in model.chats[-1].body["messages"]]
            assert ["Everything, please" in said[-3], said[-2], "And why?" in said[-1]] == [
                True,
                "Once more.",
                True,
            ]
        assert dc.errors == []


async def test_an_answer_that_was_cut_off_by_a_stop_ends_in_the_same_thread(tmp_path: Path) -> None:
    async with calm() as dc, Server(window=100_000).lifespan() as model:
        own, ana = dc.person("Own"), dc.person("Ana")
        room = await dc.guild("Club", own, ana)
        model.behaviour.text = LONG
        async with service(dc, tmp_path, **talking(model), stop_grace=0.2):
            await choose_long(dc, own, room.general)
            model.behaviour.interval = 0.002
            question = await ana.ask("Everything, please", channel=room.general)
            begun = await dc.until(lambda: room.general.answers_to(question), 30)
            await dc.until(lambda: begun[0].thread and begun[0].thread.answers, 30)
        model.behaviour.interval = 0.0
        async with service(dc, tmp_path, **talking(model)):
            thread = await goes_on(dc, question)
            (first,) = room.general.answers_to(question)
            everything = "\n".join([first.content, *(m.content for m in thread.answers)])
            assert [everything.count(f"Item {n}:") for n in range(40)] == [1] * 40
        assert dc.errors == []


async def test_where_no_thread_can_be_made_a_long_answer_stays_in_the_channel(tmp_path: Path) -> None:
    async with calm() as dc, Server(window=100_000).lifespan() as model:
        own, ana = dc.person("Own"), dc.person("Ana")
        room = await dc.guild("Club", own, ana)
        await room.permit_bot(room.general, deny=Permission.CREATE_PUBLIC_THREADS)
        model.behaviour.text = LONG
        async with service(dc, tmp_path, **talking(model)):
            await choose_long(dc, own, room.general)
            for text in ("Everything", "All of it"):
                await ana.ask(text, channel=room.general)
                await dc.until(lambda: whole(room.general), 30)
            await dc.until(lambda: "\n".join(room.general.texts).count("Item 39:") == 2, 30)
        assert dc.calls["POST /channels/{channel_id}/messages/{message_id}/threads"] == 1
