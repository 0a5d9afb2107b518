"""Calls stay within every pace, finals go before previews, flood control holds one chat only."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.pacing import Pacer
from bot.types import Address, Capabilities, Pace
from tests.fakes import FakeClock

CHAT = Address("sim", "bot", "c")
OTHER = Address("sim", "bot", "d")


async def take_all(
    clock: FakeClock, pacer: Pacer, calls: list[tuple[Address, bool]], caps: Capabilities
) -> list[tuple[float, Address, bool]]:
    """When each of these calls, all asked for at once, may go."""
    log: list[tuple[float, Address, bool]] = []

    async def one(address: Address, final: bool) -> None:
        await pacer.take(address, caps, final=final)
        log.append((clock.monotonic(), address, final))

    tasks = [asyncio.create_task(one(a, f)) for a, f in calls]
    for _ in range(600):
        await clock.advance(0.25)
        if all(t.done() for t in tasks):
            break
    await asyncio.gather(*tasks)
    return log


async def test_a_chat_keeps_its_pace() -> None:
    clock = FakeClock()
    caps = Capabilities(chat_paces=(Pace(1, 1.0), Pace(20, 60.0)), min_edit_interval=0)
    log = await take_all(clock, Pacer(clock), [(CHAT, True)] * 25, caps)
    times = [t for t, _, _ in log]
    assert all(b - a >= 1.0 for a, b in pairwise(times))
    assert times[20] - times[0] >= 60.0


async def test_previews_leave_room_for_finals() -> None:
    clock = FakeClock()
    caps = Capabilities(chat_paces=(Pace(20, 60.0),), min_edit_interval=0)
    pacer = Pacer(clock)
    log = await take_all(clock, pacer, [(CHAT, False)] * 15, caps)
    assert log[-1][0] - log[0][0] < 1
    blocked = asyncio.create_task(pacer.take(CHAT, caps, final=False))
    await clock.advance(1)
    assert not blocked.done()
    await pacer.take(CHAT, caps, final=True)
    blocked.cancel()


async def test_flood_control_holds_up_its_own_chat_alone() -> None:
    clock = FakeClock()
    pacer = Pacer(clock)
    pacer.block(CHAT, 30)
    log = await take_all(clock, pacer, [(CHAT, True), (OTHER, True)], Capabilities())
    when = {address: t for t, address, _ in log}
    assert when[OTHER] < 1
    assert when[CHAT] >= 30


async def test_finals_of_one_chat_go_before_previews_of_another() -> None:
    clock = FakeClock()
    pacer = Pacer(clock)
    caps = Capabilities(account_paces=(Pace(2, 1.0),), min_edit_interval=0.1)
    calls = [(Address("sim", "bot", f"p{i}"), False) for i in range(4)]
    calls += [(Address("sim", "bot", f"f{i}"), True) for i in range(6)]
    log = await take_all(clock, pacer, calls, caps)
    last_final = max(t for t, _, final in log if final)
    assert sum(1 for t, _, final in log if not final and t < last_final) <= 1


async def test_previews_of_one_answer_keep_their_distance() -> None:
    clock = FakeClock()
    log = await take_all(clock, Pacer(clock), [(CHAT, False)] * 3, Capabilities(min_edit_interval=1.0))
    assert log[1][0] - log[0][0] >= 1.0


async def test_idle_chats_are_forgotten() -> None:
    clock = FakeClock()
    pacer = Pacer(clock)
    for number in range(10_000):
        await pacer.take(Address("sim", "bot", str(number)), Capabilities(), final=True)
        if number % 1000 == 999:
            await clock.advance(200)
    assert len(pacer._chats) <= 5096


@given(
    st.lists(st.tuples(st.sampled_from([CHAT, OTHER]), st.booleans()), min_size=1, max_size=20),
    st.integers(1, 5),
    st.sampled_from([0.5, 1.0, 3.0]),
)
def test_no_window_ever_holds_more_calls_than_its_pace(
    calls: list[tuple[Address, bool]], most: int, seconds: float
) -> None:
    async def run() -> None:
        clock = FakeClock()
        caps = Capabilities(
            chat_paces=(Pace(most, seconds),), account_paces=(Pace(most + 1, seconds),), min_edit_interval=0
        )
        log = await take_all(clock, Pacer(clock), calls, caps)
        assert len(log) == len(calls)
        for when, address, _ in log:
            near = [a for t, a, _ in log if when - seconds < t <= when]
            assert len(near) <= most + 1
            assert sum(a == address for a in near) <= most

    asyncio.run(run())


async def test_a_call_counts_until_a_window_after_its_end() -> None:
    """What sets out a window apart can arrive closer together, if the first was slow on its way."""
    clock = FakeClock()
    pacer = Pacer(clock)
    caps = Capabilities(account_paces=(Pace(2, 1.0),), min_edit_interval=0.0)
    begun: list[float] = []

    async def call(seconds: float) -> None:
        async with pacer.call(CHAT, caps, final=True):
            begun.append(clock.monotonic())
            await clock.sleep(seconds)

    calls = [asyncio.create_task(call(seconds)) for seconds in (0.5, 0.2, 0.0, 0.0)]
    await clock.advance(10)
    assert all(c.done() for c in calls)
    first = begun[0]
    assert [round(at - first, 3) for at in begun] == [0.0, 0.0, 1.2, 1.5]
