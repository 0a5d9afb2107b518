"""In-memory accounts, audit log and shares of the console, over `tests.fakes.Memory`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.errors import AccessError, StorageGone
from bot.types import Account, AuditEntry, AuditFilter, ConsoleRole, ConsoleSession, Passkey, Share
from storage.console.names import free, key_of, refuse, tidy
from storage.text import clean

if TYPE_CHECKING:
    from bot.ports import Clock
    from tests.fakes import Memory

SEEN_SECONDS = 60.0


@dataclass(frozen=True)
class Token:
    """`kind` is owner, invite or again; `by` made it."""

    kind: str
    expires_at: float
    account_id: str = ""
    by: str = ""
    name: str = ""
    role: ConsoleRole = ConsoleRole.OWNER


@dataclass
class ConsoleMemory:
    """What a database would hold of the console."""

    accounts: dict[str, Account] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    passkeys: dict[str, Passkey] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    sessions: dict[str, ConsoleSession] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    shares: dict[str, Share] = field(default_factory=dict)


def _over(memory: Memory | None, clock: Clock | None) -> tuple[Memory, Clock]:
    from tests.fakes import FakeClock, Memory

    return memory or Memory(), clock or FakeClock()


class MemoryAccounts:
    def __init__(self, memory: Memory | None = None, clock: Clock | None = None) -> None:
        memory, self._clock = _over(memory, clock)
        self.memory = memory.console

    async def owner_link(self, *, seconds: float) -> str:
        self._drop_tokens(lambda t: t.kind == "owner")
        return self._token(Token("owner", self._clock.time() + seconds, name="Owner"))

    async def invite(self, by: str, *, name: str, role: ConsoleRole, seconds: float) -> str:
        token = Token("invite", self._clock.time() + seconds, by=clean(by), name=tidy(name), role=role)
        refuse(token.name, self._names())
        return self._token(token)

    async def again(self, account_id: str, *, seconds: float) -> str:
        account = self._enabled(account_id)
        self._drop_tokens(lambda t: t.kind == "again" and t.account_id == account.id)
        return self._token(Token("again", self._clock.time() + seconds, account_id=account.id))

    def _token(self, row: Token) -> str:
        token = secrets.token_urlsafe(32)
        self._drop_tokens(lambda t: t.expires_at <= self._clock.time())
        self.memory.tokens[token] = row
        return token

    def _drop_tokens(self, which: Callable[[Token], bool]) -> None:
        self.memory.tokens = {k: t for k, t in self.memory.tokens.items() if not which(t)}

    async def peek(self, token: str) -> bool:
        row = self.memory.tokens.get(token)
        return row is not None and row.expires_at > self._clock.time()

    async def enter(self, token: str) -> Account:
        if not await self.peek(token):
            raise AccessError("this link is unknown, used or expired")
        row = self.memory.tokens.pop(token)
        if row.kind == "again":
            return self._enabled(row.account_id)
        if row.kind == "owner" and (owners := self._owners()):
            return self._shown(min(owners, key=lambda a: (a.created_at, a.id)))
        name = free(row.name, self._names())
        account = Account(secrets.token_urlsafe(16), name, row.role, created_at=self._clock.time())
        self.memory.accounts[account.id] = account
        return account

    def _owners(self) -> list[Account]:
        """Those that are enabled."""
        found = self.memory.accounts.values()
        return [a for a in found if a.role is ConsoleRole.OWNER and not a.disabled]

    def _enabled(self, account_id: str) -> Account:
        account = self.memory.accounts.get(clean(account_id))
        if account is None or account.disabled:
            raise AccessError("there is no such account, or it is disabled")
        return self._shown(account)

    def _shown(self, account: Account) -> Account:
        keys = sum(k.account_id == account.id for k in self.memory.passkeys.values())
        return replace(account, has_password=account.id in self.memory.passwords, passkeys=keys)

    async def get(self, account_id: str) -> Account | None:
        account = self.memory.accounts.get(clean(account_id))
        return None if account is None else self._shown(account)

    async def named(self, name: str) -> Account | None:
        found = (a for a in self.memory.accounts.values() if key_of(a.name) == key_of(name))
        return next(map(self._shown, found), None)

    async def listing(self, *, limit: int = 50, after: str = "") -> list[Account]:
        known = sorted(map(self._shown, self.memory.accounts.values()), key=lambda a: key_of(a.name))
        return [a for a in known if key_of(a.name) > key_of(after)][:limit]

    async def names(self, account_ids: Collection[str]) -> Mapping[str, str]:
        known = self.memory.accounts
        return {id: known[id].name for id in map(clean, account_ids) if id in known}

    async def update(
        self,
        account_id: str,
        *,
        name: str | None = None,
        role: ConsoleRole | None = None,
        language: str | None = None,
        disabled: bool | None = None,
    ) -> Account:
        old = await self.get(account_id)
        if old is None:
            raise AccessError("there is no such account")
        new = replace(
            old,
            name=old.name if name is None else tidy(name),
            role=role or old.role,
            language=old.language if language is None else clean(language),
            disabled=old.disabled if disabled is None else disabled,
        )
        if name is not None:
            refuse(new.name, self._names(but=old.id))
        if new.disabled or new.role is not ConsoleRole.OWNER:
            self._refuse_no_owner(without=old.id)
        self.memory.accounts[old.id] = new
        if new.disabled:
            self._shut(old.id)
        if not new.role.may(old.role):
            self._drop_tokens(lambda t: t.by == old.id)
        return new

    def _names(self, but: str = "") -> list[str]:
        return [account.name for account in self.memory.accounts.values() if account.id != but]

    def _refuse_no_owner(self, without: str) -> None:
        if [owner.id for owner in self._owners()] == [without]:
            raise AccessError("the last owner stays one")

    def _shut(self, account_id: str) -> None:
        self._drop_tokens(lambda t: account_id in (t.account_id, t.by))
        self._drop_sessions(lambda s: s.account.id == account_id)

    def _drop_sessions(self, which: Callable[[ConsoleSession], bool]) -> int:
        kept = {k: s for k, s in self.memory.sessions.items() if not which(s)}
        ended, self.memory.sessions = len(self.memory.sessions) - len(kept), kept
        return ended

    async def delete(self, account_id: str) -> None:
        account_id = clean(account_id)
        self._refuse_no_owner(without=account_id)
        self._shut(account_id)
        self.memory.accounts.pop(account_id, None)
        self.memory.passwords.pop(account_id, None)
        keys = self.memory.passkeys.items()
        self.memory.passkeys = {i: k for i, k in keys if k.account_id != account_id}

    async def set_password(self, account_id: str, hashed: str) -> None:
        account = self._known(account_id)
        self.memory.passwords.pop(account.id, None)
        if hashed:
            self.memory.passwords[account.id] = hashed

    def _known(self, account_id: str) -> Account:
        if clean(account_id) not in self.memory.accounts:
            raise AccessError("there is no such account")
        return self.memory.accounts[clean(account_id)]

    async def password(self, account_id: str) -> str:
        return self.memory.passwords.get(clean(account_id), "")

    async def add_passkey(self, passkey: Passkey) -> None:
        account, id = self._known(passkey.account_id), clean(passkey.id)
        if id in self.memory.passkeys:
            raise AccessError("this passkey is in use already")
        self.memory.passkeys[id] = replace(
            passkey,
            id=id,
            account_id=account.id,
            name=clean(passkey.name),
            created_at=self._clock.time(),
            used_at=0.0,
        )

    async def passkeys(
        self, account_id: str, *, limit: int = 50, after: tuple[float, str] | None = None
    ) -> list[Passkey]:
        own = [k for k in self.memory.passkeys.values() if k.account_id == clean(account_id)]
        own.sort(key=lambda k: (k.created_at, k.id))
        return [k for k in own if not after or (k.created_at, k.id) > after][:limit]

    async def passkey(self, id: str) -> Passkey | None:
        return self.memory.passkeys.get(clean(id))

    async def passkey_used(self, id: str, sign_count: int, *, asked_at: float) -> bool:
        known = self.memory.passkeys.get(clean(id))
        if known is None or known.used_at > asked_at:
            return False
        used_at = max(self._clock.time(), asked_at)
        self.memory.passkeys[known.id] = replace(known, sign_count=sign_count, used_at=used_at)
        return True

    async def remove_passkey(self, account_id: str, id: str) -> bool:
        known = self.memory.passkeys.get(clean(id))
        if known is None or known.account_id != clean(account_id):
            return False
        del self.memory.passkeys[known.id]
        return True

    async def open_session(self, account_id: str, *, seconds: float, client: str, agent: str) -> str:
        account, now = self._enabled(account_id), self._clock.time()
        self._drop_sessions(lambda s: s.expires_at <= now)
        self.memory.accounts[account.id] = account = replace(account, seen_at=now)
        token, id = secrets.token_urlsafe(32), secrets.token_urlsafe(16)
        self.memory.sessions[token] = ConsoleSession(
            id, account, now, now, now + seconds, clean(client), clean(agent)
        )
        return token

    async def session(self, token: str, *, idle: float) -> ConsoleSession | None:
        found, now = self.memory.sessions.get(token), self._clock.time()
        if found is None or found.expires_at <= now or found.seen_at + idle <= now:
            return None
        if found.seen_at + SEEN_SECONDS <= now:
            account = replace(self.memory.accounts[found.account.id], seen_at=now)
            self.memory.accounts[account.id] = account
            self.memory.sessions[token] = found = replace(found, seen_at=now)
        return self._current(found)

    def _current(self, session: ConsoleSession) -> ConsoleSession:
        return replace(session, account=self._shown(self.memory.accounts[session.account.id]))

    async def sessions(
        self, account_id: str, *, limit: int = 50, before: tuple[float, float, str] | None = None
    ) -> list[ConsoleSession]:
        rows = [s for s in self.memory.sessions.values() if s.account.id == clean(account_id)]
        alive = [self._current(s) for s in rows if self._lives(s)]
        alive.sort(key=_last_seen, reverse=True)
        return [s for s in alive if not before or _last_seen(s) < before][:limit]

    async def end_session(self, account_id: str, id: str) -> bool:
        place = (clean(account_id), clean(id))
        return bool(self._drop_sessions(lambda s: (s.account.id, s.id) == place and self._lives(s)))

    def _lives(self, session: ConsoleSession) -> bool:
        return session.expires_at > self._clock.time()

    async def end_sessions(self, account_id: str, *, but: str = "") -> int:
        mine, kept = clean(account_id), clean(but)
        return self._drop_sessions(lambda s: s.account.id == mine and s.id != kept and self._lives(s))


def _last_seen(session: ConsoleSession) -> tuple[float, float, str]:
    return session.seen_at, session.created_at, session.id


class MemoryAudit:
    def __init__(self, memory: Memory | None = None, clock: Clock | None = None) -> None:
        memory, self._clock = _over(memory, clock)
        self.memory = memory.console

    async def put(
        self, account_id: str, account: str, action: str, target: str = "", detail: str = ""
    ) -> None:
        texts = map(clean, (account_id, account, action, target, detail))
        self.memory.audit.append(AuditEntry(len(self.memory.audit) + 1, self._clock.time(), *texts))

    async def listing(
        self,
        *,
        limit: int = 50,
        before: tuple[float, int] | None = None,
        wanted: AuditFilter | None = None,
    ) -> list[AuditEntry]:
        found = [entry for entry in self.memory.audit if _fits(entry, wanted or AuditFilter())]
        found.sort(key=lambda entry: (entry.at, entry.id), reverse=True)
        return [entry for entry in found if not before or (entry.at, entry.id) < before][:limit]


def _fits(entry: AuditEntry, wanted: AuditFilter) -> bool:
    account_id, target = clean(wanted.account_id), clean(wanted.target)
    return (
        (not account_id or entry.account_id == account_id)
        and (not wanted.actions or entry.action in map(clean, wanted.actions))
        and (not target or entry.target == target)
        and wanted.since <= entry.at < wanted.until
    )


class MemoryShares:
    """A share whose conversation or person is gone is gone too."""

    def __init__(self, memory: Memory | None = None, clock: Clock | None = None) -> None:
        self.memory, self._clock = _over(memory, clock)

    async def put(
        self, conversation_id: int, person_id: str, *, last_turn: int, title: str, expires_at: float
    ) -> str:
        token, now = secrets.token_urlsafe(32), self._clock.time()
        share = Share(
            secrets.token_urlsafe(16),
            conversation_id,
            clean(person_id),
            last_turn,
            clean(title),
            now,
            expires_at,
        )
        if not self._stands(share):
            raise StorageGone("what is to be shared was deleted")
        self._shares = {k: s for k, s in self._shares.items() if s.expires_at > now}
        self._shares[token] = share
        return token

    @property
    def _shares(self) -> dict[str, Share]:
        return self.memory.console.shares

    @_shares.setter
    def _shares(self, shares: dict[str, Share]) -> None:
        self.memory.console.shares = shares

    def _stands(self, share: Share) -> bool:
        return share.conversation_id in self.memory.conversations and share.person_id in self.memory.people

    def _readable(self, share: Share) -> bool:
        return self._stands(share) and share.expires_at > self._clock.time()

    async def find(self, token: str) -> Share | None:
        share = self._shares.get(token)
        return share if share is not None and self._readable(share) else None

    async def listing(
        self, person_id: str, *, limit: int = 50, before: tuple[float, str] | None = None
    ) -> list[Share]:
        found = [s for s in self._shares.values() if s.person_id == clean(person_id) and self._readable(s)]
        found.sort(key=lambda s: (s.created_at, s.id), reverse=True)
        return [s for s in found if not before or (s.created_at, s.id) < before][:limit]

    async def revoke(self, person_id: str, id: str) -> bool:
        place = (clean(person_id), clean(id))
        kept = {
            k: s for k, s in self._shares.items() if (s.person_id, s.id) != place or not self._readable(s)
        }
        revoked, self._shares = len(kept) < len(self._shares), kept
        return revoked
