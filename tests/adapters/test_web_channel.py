"""The page's channel: bounded, and never in the core's way."""

from __future__ import annotations

import asyncio

from adapters.web.blocks import Blocks, Renderer
from adapters.web.channel import KEEP_SECONDS, MOST_CHARACTERS, MOST_STREAMS, WebChannel
from bot.types import Address, Outgoing
from tests.fakes import FakeClock

HERE = Address("web", "web", "visitor:chat")


def _out(text: str, *, final: bool = False) -> Outgoing:
    return Outgoing(text, text, final=final)


async def test_a_repeated_send_is_the_same_message() -> None:
    channel = WebChannel(FakeClock())
    first = await channel.send(HERE, _out("a"), key="turn:0", reply_to="event")
    again = await channel.send(HERE, _out("ab"), key="turn:0", reply_to="event")
    assert first == again == "turn:0"
    assert channel.streams == 1
    assert channel.find("event").now.text == "ab"


async def test_what_has_ended_is_dropped_after_a_while() -> None:
    clock = FakeClock()
    channel = WebChannel(clock)
    await channel.send(HERE, _out("whole", final=True), key="old", reply_to="e1")
    await channel.send(HERE, _out("under way"), key="open", reply_to="e2")
    await clock.advance(KEEP_SECONDS + 1)
    await channel.send(HERE, _out("new"), key="new", reply_to="e3")
    assert channel.streams == 2
    assert channel.find("e2").now.text == "under way"
    assert channel.characters == len("under way") + len("new")


async def test_count_and_characters_are_bounded() -> None:
    channel = WebChannel(FakeClock())
    for number in range(2 * MOST_STREAMS):
        await channel.send(HERE, _out("x"), key=f"k{number}")
        assert channel.streams <= MOST_STREAMS
    for number in range(40):
        await channel.send(HERE, _out("x" * (MOST_CHARACTERS // 16)), key=f"long{number}")
    assert channel.characters <= MOST_CHARACTERS * 17 // 16


async def test_a_stream_with_a_reader_outlives_the_crowd() -> None:
    channel = WebChannel(FakeClock())
    await channel.send(HERE, _out("read"), key="mine", reply_to="event")
    stream, woken = channel.find("event"), asyncio.Event()
    with channel.reading(stream, woken):
        for number in range(2 * MOST_STREAMS):
            await channel.send(HERE, _out("x"), key=f"k{number}")
        await channel.edit(HERE, "mine", _out("read on"))
        assert woken.is_set()
        assert stream.now.text == "read on"


async def test_a_new_answer_in_place_of_an_old_one_starts_empty() -> None:
    channel = WebChannel(FakeClock())
    await channel.send(HERE, _out("old", final=True), key="message", reply_to="first")
    channel.expect("second", "message")
    channel.expect("second", "message")
    assert channel.find("second").now.text == ""
    await channel.edit(HERE, "message", _out("new"))
    assert channel.find("second").now.text == "new"
    assert channel.find("first").now.text == "old"


async def test_html_tells_only_the_blocks_that_changed() -> None:
    clock = FakeClock()
    blocks = Blocks(Renderer(), clock)
    await blocks.changed("One.\n\nTwo")
    await clock.advance(60)
    told = await blocks.changed("One.\n\nTwo and more.\n\nThree")
    assert told is not None
    assert told.data["from"] == 1
    assert len(told.data["blocks"]) == 2
    await clock.advance(60)
    assert await blocks.changed("One.\n\nTwo and more.\n\nThree") is None
