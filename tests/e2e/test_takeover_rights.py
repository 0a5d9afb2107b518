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

from bot.errors import AccessError, NotTaken, StorageGone, TakenByAnother
from bot.takeover import BACK, LOOK_SECONDS, SAY, Holder, taken
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
    BACK_AGAIN,
    BEN,
    NOW,
    conversation,
    say,
    take,
    turns,
    works_here,
)
from tests.fakes_people import whole
from tests.scripted import MemoryAdapter, World


async def test_another_operator_speaks_once_they_took_it_from_the_first() -> None:
    world = World()
    async with world.running():
        number = await take(world)
        await world.ask("Hi")
        with pytest.raises(TakenByAnother, match="Ann") as refused:
            await say(world, "Ben here.", by=BEN)
        assert refused.value.name == "Ann"
        assert world.channel.texts() == [NOW]
        first = await world.app.takeover.take(number, ANN)
        assert (await world.app.takeover.take(number, ANN)).at == first.at
        await take(world, by=BEN)
        assert "Ben" in await world.ask("And you?")
        with pytest.raises(TakenByAnother):
            await say(world, "Mine.")
        await say(world, "Ben here.", by=BEN)
        assert world.channel.texts()[-1] == "Ben (staff): Ben here."


async def test_it_belongs_to_an_account_whatever_it_is_called() -> None:
    world = World()
    async with world.running():
        number, service, accounts = await take(world), world.app.takeover, world.stores.accounts
        began = await service.holder(await conversation(world))
        renamed = await accounts.update(ANN.id, name="Olga")
        assert began is not None
        assert await service.holder(await conversation(world)) == Holder("Olga", began.at, ANN.id)
        assert (await service.take(number, renamed)).at == began.at
        namesake = works_here(world, replace(BEN, id="acc-3", name="Ann"))
        with pytest.raises(TakenByAnother, match="Olga"):
            await say(world, "Ann, too.", by=namesake)
        await say(world, "Still me.", by=renamed)
        assert world.channel.texts() == ["Olga (staff): Still me."]


async def test_one_that_an_earlier_version_stored_is_nobodys_to_speak_in() -> None:
    world = World()
    async with world.running():
        number = await take(world)
        at = world.clock.time()
        await world.stores.conversations.update(number, settings={"takeover": {"name": "Ann", "at": at}})
        await world.stores.values.put("takeover", "", str(number), at)
        assert await world.app.takeover.holder(await conversation(world)) == Holder("Ann", at)
        with pytest.raises(TakenByAnother):
            await say(world, "Hi.")
    async with world.running():
        await world.clock.advance(40)
        assert taken(await conversation(world)) is not None, "somebody of that name works here"
        await world.stores.accounts.update(ANN.id, name="Olga")
        await world.clock.advance(40)
        assert taken(await conversation(world)) is None


@pytest.mark.parametrize("change", ["disabled", "role", "deleted"])
@pytest.mark.parametrize("when", ["told", "elsewhere", "at start"])
async def test_what_somebody_held_who_may_not_any_more_is_handed_back(change: str, when: str) -> None:
    world = World(["Answered after all."], takeover_idle=0)

    async def leave() -> None:
        works_here(world, BEN)
        if change == "deleted":
            await world.stores.accounts.delete(ANN.id)
        elif change == "role":
            await world.stores.accounts.update(ANN.id, role=ConsoleRole.AUTHOR)
        else:
            await world.stores.accounts.update(ANN.id, disabled=True)

    async with world.running():
        await take(world)
        await world.ask("Anybody?")
        if when != "at start":
            await leave()
        if when == "told":
            world.app.takeover.look_soon()
        await world.clock.advance(LOOK_SECONDS if when == "elsewhere" else 3)
        assert (taken(await conversation(world)) is None) == (when != "at start")
    if when == "at start":
        await leave()
        async with world.running():
            await world.clock.advance(3)
    assert world.channel.texts() == [NOW, BACK_AGAIN, "Answered after all."]
    [entry] = await world.stores.audit.listing()
    assert (entry.account_id, entry.account, entry.action) == ("", "", "conversation.left")
    assert (entry.target, entry.detail) == (str((await conversation(world)).id), "Ann")


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
        stored = json.dumps(await whole(world.stores.people.export(turn.person_id)), default=str)
    assert "Ann (staff)" in stored
    assert ANN.id not in stored
