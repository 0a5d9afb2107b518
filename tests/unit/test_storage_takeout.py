"""An export that is read page by page holds what one that was read whole held, and its pages are small."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, text

from bot.types import (
    Address,
    Delivery,
    DeliveryState,
    Event,
    EventKind,
    Message,
    Part,
    PartKind,
    Person,
    Role,
    Sender,
    TurnState,
)
from storage import takeout
from storage.console.shares import SqlShares
from storage.conversations import SqlConversations
from storage.db import Database
from storage.inbox.sql import SqlInbox
from storage.keyvalue import SqlKeyValue
from storage.overheard import SqlOverheard
from storage.people import SqlPeople
from storage.turns import SqlTurns
from tests.fakes import FakeClock
from tests.fakes_people import whole

COLUMNS = {
    "person": "id role name language settings created_at",
    "identities": "platform user_id name created_at",
    "invitations": "kind role uses_left expires_at created_at",
    "conversations": "id platform account chat thread start_turn first_turn context_turn summary"
    " summary_tokens model persona title settings",
    "turns": "id conversation_id number revision event_key state text question_id attempts model"
    " prompt_tokens completion_tokens cached_tokens finish_reason citations thoughts error started_at"
    " ended_at",
    "messages": "conversation_id turn step shown role text context name attachments tool_calls"
    " tool_call_id tokens context_tokens",
    "deliveries": "turn_id part state message_id digest",
    "feedback": "turn_id value reason created_at",
    "overheard": "conversation_id message_id text said_at",
    "plugins": "plugin key value",
    "shares": "conversation_id last_turn title created_at expires_at",
}
MINE = "(SELECT id FROM turn WHERE person_id = :id)"
WHERE = {
    "person": "person WHERE id = :id",
    "identities": "identity WHERE person_id = :id",
    "invitations": "invite WHERE created_by = :id",
    "conversations": "conversation WHERE id IN (SELECT conversation_id FROM turn WHERE person_id = :id)",
    "turns": "turn WHERE person_id = :id",
    "messages": "message WHERE (conversation_id, turn) IN"
    " (SELECT conversation_id, number FROM turn WHERE person_id = :id AND revision = 0)",
    "deliveries": f"delivery WHERE turn_id IN {MINE}",
    "feedback": "feedback WHERE person_id = :id",
    "overheard": "overheard WHERE (platform, user_id) IN"
    " (SELECT platform, user_id FROM identity WHERE person_id = :id)",
    "plugins": "plugin_kv WHERE scope = :id",
    "shares": "share WHERE person_id = :id",
}
JSON = {"settings", "attachments", "tool_calls", "citations", "thoughts", "value"}
ANN, BOB = Sender("ann", "Ann"), Sender("bob", "Bob")


def read_whole(connection: Connection, person: Person) -> dict[str, Any]:
    """The rows of each list, in one go and without regard to what others wrote."""

    def plain(row: Any) -> dict[str, Any]:
        return {k: _value(v) if k in JSON else v for k, v in row.items()}

    return {
        name: [
            plain(row)
            for row in connection.execute(
                text(f"SELECT {', '.join(COLUMNS[name].split())} FROM {rows}"), {"id": person.id}
            ).mappings()
        ]
        for name, rows in WHERE.items()
    }


def _value(stored: Any) -> Any:
    if not isinstance(stored, str):
        return stored
    return msgspec.json.decode(stored) if stored else None


class Home:
    """Stores over one database, and what is said in it."""

    def __init__(self, db: Database) -> None:
        self.clock = FakeClock()
        self.people = SqlPeople(db, self.clock)
        self.conversations = SqlConversations(db, self.clock)
        self.turns = SqlTurns(db, self.clock)
        self.inbox = SqlInbox(db, self.clock)
        self.values = SqlKeyValue(db)
        self.shares = SqlShares(db, self.clock)
        self.overheard = SqlOverheard(db, self.clock)
        self._number = 0

    async def ask(
        self, person: Person, chat: str, text: str, sender: Sender = ANN, replaces: str = ""
    ) -> str:
        await self.clock.advance(1)
        self._number += 1
        home = await self.conversations.open(Address("test", "bot", chat))
        event = Event(f"{self._number}", EventKind.MESSAGE, home.address, sender, (Part(text=text),))
        await self.inbox.put(event)
        turn = await self.turns.begin(home, event, person_id=person.id, replaces=replaces)
        file = Part(PartKind.FILE, name="a.txt", ref="a")
        said = [Message(Role.USER, text, attachments=(file,)), Message(Role.ASSISTANT, f"re {text}")]
        await self.turns.finish(replace(turn, state=TurnState.DONE, text=f"re {text}"), said)
        await self.turns.put_delivery(Delivery(turn.id, 0, DeliveryState.SENT, "m"))
        await self.turns.put_delivery(Delivery(turn.id, 1, DeliveryState.SENT, "n"))
        await self.turns.feedback(turn.id, person.id, 1, "good")
        await self.inbox.done(event)
        return turn.id

    async def furnish(self) -> Person:
        """Somebody with something in every list, much of it shared with another."""
        ann, bob = await self.people.admit("test", ANN), await self.people.admit("test", BOB)
        await self.people.update(ann.id, settings={"a": 1})
        for number in range(130):
            await self.ask(ann, f"own {number % 60}", f"own {number}")
        first = await self.ask(ann, "group", "mine")
        theirs = await self.ask(bob, "group", "others' words", BOB)
        await self.ask(bob, "group", "mine again", BOB, replaces=first)
        await self.ask(ann, "group", "others' words again", replaces=theirs)
        group = await self.conversations.open(Address("test", "bot", "group"))
        await self.conversations.update(group.id, title="others' title", settings={"kept": 1})
        own = await self.conversations.open(Address("test", "bot", "own 1"))
        await self.conversations.update(own.id, title="own title")
        for home in (group, own):
            title = "others' title" if home is group else "own title"
            await self.shares.put(home.id, ann.id, last_turn=1, title=title, expires_at=9e9)
            await self.overheard.put(home.id, "test", ANN, f"heard {home.id}", "heard")
        for number in range(60):
            await self.values.put("notes", ann.id, f"{number}", {"n": number})
            await self.people.invite(ann.id)
        waits = Event("waits", EventKind.MESSAGE, own.address, ANN, (Part(text="waits"),))
        await self.inbox.put(waits)
        return ann


def sorted_rows(rows: list[Any]) -> list[str]:
    return sorted(json.dumps(row) for row in rows)


async def test_the_pages_hold_what_the_whole_held(db: Database) -> None:
    home = Home(db)
    ann = await home.furnish()
    found = await whole(home.people.export(ann.id))
    expected = await db.read(lambda connection: read_whole(connection, ann))
    group = max(row["id"] for row in expected["conversations"])
    for row in expected["conversations"]:
        row |= {"title": "", "summary": ""} if row["id"] == group else {}
    for row in expected["shares"]:
        row |= {"title": ""} if row["conversation_id"] == group else {}
    for row in expected["turns"]:
        row |= {"text": "", "citations": None, "thoughts": None} if row["revision"] else {}
    assert list(found) == [*WHERE, "waiting"]
    assert [event["parts"][0]["text"] for event in found.pop("waiting")] == ["waits"]
    for name, columns in COLUMNS.items():
        assert [list(row) for row in found[name]] == [columns.split()] * len(expected[name]), name
        assert sorted_rows(found[name]) == sorted_rows(expected[name]), name
    assert "others'" not in json.dumps(found)


@pytest.mark.parametrize("part", takeout.PARTS, ids=lambda part: part.name)
async def test_a_page_walks_an_index(sqlite_db: Database, part: takeout.Part) -> None:
    """A sort is no harm where rows are few for each person, and of one page."""
    statement = text(f"EXPLAIN QUERY PLAN {part.statement.text.replace('IN :senders', '= :senders')}")
    values = {"id": "p", "limit": 5, "senders": "s", "k0": 1, "k1": 1, "k2": 1}
    plan = await sqlite_db.write(lambda c: [row[3] for row in c.execute(statement, values)])
    assert [step for step in plan if step.startswith("SCAN") and step != "SCAN own"] == []
    few = part.name in ("overheard", "invitations", "identities")
    sorts = [step for step in plan if "TEMP B-TREE" in step]
    assert few or len(sorts) <= (1 if part.joined else 0), plan
    if part.name in ("turns", "messages", "deliveries"):
        assert [step for step in plan if "ix_turn_person" in step and "(conversation_id,number," in step], (
            plan
        )


async def test_large_rows_make_small_pages(db: Database) -> None:
    home = Home(db)
    ann = await home.people.admit("test", ANN)
    for number in range(80):
        await home.ask(ann, "own", f"{number} " + "x" * 40_000)
    sizes = [
        len(json.dumps(piece.more)) async for piece in home.people.export(ann.id) if piece.name == "messages"
    ]
    assert sum(sizes) > 80 * 80_000
    assert max(sizes[1:]) <= 2 * takeout.PAGE_SIZE
    assert sizes[0] <= takeout.FIRST_PAGE * 81_000
