"""One person's own conversations: listed, searched and deleted, and nobody else's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from bot.ports import OwnConversations
from bot.types import Address, Conversation, Message, OwnFound, Role, Sender, TurnState
from storage.own import SqlOwnConversations
from tests.contract.conftest import Stores, an_event
from tests.fakes import Memory
from tests.fakes_own import FakeOwnConversations
from tests.fakes_people import whole


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
        found = (await self.own.search(person, query, limit=limit)).conversations
        rows = found if query else await self.own.listing(person, limit=limit)
        return [row.conversation.address.chat for row in rows]


def own_of(stores: Stores, looked_through: int = 1_000, turns: int = 5_000) -> OwnConversations:
    memory = stores.database
    if isinstance(memory, Memory):
        return FakeOwnConversations(memory, looked_through, turns)
    return SqlOwnConversations(memory, looked_through, turns)


@pytest.fixture
async def house(stores: Stores) -> House:
    return House(stores, own_of(stores))


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
        ("gre", ["tea"]),
        ("g", ["tea"]),
        ("gre tea", []),
        ("tea gre", ["tea"]),
        ("een", []),
        ("cre", ["creme"]),
        ("answe", ["creme"]),
        ("holi", ["plain"]),
        ("my hol", ["plain"]),
        ("kube", ["cluster"]),
        ("kubernete", ["cluster"]),
        ("runni", ["cluster"]),
        ("runn on kubernetes", []),
        ("绿茶 kube", []),
        ("集群 kube", ["cluster"]),
        ("kube 集", []),
        ("' | t", ["tea"]),
        ("t\0\\", ["tea"]),
        ("%", []),
    ],
)
async def test_own_words_and_titles_are_found(house: House, query: str, found: list[str]) -> None:
    await house.say("tea", "Is green tea good?")
    await house.say("cha", "绿茶怎么泡?")
    await house.say("creme", "Creme brulee?", "An answer.")
    await house.say("cluster", "Running on Kubernetes 集群", "It is.")
    plain = await house.say("plain", "x")
    await house.stores.conversations.update(plain.id, title="My holiday")
    await house.say("other", "green tea 绿茶 crème answer holiday", person="eve")
    assert await house.chats(query=query) == found


@pytest.mark.parametrize("looked_through", [1, 2, 3, 100])
async def test_a_search_goes_on_where_it_stopped(stores: Stores, looked_through: int) -> None:
    house = House(stores, own_of(stores, looked_through))
    for number in range(7):
        await house.say(f"c{number}", "tea" if number in (1, 2, 5) else "soup")
    for limit in (1, 2, 3):
        seen, before, calls = [], None, 0
        while True:
            found = await house.own.search("ann", "tea", limit=limit, before=before)
            assert len(found.conversations) <= limit
            seen += [row.conversation.address.chat for row in found.conversations]
            calls += 1
            if found.older is None:
                break
            before = found.older
        assert seen == ["c5", "c2", "c1"]
        assert calls <= 8
    assert await house.own.search("ann", "") == await house.own.search("ann", "tea", limit=0) == OwnFound()


async def through(house: House, query: str, limit: int) -> tuple[list[str], int]:
    """All that a search finds, to its end: what was said, and how many calls that took."""
    said, before, calls = list[str](), None, 0
    while calls == 0 or before is not None:
        found = await house.own.search("ann", query, limit=limit, before=before)
        said += [f"{row.conversation.address.chat}: {row.found}" for row in found.conversations]
        assert before is None or found.older is None or found.older < before
        before, calls = found.older, calls + 1
    return said, calls


@pytest.mark.parametrize("turns", [1, 2, 3, 7, 100])
async def test_a_long_conversation_is_looked_through_part_by_part(stores: Stores, turns: int) -> None:
    house = House(stores, own_of(stores, turns=turns))
    await house.say("old", "tea", "For me.")
    for number in range(12):
        await house.say("long", "tea" if number in (2, 4) else "soup", f"Cup {number}.")
    titled = await house.say("titled", "soup")
    await house.stores.conversations.update(titled.id, title="About tea")
    for limit in (1, 30):
        said, calls = await through(house, "tea", limit)
        assert said == ["titled: ", "long: tea\nCup 4.", "old: tea\nFor me."]
        assert calls <= 14 // turns + 4
    assert await through(house, "no such word", 30) == ([], -(-14 // turns))


async def test_an_older_part_of_a_conversation_begins_where_it_was_begun_anew(stores: Stores) -> None:
    house = House(stores, own_of(stores, turns=2))
    conversation = await house.say("a", "tea")
    await house.stores.conversations.restart(conversation.id)
    for _ in range(5):
        await house.say("a", "soup")
    assert (await through(house, "tea", 30))[0] == []
    assert await through(house, "soup", 30) == (["a: soup\nFine."], 1)


async def test_it_follows_who_asked(house: House) -> None:
    """Accounts that become one's, and people that are erased."""
    stores = house.stores
    ann = await stores.people.admit("test", Sender("1"))
    eve = await stores.people.admit("test", Sender("2"))
    await house.say("both", "tea", person=ann.id)
    await house.say("both", "tea", person=eve.id)
    await house.say("eves", "tea", person=eve.id)
    await house.say("anns", "tea", person=ann.id)
    assert await house.chats(ann.id) == ["anns"]
    code = await stores.people.link(ann.id, expires_at=9e9)
    await stores.people.redeem("test", Sender("2"), code)
    assert await house.chats(ann.id) == await house.chats(ann.id, "tea") == ["anns", "eves", "both"]
    assert await house.chats(eve.id) == []
    bob = await stores.people.admit("test", Sender("3"))
    await house.say("anns", "soup", person=bob.id)
    await stores.people.delete(bob.id)
    assert await house.chats(ann.id) == ["eves", "both"], "somebody else has asked there"
    await stores.people.delete(ann.id)
    assert await house.chats(ann.id) == []


async def test_a_search_tells_what_was_said_and_stops_at_a_new_beginning(house: House) -> None:
    conversation = await house.say("a", "Where is the key?", "Under the mat.")
    await house.say("a", "thanks")
    (row,) = (await house.own.search("ann", "mat")).conversations
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
    exported = await whole(stores.people.export(person.id))
    assert [exported[name] for name in ("conversations", "turns", "messages", "feedback")] == [[], [], [], []]
