"""A database as a service has it after years: a million people and conversations, and all that the
pages list beside them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection, text

from adapters.web.identity import Signer
from bot.statistics import LEVELS
from bot.types import HELPED, RATINGS, Address, Event, EventKind, Message, Part, Role, Sample, Sender
from storage import said
from storage.console.rows import hash_of
from storage.console.statistics import SqlStatistics
from storage.console.tables import metadata
from storage.conversations import message_rows
from storage.db import Database
from storage.text import folded, to_json
from storage.turns import SAY

TEXTS = 5_000
BATCH = 5_000
PLATFORMS = ("telegram", "telegram", "telegram", "discord", "web")
RARE_EVERY = 20_000
"""One turn in so many has the rare word."""
HEAVY = "heavy"
"""Whose is one conversation in twenty; a visitor of the page."""
BUSY = 50
"""People who share another one in twenty."""
VISITORS = (HEAVY, "busy0")
"""Who of them are visitors of the page."""
SECRET = "5" * 64
"""By which their cookies are signed."""
OWNER = "owner"
LONG = 10_000
"""Turns of the one conversation that has more than one; it is the last."""
SHARED = "shared"
"""Before a number: the secret of a link."""
WORDS = (
    "how do the bot and its people answer a question of every day about weather travel cooking music "
    "football history 天气 旅行 怎么 做饭 音乐 历史 documents settings tokens errors models servers"
).split()
NAMES = ("Anna", "Ben", "Chen", "Dmitri", "Élodie", "Fatima", "王", "李", "さくら", "Zoe")

Row = dict[str, Any]


@dataclass(frozen=True)
class Million:
    """`size` conversations, one a second, the last of them an hour ago; a hundredth to a tenth of that
    of everything else."""

    size: int = 1_000_000
    now: float = field(default_factory=time.time)
    cookies: Mapping[str, str] = field(default_factory=lambda: {person: _cookie() for person in VISITORS})
    """The visitors' cookies, by person."""

    def visitor(self, person: str) -> str:
        """Their id; "" for those who came by no page."""
        return self.cookies.get(person, "").partition(".")[0]

    @property
    def long(self) -> int:
        """The id of the conversation with many turns, another of the heavy visitor's."""
        return self.size + 1

    @property
    def start(self) -> float:
        return self.now - 3_600 - self.size

    async def fill(self, db: Database) -> None:
        for table, rows in self._known().items():
            await db.write(partial(_put, table, rows))
        for first in range(0, self.size, BATCH):
            await db.write(partial(self._talk, range(first, min(first + BATCH, self.size))))
        for first in range(0, LONG, BATCH):
            await db.write(partial(self._go_on, range(first, first + BATCH)))
        for table, rows in self._beside().items():
            for first in range(0, len(rows), BATCH):
                await db.write(partial(_put, table, rows[first : first + BATCH]))
        statistics = SqlStatistics(db)
        for day in range(90):
            step = 3_600 if day < 80 else 900
            await statistics.add(list(_samples(self.now - (90 - day) * 86_400, step)))

    def at(self, chance: random.Random) -> float:
        """A moment at which somebody asked."""
        return self.start + chance.random() * self.size

    def _talk(self, numbers: range, connection: Connection) -> None:
        """A person, a conversation and a turn for each number; some say what they think."""
        turns = [self._turn(n) for n in numbers]
        rows: dict[str, list[Row]] = {
            "person": [self._person(n) for n in numbers],
            "identity": [_identity(n) for n in numbers],
            "conversation": [self._conversation(n) for n in numbers],
            "asker": [_asker(turn) for turn in turns],
        }
        for table, found in rows.items():
            _put(table, found, connection)
        self._say(turns, connection)
        _put("feedback", [_feedback(turn) for turn in turns[::20]], connection)

    def _go_on(self, numbers: range, connection: Connection) -> None:
        """The long conversation, which ends now."""
        if not numbers.start:
            row = self._conversation(self.size // 20 * 20 + 7)
            address = Address("web", "web", f"{self.visitor(HEAVY)}:long")
            place = {"id": self.long, "address_key": address.key, "chat": address.chat}
            _put("conversation", [{**row, **place, "platform": "web", "account": "web"}], connection)
        turns = []
        for n in numbers:
            at = self.now - LONG + n
            of = {"conversation_id": self.long, "number": n + 1, "person_id": HEAVY, "started_at": at}
            turns.append({**self._turn(self.size + n), **of, "ended_at": at + 2})
        if not numbers.start:
            _put("asker", [{**_asker(turns[0]), "active_at": self.now}], connection)
        self._say(turns, connection)

    def _say(self, turns: list[Row], connection: Connection) -> None:
        _put("turn", [{k: v for k, v in turn.items() if k != "nth"} for turn in turns], connection)
        connection.execute(SAY, [row for turn in turns for row in _messages(turn)])
        connection.execute(said.PUT["sqlite"], [_said(turn) for turn in turns])

    def _person(self, n: int) -> Row:
        role = "operator" if n % 10_000 == 0 else "member"
        return _person(person_id(n), name_of(n), role, self.start + n)

    def _conversation(self, n: int) -> Row:
        empty = dict.fromkeys(("thread", "summary", "model", "persona"), "")
        ones = {"start_turn": 1, "first_turn": 1, "context_turn": 1, "summary_tokens": 0, "settings": "{}"}
        visitor = self.visitor(asker_of(n))
        platform = "web" if visitor else PLATFORMS[n % len(PLATFORMS)]
        chat = f"{visitor}:c{n}" if visitor else str(n)
        key = Address(platform, platform if visitor else "bot", chat)
        place = {"id": n + 1, "address_key": key.key, "platform": platform, "account": key.account}
        title = " ".join(_said_once(n % TEXTS)[0].split()[:6])
        return {**empty, **ones, **place, "chat": chat, "title": title, "active_at": self.start + n}

    def _turn(self, n: int) -> Row:
        counts = dict.fromkeys(("prompt_tokens", "completion_tokens", "cached_tokens", "revision"), 0)
        empty = dict.fromkeys(("question_id", "finish_reason", "citations", "error"), "")
        ids = {"id": turn_id(n), "conversation_id": n + 1, "number": 1, "event_key": f"web/web/e{n}"}
        times = {"started_at": self.start + n, "ended_at": self.start + n + 2}
        done = {"state": "done", "person_id": asker_of(n), "attempts": 1, "model": "m"}
        return {**counts, **empty, **ids, **times, **done, "text": _said_once(n % TEXTS)[1], "nth": n}

    def _known(self) -> dict[str, list[Row]]:
        """Those who have asked much."""
        return {
            "person": [
                *(_person(id, "", "member", self.start) for id in VISITORS),
                *(_person(f"busy{n}", f"Busy {n}", "member", self.start) for n in range(1, BUSY)),
            ],
            "identity": [
                {
                    **{"platform": "web", "user_id": self.visitor(person), "person_id": person},
                    **{"name": "", "created_at": self.start},
                }
                for person in VISITORS
            ],
            "plugin_kv": [{"plugin": "web", "scope": "", "key": "cookie_secret", "value": to_json(SECRET)}],
        }

    def _beside(self) -> dict[str, list[Row]]:
        few, some = self.size // 1_000, self.size // 10
        known = {"created_at": self.start, "disabled": False, "language": "", "password": "", "seen_at": 0.0}
        ever = self.now + 9e8
        return {
            "console_account": [
                {"id": OWNER, "name": "Owner", "name_key": "owner", "role": "owner", **known},
                *(
                    {"id": f"a{n}", "name": f"Op {n}", "name_key": f"op {n}", "role": "viewer", **known}
                    for n in range(few)
                ),
            ],
            "console_audit": [
                {
                    **{"at": self.start + n * 10, "account_id": OWNER if n % 10 else f"a{n % few}"},
                    **{"account": "Owner", "action": "conversation.read", "target": str(n), "detail": ""},
                }
                for n in range(some)
            ],
            "invite": [
                {
                    **{"code_hash": f"h{n:08}", "kind": "invite", "role": "member", "uses_left": 1},
                    **{"expires_at": 0.0, "created_by": person_id(n), "created_at": self.start + n},
                }
                for n in range(some)
            ],
            "share": [
                {
                    **{"token_hash": hash_of(f"{SHARED}{n}"), "id": f"s{n}", "conversation_id": n * 20 + 8},
                    **{"person_id": HEAVY, "last_turn": 1, "title": "A shared one"},
                    **{"created_at": self.start + n, "expires_at": ever},
                }
                for n in range(few)
            ],
            "place": [_place(n) for n in range(some)],
            "persona": [{"name": f"persona{n:05}", "active": 1} for n in range(few)],
            "persona_version": [
                *(_version(f"persona{n:05}", 1, self.start) for n in range(few)),
                *(_version("persona00000", number, self.start) for number in range(2, few + 2)),
            ],
            "inbox": [self._dead(n) for n in range(some)],
        }

    def _dead(self, n: int) -> Row:
        event = Event(
            f"d{n}",
            EventKind.MESSAGE,
            Address("telegram", "bot", str(n)),
            Sender(str(n), name_of(n)),
            parts=(Part(text=_said_once(n % TEXTS)[0]),),
        )
        row = {"key": event.key, "state": 2, "sender": "", "payload": to_json(event)}
        return {**row, "reason": "the model refused", "put_at": self.start + n}


def _cookie() -> str:
    return Signer(bytes.fromhex(SECRET)).new_visitor()[1]


def person_id(n: int) -> str:
    return f"p{n:08}"


def turn_id(n: int) -> str:
    return f"{n + 1:011x}abcdefghijkl"


def asker_of(n: int) -> str:
    """Who asks in the conversation of this number."""
    if n % 20 == 7:
        return HEAVY
    return f"busy{n // 20 % BUSY}" if n % 20 == 11 else person_id(n)


def name_of(n: int) -> str:
    return f"{NAMES[n % len(NAMES)]} {n * 7919 % 1_000_003}"


def _put(table: str, rows: list[Row], connection: Connection) -> None:
    connection.execute(_insert(table, tuple(rows[0])), rows)


@cache
def _insert(table: str, columns: tuple[str, ...]) -> Any:
    assert set(columns) <= set(metadata.tables[table].columns.keys()), (table, columns)
    return text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{c}' for c in columns)})")


def _person(id: str, name: str, role: str, at: float) -> Row:
    key = {"id": id, "role": role, "name": name, "name_key": folded(name)}
    return {**key, "language": "", "settings": "{}", "created_at": at}


def _identity(n: int) -> Row:
    return {
        **{"platform": "telegram", "user_id": str(n), "person_id": person_id(n)},
        **{"name": "", "created_at": 0.0},
    }


def _asker(turn: Row) -> Row:
    place = {"person_id": turn["person_id"], "conversation_id": turn["conversation_id"]}
    return {**place, "active_at": turn["started_at"]}


def _place(n: int) -> Row:
    """A hundred servers with their channels."""
    server = Address("discord", "bot", f"g{n % 100}")
    address = server if n < 100 else Address("discord", "bot", f"ch{n}")
    name, empty = f"{'Server' if n < 100 else 'Channel'} {n}", {"thread": "", "code": str(n)}
    return {
        **{"address_key": address.key, "platform": "discord", "account": "bot", "chat": address.chat},
        **{**empty, "name": name, "name_key": folded(name), "parent_key": "" if n < 100 else server.key},
        "around": to_json([] if n < 100 else [("discord", "bot", server.chat, "")]),
    }


def _version(name: str, number: int, at: float) -> Row:
    said = {"prompt": f"You are {name}, version {number}. " * 20, "model": "", "sampling": "{}"}
    return {"name": name, "number": number, **said, "note": "", "made_by": "Owner", "made_at": at + number}


@cache
def _said_once(number: int) -> tuple[str, str, str]:
    """A question, its answer and their terms: there are `TEXTS` of them."""
    chance = random.Random(number)
    question = ("A question about " if number % 2 else "What of ") + " ".join(chance.choices(WORDS, k=8))
    answer = " ".join(chance.choices(WORDS, k=30))
    terms = said.terms_of([Message(Role.USER, question), Message(Role.ASSISTANT, answer)], "sqlite")
    return question, answer, terms


def _messages(turn: Row) -> list[Row]:
    question, answer, _ = _said_once(turn["nth"] % TEXTS)
    pair = [Message(Role.USER, question), Message(Role.ASSISTANT, answer)]
    return message_rows(turn["conversation_id"], turn["number"], pair, shown=True)


def _said(turn: Row) -> Row:
    nth = turn["nth"]
    terms = _said_once(nth % TEXTS)[2] + f" n{nth}" + " xylophon" * (nth % RARE_EVERY == 7)
    place = {"conversation_id": turn["conversation_id"], "number": turn["number"]}
    return {**place, "at": turn["started_at"], "terms": terms}


def _feedback(turn: Row) -> Row:
    of = {"turn_id": turn["id"], "person_id": turn["person_id"], "created_at": turn["started_at"]}
    return {**of, "value": 1 if turn["nth"] % 3 else -1, "reason": "", "handled": turn["nth"] % 7 > 0}


def _samples(start: float, step: int) -> Iterator[Sample]:
    """Of a day: something each so many seconds."""
    for seconds in range(0, 86_400, step):
        at = start + seconds
        for name in ("events", "turns", "tokens", "errors"):
            yield from (Sample(name, f"label {n}", at, 5, 5.0) for n in range(4))
        yield from (Sample(RATINGS, label, at, 5, 5.0) for label in ("up", "down", HELPED))
        yield from (Sample(name, "", at, 5, 9.0, (0, 0, 1, 2, 5, 5)) for name in ("turn", "first_chunk"))
        yield from (Sample(name, "", at, 6, 9.0, highest=3.0) for name in LEVELS)
