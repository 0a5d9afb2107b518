"""Taking a conversation over: a person answers there in the bot's place, and hands it back.

Whose a conversation is stands in its settings, so that it is known wherever a message is dealt with,
and after a restart. What an operator says, and that they hand back, goes through the inbox as an
event of kind CONSOLE, which only this module makes: it waits for its turn in the conversation's lane
and is delivered like any answer (`bot.relay`).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass

from msgspec import ValidationError, convert

from bot.dispatcher import Dispatcher
from bot.errors import AccessError, NotTaken, StorageError, StorageGone, TakenByAnother
from bot.ports import Accounts, Audit, Clock, Conversations, Inbox, KeyValue, Telemetry
from bot.types import (
    Account,
    ConsoleRole,
    Conversation,
    Event,
    EventKind,
    FinishReason,
    Part,
    Sender,
)

log = logging.getLogger(__name__)
TAKEN, SEEN, TOLD = "takeover", "takeover_seen", "takeover_told"
KEYS = (TAKEN, SEEN, TOLD)
"""In a conversation's settings: who has it, when they last did something, and what the people there were
told of it. Each has one writer at a time, so that none undoes another's."""
SAY, BACK = "say", "back"
"""What an event of the console's begins with; the conversation's id follows, then when it was taken."""
ACCOUNT = "console:"
"""Before an account's id, where a sender's stands."""
BY_ITSELF = "conversation.left"
"""What the audit log calls it when the service hands one back by itself: nobody's act, with the name of who
had it beside."""
LOOK_SECONDS = 30.0
"""How often it is looked for conversations that their operator has left, or may not hold any more."""
_STORE = "takeover"
"""Keeps, by conversation, which account took it and when: the id is in nothing that people have exported."""
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Taken:
    """Who answers in the bot's place, by the account's name then, and since when. Nothing else of the
    account is stored with what people can have exported."""

    name: str
    at: float


def taken(conversation: Conversation) -> Taken | None:
    """Who has taken the conversation over; None: it is the assistant's."""
    try:
        return convert(conversation.settings.get(TAKEN), Taken)
    except ValidationError:
        return None


