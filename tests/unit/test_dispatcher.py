"""Lanes are FIFO, the limit holds, people take fair turns, stopping and draining work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import Ended, Scope, SystemClock
from bot.dispatcher import Dispatcher, Hold
from bot.types import Address, Event, EventKind, Part, Sender


def event(number: int, chat: str = "c", person: str = "p", kind: EventKind = EventKind.MESSAGE) -> Event:
    return Event(
        id=str(number),
        kind=kind,
        address=Address("test", "bot", chat),
        sender=Sender(person),
        parts=(Part(text=f"message {number}"),),
        message_id=f"m{number}",
    )


class Stage:
    """A handler whose events end when the test says so."""

    def __init__(self, limit: int = 2) -> None:
        self.started: list[str] = []
        self.ended: list[str] = []
        self.holds: dict[str, Hold] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.urgent: list[str] = []
        self.dispatcher = Dispatcher(self.handle, intercept=self.intercept, limit=limit)

    async def handle(self, event: Event, hold: Hold) -> None:
        self.started.append(event.id)
        self.holds[event.id] = hold
        await self.gates.setdefault(event.id, asyncio.Event()).wait()
        self.ended.append(event.id)

    def intercept(self, event: Event) -> Coroutine[None, None, None] | None:
        return self.act(event) if event.kind is EventKind.COMMAND else None

    async def act(self, event: Event) -> None:
        self.urgent.append(event.id)

    async def end(self, *numbers: int) -> None:
        for number in numbers:
            self.gates.setdefault(str(number), asyncio.Event()).set()
        await settle()


async def settle(rounds: int = 10) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)


async def test_a_lane_is_first_in_first_out_and_lanes_run_side_by_side() -> None:
    stage = Stage()
    for e in (event(1, "a"), event(2, "a"), event(3, "b")):
        stage.dispatcher.submit(e)
    await settle()
    assert stage.started == ["1", "3"]
    await stage.end(1)
    assert stage.started == ["1", "3", "2"]


async def test_people_take_turns_when_more_wait_than_run() -> None:
    stage = Stage(limit=1)
    for number in range(1, 5):
        stage.dispatcher.submit(event(number, chat=f"a{number}", person="shouter"))
    stage.dispatcher.submit(event(5, chat="b", person="quiet"))
    stage.dispatcher.submit(event(6, chat="c", person="third"))
    await settle()
    for number in (1, 2, 5, 6, 3, 4):
        await stage.end(number)
    assert stage.started[0] == "1"
    assert stage.started.index("5") <= 2
    assert stage.started.index("6") <= 3


async def test_a_released_share_lets_the_next_one_start_while_the_lane_stays_busy() -> None:
    stage = Stage(limit=1)
    for e in (event(1, "a"), event(2, "a"), event(3, "b", "q")):
        stage.dispatcher.submit(e)
    await settle()
    stage.holds["1"].release()
    stage.holds["1"].release()
    await settle()
    assert stage.started == ["1", "3"]


async def test_what_is_intercepted_runs_at_once() -> None:
    stage = Stage(limit=1)
    stage.dispatcher.submit(event(1))
    stage.dispatcher.submit(event(2, kind=EventKind.COMMAND))
    await settle()
    assert stage.urgent == ["2"]


async def test_stop_ends_the_guarded_scope_and_only_it() -> None:
    reasons: list[str] = []

    async def handle(event: Event, hold: Hold) -> None:
        try:
            async with hold.guard(Scope(SystemClock(), 60)):
                await asyncio.Event().wait()
        except Ended as ended:
            reasons.append(ended.reason)
        await asyncio.sleep(0)
        reasons.append("after")

    dispatcher = Dispatcher(handle, intercept=lambda _: None, limit=1)
    dispatcher.submit(event(1))
    await settle()
    assert dispatcher.find("test/bot/c/", "other") is None
    hold = dispatcher.find("test/bot/c/", "m1")
    assert hold is not None
    hold.stop("stopped")
    await settle()
    assert reasons == ["stopped", "after"]
    assert dispatcher.running == 0


async def test_a_stop_before_the_scope_is_entered_is_not_lost() -> None:
    hold = Hold(event(1), lambda: None)
    hold.stop("early")
    with pytest.raises(Ended, match="early"):
        async with hold.guard(Scope(SystemClock(), 60)):
            await asyncio.Event().wait()
    await asyncio.sleep(0)  # no cancellation is left behind


async def test_a_scope_ended_by_its_own_block_leaves_no_cancellation_behind() -> None:
    with pytest.raises(Ended, match="inside"):
        async with Scope(SystemClock()) as scope:
            scope.end("inside")
    await asyncio.sleep(0)


async def test_nested_scopes_end_by_their_own_reason() -> None:
    outer = Scope(SystemClock())

    async def nested() -> None:
        async with outer, Scope(SystemClock(), 60):
            outer.end("outer")
            await asyncio.Event().wait()

    with pytest.raises(Ended, match="outer"):
        await nested()


async def test_withdrawn_events_never_run() -> None:
    stage = Stage(limit=1)
    for e in (event(1, "a"), event(2, "a"), event(3, "b", "q"), event(4, "d", "r")):
        stage.dispatcher.submit(e)
    await settle()
    assert (stage.dispatcher.running, stage.dispatcher.waiting, stage.dispatcher.people) == (1, 3, 3)
    assert [e.id for e in stage.dispatcher.withdraw("test/bot/a/", lambda e: e.id == "2")] == ["2"]
    assert [e.id for e in stage.dispatcher.withdraw("test/bot/b/", lambda e: e.id == "3")] == ["3"]
    assert stage.dispatcher.withdraw("test/bot/none/", lambda e: True) == []
    await stage.end(1, 4)
    assert stage.started == ["1", "4"]
    assert (stage.dispatcher.running, stage.dispatcher.waiting, stage.dispatcher.people) == (0, 0, 0)


async def test_who_waits_is_counted_once_and_an_operators_work_is_nobody() -> None:
    stage = Stage(limit=1)
    stage.dispatcher.submit(event(1, "a"))
    for number in range(2, 6):
        stage.dispatcher.submit(event(number, chat=f"b{number % 2}", person="busy"))
    stage.dispatcher.submit(event(6, "c", "console:x", kind=EventKind.CONSOLE))
    stage.dispatcher.submit(event(7, "d", kind=EventKind.COMMAND))
    await settle()
    assert stage.urgent == ["7"]
    assert (stage.dispatcher.running, stage.dispatcher.waiting, stage.dispatcher.people) == (1, 5, 1)
    stage.dispatcher.withdraw("test/bot/b0/", lambda e: True)
    assert stage.dispatcher.people == 1
    await stage.end(1, 3, 6, 5)
    assert (stage.dispatcher.running, stage.dispatcher.waiting, stage.dispatcher.people) == (0, 0, 0)


async def test_a_handler_that_fails_is_logged_and_the_lane_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def handle(event: Event, hold: Hold) -> None:
        if event.id == "1":
            raise ValueError("broken")
        done.append(event.id)

    dispatcher = Dispatcher(handle, intercept=lambda _: None, limit=1)
    with caplog.at_level(logging.ERROR):
        dispatcher.submit(event(1))
        dispatcher.submit(event(2))
        await settle()
    assert done == ["2"]
    assert "broken" in caplog.text


async def test_drain_waits_for_what_runs_and_starts_nothing_more() -> None:
    stage = Stage(limit=1)
    stage.dispatcher.submit(event(1, "a"))
    stage.dispatcher.submit(event(2, "a"))
    await settle()
    drained = asyncio.create_task(stage.dispatcher.drain(60, asyncio.sleep))
    await settle()
    await stage.end(1)
    await drained
    assert stage.ended == ["1"]
    assert stage.started == ["1"]


async def test_drain_cancels_what_outlasts_the_grace() -> None:
    stage = Stage()
    stage.dispatcher.submit(event(1))
    await settle()
    await stage.dispatcher.drain(0, asyncio.sleep)
    assert stage.ended == []
    assert stage.dispatcher.running == 0


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=40),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_order_limit_and_completeness_hold_for_any_traffic(
    traffic: list[tuple[int, int]], limit: int, random: object
) -> None:
    async def run() -> None:
        running: set[str] = set()
        seen: dict[str, list[int]] = {}
        peak = 0

        async def handle(event: Event, hold: Hold) -> None:
            nonlocal peak
            assert event.address.key not in running
            running.add(event.address.key)
            peak = max(peak, len(running))
            for _ in range(int(event.id) % 3):
                await asyncio.sleep(0)
            running.discard(event.address.key)
            seen.setdefault(event.address.key, []).append(int(event.id))

        dispatcher = Dispatcher(handle, intercept=lambda _: None, limit=limit)
        for number, (chat, person) in enumerate(traffic):
            dispatcher.submit(event(number, f"chat{chat}", f"person{person}"))
        await settle(1000)
        assert peak <= limit
        assert sorted(n for lane in seen.values() for n in lane) == list(range(len(traffic)))
        assert all(lane == sorted(lane) for lane in seen.values())

    asyncio.run(run())
