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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from msgspec import ValidationError, convert

from bot.dispatcher import Dispatcher
from bot.errors import AccessError, NotTaken, StorageError, StorageGone
from bot.ports import Clock, Conversations, Inbox, KeyValue, Telemetry
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
LOOK_SECONDS = 30.0
"""How often it is looked for conversations that their operator has left."""
_STORE = "takeover"


@dataclass(frozen=True, slots=True)
class Taken:
    """Who answers in the bot's place, by the account's name, and since when. Nothing else of the account
    is stored with what people can have exported."""

    name: str
    at: float


def taken(conversation: Conversation) -> Taken | None:
    """Who has taken the conversation over; None: it is the assistant's."""
    try:
        return convert(conversation.settings.get(TAKEN), Taken)
    except ValidationError:
        return None


class Takeover:
    """What the console can do. Methods raise AccessError below OPERATOR, StorageGone if there is no such
    conversation, and StorageError. `idle`: minutes after which it is handed back by itself; 0: never."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        conversations: Conversations,
        values: KeyValue,
        dispatcher: Dispatcher,
        clock: Clock,
        telemetry: Telemetry,
        idle: float,
    ) -> None:
        self._inbox = inbox
        self._conversations = conversations
        self._values = values
        self._dispatcher = dispatcher
        self._clock = clock
        self._telemetry = telemetry
        self._idle = idle * 60

    def state(self, conversation: Conversation) -> Taken | None:
        """Who has the conversation; None: the assistant."""
        return taken(conversation)

    async def take(self, conversation_id: int, by: Account) -> Taken:
        """Have the conversation, until it is handed back. What the model is writing there ends. Nothing
        changes if the account has it already; another's it becomes this one's."""
        now, held = self._clock.time(), taken(await self._of(conversation_id, by))
        mine = held if held is not None and held.name == by.name else Taken(by.name, now)
        await self._values.put(_STORE, "", str(conversation_id), mine.at)
        settings = {TAKEN: asdict(mine), SEEN: now}
        conversation = await self._conversations.update(conversation_id, settings=settings)
        running = self._dispatcher.find(conversation.address.key)
        if running is not None and running.event.data.partition(" ")[0] != SAY:
            running.stop(FinishReason.TAKEN)
        self._telemetry.count("takeovers", what="take")
        return mine

    async def say(self, conversation_id: int, text: str, by: Account, *, key: str = "") -> str:
        """Answer in the bot's place. Durable on return, and delivered as soon as the conversation's turn
        comes; the same `key` (letters, digits, "-", "_") twice is said once. Returns the event's key, by
        which `Turns.of_event` finds the answer. Raises NotTaken, and ValueError for an empty text."""
        if not text.strip():
            raise ValueError("there is nothing to say")
        conversation = await self._of(conversation_id, by)
        held = taken(conversation)
        if held is None:
            raise NotTaken("take the conversation over first")
        await self._conversations.update(conversation_id, settings={SEEN: self._clock.time()})
        return await self._put(conversation, SAY, held, by, text, key)

    async def give_back(self, conversation_id: int, by: Account) -> None:
        """The assistant answers again, beginning with what waits. Nothing happens if it does already."""
        conversation = await self._of(conversation_id, by)
        held = taken(conversation)
        if held is not None:
            await self._hand_back(conversation, held, by)

    async def listing(self) -> list[Conversation]:
        """The conversations that are taken over now."""
        found = []
        for key in await self._values.items(_STORE, ""):
            conversation = await self._conversations.get(int(key))
            if conversation is not None and taken(conversation) is not None:
                found.append(conversation)
            else:
                await self._values.delete(_STORE, "", key)
        return found

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """While this lasts, what an operator has left is handed back."""
        watching = asyncio.create_task(self._watch()) if self._idle else None
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            try:
                for conversation in await self.listing():
                    held, seen = taken(conversation), conversation.settings.get(SEEN, 0.0)
                    if held is not None and self._clock.time() - seen >= self._idle:
                        log.info("conversation %d is handed back: %s has left", conversation.id, held.name)
                        await self._hand_back(conversation, held, None)
            except StorageError as error:
                log.warning("conversations that were taken over are looked at later: %s", error)
            await self._clock.sleep(LOOK_SECONDS)

    async def _hand_back(self, conversation: Conversation, held: Taken, by: Account | None) -> None:
        """The event sees it through, should this be all that is done."""
        await self._put(conversation, BACK, held, by)
        await self._conversations.update(conversation.id, settings={TAKEN: None, SEEN: None})

    async def _of(self, conversation_id: int, by: Account) -> Conversation:
        if by.disabled or not by.role.may(ConsoleRole.OPERATOR):
            raise AccessError("only operators answer in the bot's place")
        conversation = await self._conversations.get(conversation_id)
        if conversation is None:
            raise StorageGone(f"there is no conversation {conversation_id}")
        return conversation

    async def _put(
        self,
        conversation: Conversation,
        what: str,
        held: Taken,
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
            data=f"{what} {conversation.id} {held.at!r}",
            received_at=self._clock.time(),
        )
        await self._inbox.put(event)
        self._telemetry.count("takeovers", what=what)
        return event.key
