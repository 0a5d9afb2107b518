"""One reader and the real core, in a time that the test moves: how an answer ends that is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from adapters.web import translate
from adapters.web.answers import Answer
from adapters.web.blocks import Told
from adapters.web.channel import WebChannel
from adapters.web.identity import AnswerId, Signer
from bot.errors import StorageError
from bot.types import PersonRole, Sender
from tests.scripted import Script, World

SIGNER = Signer(b"a secret of at least 16 bytes")
ONE, OTHER = "a" * 32, "b" * 32


class WebWorld(World):
    """The core, and the page's channel as its platform."""

    def __init__(self, *scripts: Script, **settings: Any) -> None:
        super().__init__(*scripts, **settings)
        self.forget()

    def forget(self) -> None:
        """What the page's process remembers is gone, as after a restart."""
        self.pages = WebChannel(self.clock)
        self.channel = cast("Any", self.pages)

    async def put(self, visitor: str, text: str, conversation: str = "", *, trusted: bool = True) -> AnswerId:
        answer = SIGNER.answer(visitor, conversation=conversation)
        event = translate.question(answer, Sender(visitor, trusted=trusted), text, 0.0)
        self.pages.expect(event.id)
        await self.stores.inbox.put(event)
        await self.clock.advance(0)
        return answer

    def reading(self, answer: AnswerId, *, fresh: bool = True) -> asyncio.Task[list[Told]]:
        """The page follows this answer; the task has what it was told, heartbeats included."""
        stores = self.stores
        reader = Answer(answer, self.pages, stores.turns, stores.inbox.pending, self.clock)

        return asyncio.create_task(_all(reader.follow(fresh=fresh)))


async def _all(told: AsyncIterator[Told]) -> list[Told]:
    return [one async for one in told]


def _code(told: list[Told]) -> str:
    assert told[-1].name == "error", told
    return str(told[-1].data["code"])


def _text(told: list[Told]) -> str:
    return "".join(t.data["text"] for t in told if t.name in ("chunk", "replace"))


async def test_a_question_that_waits_long_for_its_lane_is_not_lost() -> None:
    world = WebWorld([300.0, "one"], ["two"], concurrency=1, first_chunk_timeout=400)
    async with world.running():
        await world.put(ONE, "first")
        reading = world.reading(await world.put(OTHER, "second"))
        await world.clock.advance(290)
        assert not reading.done()
        await world.clock.advance(30)
        told = await reading
    assert _text(told) == "two"
    assert told[-1].name == "done"
    assert len([t for t in told if not t.name]) >= 25  # heartbeats, at least one in twelve seconds


async def test_what_is_refused_ends_at_once_and_says_why_each_time() -> None:
    world = WebWorld(["one"], rate_limit=1)
    async with world.running():
        told = []
        for number in range(4):
            reading = world.reading(await world.put(ONE, f"question {number}", "chat"))
            await world.clock.advance(5)
            assert reading.done()
            told.append(await reading)
    assert [t[-1].name for t in told] == ["done"] * 4
    assert ["next one in" in _text(t) for t in told] == [False, True, True, True]


async def test_a_stranger_who_was_told_and_a_blocked_person_get_an_end_too() -> None:
    world = WebWorld(access="invite")
    async with world.running():
        person = await world.stores.people.admit("web", Sender(OTHER))
        await world.stores.people.update(person.id, role=PersonRole.BLOCKED)
        await world.put(ONE, "let me in", trusted=False)
        readings = [world.reading(await world.put(who, "again", trusted=False)) for who in (ONE, OTHER)]
        await world.clock.advance(5)
        assert all(r.done() for r in readings)
        stranger, blocked = [await r for r in readings]
        assert "/start CODE" in _text(stranger)
        assert _code(blocked) == "unanswered"


async def test_a_typed_stop_ends_while_what_it_stops_says_so() -> None:
    world = WebWorld(["one", 60.0, "two"])
    async with world.running():
        question = world.reading(await world.put(ONE, "long", "chat"))
        await world.clock.advance(1)
        stop = world.reading(await world.put(ONE, "/stop", "chat"))
        await world.clock.advance(5)
        assert stop.done()
        assert question.done()
        assert _code(await stop) == "unanswered"
        assert (await question)[-1].data["finish_reason"] == "cancelled"


async def test_a_question_stopped_while_it_waits_is_told_so() -> None:
    world = WebWorld(["one", 60.0, "two"], ["never"])
    async with world.running():
        await world.put(ONE, "runs", "chat")
        await world.clock.advance(1)
        waiting = world.reading(await world.put(ONE, "waits", "chat"))
        await world.put(ONE, "/stop", "chat")
        await world.clock.advance(5)
        assert waiting.done()
        told = await waiting
    assert told[-1].name == "done"
    assert "Stopped" in _text(told)


async def test_a_reply_that_a_restart_forgot_is_said_to_be_lost() -> None:
    world = WebWorld()
    async with world.running():
        answer = await world.put(ONE, "/help", "chat")
        await world.clock.advance(1)
    world.forget()
    async with world.running():
        reading = world.reading(answer, fresh=False)
        await world.clock.advance(5)
        assert reading.done()
        assert _code(await reading) == "lost"


async def test_while_the_database_is_silent_nothing_is_said_to_be_lost() -> None:
    world = WebWorld()

    async def fails(key: str) -> bool:
        raise StorageError("busy")

    async with world.running():
        reader = Answer(SIGNER.answer(ONE), world.pages, world.stores.turns, fails, world.clock).follow(
            fresh=False
        )
        reading = asyncio.create_task(_all(reader))
        await world.clock.advance(200)
        assert not reading.done()
        world.pages.close()
        await world.clock.advance(0)
        assert {t.name for t in await reading} == {"start", ""}


async def test_a_conversation_deleted_in_mid_answer_is_not_there_again_when_that_has_ended() -> None:
    world = WebWorld(["one", 30.0, "two"], ["three"])
    async with world.running():
        question = world.reading(await world.put(ONE, "long", "chat"))
        await world.clock.advance(1)
        person = await world.stores.people.find("web", ONE)
        assert person is not None
        (listed,) = await world.stores.own.listing(person.id)
        assert listed.answering
        assert await world.stores.own.delete(person.id, listed.conversation.id)
        await world.clock.advance(90)
        assert question.done()
        assert await world.stores.own.listing(person.id) == []
        assert world.memory.messages == {}
        assert await world.stores.inbox.dead() == []
        again = world.reading(await world.put(ONE, "anew", "chat"))
        await world.clock.advance(5)
        assert _text(await again) == "three"
