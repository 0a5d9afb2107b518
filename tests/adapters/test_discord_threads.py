"""Questions that are answered in threads of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.channel import DiscordChannel
from bot.errors import ChatGone
from bot.types import Button, EventKind
from tests.adapters.discord_core import Core, at, shown, simulated
from tests.simulators.discord import Discord, Message, Permission, Person


@pytest.fixture
async def dc() -> AsyncIterator[Discord]:
    async with simulated() as discord:
        yield discord


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def ana(dc: Discord) -> Person:
    return dc.person("Ana")


async def test_a_thread_is_made_by_the_first_call_to_it(core: Core, dc: Discord, ana: Person) -> None:
    room = await dc.guild("Club", ana)
    core.threaded.add(str(room.general.id))
    async with core.running(dc) as adapter:
        question = await ana.ask("Why is the sky blue?", channel=room.general)
        event = await core.until_put(question)
        await adapter.channel.typing(event.address)
    restarted = DiscordAdapter(core.deps(dc))
    await restarted.channel.send(event.address, shown("So."), key="k", reply_to=event.message_id)
    thread = question.thread
    assert thread is not None
    assert (thread.id, thread.name, thread.texts) == (question.id, "Why is the sky blue?", ["So."])
    assert room.general.texts == []
    await restarted.aclose()
    assert dc.errors == []


async def test_an_archived_thread_is_opened_and_a_locked_one_is_closed(
    core: Core, dc: Discord, ana: Person
) -> None:
    room = await dc.guild("Club", ana)
    core.threaded.add(str(room.general.id))
    async with core.running(dc) as adapter:
        question = await ana.ask("Why?", channel=room.general)
        here = (await core.until_put(question)).address
        sent = await adapter.channel.send(here, shown("One"), key="k")
        thread = question.thread
        assert thread is not None
        await room.archive(thread)
        await adapter.channel.edit(here, sent, shown("One two"))
        assert thread.texts == ["One two"]
        await room.archive(thread, locked=True)
        with pytest.raises(ChatGone):
            await adapter.channel.edit(here, sent, shown("One two three"))


async def test_where_no_thread_can_be_made_the_channel_is_answered(
    core: Core, dc: Discord, ana: Person
) -> None:
    room = await dc.guild("Club", ana)
    core.threaded.add(str(room.general.id))
    await room.permit_bot(room.general, deny=Permission.CREATE_PUBLIC_THREADS)
    async with core.running(dc) as adapter:
        question = await ana.ask("Why?", channel=room.general)
        event = await core.until_put(question)
        sent = await adapter.channel.send(event.address, shown("So"), key="k", reply_to=event.message_id)
    restarted = DiscordAdapter(core.deps(dc))
    await restarted.channel.edit(event.address, sent, shown("So."))
    await restarted.aclose()
    (answer,) = room.general.answers
    assert (answer.content, answer.reply_to) == ("So.", question)


async def test_a_channel_that_refuses_all_is_asked_twice_for_any_number_of_questions(
    dc: Discord, ana: Person, core: Core
) -> None:
    room = await dc.guild("Club", ana)
    core.threaded.add(str(room.general.id))
    nothing = Permission.SEND_MESSAGES | Permission.CREATE_PUBLIC_THREADS
    await room.permit_bot(room.general, deny=nothing)

    async def ask(text: str, channel: DiscordChannel) -> Message:
        question = await ana.ask(text, channel=room.general)
        event = await core.until_put(question)
        await channel.send(event.address, shown("So."), key=f"{text}:0", reply_to=event.message_id)
        return question

    async with core.running(dc) as adapter:
        before = len(dc.log)
        for n in range(30):
            with pytest.raises(ChatGone):
                await ask(f"q{n}", adapter.channel)
        refused = [(call.route, call.status) for call in dc.log[before:] if call.status >= 400]
        await room.permit_bot(room.general)
        await core.until_put(await ana.ask("Again?", channel=room.general))
        question = await ask("And now?", adapter.channel)
    assert refused == [
        ("POST /channels/{channel_id}/messages/{message_id}/threads", 403),
        ("POST /channels/{channel_id}/messages", 403),
    ]
    assert question.thread is not None
    assert question.thread.texts == ["So."]


async def test_a_thread_that_somebody_deleted_stays_away(core: Core, dc: Discord, ana: Person) -> None:
    room = await dc.guild("Club", ana)
    core.threaded.add(str(room.general.id))
    async with core.running(dc) as adapter:
        question = await ana.ask("Why?", channel=room.general)
        here = (await core.until_put(question)).address
        await adapter.channel.send(here, shown("One"), key="k")
        assert question.thread is not None
        await room.remove(question.thread)
        with pytest.raises(ChatGone):
            await adapter.channel.send(here, shown("Two"), key="l")
    assert room.general.answers == []


async def test_a_question_is_marked_as_taken_where_it_stands(core: Core, dc: Discord, ana: Person) -> None:
    room = await dc.guild("Club", ana)
    async with core.running(dc, seen="👀") as adapter:
        channel = adapter.channel
        assert channel.capabilities(at(5, dc)).acknowledges
        here = await ana.ask("Here?", channel=room.general)
        await channel.acknowledge((await core.until_put(here)).address, str(here.id))
        core.threaded.add(str(room.general.id))
        question = await ana.ask("Why?", channel=room.general)
        await channel.acknowledge((await core.until_put(question)).address, str(question.id))
        await channel.acknowledge(at(room.general.id, dc), "i:5")
    assert [m.reactions for m in (here, question)] == [{"👀": [dc.bot.id]}] * 2


async def test_a_press_under_what_goes_on_in_a_thread_belongs_where_the_answer_began(
    core: Core, dc: Discord, ana: Person
) -> None:
    room = await dc.guild("Club", ana)
    here = at(room.general.id, dc)
    up = (Button("👍", "up"),)
    async with core.running(dc) as adapter:
        first = await adapter.channel.send(here, shown("One"), key="t:0")
        there = await adapter.channel.continue_under(here, first, "Why?")
        assert await adapter.channel.continue_under(here, first, "Why?") == there
        await adapter.channel.send(there, replace(shown("Two"), buttons=up, follows=first), key="t:1")
        (answer,) = room.general.answers
        thread = answer.thread
        assert thread is not None
        (rest,) = thread.answers
        own = await adapter.channel.send(at(thread.id, dc), replace(shown("Own"), buttons=up), key="u:0")
    async with core.running(dc):
        await ana.press(rest, "👍")
        await core.until(lambda: [e for e in core.events if e.message_id == str(rest.id)])
        await ana.press(next(m for m in thread.answers if str(m.id) == own), "👍")
        await core.until(lambda: [e for e in core.events if e.message_id == own])
        said = await core.until_put(await ana.say("And?", channel=thread))
    pressed = {e.message_id: e for e in core.events if e.kind is EventKind.BUTTON}
    assert (pressed[str(rest.id)].address, pressed[str(rest.id)].within) == (here, said.within[1:])
    assert pressed[own].address == at(thread.id, dc)
    assert (said.address, said.under) == (at(thread.id, dc), first)
