"""What every `bot.ports.Adapter` and its `Channel` do, whichever platform is behind them.

A test module binds a `stage` fixture and inherits from the contracts that hold for it: all those here,
and of `adapter_suite_remote` the `RemoteContract` where a network lies in between and the `RoomContract`
where several talk together. What a platform can show is asked of its `Capabilities`, never of its name.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from types import NoneType

import msgspec
import pytest

from bot.errors import FileRefused, MessageGone, SettingsError
from bot.markup import utf16_length
from bot.ports import Adapter
from bot.types import Event, EventKind, Part, PartKind
from tests.contract.adapter_stage import Stage, marked, plain, refusal, shown

SAID = (
    "a < b & c > d <b>not bold</b> &amp;",
    "*stars* _under_ ~~struck~~ `code` ||hidden|| [1](2) \\ # 1. >",
    "two\nlines\n\nand more 你好，世界 👩\u200d👩\u200d👧 e\u0301 שלום",
)
ODD = (*SAID, "@everyone <@1> <#2> @tertulia_bot #tag /start")
LONGEST = 100_000
"""A limit beyond this is as good as none."""
MARKED = (
    "**bold [link](https://e.example/a_b)** `x`\n\n- a\n  - b\n\n```py\nx = '<&>'\n```",
    "# Head\n\n> quote\n\n| a | b |\n|--|--|\n| 1 | 2 |",
)


class IntakeContract:
    async def test_nothing_is_acknowledged_before_it_is_durable(self, stage: Stage) -> None:
        async with stage.running():
            stage.door.open.clear()
            await stage.say("Hello?")
            await stage.until(lambda: stage.door.tried("Hello?"))
            for _ in range(5):
                await stage.clock.advance(1)
            assert not stage.taken()
            stage.door.open.set()
            await stage.until(stage.taken)
            assert stage.door.texts == ["Hello?"]

    async def test_what_could_not_be_stored_is_tried_again(self, stage: Stage) -> None:
        async with stage.running():
            stage.door.broken = True
            await stage.say("Hello?")
            await stage.until(lambda: stage.door.tried("Hello?"))
            assert not stage.taken()
            await stage.until(lambda: len(stage.door.tried("Hello?")) > 1)
            stage.door.broken = False
            await stage.until(stage.taken)
        assert stage.door.texts == ["Hello?"]
        assert len({event.key for event in stage.door.tried("Hello?")}) == 1

    async def test_what_was_not_stored_comes_again_after_a_stop(self, stage: Stage) -> None:
        async with stage.running():
            await stage.say("One")
            await stage.until(stage.taken)
            stage.door.broken = True
            await stage.say("Two")
            await stage.until(lambda: stage.door.tried("Two"))
        stage.door.broken = False
        async with stage.running():
            await stage.until(stage.taken)
        assert stage.door.texts == ["One", "Two"]
        assert len({event.key for event in stage.door.tried("Two")}) == 1

    async def test_what_comes_twice_is_one_event(self, stage: Stage) -> None:
        async with stage.running():
            await stage.say("Hello?")
            await stage.until(stage.taken)
            await stage.again()
            await stage.until(lambda: len(stage.door.tried("Hello?")) == 2)
            first, second = stage.door.tried("Hello?")
        assert first.key == second.key
        assert replace(second, received_at=first.received_at) == first
        assert stage.door.texts == ["Hello?"]

    async def test_what_one_person_says_comes_in_order(self, stage: Stage) -> None:
        async with stage.running():
            for number in range(5):
                await stage.say(str(number))
                await stage.until(partial(stage.door.tried, str(number)))
            await stage.until(stage.taken)
        assert stage.door.texts == [str(number) for number in range(5)]

    @pytest.mark.parametrize("text", SAID)
    async def test_an_event_says_where_who_and_what(self, stage: Stage, text: str) -> None:
        async with stage.running():
            await stage.say(text)
            await stage.until(stage.taken)
        (event,) = stage.door.events
        assert (event.kind, event.text) == (EventKind.MESSAGE, text)
        assert event.address.platform == stage.channel.platform
        assert all((event.id, event.message_id, event.address.account, event.address.chat, event.sender.id))
        assert (event.private, event.addressed, event.sender.is_bot) == (True, True, False)
        assert event.address.thread == ""
        assert event.received_at > 0
        assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event

    async def test_two_chats_have_two_addresses(self, stage: Stage) -> None:
        async with stage.running():
            for there in (False, True):
                await stage.say("Hello?", there=there)
                await stage.until(stage.taken)
        one, other = stage.door.events
        assert one.address.key != other.address.key
        assert one.sender.id != other.sender.id
        assert one.key != other.key
        assert one.address.account == other.address.account

    async def test_what_is_said_is_answered_where_it_was_said(self, stage: Stage) -> None:
        async with stage.running():
            await stage.say("Hello?")
            await stage.until(stage.taken)
            (event,) = stage.door.events
            sent = await stage.channel.send(event.address, plain("Hi."), key="k", reply_to=event.message_id)
            seen = stage.look(event.address, sent)
        assert seen is not None
        assert seen.text == "Hi."


class ChannelContract:
    async def test_a_message_is_sent_edited_and_deleted(self, stage: Stage) -> None:
        channel, here = stage.channel, stage.here
        sent = await channel.send(here, plain("One"), key="k")
        assert sent
        assert shown(stage, sent) == "One"
        if channel.capabilities(here).edits:
            for text in ("Two", "Two", "Three"):
                await channel.edit(here, sent, plain(text))
                assert shown(stage, sent) == text
        assert stage.count(here) == 1
        for _ in range(2):
            await channel.delete(here, sent)
            assert stage.look(here, sent) is None
        assert stage.count(here) == 0

    @pytest.mark.parametrize("text", ODD)
    async def test_text_arrives_as_it_was_sent(self, stage: Stage, text: str) -> None:
        assert shown(stage, await stage.channel.send(stage.here, plain(text), key="k")) == text

    @pytest.mark.parametrize("text", [*ODD, *MARKED])
    async def test_what_the_core_renders_is_taken(self, stage: Stage, text: str) -> None:
        for number, out in enumerate(marked(stage, text)):
            sent = await stage.channel.send(stage.here, out, key=f"k{number}")
            await stage.channel.edit(stage.here, sent, replace(out, final=True))
            assert shown(stage, sent)

    @pytest.mark.parametrize("letter", ["x", "é", "字", "👍"])
    async def test_the_longest_text_is_taken_whole(self, stage: Stage, letter: str) -> None:
        """In UTF-16 units, whatever the letters."""
        limit = min(stage.channel.capabilities(stage.here).text_limit, LONGEST)
        text = letter * (limit // utf16_length(letter))
        sent = await stage.channel.send(stage.here, plain(text), key="k")
        assert shown(stage, sent) == text
        rendered = marked(stage, letter * limit)
        for number, out in enumerate(rendered):
            await stage.channel.send(stage.here, out, key=f"r{number}")
        assert sum(out.plain.count(letter) for out in rendered) == limit

    async def test_a_send_with_the_same_key_is_one_message_where_that_is_promised(self, stage: Stage) -> None:
        can, here = stage.channel.capabilities(stage.here), stage.here
        first = await stage.channel.send(here, plain("One"), key="turn:0")
        again = await stage.channel.send(here, plain("One"), key="turn:0")
        other = await stage.channel.send(here, plain("Two"), key="turn:1")
        assert (again == first) == can.idempotent_sends
        assert other not in (first, again)
        assert stage.count(here) == (2 if can.idempotent_sends else 3)

    async def test_an_edit_shows_its_text_or_says_that_the_message_is_gone(self, stage: Stage) -> None:
        sent = await stage.channel.send(stage.here, plain("One"), key="k")
        await stage.channel.delete(stage.here, sent)
        refused = await refusal(stage.channel.edit(stage.here, sent, plain("Two")))
        assert type(refused) in (MessageGone, NoneType)
        assert shown(stage, sent) == ("" if refused else "Two")

    async def test_two_chats_are_kept_apart(self, stage: Stage) -> None:
        one = await stage.channel.send(stage.here, plain("One"), key="k1")
        other = await stage.channel.send(stage.there, plain("Two"), key="k2")
        seen = [stage.look(a, i) for a, i in ((stage.here, one), (stage.there, other))]
        assert [s.text if s else "" for s in seen] == ["One", "Two"]

    async def test_what_is_being_done_is_shown_while_there_is_no_text(self, stage: Stage) -> None:
        if stage.channel.capabilities(stage.here).activity:
            sent = await stage.channel.send(stage.here, replace(plain(""), activity="Searching"), key="k")
            assert "Searching" in shown(stage, sent)
            await stage.channel.edit(stage.here, sent, plain("Found"))
            assert shown(stage, sent) == "Found"

    async def test_the_end_is_told_where_that_is_promised(self, stage: Stage) -> None:
        if stage.channel.capabilities(stage.here).tells_end:
            sent = await stage.channel.send(stage.here, plain("Whole"), key="k")
            for over in (False, True):
                await stage.channel.edit(stage.here, sent, replace(plain("Whole"), final=over))
                seen = stage.look(stage.here, sent)
                assert seen is not None
                assert seen.over == over

    async def test_what_a_chat_can_show_makes_sense(self, stage: Stage) -> None:
        can = stage.channel.capabilities(stage.here)
        assert can.text_limit >= 64
        assert can.min_edit_interval > 0
        assert all(pace.calls > 0 and pace.seconds > 0 for pace in (*can.chat_paces, *can.account_paces))
        assert not can.start_link or "{code}" in can.start_link
        assert can.buttons or not can.preview_buttons

    async def test_a_file_that_is_not_there_is_refused(self, stage: Stage) -> None:
        with pytest.raises(FileRefused):
            await stage.channel.fetch(Part(PartKind.FILE, ref="unknown-file-1", size=11), 10)
        with pytest.raises(FileRefused):
            await stage.channel.fetch(Part(PartKind.FILE, ref="unknown-file-1"), 10)


async def enter(adapter: Adapter, stage: Stage) -> None:
    async with adapter.lifespan(stage.door.put):
        pass


class LifespanContract:
    async def test_it_runs_twice_in_a_row(self, stage: Stage) -> None:
        for text in ("One", "Two"):
            async with stage.running():
                await stage.say(text)
                await stage.until(stage.taken)
        assert stage.door.texts == ["One", "Two"]

    async def test_the_channel_works_after_the_intake_has_stopped(self, stage: Stage) -> None:
        async with stage.running():
            await stage.say("Hello?")
            await stage.until(stage.taken)
        assert shown(stage, await stage.channel.send(stage.here, plain("Bye"), key="k")) == "Bye"

    async def test_after_the_stop_nothing_comes_in(self, stage: Stage) -> None:
        async with stage.running():
            await stage.say("One")
            await stage.until(stage.taken)
        await stage.say("Two")
        for _ in range(5):
            await stage.clock.advance(1)
        assert stage.door.tried("Two") == []
        assert not stage.taken()

    async def test_a_setting_that_is_wrong_is_told_at_the_entry(self, stage: Stage) -> None:
        async with stage.running():
            if (misled := stage.misled()) is not None:
                with pytest.raises(SettingsError):
                    await enter(misled, stage)
                await misled.aclose()

    async def test_a_stop_in_the_middle_of_an_event_leaves_nothing_behind(self, stage: Stage) -> None:
        before = asyncio.all_tasks()
        async with stage.time_passes():
            async with stage.running():
                stage.door.open.clear()
                await stage.say("Hello?")
                await stage.until(lambda: stage.door.tried("Hello?"))
            await stage.adapter.aclose()
        await stage.until(lambda: asyncio.all_tasks() <= before)
        assert stage.door.texts == []

    async def test_cancelled_in_the_middle_it_ends_as_cancelled(self, stage: Stage) -> None:
        before = asyncio.all_tasks()
        inside = asyncio.Event()

        async def run() -> None:
            async with stage.running():
                inside.set()
                await asyncio.get_running_loop().create_future()

        running = asyncio.create_task(run())
        await inside.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await stage.adapter.aclose()
        await stage.until(lambda: asyncio.all_tasks() <= before)
