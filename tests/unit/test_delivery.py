"""Deliveries over a platform in memory: what is sent, in which order, and what a crash leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.delivery import PLACEHOLDER, Courier, Shown
from bot.errors import ChannelError, ChannelUnavailable, ChatGone, MarkupRefused, MessageGone, RetryAfter
from bot.pacing import Pacer
from bot.settings import AmbiguousSend
from bot.types import Address, Capabilities, Delivery, DeliveryState, Markup, Outgoing, Reply
from tests.fakes import FakeClock, FakeTelemetry, FakeTurns, Memory
from tests.scripted import CAPS, MemoryChannel

ADDRESS = Address("sim", "bot", "chat")
KEYLESS = replace(CAPS, idempotent_sends=False)
SENDING, SENT = DeliveryState.SENDING, DeliveryState.SENT


class Desk:
    """A courier and its surroundings."""

    def __init__(
        self, caps: Capabilities = CAPS, ambiguous: AmbiguousSend = AmbiguousSend.AT_LEAST_ONCE
    ) -> None:
        self.clock = FakeClock()
        self.memory = Memory()
        self.telemetry = FakeTelemetry()
        self.channel = MemoryChannel(caps)
        turns = FakeTurns(self.memory, self.clock)
        self.courier = Courier(turns, Pacer(self.clock), self.clock, self.telemetry, ambiguous)

    def begin(self, *rows: Delivery) -> Shown:
        shown = self.courier.begin(self.channel, ADDRESS, "t1", "q1")
        if rows:
            shown.resume(rows)
        return shown

    async def deliver(self, text: str, *rows: Delivery, seconds: float = 600) -> None:
        """Finish with this text; it must be done within so many seconds."""
        async with self.begin(*rows) as shown:
            finishing = asyncio.create_task(shown.finish(Reply(text)))
            await self.clock.advance(seconds)
            assert finishing.done()
            await finishing

    def rows(self) -> list[Delivery]:
        return [row for _, row in sorted(self.memory.deliveries.items())]

    def failing(self, *errors: ChannelError | None) -> None:
        """The next calls fail so."""
        left = list(errors)
        self.channel.fail = lambda call, out: left.pop(0) if left else None


def row(part: int = 0, state: DeliveryState = SENT, message_id: str = "") -> Delivery:
    return Delivery("t1", part, state, message_id)


def failing_if(
    condition: Callable[[str, Outgoing], bool], error: ChannelError
) -> Callable[[str, Outgoing], ChannelError | None]:
    return lambda call, out: error if condition(call, out) else None


async def test_a_reply_is_one_message_that_answers_its_question() -> None:
    desk = Desk()
    await desk.deliver("Hello.")
    (message,) = desk.channel.messages.values()
    assert [o.text for o in message.outs] == ["Hello."]
    assert message.reply_to == "q1"
    assert [(r.state, r.message_id) for r in desk.rows()] == [(SENT, "b1")]


async def test_without_keys_a_placeholder_is_sent_first_and_then_edited() -> None:
    desk = Desk(KEYLESS)
    await desk.deliver("Hello.")
    assert desk.channel.calls == [("send", PLACEHOLDER), ("edit", "Hello.")]


async def test_at_most_once_sends_the_whole_text_at_first() -> None:
    desk = Desk(KEYLESS, AmbiguousSend.AT_MOST_ONCE)
    await desk.deliver("Hello.")
    assert desk.channel.calls == [("send", "Hello.")]


@pytest.mark.parametrize("policy", list(AmbiguousSend))
async def test_without_edits_the_text_itself_is_sent(policy: AmbiguousSend) -> None:
    desk = Desk(replace(KEYLESS, edits=False), policy)
    await desk.deliver("Hello.")
    assert desk.channel.calls == [("send", "Hello.")]


async def test_the_row_is_stored_before_the_first_send_where_there_are_no_keys() -> None:
    desk = Desk(KEYLESS)
    states: list[list[DeliveryState]] = []

    def watch(call: str, out: Outgoing) -> None:
        states.append([r.state for r in desk.rows()])

    desk.channel.fail = watch
    await desk.deliver("Hello.")
    assert states == [[SENDING], [SENT]]


async def test_a_send_that_a_crash_hid_is_repeated_at_least_once() -> None:
    desk = Desk(KEYLESS)
    await desk.deliver("Hello.", row(state=SENDING))
    assert desk.channel.calls == [("send", PLACEHOLDER), ("edit", "Hello.")]


async def test_a_send_that_a_crash_hid_is_not_repeated_at_most_once() -> None:
    desk = Desk(KEYLESS, AmbiguousSend.AT_MOST_ONCE)
    await desk.deliver("Hello.", row(state=SENDING))
    assert desk.channel.calls == []
    assert [(r.state, r.message_id) for r in desk.rows()] == [(SENT, "")]


async def test_with_keys_a_repeated_send_is_no_second_message() -> None:
    desk = Desk()
    await desk.channel.send(ADDRESS, Outgoing("Hel", "Hel"), key="t1:0")
    await desk.deliver("Hello.", row(state=SENDING))
    assert desk.channel.texts() == ["Hello."]
    assert len(desk.channel.messages) == 1


async def test_a_resumed_message_is_edited_not_sent() -> None:
    desk = Desk()
    known = await desk.channel.send(ADDRESS, Outgoing("Hel", "Hel"), key="t1:0")
    await desk.deliver("Hello.", row(message_id=known))
    assert desk.channel.calls[1:] == [("edit", "Hello.")]


async def test_parts_of_a_longer_text_are_deleted() -> None:
    desk = Desk()
    await desk.deliver("word " * 300)
    before = desk.rows()
    assert len(before) > 2
    await desk.deliver("Short.", *before)
    assert desk.channel.texts() == ["Short."]
    assert len(desk.rows()) == 1


async def test_previews_are_coalesced_to_the_pace_of_the_channel() -> None:
    desk = Desk(replace(CAPS, min_edit_interval=1.0))
    async with desk.begin() as shown:
        for n in range(100):
            shown.show("word " * (n + 1))
            await desk.clock.advance(0.1)
        previews = len(desk.channel.calls)
        finishing = asyncio.create_task(shown.finish(Reply("The end.")))
        await desk.clock.advance(5)
        await finishing
    assert 8 <= previews <= 11
    assert desk.channel.texts() == ["The end."]


async def test_a_text_that_does_not_change_costs_no_call() -> None:
    desk = Desk()
    async with desk.begin() as shown:
        for _ in range(20):
            shown.show("The same.")
            await desk.clock.advance(1)
        assert len(desk.channel.calls) == 1


async def test_a_final_text_waits_out_flood_control() -> None:
    desk = Desk()
    desk.failing(RetryAfter(60))
    async with desk.begin() as shown:
        finishing = asyncio.create_task(shown.finish(Reply("Hello.")))
        await desk.clock.advance(59)
        assert not finishing.done()
        assert desk.channel.messages == {}
        await desk.clock.advance(2)
        await finishing
    assert desk.channel.texts() == ["Hello."]
    assert desk.telemetry.total("flood_waits", kind="final") == 1


async def test_flood_control_of_a_preview_leaves_the_chat_alone_for_as_long() -> None:
    desk = Desk()
    desk.failing(RetryAfter(30))
    async with desk.begin() as shown:
        shown.show("Hel")
        await desk.clock.advance(1)
        shown.show("Hello")
        await desk.clock.advance(28)
        assert desk.channel.calls == []
        await desk.clock.advance(2)
        assert desk.channel.calls[0] == ("send", "Hello")


async def test_an_outage_is_waited_out_with_growing_pauses() -> None:
    desk = Desk()
    times: list[float] = []

    def fail(call: str, out: Outgoing) -> ChannelError | None:
        times.append(desk.clock.monotonic())
        return ChannelUnavailable("502") if len(times) < 8 else None

    desk.channel.fail = fail
    await desk.deliver("Hello.")
    pauses = [b - a for a, b in pairwise(times)]
    assert desk.channel.texts() == ["Hello."]
    assert pauses[0] < 1 < pauses[3]
    assert max(pauses) <= 37.5


async def test_refused_markup_falls_to_plain_text() -> None:
    desk = Desk(replace(CAPS, markup=Markup.TELEGRAM_HTML))
    desk.channel.fail = failing_if(lambda _, out: out.markup is not Markup.PLAIN, MarkupRefused("no"))
    await desk.deliver("**Bold** text.")
    (message,) = desk.channel.messages.values()
    assert (message.last.text, message.last.markup) == ("Bold text.", Markup.PLAIN)


async def test_a_platform_that_refuses_plain_text_too_ends_the_delivery() -> None:
    desk = Desk()
    desk.channel.fail = lambda call, out: MarkupRefused("no")
    async with desk.begin() as shown:
        with pytest.raises(ChatGone, match="plain text"):
            await shown.finish(Reply("Hello."))


async def test_a_message_that_is_gone_is_sent_anew() -> None:
    desk = Desk()
    known = await desk.channel.send(ADDRESS, Outgoing("Hel", "Hel"), key="t1:0")
    desk.failing(MessageGone("deleted"))
    await desk.deliver("Hello.", row(message_id=known))
    assert desk.channel.texts() == ["Hel", "Hello."]
    assert [r.message_id for r in desk.rows()] == ["b2"]


async def test_a_gone_part_in_the_middle_is_sent_anew_and_the_others_stay() -> None:
    desk = Desk()
    await desk.deliver("word " * 250)
    rows = desk.rows()
    assert len(rows) == 3
    gone = [RetryAfter(1), MessageGone("deleted")]
    desk.channel.fail = lambda call, out: gone.pop() if call == "edit" and gone else None
    await desk.deliver("other " * 200, *rows)
    assert all(text.startswith("other") for text in desk.channel.texts()[-2:])
    assert len({r.message_id for r in desk.rows()}) == 3


async def test_typing_is_shown_every_four_and_a_half_seconds_until_there_is_text() -> None:
    desk = Desk(replace(CAPS, typing=True))
    async with desk.begin() as shown:
        await desk.clock.advance(10)
        assert desk.channel.typings == 3
        shown.show("Hello")
        await desk.clock.advance(20)
        assert desk.channel.typings == 3


async def test_a_stop_never_cancels_a_call_under_way() -> None:
    desk = Desk()
    calling, answer = asyncio.Event(), asyncio.Event()

    class Slow(MemoryChannel):
        async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
            calling.set()
            await answer.wait()
            return await super().send(address, out, key=key, reply_to=reply_to)

    desk.channel = Slow(CAPS)
    shown = desk.begin()

    async def turn() -> None:
        async with shown:
            shown.show("Hel")
            await asyncio.Event().wait()

    running = asyncio.create_task(turn())
    await desk.clock.advance(1)
    assert calling.is_set()
    running.cancel()
    await desk.clock.advance(1)
    assert not running.done()
    answer.set()
    await desk.clock.advance(1)
    assert running.cancelled()
    assert [(r.state, r.message_id) for r in desk.rows()] == [(SENT, "b1")]


async def test_what_vanishes_again_and_again_is_given_up() -> None:
    desk = Desk(KEYLESS)
    desk.channel.fail = failing_if(lambda call, _: call == "edit", MessageGone("deleted"))
    async with desk.begin() as shown:
        with pytest.raises(ChatGone, match="vanish"):
            await shown.finish(Reply("Hello."))
    assert len(desk.channel.messages) == 4


async def test_after_a_resume_a_new_send_without_keys_needs_no_edit() -> None:
    desk = Desk(KEYLESS, AmbiguousSend.AT_MOST_ONCE)
    await desk.deliver(
        "word " * 150, row(message_id=await desk.channel.send(ADDRESS, Outgoing("", ""), key=""))
    )
    assert [call for call, _ in desk.channel.calls[1:]] == ["edit", "send"]


async def test_what_shows_nothing_is_shown_as_a_mark() -> None:
    desk = Desk()
    await desk.deliver(" \n")
    assert desk.channel.texts() == [PLACEHOLDER]
