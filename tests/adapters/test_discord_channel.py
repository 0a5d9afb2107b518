"""The way back to Discord: what is shown, and how each refusal ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.buckets import MOST_REFUSALS, Buckets
from adapters.discord.channel import SHUT_SECONDS, DiscordChannel
from adapters.discord.errors import Flood
from adapters.discord.rest import REJECTED_SECONDS
from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    FileRefused,
    MarkupRefused,
    MessageGone,
    RetryAfter,
)
from bot.types import Button, Citation, Event, EventKind, Markup, Outgoing, Pace, Part, PartKind, Sender
from tests.adapters.discord_core import Core, at, shown, simulated
from tests.fakes import FakeClock
from tests.simulators.discord import USUAL, Discord, Permission, Person, RateLimits


@pytest.fixture
async def dc() -> AsyncIterator[Discord]:
    async with simulated() as discord:
        yield discord


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
async def adapter(dc: Discord, core: Core) -> AsyncIterator[DiscordAdapter]:
    made = DiscordAdapter(core.deps(dc))
    yield made
    await made.aclose()


@pytest.fixture
def channel(adapter: DiscordAdapter) -> DiscordChannel:
    return adapter.channel


@pytest.fixture
def ana(dc: Discord) -> Person:
    return dc.person("Ana")


async def test_a_message_is_sent_edited_and_deleted(
    channel: DiscordChannel, dc: Discord, ana: Person
) -> None:
    question = await ana.say("Hi?")
    out = replace(shown("**Hi**"), buttons=(Button("Stop", "stop"), Button("Docs", url="https://a.b/c")))
    here = at(ana.channel.id, dc)
    sent = await channel.send(here, out, key="k", reply_to=str(question.id))
    (message,) = ana.channel.answers
    assert (str(message.id), message.content, message.reply_to) == (sent, "**Hi**", question)
    assert [(b["label"], b.get("custom_id"), b.get("url")) for b in message.buttons] == [
        ("Stop", "stop", None), ("Docs", None, "https://a.b/c"),
    ]  # fmt: skip
    await channel.edit(here, sent, shown("Bye"))
    assert (message.content, message.buttons) == ("Bye", [])
    await channel.edit(here, sent, shown("Bye"))
    await channel.delete(here, sent)
    await channel.delete(here, sent)
    assert ana.channel.answers == []
    with pytest.raises(MessageGone):
        await channel.edit(here, sent, shown("again"))
    assert dc.errors == []


async def test_a_send_that_is_repeated_is_no_second_message(
    core: Core, dc: Discord, channel: DiscordChannel, ana: Person
) -> None:
    here = at(ana.channel.id, dc)
    first = await channel.send(here, shown("One"), key="turn:0")
    other = DiscordAdapter(core.deps(dc))
    assert await other.channel.send(here, shown("One and more"), key="turn:0") == first
    assert await other.channel.send(here, shown("Two"), key="turn:1") != first
    await other.aclose()
    assert ana.texts == ["One", "Two"]


async def test_nobody_is_called_whatever_the_text_says(
    channel: DiscordChannel, dc: Discord, ana: Person
) -> None:
    room = await dc.guild("Club", ana)
    question = await ana.ask("Call them", channel=room.general)
    text = f"@everyone @here {ana.mention} <@&{room.id}>"
    sent = await channel.send(at(room.general.id, dc), shown(text), key="k", reply_to=str(question.id))
    await channel.edit(at(room.general.id, dc), sent, shown(text + "!"))
    (message,) = room.general.answers
    assert (message.mentions.users, message.mentions.roles, message.mentions.everyone) == ((), (), False)


async def test_what_the_assistant_does_is_shown_while_there_is_no_text(
    channel: DiscordChannel, dc: Discord, ana: Person
) -> None:
    here = at(ana.channel.id, dc)
    sent = await channel.send(here, replace(shown(""), activity="Searching *here*…"), key="k")
    assert ana.texts == ["*Searching \\*here\\*…*"]
    await channel.edit(here, sent, shown(""))
    assert ana.texts == ["…"]
    await channel.typing(here)
    assert ana.channel.typists(dc.world.clock()) == [dc.bot]
    await channel.draft(here, "k", shown("never"))


async def test_sources_stand_under_the_answer(channel: DiscordChannel, dc: Discord, ana: Person) -> None:
    citations = (
        Citation(1, "p", "https://docs.example/a", "Guide", "q"),
        Citation(2, "r", "handbook.pdf, page 3", "Handbook", "q"),
    )
    out = replace(shown("It is [1] and `[1]` so [2]."), citations=citations, final=True)
    await channel.send(at(ana.channel.id, dc), out, key="k")
    assert ana.texts == [
        "It is [[1]](<https://docs.example/a>) and `[1]` so [2].\n"
        "-# [1] [Guide](<https://docs.example/a>)\n-# [2] Handbook — handbook.pdf, page 3"
    ]


async def test_a_full_message_keeps_its_text_and_leaves_sources_out(
    channel: DiscordChannel, dc: Discord, ana: Person
) -> None:
    text = "x" * 1990 + " [1]"
    citations = (Citation(1, "p", "https://docs.example/a", "Guide", "q"),)
    await channel.send(at(ana.channel.id, dc), replace(shown(text), citations=citations, final=True), key="k")
    assert ana.texts == [text]


async def test_files_go_out_from_this_machine(
    channel: DiscordChannel, dc: Discord, ana: Person, tmp_path: Path
) -> None:
    path = tmp_path / "answer.md"
    path.write_text("# Long")
    here = at(ana.channel.id, dc)
    out = replace(shown("See"), attachment=Part(PartKind.FILE, ref=f"file:{path}", name="answer.md"))
    first = await channel.send(here, out, key="k")
    assert await channel.send(here, out, key="k") == first
    (message,) = ana.channel.answers
    assert [(a.filename, a.data) for a in message.body.attachments] == [("answer.md", b"# Long")]
    link = Part(PartKind.IMAGE, ref="https://pictures.example/a.png")
    await channel.send(here, replace(shown(""), attachment=link), key="l")
    assert ana.texts == ["See", "https://pictures.example/a.png"]
    for ref in ("file:/no/such/file", "ftp://a.b/c"):
        with pytest.raises(ChannelError):
            await channel.send(here, replace(shown(""), attachment=Part(ref=ref)), key="m")


async def test_files_come_in_from_discord_alone(channel: DiscordChannel, dc: Discord, ana: Person) -> None:
    message = await ana.say("Look", files={"a.txt": b"hello"})
    (file,) = message.body.attachments
    part = Part(PartKind.FILE, ref=file.url, size=5)
    assert await channel.fetch(part, 5) == b"hello"
    for bad in (
        replace(part, ref=file.url.replace("127.0.0.1", "localhost")),
        replace(part, ref="https://cdn.discordapp.com.evil.example/a"),
        replace(part, ref="http://cdn.discordapp.com/a"),
        replace(part, ref="https://me@cdn.discordapp.com/a"),
        replace(part, ref="http://[/"),
        replace(part, ref=dc.url.rpartition("/api")[0] + "/attachments/1/2/gone.txt"),
        replace(part, size=6),
    ):
        with pytest.raises(FileRefused):
            await channel.fetch(bad, 5)
    with pytest.raises(FileRefused):
        await channel.fetch(replace(part, size=0), 4)


def test_what_chats_can_show(channel: DiscordChannel, dc: Discord) -> None:
    can = channel.capabilities(at(5, dc))
    assert (can.markup, can.text_limit, can.edits, can.drafts) == (Markup.DISCORD, 2000, True, False)
    assert (can.idempotent_sends, can.activity, can.cites, can.min_edit_interval) == (True, True, False, 1.2)
    assert (can.chat_paces, can.account_paces) == ((Pace(5, 5.0),), (Pace(50, 1.0),))


# refusals


async def test_text_that_is_refused_can_be_tried_plain(
    channel: DiscordChannel, dc: Discord, ana: Person
) -> None:
    here = at(ana.channel.id, dc)
    with pytest.raises(MarkupRefused):
        await channel.send(here, shown("x" * 2001), key="k")
    with pytest.raises(ChannelError) as refused:
        await channel.send(here, Outgoing("x" * 2001, ""), key="k")
    assert type(refused.value) is ChannelError


async def test_a_chat_that_is_closed_is_called_once(
    core: Core, dc: Discord, channel: DiscordChannel, ana: Person
) -> None:
    here = at(ana.channel.id, dc)
    await ana.block_bot()
    for _ in range(5):
        with pytest.raises(ChatGone):
            await channel.send(here, shown("Hello?"), key="k")
    assert len(dc.log) == 1
    await ana.unblock_bot()
    heard = Event("m:1", EventKind.MESSAGE, here, Sender(str(ana.id)))
    channel.heard(replace(heard, private=False))
    with pytest.raises(ChatGone):
        await channel.send(here, shown("Hello?"), key="k")
    channel.heard(heard)
    await channel.send(here, shown("Hello!"), key="k")
    assert ana.texts == ["Hello!"]


async def test_a_closed_channel_is_tried_again_when_its_rights_change_or_after_an_hour(
    core: Core, dc: Discord, ana: Person
) -> None:
    async with core.running(dc) as adapter:
        room = await dc.guild("Club", ana)
        here = at(room.general.id, dc)
        await room.permit_bot(room.general, deny=Permission.SEND_MESSAGES)
        await core.until_put(await ana.ask("hello", channel=room.general))
        for _ in range(2):
            with pytest.raises(ChatGone):
                await adapter.channel.send(here, shown("Hello?"), key="k")
        assert dc.calls["POST /channels/{channel_id}/messages"] == 1
        await core.clock.advance(SHUT_SECONDS)
        with pytest.raises(ChatGone):
            await adapter.channel.send(here, shown("Hello?"), key="k")
        await room.permit_bot(room.general)
        await core.until_put(await ana.ask("again", channel=room.general))
        await adapter.channel.send(here, shown("Hello!"), key="k")
    assert room.general.texts == ["Hello!"]
    with pytest.raises(ChannelUnavailable):
        await adapter.channel.send(here, shown("closed"), key="l")


async def test_a_channel_that_is_gone(channel: DiscordChannel, dc: Discord, ana: Person) -> None:
    room = await dc.guild("Club", ana)
    await room.remove(room.general)
    with pytest.raises(ChatGone):
        await channel.send(at(room.general.id, dc), shown("Hello?"), key="k")


async def test_without_the_right_to_read_it_is_sent_as_no_reply(
    channel: DiscordChannel, dc: Discord, ana: Person
) -> None:
    room = await dc.guild("Club", ana, permissions=USUAL & ~Permission.READ_MESSAGE_HISTORY)
    await room.permit_bot(room.general, deny=Permission.READ_MESSAGE_HISTORY)
    question = await ana.ask("Hi?", channel=room.general)
    await channel.send(at(room.general.id, dc), shown("Hi"), key="k", reply_to=str(question.id))
    assert room.general.texts == ["Hi"]


async def test_outages_are_told_as_such(channel: DiscordChannel, dc: Discord, ana: Person) -> None:
    here = at(ana.channel.id, dc)
    for kind in ("5xx", "drop"):
        dc.outage("5xx" if kind == "5xx" else "drop")
        with pytest.raises(ChannelUnavailable):
            await channel.send(here, shown("Hello?"), key="k")
        with pytest.raises(ChannelUnavailable):
            await channel.fetch(Part(ref=dc.url + "/x"), 10)
    dc.recover()
    await channel.send(here, shown("Hello!"), key="k")
    assert ana.texts == ["Hello!"]


async def test_a_token_that_is_refused_is_not_used_again_at_once(
    core: Core, dc: Discord, ana: Person
) -> None:
    adapter = DiscordAdapter(core.deps(dc, token="wrong"))
    for _ in range(3):
        with pytest.raises(ChannelUnavailable):
            await adapter.channel.send(at(ana.channel.id, dc), shown("Hello?"), key="k")
    assert len(dc.log) == 1
    await core.clock.advance(REJECTED_SECONDS)
    with pytest.raises(ChannelUnavailable):
        await adapter.channel.send(at(ana.channel.id, dc), shown("Hello?"), key="k")
    assert len(dc.log) == 2
    await adapter.aclose()


async def test_a_limit_is_told_before_it_is_passed() -> None:
    core = Core()
    async with simulated(limits=RateLimits(), clock=core.clock.monotonic) as dc:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        adapter = DiscordAdapter(core.deps(dc))
        for n in range(5):
            await adapter.channel.send(at(ana.channel.id, dc), shown(str(n)), key=str(n))
        with pytest.raises(RetryAfter) as told:
            await adapter.channel.send(at(ana.channel.id, dc), shown("5"), key="5")
        await adapter.channel.send(at(ben.channel.id, dc), shown("0"), key="b")
        assert told.value.seconds == pytest.approx(5.0, abs=0.1)
        assert dict(dc.refused) == {}
        await core.clock.advance(told.value.seconds)
        await adapter.channel.send(at(ana.channel.id, dc), shown("5"), key="5")
        assert ana.texts == [*"012345"]
        await adapter.aclose()


async def test_a_limit_over_all_holds_up_everything_but_interactions() -> None:
    core = Core()
    limits = RateLimits(overall=(3, 1.0))
    async with simulated(limits=limits, clock=core.clock.monotonic) as dc:
        people = [dc.person(str(n)) for n in range(5)]
        adapter = DiscordAdapter(core.deps(dc))
        for n, person in enumerate(people[:3]):
            await adapter.channel.send(at(person.channel.id, dc), shown("x"), key=str(n))
        for person in people[3:]:
            with pytest.raises(RetryAfter):
                await adapter.channel.send(at(person.channel.id, dc), shown("x"), key="k")
        assert sum(dc.refused.values()) == 1
        with pytest.raises(RetryAfter):
            await adapter.channel.typing(at(people[0].channel.id, dc))
        await core.clock.advance(1.0)
        await adapter.channel.send(at(people[3].channel.id, dc), shown("x"), key="k")
        await adapter.aclose()


def test_buckets_wait_for_nobody_and_stop_before_the_ban() -> None:
    clock = FakeClock()
    buckets = Buckets(clock)
    for _ in range(MOST_REFUSALS):
        buckets.refused()
    with pytest.raises(Flood) as told:
        buckets.enter("POST /x", "1", free=False)
    assert told.value.seconds == 600.0
    buckets.enter("POST /interactions", "1", free=True)