def may_hold(account: Account) -> bool:
    """Whether this account may answer in the bot's place."""
    return not account.disabled and account.role.may(ConsoleRole.OPERATOR)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a conversation since when. `name` is what the account is called now. `account` is its id;
    "" where nobody knows it any more: then the name is only to be shown, and nobody speaks as this one."""

    name: str
    at: float
    account: str = ""


def unless_overtaken(held: Holder | None, by: Account, since: float | None) -> None:
    """Raises TakenByAnother where this is about another's takeover than the one of `since`."""
    if since is not None and held is not None and held.account != by.id and held.at != since:
        raise TakenByAnother(held.name)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the store keeps of a takeover."""

    at: float
    account: str


class Takeover:
    """What the console can do. Methods raise AccessError below OPERATOR, StorageGone if there is no such
    conversation, and StorageError. `idle`: minutes after which it is handed back by itself; 0: never. It is
    handed back, too, once its holder is no operator any more: disabled, of a lower role, or deleted."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        conversations: Conversations,
        values: KeyValue,
        accounts: Accounts,
        audit: Audit,
        dispatcher: Dispatcher,
        clock: Clock,
        telemetry: Telemetry,
        idle: float,
    ) -> None:
        self._inbox = inbox
        self._conversations = conversations
        self._values = values
        self._accounts = accounts
        self._audit = audit
        self._dispatcher = dispatcher
        self._clock = clock
        self._telemetry = telemetry
        self._idle = idle * 60
        self._changing = asyncio.Lock()
        self._due = asyncio.Event()

    async def holders(self, conversations: Sequence[Conversation]) -> dict[int, Holder]:
        """Who has each of them, by its id, where that is not the assistant."""
        found = [(each.id, *pair) for each in conversations if (pair := await self._known(each)) is not None]
        names = await self._accounts.names({account for _, _, account in found if account})
        return {
            id: Holder(names.get(account, held.name), held.at, account if account in names else "")
            for id, held, account in found
        }

    async def holder(self, conversation: Conversation) -> Holder | None:
        """Who has the conversation; None: the assistant."""
        return (await self.holders([conversation])).get(conversation.id)

    async def _known(self, conversation: Conversation) -> tuple[Taken, str] | None:
        """What is stored of who has it, and their account's id; "" where it is not of this takeover."""
        held = taken(conversation)
        if held is None:
            return None
        try:
            kept = convert(await self._values.get(_STORE, "", str(conversation.id)), _Kept)
        except ValidationError:
            return held, ""
        return held, kept.account if kept.at == held.at else ""

    async def take(self, conversation_id: int, by: Account, *, since: float | None = None) -> Holder:
        """Have the conversation, until it is handed back. What the model is writing there ends. Nothing
        changes if the account has it already; another's it becomes this one's. Raises TakenByAnother if
        another took it at another time than `since`, as far as that is given; 0.0: nobody had it."""
        async with self._changing:
            now, held = self._clock.time(), await self.holder(await self._of(conversation_id, by))
            unless_overtaken(held, by, since)
            at = held.at if held is not None and held.account == by.id else now
            await self._values.put(_STORE, "", str(conversation_id), asdict(_Kept(at, by.id)))
            settings = {TAKEN: asdict(Taken(by.name, at)), SEEN: now}
            conversation = await self._conversations.update(conversation_id, settings=settings)
        running = self._dispatcher.find(conversation.address.key)
        if running is not None and running.event.data.partition(" ")[0] != SAY:
            running.stop(FinishReason.TAKEN)
        self._telemetry.count("takeovers", what="take")
        return Holder(by.name, at, by.id)

    async def say(self, conversation_id: int, text: str, by: Account, *, key: str = "") -> str:
        """Answer in the bot's place. Durable on return, and delivered as soon as the conversation's turn
        comes; the same `key` (letters, digits, "-", "_") twice is said once. Returns the event's key, by
        which `Turns.of_event` finds the answer. Raises NotTaken (TakenByAnother, if an account of another id
        has it), and ValueError for an empty text."""
        if not text.strip():
            raise ValueError("there is nothing to say")
        conversation = await self._of(conversation_id, by)
        held = await self.holder(conversation)
        if held is None:
            raise NotTaken("take the conversation over first")
        if held.account != by.id:
            raise TakenByAnother(held.name)
        await self._conversations.update(conversation_id, settings={SEEN: self._clock.time()})
        return await self._put(conversation, SAY, held.at, by, text, key)

    async def give_back(self, conversation_id: int, by: Account, *, since: float | None = None) -> None:
        """The assistant answers again, beginning with what waits. Nothing happens if it does already.
        `since`: see `take`."""
        held = await self.holder(await self._of(conversation_id, by))
        unless_overtaken(held, by, since)
        await self._hand_back(conversation_id, by, since=held.at if held is not None else 0.0)

    def look_soon(self) -> None:
        """Accounts have changed: hand back now what their owners may not hold any more. What changes them
        elsewhere is found within LOOK_SECONDS."""
        self._due.set()

    async def listing(self, *, limit: int = 50, after: int = 0) -> list[Conversation]:
        """The conversations that are taken over now, in an order of their ids that stays; `after` is the
        last one seen."""
        found: list[Conversation] = []
        async with aclosing(self._held(after)) as held:
            while len(found) < limit and (conversation := await anext(held, None)):
                found.append(conversation)
        return found

    async def _held(self, after: int = 0) -> AsyncGenerator[Conversation]:
        last = str(after) if after else None
        while keys := await self._values.items(_STORE, "", after=last, limit=_AT_ONCE):
            for last in keys:
                conversation = await self._conversations.get(int(last))
                if conversation is not None and taken(conversation) is not None:
                    yield conversation
                else:
                    await self._values.delete(_STORE, "", last)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """While this lasts, what an operator has left, or may not hold any more, is handed back."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            self._due.clear()
            try:
                async with aclosing(self._held()) as found:
                    async for conversation in found:
                        await self._hand_back_if_left(conversation)
            except StorageError as error:
                log.warning("conversations that were taken over are looked at later: %s", error)
            timer = self._clock.call_later(LOOK_SECONDS, self._due.set)
            try:
                await self._due.wait()
            finally:
                timer.cancel()

    async def _hand_back_if_left(self, conversation: Conversation) -> None:
        known = await self._known(conversation)
        if known is None:
            return
        held, account_id = known
        quiet = self._clock.time() - conversation.settings.get(SEEN, 0.0)
        # one that an earlier version stored has only a name
        account = await (self._accounts.get(account_id) if account_id else self._accounts.named(held.name))
        if account is not None and may_hold(account) and not (self._idle and quiet >= self._idle):
            return
        log.info("conversation %d is handed back: %s has left", conversation.id, held.name)
        if await self._hand_back(conversation.id, None, since=held.at):
            await self._audit.put("", "", BY_ITSELF, str(conversation.id), held.name)

    async def _hand_back(self, conversation_id: int, by: Account | None, *, since: float = 0.0) -> bool:
        """Whether it was: not if nobody has it, or took it at another time than `since`. The event sees it
        through, should this be all that is done."""
        async with self._changing:
            conversation = await self._conversations.get(conversation_id)
            held = taken(conversation) if conversation is not None else None
            if conversation is None or held is None or (since and held.at != since):
                return False
            await self._put(conversation, BACK, held.at, by)
            await self._conversations.update(conversation.id, settings={TAKEN: None, SEEN: None})
            return True

    async def _of(self, conversation_id: int, by: Account) -> Conversation:
        if not may_hold(by):
            raise AccessError("only operators answer in the bot's place")
        conversation = await self._conversations.get(conversation_id)
        if conversation is None:
            raise StorageGone(f"there is no conversation {conversation_id}")
        return conversation

    async def _put(
        self,
        conversation: Conversation,
        what: str,
        at: float,
        by: Account | None,
        text: str = "",
        key: str = "",
    ) -> str:
        event = Event(
            id=f"console-{key or secrets.token_urlsafe(18)}",
            kind=EventKind.CONSOLE,
            address=conversation.address,
            sender=Sender(ACCOUNT + (by.id if by else ""), name=by.name if by else ""),
            parts=(Part(text=text),) if text else (),
            data=f"{what} {conversation.id} {at!r}",
            received_at=self._clock.time(),
        )
        await self._inbox.put(event)
        self._telemetry.count("takeovers", what=what)
        return event.key
