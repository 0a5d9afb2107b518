"""What the console reads across people and conversations: every page, every word, and nothing erased."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.ports import Archive
from bot.types import (
    Address,
    Found,
    ListedConversation,
    ListedPerson,
    Message,
    PersonRole,
    Role,
    Sender,
    TurnState,
)
from storage.text import folded
from tests.contract.archive_stage import ANN, BOB, archive_of, asked, home_of, numbers, pages
from tests.contract.conftest import Stores, an_event

NO_FIXTURE_CHECK = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def activity(last: ListedConversation | None) -> tuple[float, int] | None:
    return (last.active_at, last.conversation.id) if last else None


def name_of(last: ListedPerson | None) -> tuple[str, str] | None:
    return (last.name, last.id) if last else None


def chats(rows: list[ListedConversation]) -> list[str]:
    return [row.conversation.address.chat for row in rows]


async def listed(archive: Archive, limit: int = 2, **which: str) -> list[ListedConversation]:
    return await pages(lambda last: archive.conversations(limit=limit, before=activity(last), **which))


async def found(stores: Stores, query: str, limit: int = 50) -> list[str]:
    return [row.question for row in await archive_of(stores).search(query, limit=limit)]


async def named(archive: Archive, limit: int = 50, **which: str) -> list[ListedPerson]:
    return await pages(lambda last: archive.people(limit=limit, after=name_of(last), **which))


async def test_conversations_are_listed_by_when_somebody_last_asked(stores: Stores) -> None:
    archive = archive_of(stores)
    assert await archive.conversations() == []
    for chat in ("a", "b", "c", "b"):
        last = await asked(stores, chat=chat)
    await asked(stores, chat="c", sender=BOB)
    idle = await stores.conversations.open(Address("other", "bot", "idle"))
    rows = await listed(archive)
    assert chats(rows) == ["c", "b", "a", "idle"]
    assert [row.turns for row in rows] == [2, 2, 1, 0]
    assert rows[0].people == ("Bob", "Ann")
    assert rows[1].active_at == last.started_at
    assert rows[3] == ListedConversation(idle, 0.0)
    assert chats(await archive.conversations(limit=0)) == []


async def test_conversations_of_one_person_or_one_platform(stores: Stores) -> None:
    archive = archive_of(stores)
    for chat, sender in (("a", ANN), ("b", BOB), ("both", ANN), ("both", BOB), ("c", ANN)):
        turn = await asked(stores, chat=chat, sender=sender)
    assert chats(await listed(archive, person_id=turn.person_id)) == ["c", "both", "a"]
    assert chats(await listed(archive, person_id="nobody")) == []
    assert chats(await listed(archive, platform="test", limit=3)) == ["c", "both", "b", "a"]
    assert chats(await listed(archive, platform="other")) == []
    assert chats(await listed(archive, platform="test", person_id=turn.person_id)) == ["c", "both", "a"]


async def test_a_line_names_a_few_of_those_who_asked_last_and_who_took_it_over(stores: Stores) -> None:
    for number in range(6):
        turn = await asked(stores, sender=Sender(f"u{number}", f"Name {number}"))
    await stores.conversations.update(turn.conversation_id, settings={"takeover": {"name": "Olga", "at": 1}})
    (row,) = await archive_of(stores).conversations()
    assert row.people == ("Name 5", "Name 4", "Name 3")
    assert row.taken_by == "Olga"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("telegram token", ["How do I get a TOKEN?"]),
        ("the bot", ["How do I get a TOKEN?"]),
        ("tokens", ["How do I get a TOKEN?"]),
        ("连接机器人", ["怎么连接机器人？"]),
        ("机", ["怎么连接机器人？"]),
        ("连人", []),
        ("東京", ["東京タワーはどこ"]),
        ("서울", ["서울에서 만나요 😀"]),
        ("만나요 😀", ["서울에서 만나요 😀"]),
        ("שלום", ["שלום עולם"]),
        ("مرحبا", ["مَرحبا بالعالم"]),
        ("cafe", ["Où est le CAFÉ ?"]),
        ("telegram 東京", []),
        ("tok", ["How do I get a TOKEN?"]),
        ("telegram tok", ["How do I get a TOKEN?"]),
        ("tel token", []),
        ("oken", []),
        ("caf", ["Où est le CAFÉ ?"]),
        ("של", ["שלום עולם"]),
        ("مرح", ["مَرحبا بالعالم"]),
        ("机器人 bo", []),
        ("' | t", ["How do I get a TOKEN?"]),
        ("", []),
        ("😀", []),
        ("?!", []),
    ],
)
async def test_turns_are_found_by_all_their_words_in_any_language(
    stores: Stores, query: str, expected: list[str]
) -> None:
    await asked(stores, "How do I get a TOKEN?", "Ask the bot of Telegram.")
    for question in ("怎么连接机器人？", "東京タワーはどこ", "서울에서 만나요 😀", "שלום עולם"):
        await asked(stores, question, "…")
    for question in ("مَرحبا بالعالم", "Où est le CAFÉ ?"):
        await asked(stores, question, "…")
    assert await found(stores, query) == expected


@pytest.mark.parametrize("looked_through", [1, 3, 100])
async def test_a_beginning_finds_every_turn_that_has_it_page_by_page(
    stores: Stores, looked_through: int
) -> None:
    """Among the last turns, in older ones, and in both; with a word beside it, rare or not."""
    archive = archive_of(stores, looked_through)
    said = [
        "delivery soup",
        "soup",
        "delivered tea",
        "running tea",
        "deliver",
        "tea",
        "run tea delivers soup",
    ]
    turns = {text: (await asked(stores, text)).number for text in said}

    async def of(query: str, limit: int) -> list[str]:
        found = await pages(lambda last: archive.search(query, limit=limit, before=last.id if last else 0))
        return [row.question for row in found]

    for query, expected in (
        ("deliv", [text for text in said if "deliv" in text]),
        ("delivery", ["delivery soup"]),
        ("soup deliv", ["delivery soup", "run tea delivers soup"]),
        ("tea deliv", ["delivered tea", "run tea delivers soup"]),
        ("soup tea deliv", ["run tea delivers soup"]),
        ("runn", ["running tea", "run tea delivers soup"]),
        ("tea runni", ["running tea", "run tea delivers soup"]),
        ("te", [text for text in said if "tea" in text]),
        ("soup zz", []),
        ("zz", []),
    ):
        for limit in (1, 2, 50):
            assert await of(query, limit) == sorted(expected, key=lambda text: -turns[text]), (query, limit)


async def test_what_is_found_comes_whole_the_last_stored_first_page_by_page(stores: Stores) -> None:
    turns = [await asked(stores, f"word {n}", "answer", chat=f"c{n % 2}") for n in range(5)]
    archive = archive_of(stores)
    rows: list[Found] = await pages(
        lambda last: archive.search("word", limit=2, before=last.id if last else 0)
    )
    assert [row.question for row in rows] == [f"word {n}" for n in range(4, -1, -1)]
    first, home = rows[0], await home_of(stores, turns[4])
    assert first == Found(home, 3, "word 4", "answer", first.at, first.id)
    assert first.at == turns[4].ended_at
    assert await archive.search("word", limit=0) == []


async def test_a_turn_is_found_while_it_is_delivered_and_when_it_failed(stores: Stores) -> None:
    conversation = await stores.conversations.open(Address("test", "bot", "chat"))
    turn = await stores.turns.begin(conversation, an_event(1), person_id="ann")
    turn = replace(turn, state=TurnState.DELIVERING, text="beta")
    await stores.turns.finish(turn, [Message(Role.USER, "alpha"), Message(Role.ASSISTANT, "beta")])
    assert await found(stores, "alpha beta") == ["alpha"]
    await stores.turns.finish(replace(turn, state=TurnState.FAILED, ended_at=2.0))
    assert await found(stores, "alpha") == ["alpha"]


async def test_a_turn_that_is_answered_anew_is_found_by_its_new_words_alone(stores: Stores) -> None:
    old = await asked(stores, "question", "antique")
    await asked(stores, "question two", "between")
    await asked(stores, "question", "modern", replaces=old.id)
    assert await found(stores, "antique") == []
    assert await found(stores, "modern") == ["question"]
    assert await found(stores, "question") == ["question", "question two"]


async def test_whoever_is_erased_is_found_nowhere(stores: Stores) -> None:
    archive = archive_of(stores)
    own = await asked(stores, "secret plan", "of ann", chat="own")
    shared = await asked(stores, "secret too", "also of ann", chat="shared")
    other = await asked(stores, "no secret", "of bob", chat="shared", sender=BOB)
    for turn in (own, shared, other):
        assert await stores.turns.feedback(turn.id, own.person_id, 1, "ann says")
    await stores.people.delete(own.person_id)
    assert await found(stores, "secret") == ["no secret"]
    assert await found(stores, "ann") == []
    assert [p.name for p in await archive.people()] == ["Bob"]
    assert await archive.people(name="a") == []
    assert await archive.feedback() == []
    (row,) = await archive.conversations()
    assert (row.conversation.address.chat, row.people) == ("shared", ("Bob",))
    assert await archive.conversations(person_id=own.person_id) == []
    assert await archive.totals() == {"people": 1, "conversations": 1}
    await stores.people.delete(other.person_id)
    assert await found(stores, "secret") == []


async def test_people_are_listed_by_name_whatever_its_case(stores: Stores) -> None:
    archive = archive_of(stores)
    people = ["ben", "Änne", "anna", "ANNABEL", "王小明", "", "Émile", "anna", "\U0010ffffz", "50% _"]
    for number, name in enumerate(people):
        await stores.people.admit("test", Sender(f"u{number}", name))
    rows = await named(archive, limit=3)
    keys = [(folded(row.name), row.id) for row in rows]
    assert keys == sorted(keys)
    assert sorted(row.name for row in rows) == sorted(people)
    assert [row.name for row in await named(archive, name="ANNA", limit=1)] == ["anna", "anna", "ANNABEL"]
    assert [row.name for row in await named(archive, name="王")] == ["王小明"]
    assert [row.name for row in await named(archive, name="\U0010ffff")] == ["\U0010ffffz"]
    assert await named(archive, name="%") == await named(archive, name="anna_") == []
    assert await archive.people(limit=0) == []


async def test_a_line_of_a_person_tells_role_language_and_accounts(stores: Stores) -> None:
    archive = archive_of(stores)
    ann = await stores.people.admit("test", ANN)
    await stores.people.admit("test", BOB)
    code = await stores.people.link(ann.id, expires_at=stores.clock.time() + 9)
    await stores.people.redeem("other", Sender("a2", "Ann too"), code)
    await stores.people.update(ann.id, role=PersonRole.OWNER, language="zh")
    (row,) = await archive.people(role="owner")
    accounts = (("other", "a2"), ("test", "ann"))
    assert row == ListedPerson(ann.id, "Ann", "owner", "zh", ann.created_at, accounts)
    assert [p.name for p in await archive.people(role="member", name="b")] == ["Bob"]
    assert await archive.people(role="blocked") == []


async def test_a_name_that_is_taken_over_when_accounts_are_linked_is_found(stores: Stores) -> None:
    nameless = await stores.people.admit("test", Sender("n", ""))
    await stores.people.admit("other", Sender("z", "Zoe"))
    code = await stores.people.link(nameless.id, expires_at=stores.clock.time() + 9)
    await stores.people.redeem("other", Sender("z", "Zoe"), code)
    assert [p.id for p in await archive_of(stores).people(name="zo")] == [nameless.id]


async def test_totals_count_people_and_conversations(stores: Stores) -> None:
    assert await archive_of(stores).totals() == {"people": 0, "conversations": 0}
    await asked(stores, chat="a")
    await asked(stores, chat="b", sender=BOB)
    await asked(stores, chat="b")
    assert await archive_of(stores).totals() == {"people": 2, "conversations": 2}


@NO_FIXTURE_CHECK
@given(st.text(), st.text())
async def test_any_text_is_kept_and_any_text_is_a_query(stores: Stores, text: str, query: str) -> None:
    await asked(stores, text, query)
    await archive_of(stores).search(query, limit=3)
    await archive_of(stores).people(name=query)
    await archive_of(stores).conversations(platform=query, person_id=text)


WORDS = st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=12)


@NO_FIXTURE_CHECK
@given(st.lists(WORDS, min_size=1, max_size=8), st.data())
async def test_a_turn_is_found_by_any_of_its_words_and_the_beginning_of_one(
    stores: Stores, words: list[str], data: st.DataObject
) -> None:
    turn = await asked(stores, " ".join(words), "answer")
    some = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=3))
    begun = some.pop()
    some.append(begun[: data.draw(st.integers(1, len(begun)))])
    rows = await archive_of(stores, data.draw(st.integers(1, 4))).search(" ".join(some), limit=1)
    assert [(row.conversation.id, row.turn) for row in rows] == [(turn.conversation_id, turn.number)]


@NO_FIXTURE_CHECK
@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=8), st.integers(1, 4))
async def test_pages_neither_skip_nor_repeat_while_others_write(
    stores: Stores, meanwhile: list[str], limit: int
) -> None:
    """What was there before the first page and is not touched meanwhile comes once, in order."""
    archive, later = archive_of(stores), iter(meanwhile)
    for chat in ("a", "b", "c", "d", "e"):
        await asked(stores, "needle", chat=chat)
        await stores.people.admit("test", Sender(chat, chat * 2))

    async def somebody_writes() -> None:
        if chat := next(later, ""):
            await asked(stores, "needle", chat=chat)
            await stores.people.admit("test", Sender(f"new {next(numbers)}", f"{chat}x"))

    async def conversations(last: ListedConversation | None) -> list[ListedConversation]:
        await somebody_writes()
        before = activity(last)
        return await archive.conversations(limit=limit, before=before, platform="test")

    async def turns(last: Found | None) -> list[Found]:
        await somebody_writes()
        return await archive.search("needle", limit=limit, before=last.id if last else 0)

    async def people(last: ListedPerson | None) -> list[ListedPerson]:
        await somebody_writes()
        return await archive.people(limit=limit, after=name_of(last))

    wanted = [row.id for row in await archive.search("needle", limit=1 << 30)]
    seen = [row.id for row in await pages(turns)]
    assert len(set(seen)) == len(seen)
    assert [id for id in seen if id in set(wanted)] == wanted

    rows = await archive.conversations(limit=1 << 30)
    untouched = {row.conversation.id: row.active_at for row in rows}
    read = [(row.conversation.id, row.active_at) for row in await pages(conversations)]
    assert len(set(read)) == len(read)
    still = {row.conversation.id for row in await archive.conversations(limit=1 << 30) if row in rows}
    assert still <= {id for id, _ in read}
    assert [at for _, at in read] == sorted((at for _, at in read), reverse=True)
    assert {id for id, _ in read} <= set(untouched)

    before = [row.id for row in await archive.people(limit=1 << 30)]
    names = [row.id for row in await pages(people)]
    assert len(set(names)) == len(names)
    assert [id for id in names if id in set(before)] == before


async def test_turns_that_end_at_once_are_all_found(stores: Stores) -> None:
    await asyncio.gather(
        *(asked(stores, "together", chat=f"c{n}", sender=Sender(f"u{n}")) for n in range(12))
    )
    assert len(await found(stores, "together")) == 12
    assert len(await listed(archive_of(stores))) == 12
