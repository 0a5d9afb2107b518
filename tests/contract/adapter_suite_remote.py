"""What every `bot.ports.Adapter` and its `Channel` do where a network lies in between, and where several
people talk together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from types import NoneType

import pytest

from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    FileRefused,
    MarkupRefused,
    MessageGone,
    RetryAfter,
)
from bot.types import Button, EventKind, Outgoing, Part, PartKind
from tests.contract.adapter_stage import Remote, Roomy, plain, refusal, shown


class RemoteContract:
    async def test_what_a_chat_can_show_costs_no_call(self, stage: Remote) -> None:
        before = stage.calls()
        for address in (stage.here, stage.there):
            stage.channel.capabilities(address)
        assert stage.calls() == before

    @pytest.mark.parametrize("kind", ["5xx", "drop"])
    async def test_an_outage_is_told_as_such(self, stage: Remote, kind: str) -> None:
        channel, here = stage.channel, stage.here
        sent = await channel.send(here, plain("One"), key="k")
        stage.outage(kind)
        calls: list[Awaitable[object]] = [
            channel.send(here, plain("Two"), key="l"),
            channel.edit(here, sent, plain("Two")),
            channel.delete(here, sent),
        ]
        if channel.capabilities(here).typing:
            calls.append(channel.typing(here))
        if channel.capabilities(here).drafts:
            calls.append(channel.draft(here, "k", plain("Two")))
        for call in calls:
            with pytest.raises(ChannelUnavailable):
                await call
        stage.recover()
        await channel.edit(here, sent, plain("Two"))
        assert shown(stage, sent) == "Two"

    async def test_flood_control_says_how_long_to_wait(self, stage: Remote) -> None:
        stage.limit()
        calls = (stage.channel.send(stage.here, plain(str(n)), key=str(n)) for n in range(50))
        refused = [error for call in calls if (error := await refusal(call))]
        first = refused[0]
        assert isinstance(first, RetryAfter)
        assert 0 < first.seconds < 60
        assert stage.count(stage.here) == 50 - len(refused)
        await stage.clock.advance(first.seconds)
        stage.recover()
        assert shown(stage, await stage.channel.send(stage.here, plain("Now"), key="now")) == "Now"

    async def test_a_message_that_was_taken_away_is_gone(self, stage: Remote) -> None:
        sent = await stage.channel.send(stage.here, plain("One"), key="k")
        await stage.take_away(sent)
        with pytest.raises(MessageGone):
            await stage.channel.edit(stage.here, sent, plain("Two"))
        await stage.channel.delete(stage.here, sent)
        assert shown(stage, await stage.channel.send(stage.here, plain("Anew"), key="l")) == "Anew"

    async def test_a_chat_that_is_shut_is_gone_until_it_opens(self, stage: Remote) -> None:
        channel, here = stage.channel, stage.here
        async with stage.running():
            await stage.shut()
            for key in ("k", "l"):
                with pytest.raises(ChatGone):
                    await channel.send(here, plain("Hello?"), key=key)
            await channel.send(stage.there, plain("Hello!"), key="m")
            await stage.reopen()
            await stage.until(lambda: "Back." in stage.door.texts)
            assert shown(stage, await channel.send(here, plain("Hello!"), key="k")) == "Hello!"

    async def test_whatever_markup_says_it_is_taken_or_refused_by_name(self, stage: Remote) -> None:
        markup = stage.channel.capabilities(stage.here).markup
        for number, text in enumerate(
            ("<b>open", "</b>", "<a href=>x</a>", "**open `and", "[x](<y", "```", "&bad;")
        ):
            out = Outgoing(text, text, markup)
            refused = await refusal(stage.channel.send(stage.here, out, key=f"m{number}"))
            assert type(refused) in (MarkupRefused, NoneType)
            if refused:
                sent = await stage.channel.send(stage.here, plain(text), key=f"p{number}")
                assert shown(stage, sent) == text

    async def test_a_call_that_is_cancelled_ends_as_cancelled(self, stage: Remote) -> None:
        calling = asyncio.create_task(stage.channel.send(stage.here, plain("Never mind"), key="k"))
        for _ in range(3):
            await asyncio.sleep(0)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert shown(stage, await stage.channel.send(stage.here, plain("Well"), key="l")) == "Well"

    async def test_the_platform_comes_back_after_an_outage(self, stage: Remote) -> None:
        async with stage.running():
            await stage.say("One")
            await stage.until(stage.taken)
            stage.outage("drop")
            await stage.say("Two")
            stage.recover()
            await stage.until(lambda: stage.door.texts == ["One", "Two"])


class RoomContract:
    """For platforms that have chats of several, whose `Capabilities` claim what people there do."""

    async def test_a_thread_is_another_place_than_its_room(self, stage: Roomy) -> None:
        async with stage.running():
            await stage.gather()
            for thread in (False, True):
                await stage.ask_in(f"In a thread: {thread}", thread=thread)
            await stage.until(lambda: len(stage.door.events) == 2)
            in_room, in_thread = sorted(stage.door.events, key=lambda event: event.text)
            assert (in_room.address, in_thread.address) == (stage.room, stage.thread)
            assert stage.room.key != stage.thread.key
            assert stage.room in in_thread.within
            assert (in_room.private, in_room.addressed) == (False, True)
            for address in (stage.room, stage.thread):
                await stage.channel.send(address, plain("Hi."), key=address.key)

    async def test_typing_is_seen(self, stage: Roomy) -> None:
        assert stage.channel.capabilities(stage.here).typing
        await stage.channel.typing(stage.here)
        assert stage.types(stage.here)

    async def test_a_question_that_was_taken_is_marked_once(self, stage: Roomy) -> None:
        await stage.gather()
        asked = await stage.ask_in("Hello?", thread=False)
        assert stage.channel.capabilities(stage.room).acknowledges
        for _ in range(2):
            await stage.channel.acknowledge(stage.room, asked)
            assert stage.marks(stage.room, asked) == 1

    async def test_a_draft_grows_and_its_message_takes_its_place(self, stage: Roomy) -> None:
        if stage.channel.capabilities(stage.here).drafts:
            for text in ("One", "One two"):
                await stage.channel.draft(stage.here, "k", plain(text))
                assert stage.draft(stage.here) == text
            assert stage.count(stage.here) == 0
            await stage.channel.send(stage.here, plain("One two three"), key="k")
            assert stage.draft(stage.here) == ""

    async def test_a_button_comes_back_as_an_event(self, stage: Roomy) -> None:
        assert stage.channel.capabilities(stage.here).buttons
        data = "é" * 32
        async with stage.running():
            out = replace(plain("Well?"), buttons=(Button("Yes", data), Button("No", "no")))
            sent = await stage.channel.send(stage.here, out, key="k")
            seen = stage.look(stage.here, sent)
            assert seen is not None
            assert seen.buttons == ("Yes", "No")
            await stage.press(stage.here, sent, "Yes")
            await stage.until(lambda: stage.door.events)
            (event,) = stage.door.events
            assert (event.kind, event.data, event.message_id) == (EventKind.BUTTON, data, sent)
            assert event.address == stage.here
            await stage.channel.edit(stage.here, sent, plain("Well."))
            seen = stage.look(stage.here, sent)
            assert seen is not None
            assert seen.buttons == ()

    async def test_a_file_goes_out_with_its_caption(self, stage: Roomy, tmp_path: Path) -> None:
        assert stage.channel.capabilities(stage.here).attachments
        path = tmp_path / "notes.txt"
        path.write_bytes(b"some notes")
        part = Part(PartKind.FILE, ref=f"file:{path}", name="notes.txt", media_type="text/plain")
        sent = await stage.channel.send(stage.here, replace(plain("See"), attachment=part), key="k")
        seen = stage.look(stage.here, sent)
        assert seen is not None
        assert (seen.text, seen.files) == ("See", (b"some notes",))
        with pytest.raises(ChannelError):
            await stage.channel.send(
                stage.here, replace(plain(""), attachment=Part(ref="file:/no/such")), key="l"
            )

    async def test_a_file_that_came_in_is_fetched_up_to_its_limit(self, stage: Roomy) -> None:
        async with stage.running():
            await stage.send_file(b"some notes")
            await stage.until(lambda: stage.door.events)
            (part,) = [p for p in stage.door.events[0].parts if p.kind is PartKind.FILE]
            assert await stage.channel.fetch(part, 10) == b"some notes"
            for said in (part.size, 0):
                with pytest.raises(FileRefused):
                    await stage.channel.fetch(replace(part, size=said), 9)
