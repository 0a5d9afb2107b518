"""In-memory people; import them from `tests.fakes`."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from bot.errors import AccessError, LinkRefused, StorageGone
from bot.types import NO_THOUGHTS, Event, Exported, Invitation, Person, PersonRole, Redeemed, Sender
from storage.text import clean, from_json, merged, to_json
from tests.fakes_history import FakeTurns

if TYPE_CHECKING:
    from bot.ports import Clock
    from tests.fakes import Memory

COUNTED = ("conversations", "messages", "feedback", "shares", "overheard", "invitations", "plugins")
PIECE = 50
RANK = [PersonRole.BLOCKED, PersonRole.MEMBER, PersonRole.OPERATOR, PersonRole.OWNER]
K = TypeVar("K")
V = TypeVar("V")


async def whole(pieces: AsyncIterator[Exported]) -> dict[str, Any]:
    """An export put together."""
    found: dict[str, Any] = {}
    async for piece in pieces:
        if isinstance(piece.more, Mapping):
            found.setdefault(piece.name, {}).update(piece.more)
        else:
            found.setdefault(piece.name, []).extend(piece.more)
    return found


class FakePeople:
    def __init__(self, memory: Memory | None = None, clock: Clock | None = None) -> None:
        from tests.fakes import FakeClock, Memory

        self.memory = memory or Memory()
        self._clock = clock or FakeClock()

    async def find(self, platform: str, user_id: str) -> Person | None:
        person_id = self.memory.identities.get((clean(platform), clean(user_id)))
        return self.memory.people[person_id] if person_id else None

    async def get(self, person_id: str) -> Person | None:
        return self.memory.people.get(clean(person_id))

    async def owner(self, platform: str) -> str:
        found = (
            user
            for (where, user), person in self.memory.identities.items()
            if where == platform and self.memory.people[person].role is PersonRole.OWNER
        )
        return next(found, "")

    async def admit(self, platform: str, sender: Sender, role: PersonRole = PersonRole.MEMBER) -> Person:
        if (known := await self.find(platform, sender.id)) is not None:
            return known
        person = Person(secrets.token_urlsafe(16), role, clean(sender.name), created_at=self._clock.time())
        self.memory.people[person.id] = person
        self.memory.identities[clean(platform), clean(sender.id)] = person.id
        return person

    async def update(
        self,
        person_id: str,
        *,
        role: PersonRole | None = None,
        language: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Person:
        person = self.memory.people.get(clean(person_id))
        if person is None:
            raise AccessError("this person is not known here")
        person = replace(
            person,
            role=role or person.role,
            language=person.language if language is None else clean(language),
            settings=from_json(to_json(merged(person.settings, settings)), dict),
        )
        self.memory.people[person.id] = person
        return person

    def _has_owner(self) -> bool:
        return any(p.role is PersonRole.OWNER for p in self.memory.people.values())

    async def owner_code(self) -> str | None:
        if self._has_owner():
            return None
        for code in [c for c, row in self.memory.invites.items() if row["kind"] == "owner"]:
            del self.memory.invites[code]
        return self._code(kind="owner", role=PersonRole.OWNER, uses=1, expires_at=0.0, by="")

    async def invite(
        self, by: str, *, role: PersonRole = PersonRole.MEMBER, uses: int = 1, expires_at: float = 0.0
    ) -> str:
        return self._code(kind="invite", role=role, uses=uses, expires_at=expires_at, by=clean(by))

    def _code(self, **row: Any) -> str:
        code = secrets.token_urlsafe(18)
        self.memory.invites[code] = {**row, "at": self._clock.time()}
        return code

    async def invitations(
        self, *, limit: int = 50, before: tuple[float, str] | None = None
    ) -> list[Invitation]:
        rows = [
            Invitation(
                _id(code),
                row["kind"],
                str(row["role"]),
                row["uses"],
                row["expires_at"],
                row["by"],
                row["at"],
            )
            for code, row in self.memory.invites.items()
            if self._open(row) and not 0 < row["expires_at"] <= self._clock.time()
        ]
        rows.sort(key=lambda row: (row.created_at, row.id), reverse=True)
        return [row for row in rows if before is None or (row.created_at, row.id) < before][: max(0, limit)]

    async def revoke(self, id: str) -> bool:
        found = [code for code, row in self.memory.invites.items() if _id(code) == id and self._open(row)]
        for code in found:
            del self.memory.invites[code]
        return bool(found)

    def _open(self, row: Mapping[str, Any]) -> bool:
        return bool(row["uses"] > 0 and row["kind"] != "link")

    async def link(self, by: str, *, expires_at: float) -> str:
        for code, row in list(self.memory.invites.items()):
            if row["kind"] == "link" and row["by"] == by and row["uses"]:
                del self.memory.invites[code]
        return self._code(kind="link", role=PersonRole.MEMBER, uses=1, expires_at=expires_at, by=by)

    async def redeem(self, platform: str, sender: Sender, code: str, *, sure: bool = False) -> Redeemed:
        code = code.strip()
        known = await self.find(platform, sender.id)
        row = self.memory.invites.get(code, {"kind": "", "uses": 0})
        link = row["kind"] == "link"
        if known is not None and (code, known.id) in self.memory.redemptions:
            return Redeemed(known, link)
        over = row["uses"] < 1 or 0 < row["expires_at"] <= self._clock.time()
        if link and over:
            raise LinkRefused("spent")
        if over or (row["kind"] == "owner" and self._has_owner()):
            raise AccessError("this invitation is unknown, used up or expired")
        if link:
            return self._link(row, known, (clean(platform), clean(sender.id)), code, sure=sure)
        if known is not None and not _rises(known.role, row["role"]):
            return Redeemed(known)
        row["uses"] -= 1
        person = await self.admit(platform, sender, row["role"])
        self.memory.redemptions.add((code, person.id))
        return Redeemed(await self.update(person.id, role=row["role"]))

    def _link(
        self, row: dict[str, Any], known: Person | None, identity: tuple[str, str], code: str, *, sure: bool
    ) -> Redeemed:
        keeper = self.memory.people[row["by"]]
        if why := _obstacle(keeper, known, sure=sure):
            raise LinkRefused(why)
        row["uses"] -= 1
        self.memory.identities[identity] = keeper.id
        if known is not None:
            _merge(self.memory, keeper, known)
        self.memory.redemptions.add((code, keeper.id))
        return Redeemed(self.memory.people[keeper.id], linked=True)

    async def accounts(self, person_id: str) -> list[tuple[str, str]]:
        return [identity for identity, person in self.memory.identities.items() if person == clean(person_id)]

    async def unlink(self, platform: str, sender: Sender) -> Person | None:
        person = await self.find(platform, sender.id)
        if person is None or len(await self.accounts(person.id)) < 2:
            return None
        if person.role is PersonRole.BLOCKED:
            raise AccessError("the accounts of a blocked person stay together")
        del self.memory.identities[clean(platform), clean(sender.id)]
        return await self.admit(platform, sender)

    async def stored(self, person_id: str, *, most: int = 10_000) -> Mapping[str, int]:
        found = self._found(person_id)
        return {name: min(len(found[name]), most + 1) for name in COUNTED}

    async def export(self, person_id: str) -> AsyncGenerator[Exported]:
        for name in self._found(""):
            if person_id not in self.memory.people:
                raise StorageGone("this person was deleted")
            rows = self._found(person_id)[name]
            for first in range(0, max(1, len(rows)), PIECE):
                yield Exported(name, rows[first : first + PIECE])

    def _found(self, person_id: str) -> dict[str, Any]:
        turns = FakeTurns(self.memory, self._clock)
        places = turns.places(person_id)
        own = [turn for turn, _ in self.memory.turns.values() if turn.person_id == person_id]
        found = {
            "person": [p for p in [self.memory.people.get(person_id)] if p],
            "identities": [list(i) for i, p in self.memory.identities.items() if p == person_id],
            "conversations": [
                c if turns.alone(person_id, c.id) else turns.untold(c)
                for c in (self.memory.conversations[i] for i in {t.conversation_id for t in own})
            ],
            "turns": [
                t
                if (t.conversation_id, t.number) in places
                else replace(t, text="", error="", citations=(), thoughts=NO_THOUGHTS)
                for t in own
            ],
            "messages": [m for p in places for m, _ in self.memory.messages.get(p, ())],
            "feedback": [v for (_, by), v in self.memory.feedback.items() if by == person_id],
            "overheard": [
                [m, r.text]
                for (_, m), (p, s, r) in self.memory.overheard.items()
                if self.memory.identities.get((p, s.id)) == person_id
            ],
            "plugins": [
                {"plugin": plugin, "key": k, "value": v}
                for (plugin, scope, k), v in self.memory.values.items()
                if scope == person_id
            ],
            "shares": [
                s if turns.alone(person_id, s.conversation_id) else replace(s, title="")
                for s in self.memory.console.shares.values()
                if s.person_id == person_id
            ],
            "waiting": [
                e for s, e, _ in self.memory.inbox.values() if s != "done" and self._is(e, person_id)
            ],
        }
        found["invitations"] = [v for v in self.memory.invites.values() if v["by"] == person_id]
        return from_json(to_json(found), dict)

    def _is(self, event: Event, person_id: str) -> bool:
        return self.memory.identities.get((event.address.platform, event.sender.id)) == person_id

    async def delete(self, person_id: str) -> None:
        memory = self.memory
        for place, (platform, sender, _) in list(memory.overheard.items()):
            if memory.identities.get((platform, sender.id)) == person_id:
                del memory.overheard[place]
        for key, (_, event, _reason) in list(memory.inbox.items()):
            if self._is(event, person_id):
                memory.inbox[key] = ("done", Event(event.id, event.kind, event.address, Sender("")), "")
        told = {t.conversation_id for t, _ in memory.turns.values() if t.person_id == person_id}
        memory.console.shares = {
            k: replace(s, title="") if s.conversation_id in told else s
            for k, s in memory.console.shares.items()
            if s.person_id != person_id
        }
        FakeTurns(memory, self._clock).erase(person_id)
        memory.values = {k: v for k, v in memory.values.items() if k[1] != person_id}
        memory.invites = {k: v for k, v in memory.invites.items() if v["by"] != person_id}
        memory.identities = {k: v for k, v in memory.identities.items() if v != person_id}
        memory.people.pop(person_id, None)


def _rises(old: PersonRole, new: PersonRole) -> bool:
    return old is not PersonRole.BLOCKED and RANK.index(new) > RANK.index(old)


def _obstacle(keeper: Person, other: Person | None, *, sure: bool) -> str:
    """Why they cannot be linked; "" if they can."""
    if other is not None and other.id == keeper.id:
        return "same"
    if PersonRole.BLOCKED in (keeper.role, other.role if other else None):
        return "blocked"
    if other is not None and RANK.index(other.role) > RANK.index(keeper.role) and not sure:
        return "rises"
    return ""


def _merge(memory: Memory, keeper: Person, gone: Person) -> None:
    """All that `gone` had is the keeper's; where both have one, the keeper's stays."""
    old, new = gone.id, keeper.id
    memory.people[new] = replace(
        keeper,
        role=max(keeper.role, gone.role, key=RANK.index),
        name=keeper.name or gone.name,
        language=keeper.language or gone.language,
        settings={**gone.settings, **keeper.settings},
    )
    del memory.people[old]
    memory.identities = {k: new if p == old else p for k, p in memory.identities.items()}
    memory.turns = {
        k: (replace(t, person_id=new) if t.person_id == old else t, n) for k, (t, n) in memory.turns.items()
    }
    memory.redemptions = {(c, new if p == old else p) for c, p in memory.redemptions}
    memory.feedback = _moved(memory.feedback, lambda k: (k[0], new) if k[1] == old else None)
    memory.rated = _moved(memory.rated, lambda k: (k[0], new) if k[1] == old else None)
    memory.values = _moved(memory.values, lambda k: (k[0], new, k[2]) if k[1] == old else None)
    shares = memory.console.shares
    memory.console.shares = {
        k: replace(s, person_id=new) if s.person_id == old else s for k, s in shares.items()
    }
    for invite in memory.invites.values():
        invite["by"] = new if invite["by"] == old else invite["by"]


def _id(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _moved(rows: dict[K, V], place: Callable[[K], K | None]) -> dict[K, V]:
    """Each row at its new place, if it has one and that is free."""
    moved = {to: v for k, v in rows.items() if (to := place(k)) is not None}
    return {**moved, **{k: v for k, v in rows.items() if place(k) is None}}
