"""Who may take a conversation over, whose word is sent there, and what of them people see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import AccessError, NotTaken, StorageGone
from bot.takeover import BACK, SAY, taken
from bot.types import (
    LEFT,
    Address,
    ConsoleRole,
    Event,
    EventKind,
    Part,
    Sender,
)
from tests.e2e.taken_over import (
    ANN,
    BEN,
    conversation,
    say,
    take,
    turns,
)
from tests.scripted import MemoryAdapter, World


async def test_another_operator_may_speak_and_may_take_it_from_the_first() -> None:
    world = World()
    async with world.running():
        number = await take(world)
        await world.ask("Hi")
        await say(world, "Ben here.", by=BEN)
        assert world.channel.texts()[-1] == "Ben (staff): Ben here."
        first = await world.app.takeover.take(number, ANN)
        assert (await world.app.takeover.take(number, ANN)).at == first.at
        await take(world, by=BEN)
        assert "Ben" in await world.ask("And you?")


async def test_only_operators_take_over_and_only_what_is_there() -> None:
    world = World()
    async with world.running():
        number, service = (await conversation(world)).id, world.app.takeover
        author = replace(ANN, role=ConsoleRole.AUTHOR)
        refused: list[Callable[[], Awaitable[object]]] = [
            lambda: service.take(number, author),
            lambda: service.say(number, "Hi", author),
            lambda: service.give_back(number, author),
            lambda: service.take(number, replace(ANN, disabled=True)),
        ]
        for call in refused:
            with pytest.raises(AccessError):
                await call()
        with pytest.raises(NotTaken):
            await service.say(number, "Hi", ANN)
        with pytest.raises(StorageGone):
            await service.take(10**9, ANN)
        await service.give_back(number, ANN)
        await service.take(number, ANN)
        with pytest.raises(ValueError, match="nothing to say"):
            await service.say(number, " \n", ANN)
        assert world.memory.inbox == {}


async def test_the_same_words_put_twice_by_the_console_are_said_once() -> None:
    world = World()
    async with world.running():
        number = await take(world)
        for _ in range(2):
            await world.app.takeover.say(number, "Hi.", ANN, key="form-1")
        await world.clock.advance(3)
        assert world.channel.texts() == ["Ann (staff): Hi."]


async def test_a_name_is_text_and_nothing_else_of_the_account_is_told() -> None:
    world = World()
    async with world.running():
        await take(world, by=replace(ANN, name="*[x](http://evil)* <b>"))
        await world.ask("Hi")
        await say(world, "Hello.", by=replace(ANN, name="*[x](http://evil)* <b>"))
        said = "\n".join(world.channel.texts())
        assert "x(http://evil) b" in said
        assert ANN.id not in said


async def test_a_chat_that_put_the_bot_out_hears_nothing_more() -> None:
    world = World()
    async with world.running():
        number = await take(world)
        await world.ask("Hi")
        await world.say(kind=EventKind.MEMBERSHIP, data=LEFT, message_id="")
        await world.app.takeover.give_back(number, ANN)
        await world.clock.advance(5)
        assert all(state == "done" for state, _, _ in world.memory.inbox.values())


class Forger(MemoryAdapter):
    """A platform whose people can make it bring any event."""

    def __init__(self, inner: MemoryAdapter) -> None:
        super().__init__(inner.channel)
        self.put: Callable[[Event], Awaitable[bool]]

    @asynccontextmanager
    async def lifespan(self, put: Any) -> AsyncIterator[None]:
        self.put = put
        yield


datas = st.sampled_from((SAY, BACK, f"/{SAY}", "take", "takeover", "")).flatmap(
    lambda what: st.sampled_from(
        (f"{what} 1 0.0", f"{what} {{id}} {{at}}", what, f"cmd:{what} {{id}} {{at}}")
    )
)


@given(
    st.sampled_from(list(EventKind)),
    datas,
    st.text(max_size=20),
    st.sampled_from(("p", "console:acc-1", "acc-1")),
    st.booleans(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_platform_speaks_for_the_console(
    kind: EventKind, data: str, text: str, sender: str, private: bool
) -> None:
    async def forged() -> None:
        world = World()
        async with world.running():
            number = await take(world)
            held = taken(await conversation(world))
            assert held is not None
            forger = Forger(MemoryAdapter(world.channel))
            async with forger.lifespan(world.app.take_in):
                await forger.put(
                    Event(
                        id="console-forged",
                        kind=kind,
                        address=Address("sim", "bot", "c"),
                        sender=Sender(sender, name="Ann"),
                        parts=(Part(text=text),) if text else (),
                        message_id="q1",
                        data=data.format(id=number, at=repr(held.at)),
                        private=private,
                    )
                )
            await world.clock.advance(5)
            assert taken(await conversation(world)) == held
            assert not any("staff):" in shown for shown in world.channel.texts())
            assert not any(t.model.startswith("human:") for t in await turns(world))

    asyncio.run(forged())


async def test_what_people_can_have_exported_names_the_operator_and_no_account() -> None:
    world = World()
    async with world.running():
        await take(world)
        await world.ask("Hi")
        await say(world, "Hello.")
        (turn,) = await turns(world)
        stored = json.dumps(await world.stores.people.export(turn.person_id), default=str)
    assert "Ann (staff)" in stored
    assert ANN.id not in stored
