"""A send that is repeated when Discord no longer knows its nonce."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.channel import DiscordChannel
from adapters.discord.earlier import NONCE_SECONDS
from adapters.discord.tokens import LIFE_SECONDS
from adapters.discord.world import moment
from bot.types import Button, EventKind, Outgoing, Part
from tests.adapters.discord_core import Core, at, shown, simulated
from tests.fakes import FakeClock
from tests.simulators.discord import Discord, Person

STOP = (Button("Stop", "stop"),)


@dataclass
class Scene:
    core: Core
    dc: Discord
    adapter: DiscordAdapter
    ana: Person

    @property
    def channel(self) -> DiscordChannel:
        return self.adapter.channel

    async def outage(self) -> None:
        """Longer than nonces are known."""
        self.dc.world.nonces.clear()
        await self.core.clock.advance(NONCE_SECONDS + 1)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with simulated() as dc:
        core = Core(clock=FakeClock(moment(str(dc.world.snowflake()))))
        async with core.running(dc) as adapter:
            yield Scene(core, dc, adapter, dc.person("Ana"))


async def test_a_first_part_is_found_by_what_it_replies_to(scene: Scene) -> None:
    ana, channel = scene.ana, scene.channel
    question = await ana.say("Hi?")
    here = at(ana.channel.id, scene.dc)
    first = await channel.send(here, shown("Hello"), key="turn:0", reply_to=str(question.id))
    await scene.outage()
    assert await channel.send(here, shown("Hello!"), key="turn:0", reply_to=str(question.id)) == first
    later = await ana.say("And?")
    await scene.outage()
    assert await channel.send(here, shown("So."), key="next:0", reply_to=str(later.id)) != first
    assert ana.texts == ["Hello!", "So."]


async def test_what_else_replied_to_the_question_is_not_taken_for_the_answer(scene: Scene) -> None:
    ana, channel = scene.ana, scene.channel
    question = await ana.say("Hi?")
    here = at(ana.channel.id, scene.dc)
    refusal = await channel.send(here, shown("Too long."), key="event:0", reply_to=str(question.id))
    await scene.outage()
    answer = await channel.send(here, shown("Hello"), key="turn:0", reply_to=str(question.id))
    assert answer != refusal
    assert ana.texts == ["Too long.", "Hello"]


async def test_what_was_not_ready_is_found_whatever_it_said(scene: Scene) -> None:
    ana, channel = scene.ana, scene.channel
    question = await ana.say("Hi?")
    here = at(ana.channel.id, scene.dc)
    begun = replace(shown(""), activity="Searching…", buttons=STOP)
    first = await channel.send(here, begun, key="turn:0", reply_to=str(question.id))
    await scene.outage()
    assert await channel.send(here, shown("Hello"), key="turn:0", reply_to=str(question.id)) == first
    (answer,) = ana.channel.answers
    assert (answer.content, answer.buttons) == ("Hello", [])


async def test_a_later_part_and_a_file_are_found_behind_the_part_before(scene: Scene) -> None:
    ana, channel = scene.ana, scene.channel
    question = await ana.say("Why?")
    here = at(ana.channel.id, scene.dc)
    before = await channel.send(here, shown("One"), key="t:0", reply_to=str(question.id))
    file = Part(text="# Long", name="answer.md")
    parts: list[tuple[str, Outgoing]] = [
        ("t:1", shown("Two")),
        ("t:2", replace(shown("See"), attachment=file)),
        ("t:3", replace(shown(""), attachment=Part(ref="https://pictures.example/a.png"))),
    ]
    for key, out in parts:
        following = replace(out, follows=before)
        before = await channel.send(here, following, key=key)
        await scene.outage()
        assert await channel.send(here, following, key=key) == before
    assert ana.texts == ["One", "Two", "See", "https://pictures.example/a.png"]


async def test_an_answer_is_found_in_a_thread(scene: Scene) -> None:
    ana, channel, core = scene.ana, scene.channel, scene.core
    room = await scene.dc.guild("Club", ana)
    core.threaded.add(str(room.general.id))
    question = await ana.ask("Why?", channel=room.general)
    event = await core.until_put(question)
    first = await channel.send(event.address, shown("So"), key="t:0", reply_to=event.message_id)
    await scene.outage()
    assert await channel.send(event.address, shown("So."), key="t:0", reply_to=event.message_id) == first
    assert question.thread is not None
    assert question.thread.texts == ["So."]


async def test_an_answer_is_found_behind_hundreds_of_messages(scene: Scene) -> None:
    ana, channel = scene.ana, scene.channel
    room = await scene.dc.guild("Club", ana)
    question = await ana.ask("Why?", channel=room.general)
    for n in range(250):
        await ana.say(f"chat {n}", channel=room.general)
    here = at(room.general.id, scene.dc)
    first = await channel.send(here, shown("So."), key="t:0", reply_to=str(question.id))
    await scene.outage()
    assert await channel.send(here, shown("So."), key="t:0", reply_to=str(question.id)) == first
    assert len(room.general.answers) == 1


async def test_what_was_said_in_place_of_a_late_command_is_found(scene: Scene) -> None:
    ana, channel, core = scene.ana, scene.channel, scene.core
    await ana.slash("/new")
    await core.until(lambda: [e for e in core.events if e.kind is EventKind.COMMAND])
    event = core.last(EventKind.COMMAND)
    await core.clock.advance(LIFE_SECONDS)
    first = await channel.send(event.address, shown("Anew."), key="e:0", reply_to=event.message_id)
    await scene.outage()
    assert await channel.send(event.address, shown("Anew."), key="e:0", reply_to=event.message_id) == first
    assert [m.content for m in ana.channel.answers if m.content.endswith("Anew.")] == [f"{ana.mention} Anew."]
