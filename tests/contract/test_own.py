"""One person's own conversations: listed, searched and deleted, and nobody else's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from bot.ports import OwnConversations
from bot.types import Address, Conversation, Message, Role, TurnState
from storage.own import SqlOwnConversations
from tests.contract.conftest import Stores, an_event
from tests.fakes import Memory
from tests.fakes_own import FakeOwnConversations


@dataclass
class House:
    stores: Stores
    own: OwnConversations
    events: int = 0

    async def begin(self, chat: str, person: str = "ann") -> Conversation:
        """A question under way."""
        self.events += 1
        conversation = await self.stores.conversations.open(Address("test", "bot", chat))
        await self.stores.turns.begin(conversation, an_event(self.events, chat=chat), person_id=person)
        await self.stores.clock.advance(1)
        return conversation

    async def say(self, chat: str, question: str, answer: str = "Fine.", person: str = "ann") -> Conversation:
        conversation = await self.begin(chat, person)
        (turn,) = await self.stores.turns.listing(conversation.id, limit=1)
        done = replace(turn, state=TurnState.DONE, text=answer)
        await self.stores.turns.finish(done, [Message(Role.USER, question), Message(Role.ASSISTANT, answer)])
        return conversation

    async def chats(self, person: str = "ann", query: str = "", limit: int = 30) -> list[str]:
        rows = await self.own.listing(person, query=query, limit=limit)
        return [row.conversation.address.chat for row in rows]


@pytest.fixture
async def house(stores: Stores) -> House:
    memory = stores.database
    own: OwnConversations = (
        FakeOwnConversations(memory) if isinstance(memory, Memory) else SqlOwnConversations(memory)
    )
    return House(stores, own)


async def test_the_last_active_come_first_page_by_page(house: House) -> None:
    for chat in ("a", "b", "c", "d", "a"):
        await house.say(chat, "hello")
    assert await house.chats() == ["a", "d", "c", "b"]
    seen, before = [], None
    while page := await house.own.listing("ann", limit=2, before=before):
        seen += [row.conversation.address.chat for row in page]
        before = (page[-1].active_at, page[-1].conversation.id)
    assert seen == ["a", "d", "c", "b"]
    assert await house.chats("eve") == []
    assert await house.own.listing("ann", limit=0) == []


async def test_the_newest_turn_is_told_and_whether_it_is_under_way(house: House) -> None:
    await house.say("a", "hello")
    (row,) = await house.own.listing("ann")
    assert row.last_event.endswith("/1")
    assert not row.answering
    await house.begin("a")
    (row,) = await house.own.listing("ann")
    assert row.last_event.endswith("/2")
    assert row.answering


async def test_where_somebody_else_asked_it_is_nobodys_own(house: House) -> None:
    mine = await house.say("mine", "tea")
    ours = await house.say("ours", "tea")
    await house.say("ours", "tea", person="eve")
    assert await house.chats() == await house.chats(query="tea") == ["mine"]
    assert await house.chats("eve") == []
    assert await house.own.get("ann", mine.id) is not None
    for person in ("ann", "eve"):
        assert await house.own.get(person, ours.id) is None
        assert not await house.own.delete(person, ours.id)
    assert await house.own.get("eve", mine.id) is None
    assert not await house.own.delete("eve", mine.id)
    assert await house.own.get("ann", 1 << 40) is None
    assert await house.stores.conversations.get(mine.id) is not None


async def test_what_nobody_else_asked_pages_past_what_somebody_did(house: House) -> None:
    await house.say("first", "x")
    for number in range(4):
        await house.say(f"shared{number}", "x")
        await house.say(f"shared{number}", "x", person="eve")
    assert await house.chats(limit=2) == ["first"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("green tea", ["tea"]),
        ("GREEN", ["tea"]),
        ("tea coffee", []),
        ("绿茶", ["cha"]),
        ("茶", ["cha"]),
        ("crème", ["creme"]),
        ("answer", ["creme"]),
        ("holiday", ["plain"]),
        ("?!", []),
        ('" OR 1 --', []),
        ("nothing' & :*", []),
    ],
)
async def test_own_words_and_titles_are_found(house: House, query: str, found: list[str]) -> None:
    await house.say("tea", "Is green tea good?")
    await house.say("cha", "绿茶怎么泡?")
    await house.say("creme", "Creme brulee?", "An answer.")
    plain = await house.say("plain", "x")
    await house.stores.conversations.update(plain.id, title="My holiday")
    await house.say("other", "green tea 绿茶 crème answer holiday", person="eve")
    assert await house.chats(query=query) == found


async def test_a_search_tells_what_was_said_and_stops_at_a_new_beginning(house: House) -> None:
    conversation = await house.say("a", "Where is the key?", "Under the mat.")
    await house.say("a", "thanks")
    (row,) = await house.own.listing("ann", query="mat")
    assert row.found == "Where is the key?\nUnder the mat."
    await house.stores.conversations.restart(conversation.id)
    assert await house.chats(query="mat") == []


async def test_a_deleted_conversation_leaves_nothing(house: House) -> None:
    stores = house.stores
    person = await stores.people.admit("test", an_event().sender)
    conversation = await house.say("a", "secret", person=person.id)
    await stores.keyvalue.put("p", f"conversation:{conversation.id}", "k", 1)
    token = await stores.shares.put(conversation.id, person.id, last_turn=1, title="", expires_at=9e9)
    (turn,) = await stores.turns.listing(conversation.id)
    await stores.turns.feedback(turn.id, person.id, 1)
    assert await house.own.delete(person.id, conversation.id)
    assert not await house.own.delete(person.id, conversation.id)
    assert await house.chats(person.id) == await house.chats(person.id, "secret") == []
    assert await stores.turns.get(turn.id) is None
    assert await stores.shares.find(token) is None
    assert await stores.keyvalue.items("p", f"conversation:{conversation.id}") == {}
    exported = await stores.people.export(person.id)
    assert [exported[name] for name in ("conversations", "turns", "messages", "feedback")] == [[], [], [], []]
