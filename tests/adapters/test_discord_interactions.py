"""Commands, buttons, menus and windows: stored, acknowledged, and answered where they were asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.tokens import LIFE_SECONDS
from bot.errors import ChatGone
from bot.types import ADMIN, Button, Event, EventKind, Part, PartKind
from tests.adapters.discord_core import Core, at, shown, simulated
from tests.simulators.discord import Discord, Faults, Interaction, Person

DEFERRED, UPDATE_DEFERRED, MESSAGE = 5, 6, 4


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
async def dc() -> AsyncIterator[Discord]:
    async with simulated() as discord:
        yield discord


@pytest.fixture
async def adapter(dc: Discord, core: Core) -> AsyncIterator[DiscordAdapter]:
    async with core.running(dc, suggest=suggest) as running:
        yield running


@pytest.fixture
def ana(dc: Discord) -> Person:
    return dc.person("Ana", "zh")


async def suggest(event: Event) -> list[str]:
    first = f"{event.data} {event.sender.language}"
    return [first, "", "x" * 101, first, *map(str, range(40))]


async def event_of(core: Core, asked: Interaction) -> Event:
    """The event of this interaction, once it is durable and Discord was told."""
    await core.until(lambda: any(e.id == f"i:{asked.id}" for e in core.events) and asked.acknowledged)
    return next(e for e in core.events if e.id == f"i:{asked.id}")


@pytest.mark.usefixtures("adapter")
async def test_a_command_is_stored_and_acknowledged(core: Core, ana: Person) -> None:
    asked = await ana.slash("/model", text="big")
    event = await event_of(core, asked)
    assert (event.kind, event.data) == (EventKind.COMMAND, "/model big")
    assert (event.message_id, event.private, event.sender.language) == (f"i:{asked.id}", True, "zh-CN")
    assert asked.response == DEFERRED
    bare = await event_of(core, await ana.slash("/new"))
    assert bare.data == "/new"


async def test_a_question_by_command_is_answered_in_its_place(
    core: Core, dc: Discord, adapter: DiscordAdapter, ana: Person
) -> None:
    room = await dc.guild("Club", ana)
    asked = await ana.slash("/ask", channel=room.general, text="Why?")
    event = await event_of(core, asked)
    assert (event.kind, event.text, event.private, event.addressed) == (
        EventKind.MESSAGE,
        "Why?",
        False,
        True,
    )
    assert ADMIN in event.sender.roles
    sent = await adapter.channel.send(event.address, shown("So"), key="t:0", reply_to=event.message_id)
    await adapter.channel.edit(event.address, sent, shown("So it is"))
    again = await adapter.channel.send(event.address, shown("So it is"), key="t:0", reply_to=event.message_id)
    await adapter.channel.send(event.address, shown("More"), key="t:1")
    assert again == sent
    assert asked.texts == ["So it is"]
    assert room.general.texts == ["So it is", "More"]
    assert dc.errors == []


async def test_another_process_answers_after_a_crash(
    core: Core, dc: Discord, adapter: DiscordAdapter, ana: Person
) -> None:
    event = await event_of(core, await ana.slash("/ask", text="Why?"))
    first = await adapter.channel.send(event.address, shown("So"), key="t:0", reply_to=event.message_id)
    await core.store.delete("sent:t:0")  # the crash came before the note of it
    await core.store.put(event.message_id, {**await core.store.get(event.message_id), "answered": False})
    other = DiscordAdapter(core.deps(dc))
    for text in ("So it", "So it is"):
        sent = await other.channel.send(event.address, shown(text), key="t:0", reply_to=event.message_id)
        assert sent == first
    await other.aclose()
    assert ana.texts == ["So it"]


async def test_an_interaction_that_is_over_is_answered_in_the_channel() -> None:
    core = Core()
    async with simulated(clock=core.clock.monotonic) as dc, core.running(dc) as adapter:
        ana = dc.person("Ana")
        event = await event_of(core, await ana.slash("/ask", text="Why?"))
        await core.clock.advance(LIFE_SECONDS)
        await adapter.channel.send(event.address, shown("x" * 1990), key="t:0", reply_to=event.message_id)
        assert [len(t) for t in ana.texts if t] == [1990]
        later = await event_of(core, await ana.slash("/ask", text="And?"))
        dc.world.tokens.clear()
        await adapter.channel.send(later.address, shown("So."), key="u:0", reply_to=later.message_id)
        assert ana.texts[-1] == f"{ana.mention} So."


async def test_a_pressed_button_tells_the_message_and_the_asker_alone_can_be_answered(
    core: Core, dc: Discord, adapter: DiscordAdapter, ana: Person
) -> None:
    room = await dc.guild("Club", ana)
    buttons = (Button("Sources", "sources"), Button("👍", "up"))
    out = replace(shown("So."), buttons=buttons)
    sent = await adapter.channel.send(at(room.general.id, dc), out, key="t:0")
    (answer,) = room.general.answers
    asked = await ana.press(answer, "Sources")
    event = await event_of(core, asked)
    assert (event.kind, event.data, event.message_id) == (EventKind.BUTTON, "sources", sent)
    assert (event.reply_to, asked.response) == (f"i:{asked.id}", UPDATE_DEFERRED)
    aside = replace(shown("> the passage"), aside=True)
    shown_id = await adapter.channel.send(event.address, aside, key="s:0", reply_to=event.reply_to)
    assert await adapter.channel.send(event.address, aside, key="s:0", reply_to=event.reply_to) == shown_id
    await adapter.channel.edit(event.address, shown_id, replace(aside, text="> the whole passage"))
    assert [m.content for m in ana.sees(room.general)][-1] == "> the whole passage"
    assert room.general.texts == ["So."]
    await adapter.channel.delete(event.address, shown_id)
    thumb = await ana.press(answer, "👍")
    await core.until(lambda: thumb.texts[1:] == ["feedback.thanks zh-CN"])
    assert (await event_of(core, thumb)).data == "up"
    plain = await adapter.channel.send(event.address, shown("For all"), key="p:0", reply_to=event.reply_to)
    assert str(room.general.answers[-1].id) == plain


async def test_an_aside_to_a_command_is_seen_by_the_asker_alone(
    core: Core, dc: Discord, adapter: DiscordAdapter, ana: Person
) -> None:
    ben = dc.person("Ben")
    room = await dc.guild("Club", ana, ben)
    event = await event_of(core, await ana.slash("/model", channel=room.general))
    await adapter.channel.send(
        event.address, replace(shown("secret"), aside=True), key="k", reply_to=event.message_id
    )
    assert [m.content for m in ana.sees(room.general)] == ["secret"]
    assert ben.sees(room.general) == []


async def test_what_is_for_one_alone_is_never_for_all(
    core: Core, dc: Discord, adapter: DiscordAdapter, ana: Person
) -> None:
    ben = dc.person("Ben")
    room = await dc.guild("Club", ana, ben)
    here = at(room.general.id, dc)
    await adapter.channel.send(
        here, replace(shown("So."), buttons=(Button("Sources", "sources"),)), key="t:0"
    )
    (answer,) = room.general.answers
    event = await event_of(core, await ana.press(answer, "Sources"))
    await core.clock.advance(LIFE_SECONDS)
    secret = replace(shown("secret"), aside=True)
    first = await adapter.channel.send(event.address, secret, key="s:0", reply_to=event.reply_to)
    assert await adapter.channel.send(event.address, replace(secret, follows=first), key="s:1") == ""
    await adapter.channel.edit(event.address, first, secret)
    unasked = await adapter.channel.send(here, secret, key="p:0", reply_to=str(answer.id))
    await adapter.channel.edit(here, unasked, secret)
    hints = [f"{ana.mention} discord.aside zh-CN", "discord.aside en"]
    assert [m.content for m in ben.sees(room.general)] == ["So.", *hints]


async def test_all_parts_of_what_is_for_one_alone_are(
    core: Core, dc: Discord, adapter: DiscordAdapter, ana: Person
) -> None:
    ben = dc.person("Ben")
    room = await dc.guild("Club", ana, ben)
    event = await event_of(core, await ana.slash("/model", channel=room.general))
    secret = replace(shown("secret"), aside=True)
    first = await adapter.channel.send(event.address, secret, key="k:0", reply_to=event.message_id)
    restarted = DiscordAdapter(core.deps(dc))
    await restarted.channel.send(event.address, replace(secret, text="and more", follows=first), key="k:1")
    await restarted.aclose()
    assert [m.content for m in ana.sees(room.general)] == ["secret", "and more"]
    assert ben.sees(room.general) == []


@pytest.mark.parametrize("name", ["stop", "retry"])
async def test_commands_whose_effect_is_elsewhere_leave_nothing_waiting(
    core: Core, dc: Discord, adapter: DiscordAdapter, ana: Person, name: str
) -> None:
    asked = await ana.slash(f"/{name}")
    event = await event_of(core, asked)
    assert (asked.response, asked.texts) == (MESSAGE, [f"discord.{name} zh-CN"])
    await adapter.channel.send(event.address, shown("Nothing runs."), key="k", reply_to=event.message_id)
    assert ana.texts[-1] == "Nothing runs."
    assert ana.channel.texts == ["Nothing runs."], "the note is for the asker alone"


async def test_where_the_bot_is_only_brought_along_everything_goes_by_the_interaction(
    core: Core, dc: Discord, adapter: DiscordAdapter, ana: Person
) -> None:
    await ana.install()
    friends = await dc.group(ana, dc.person("Ben"))
    asked = await ana.slash("/ask", channel=friends, text="Why?")
    event = await event_of(core, asked)
    assert not event.private
    first = await adapter.channel.send(event.address, shown("One"), key="t:0", reply_to=event.message_id)
    await adapter.channel.typing(event.address)
    other = DiscordAdapter(core.deps(dc))
    second = await other.channel.send(event.address, replace(shown("Two"), follows=first), key="t:1")
    await adapter.channel.edit(event.address, first, shown("One."))
    await other.channel.edit(event.address, second, shown("Two."))
    await other.aclose()
    assert asked.texts == ["One.", "Two."]
    await core.clock.advance(LIFE_SECONDS)
    with pytest.raises(ChatGone):
        await adapter.channel.send(event.address, shown("Three"), key="t:2")


@pytest.mark.usefixtures("adapter")
async def test_arguments_are_suggested(dc: Discord, ana: Person) -> None:
    typed = await ana.complete("/model", "text", "b")
    await dc.until(lambda: typed.choices)
    choices = typed.choices or []
    assert choices[0] == {"name": "/model b zh-CN", "value": "/model b zh-CN"}
    assert len(choices) == 25


@pytest.mark.usefixtures("adapter")
async def test_a_question_about_a_message_is_written_in_a_window(
    core: Core, dc: Discord, ana: Person
) -> None:
    ben = dc.person("Ben")
    room = await dc.guild("Club", ben, ana)
    message = await ben.say("The sky is green.", channel=room.general, files={"sky.png": b"png"})
    opened = await ana.menu("discord.menu_ask en", message)
    await dc.until(lambda: opened.modal)
    assert [e for e in core.events if e.kind is EventKind.MESSAGE] == []
    asked = await ana.submit(opened, question="Is it?")
    event = await event_of(core, asked)
    quote, image, text = event.parts
    assert (quote.kind, quote.text, quote.name) == (PartKind.QUOTE, "The sky is green.", "Ben")
    assert (image.kind, text) == (PartKind.IMAGE, Part(text="Is it?"))
    assert (event.kind, event.message_id, asked.response) == (EventKind.MESSAGE, f"i:{asked.id}", DEFERRED)


@pytest.mark.usefixtures("adapter")
async def test_a_talk_is_summarised_from_a_message_on(core: Core, ana: Person, dc: Discord) -> None:
    ben = dc.person("Ben")
    room = await dc.guild("Club", ben, ana)
    dc.switch("content", on=True)
    talk = [await ben.say(f"Point {n}", channel=room.general) for n in range(4)]
    await ana.say("Agreed", channel=room.general)
    event = await event_of(core, await ana.menu("discord.menu_summarise en", talk[1]))
    assert [(p.name, p.text) for p in event.parts if p.kind is PartKind.QUOTE] == [
        ("Ben", "Point 1"), ("Ben", "Point 2"), ("Ben", "Point 3"), ("Ana", "Agreed"),
    ]  # fmt: skip
    assert event.parts[-1] == Part(text="discord.summarise zh-CN")


async def test_of_a_talk_that_cannot_be_read_the_chosen_message_is_summarised(
    core: Core, ana: Person, dc: Discord
) -> None:
    async with core.running(dc):
        await ana.install()
        friends = await dc.group(ana, dc.person("Ben"))
        message = await ana.say("A long story", channel=friends)
        event = await event_of(core, await ana.menu("discord.menu_summarise en", message))
    assert [p.text for p in event.parts] == ["A long story", "discord.summarise zh-CN"]


async def test_a_channel_that_is_catching_up_does_not_keep_commands_waiting() -> None:
    core = Core()
    spared = {
        "GET /users/@me",
        "GET /applications/@me",
        "GET /gateway/bot",
        "PUT /applications/{application_id}/commands",
        "POST /interactions/{webhook_id}/{webhook_token}/callback",
    }
    async with simulated(faults=Faults(server_error=1.0, spared=frozenset(spared))) as dc:
        ana = dc.person("Ana")
        async with core.running(dc):
            await core.until_put(await ana.say("one"))
        await ana.say("two")
        async with core.running(dc):
            assert (await event_of(core, await ana.slash("/new"))).data == "/new"
    assert core.texts == ["one"]
