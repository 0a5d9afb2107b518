"""The inbox: none lost, none twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import StorageBusy
from bot.types import Event
from storage.text import clean
from tests.contract.conftest import Stores, an_event


async def take(events: AsyncIterator[Event], number: int) -> list[Event]:
    async with asyncio.timeout(20):
        return [await anext(events) for _ in range(number)]


async def test_events_come_in_the_order_they_were_put_before_and_after_the_start(stores: Stores) -> None:
    before = [an_event(n) for n in range(3)]
    after = [an_event(n) for n in range(3, 6)]
    for event in before:
        assert await stores.inbox.put(event)
    async with aclosing(stores.inbox.events()) as events:
        assert await take(events, 3) == before
        for event in after:
            assert await stores.inbox.put(event)
        assert await take(events, 3) == after


async def test_an_event_put_while_the_old_ones_are_read_comes_once(stores: Stores) -> None:
    await stores.inbox.put(an_event(1))
    async with aclosing(stores.inbox.events()) as events:
        first = await anext(events)
        await stores.inbox.put(an_event(2))
        await stores.inbox.put(an_event(3))
        assert [first, *await take(events, 2)] == [an_event(1), an_event(2), an_event(3)]
        await stores.inbox.put(an_event(4))
        assert await take(events, 1) == [an_event(4)]


async def test_a_second_arrival_changes_nothing_not_even_when_done(stores: Stores) -> None:
    assert await stores.inbox.put(an_event(1))
    assert not await stores.inbox.put(an_event(1, text="other"))
    await stores.inbox.done(an_event(1))
    assert not await stores.inbox.put(an_event(1))
    await stores.inbox.put(an_event(2))
    async with aclosing(stores.restarted().inbox.events()) as events:
        assert await take(events, 1) == [an_event(2)]


async def test_what_was_not_done_comes_again_after_a_restart(stores: Stores) -> None:
    for number in range(4):
        await stores.inbox.put(an_event(number))
    async with aclosing(stores.inbox.events()) as events:
        for event in (await take(events, 4))[:2]:
            await stores.inbox.done(event)
    async with aclosing(stores.restarted().inbox.events()) as events:
        assert await take(events, 2) == [an_event(2), an_event(3)]


async def test_an_event_is_pending_from_its_put_until_it_is_done_or_dead(stores: Stores) -> None:
    key = an_event(1).key
    assert not await stores.inbox.pending(key)
    await stores.inbox.put(an_event(1))
    await stores.inbox.put(an_event(2))
    assert await stores.restarted().inbox.pending(key)
    await stores.inbox.bury(an_event(1), "broken")
    assert not await stores.inbox.pending(key)
    await stores.inbox.revive(key)
    assert await stores.inbox.pending(key)
    await stores.inbox.done(an_event(1))
    assert not await stores.inbox.pending(key)
    assert await stores.inbox.pending(an_event(2).key)


async def test_a_dead_letter_is_kept_with_its_reason_and_comes_again_when_revived(stores: Stores) -> None:
    for number in (1, 2):
        await stores.inbox.put(an_event(number))
        await stores.inbox.bury(an_event(number), f"reason {number}")
    assert await stores.inbox.dead() == [(an_event(2), "reason 2"), (an_event(1), "reason 1")]
    assert await stores.inbox.dead(limit=1) == [(an_event(2), "reason 2")]
    assert await stores.inbox.dead(before=an_event(2).key) == [(an_event(1), "reason 1")]
    assert await stores.inbox.dead(before=an_event(1).key) == []
    await stores.inbox.put(an_event(3))
    async with aclosing(stores.restarted().inbox.events()) as events:
        assert await take(events, 1) == [an_event(3)]
    await stores.inbox.done(an_event(3))
    assert not await stores.inbox.revive("unknown")
    assert await stores.inbox.revive(an_event(1).key)
    assert not await stores.inbox.revive(an_event(1).key)
    async with aclosing(stores.restarted().inbox.events()) as events:
        assert await take(events, 1) == [an_event(1)]


async def test_a_dead_letter_revived_while_the_consumer_listens_reaches_it(stores: Stores) -> None:
    await stores.inbox.put(an_event(1))
    async with aclosing(stores.inbox.events()) as events:
        [event] = await take(events, 1)
        await stores.inbox.bury(event, "broken")
        assert await stores.inbox.revive(event.key)
        assert await take(events, 1) == [event]


async def test_a_done_event_cannot_be_buried(stores: Stores) -> None:
    await stores.inbox.put(an_event(1))
    await stores.inbox.done(an_event(1))
    await stores.inbox.bury(an_event(1), "late")
    assert await stores.inbox.dead() == []


async def test_a_second_consumer_is_refused_until_the_first_is_gone(stores: Stores) -> None:
    await stores.inbox.put(an_event(1))
    async with aclosing(stores.inbox.events()) as events:
        await take(events, 1)
        async with aclosing(stores.restarted().inbox.events()) as second:
            with pytest.raises(StorageBusy):
                await anext(second)
    async with aclosing(stores.restarted().inbox.events()) as events:
        assert await take(events, 1) == [an_event(1)]


async def test_a_put_whose_caller_gave_up_is_whole_or_absent(stores: Stores) -> None:
    async with aclosing(stores.inbox.events()) as events:
        consumer = asyncio.create_task(take(events, 1))
        await asyncio.sleep(0)
        put = asyncio.create_task(stores.inbox.put(an_event(1)))
        await asyncio.sleep(0)
        put.cancel()
        await asyncio.gather(put, return_exceptions=True)
        await stores.inbox.put(an_event(1))
        assert await consumer == [an_event(1)]


TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["\0", "a\0b", "\ud83d", "\ude00 \ud83d", "\ud83d\ude00", "😀", "\u202eabc\u200b", "", "\\u0000"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, identifier=TEXTS, number=st.integers(0, 1 << 62))
async def test_any_text_survives_but_nul_and_lone_surrogates(
    stores: Stores, text: str, identifier: str, number: int
) -> None:
    event = an_event(number, text=text, chat=identifier)
    event = type(event)(**{f: getattr(event, f) for f in event.__slots__} | {"id": f"{number}{identifier}"})
    if not await stores.inbox.put(event):
        return
    async with aclosing(stores.restarted().inbox.events()) as events:
        [back] = await take(events, 1)
    assert back.text == clean(text)
    assert back.address.chat == clean(identifier)
    assert not await stores.inbox.put(event)
    assert not await stores.inbox.put(back)
    await stores.inbox.done(event)


async def test_events_of_many_writers_all_arrive_each_once(stores: Stores) -> None:
    async with aclosing(stores.inbox.events()) as events:
        consumer = asyncio.create_task(take(events, 200))
        await asyncio.gather(*(stores.inbox.put(an_event(n % 200)) for n in range(400)))
        assert sorted(int(e.id) for e in await consumer) == list(range(200))


async def test_dead_letters_are_counted_up_to_a_bound(stores: Stores) -> None:
    assert await stores.inbox.count_dead(5) == 0
    for number in range(4):
        await stores.inbox.put(an_event(number))
        await stores.inbox.bury(an_event(number), "broken")
    await stores.inbox.put(an_event(9))
    assert (await stores.inbox.count_dead(5), await stores.inbox.count_dead(3)) == (4, 3)
    await stores.inbox.revive(an_event(0).key)
    assert await stores.inbox.count_dead(5) == 3
