"""Every interaction is answered within three seconds, whatever else there is to do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from adapters.discord.acknowledging import ACK_SECONDS
from adapters.discord.interactions import WINDOW_SECONDS
from bot.types import Button, EventKind, PartKind
from tests.adapters.discord_core import Core, at, say, shown, simulated
from tests.simulators.discord import Discord, Interaction
from tests.simulators.discord.interactions import interaction_json

CALLBACK = "POST /interactions/{webhook_id}/{webhook_token}/callback"
COMMANDS = "PUT /applications/{application_id}/commands"
NOTE, DEFERRED = 4, 5


def failing(dc: Discord, *calls: str) -> None:
    """From now on these calls fail, and only these."""
    weather, fate = dc.world.weather, type(dc.world.weather).fate
    weather.fate = lambda call: "5xx" if call in calls else fate(weather, call)  # type: ignore[method-assign]


async def told(core: Core, asked: Interaction) -> tuple[int, list[str]]:
    await core.until(lambda: asked.acknowledged)
    return asked.response, asked.texts


async def test_an_interaction_is_deferred_at_once_and_stored_when_the_database_is_back() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        core.broken = True
        asked = await ana.slash("/new")
        assert await told(core, asked) == (DEFERRED, [""])
        await core.until(lambda: "database" in adapter.state.error)
        core.broken = False
        await core.until(lambda: core.events, step=0.5)
        event = core.last(EventKind.COMMAND)
        await adapter.channel.send(event.address, shown("Anew."), key="k", reply_to=event.message_id)
        assert asked.texts == ["Anew."]


async def test_a_crowd_that_presses_at_once_is_answered_side_by_side() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc) as adapter:
        people = [dc.person(f"P{n}") for n in range(30)]
        room = await dc.guild("Club", *people)
        out = replace(shown("So."), buttons=(Button("👍", "up"),))
        await adapter.channel.send(at(room.general.id, dc), out, key="t:0")
        (answer,) = room.general.answers
        failing(dc, CALLBACK)
        asked = [await person.press(answer, "👍") for person in people]
        await core.until(lambda: dc.calls.get(CALLBACK, 0) >= len(people))
        assert not any(each.acknowledged for each in asked)
        failing(dc)
        await core.clock.advance(0.25)
        await core.until(lambda: all(each.acknowledged for each in asked))
        await core.until(lambda: all(each.texts[1:] == ["feedback.thanks en-US"] for each in asked))
    assert core.clock.monotonic() < ACK_SECONDS
    assert {e.sender.id for e in core.events if e.kind is EventKind.BUTTON} == {str(p.id) for p in people}


async def test_an_answer_waits_until_discord_was_told_that_one_comes() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        failing(dc, CALLBACK)
        asked = await ana.slash("/new")
        await core.until(lambda: core.events and dc.calls.get(CALLBACK))
        event = core.last(EventKind.COMMAND)
        sending = asyncio.create_task(
            adapter.channel.send(event.address, shown("Anew."), key="k", reply_to=event.message_id)
        )
        failing(dc)
        await core.until(sending.done, step=0.05)
        await sending
    assert (asked.texts, ana.channel.texts) == (["Anew."], ["Anew."])


async def test_what_cannot_be_acknowledged_in_time_is_answered_in_the_channel() -> None:
    core = Core()
    async with simulated(clock=core.clock.monotonic) as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        failing(dc, CALLBACK)
        asked = await ana.slash("/ask", channel=room.general, text="Why?")
        await core.until(lambda: core.telemetry.total("discord_late"), step=0.5)
        failing(dc)
        event = core.last(EventKind.MESSAGE)
        sent = [
            await adapter.channel.send(event.address, shown("So."), key="t:0", reply_to=event.message_id)
            for _ in range(2)
        ]
    (answer,) = room.general.answers
    assert sent == [str(answer.id)] * 2
    assert answer.content == f"{ana.mention} So."
    assert answer.mentions.users == (ana.user,)
    assert not asked.acknowledged


async def test_a_question_without_words_is_answered_with_a_note() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana, ben = dc.person("Ana", "zh"), dc.person("Ben")
        room = await dc.guild("Club", ana, ben)
        blank = await ana.slash("/ask", channel=room.general, text=" ")
        assert await told(core, blank) == (NOTE, ["access.empty zh-CN"])
        opened = await ana.menu("discord.menu_ask en", await ben.say("The sky", channel=room.general))
        await core.until(lambda: opened.modal)
        window = await ana.submit(opened, question=" ")
        assert await told(core, window) == (NOTE, ["access.empty zh-CN"])
        assert len(ben.sees(room.general)) == 1, "the notes are for the asker alone"
    assert [e.kind for e in core.events] == [EventKind.MEMBERSHIP]


async def test_a_menu_is_known_by_the_name_that_it_has_in_any_language() -> None:
    core = Core()
    async with simulated() as dc:
        ana = dc.person("Ana")
        async with core.running(dc):
            message = await ana.say("The sky is green.")
            await core.until_put(message)
        failing(dc, COMMANDS)
        async with core.running(dc, languages=("zh", "en")):
            opened = await ana.menu("discord.menu_ask en", message)
            await core.until(lambda: opened.modal)
            summed = await ana.menu("discord.menu_summarise en", message)
            assert await told(core, summed) == (DEFERRED, [""])


async def test_an_entry_that_is_known_no_more_is_answered_with_a_note() -> None:
    def renamed(language: str, key: str) -> str:
        return say(language, key if "menu" not in key else f"new {key}")

    core = Core()
    async with simulated() as dc:
        ana = dc.person("Ana")
        async with core.running(dc):
            message = await ana.say("The sky is green.")
            await core.until_put(message)
        failing(dc, COMMANDS)
        async with core.running(dc, say=renamed):
            for name in ("discord.menu_ask en", "discord.menu_summarise en"):
                assert await told(core, await ana.menu(name, message)) == (NOTE, ["discord.stale en-US"])
    assert len(core.events) == 1


@pytest.mark.parametrize("odd", [{"type": 99}, {"data": {}}, {"data": {"type": 7, "name": "x"}}])
async def test_what_nobody_understands_is_answered_with_a_note(odd: dict[str, Any]) -> None:
    core = Core()
    async with simulated() as dc:
        async with core.running(dc):
            pass
        asked = await dc.person("Ana").slash("/new")
        async with core.running(dc):
            gateway = dc.world.gateway
            for session in gateway.sessions.values():
                gateway._send(session, "INTERACTION_CREATE", interaction_json(dc.world, asked) | odd)
            assert await told(core, asked) == (NOTE, ["discord.stale en-US"])
    assert core.events == []


async def test_a_window_that_was_opened_before_a_restart_asks_about_its_message() -> None:
    core = Core()
    async with simulated(privileged=["content"]) as dc:
        ana = dc.person("Ana")
        async with core.running(dc):
            message = await ana.say("The sky is green.")
            opened = await ana.menu("discord.menu_ask en", message)
            await core.until(lambda: opened.modal)
        assert not [key for key, value in core.memory.values.items() if "green" in str(value)]
        async with core.running(dc):
            asked = await ana.submit(opened, question="Is it?")
            await core.until(lambda: any(e.id == f"i:{asked.id}" for e in core.events))
    parts = core.last(EventKind.MESSAGE).parts
    assert [(p.kind, p.text) for p in parts] == [
        (PartKind.QUOTE, "The sky is green."),
        (PartKind.TEXT, "Is it?"),
    ]


async def test_a_message_that_a_window_was_opened_at_is_remembered_for_a_while_only() -> None:
    core = Core()
    async with simulated() as dc, core.running(dc):
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Club", ana, ben)
        message = await ben.say("The sky is green.", channel=room.general)

        async def ask(after: float) -> list[str]:
            opened = await ana.menu("discord.menu_ask en", message)
            await core.until(lambda: opened.modal)
            await core.clock.advance(after)
            asked = await ana.submit(opened, question="Is it?")
            await core.until(lambda: f"i:{asked.id}" in [e.id for e in core.events])
            return [part.text for part in core.last(EventKind.MESSAGE).parts]

        assert await ask(0.0) == ["The sky is green.", "Is it?"]
        assert await ask(WINDOW_SECONDS) == ["Is it?"]
