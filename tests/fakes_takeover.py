"""Taking over in memory: what an operator says is stored at once, and delivered to nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from bot.errors import NotTaken, StorageGone, TakenByAnother
from bot.ports import Clock
from bot.takeover import TAKEN, Holder, Taken, taken, unless_overtaken
from bot.types import (
    Account,
    Conversation,
    Event,
    EventKind,
    FinishReason,
    Message,
    Role,
    Sender,
    TurnState,
)
from tests.fakes import Memory
from tests.fakes_history import FakeConversations, FakeTurns


class FakeTakeover:
    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._conversations = FakeConversations(memory)
        self._turns = FakeTurns(memory, clock)
        self._clock = clock
        self._memory = memory
        self._accounts: dict[int, str] = {}
        self.looks = 0

    async def holders(self, conversations: Sequence[Conversation]) -> dict[int, Holder]:
        known = self._memory.console.accounts
        return {
            each.id: Holder(account.name if account else held.name, held.at, account.id if account else "")
            for each, held, account in (
                (each, taken(each), known.get(self._accounts.get(each.id, ""))) for each in conversations
            )
            if held is not None
        }

    async def holder(self, conversation: Conversation) -> Holder | None:
        return (await self.holders([conversation])).get(conversation.id)

    async def take(self, conversation_id: int, by: Account, *, since: float | None = None) -> Holder:
        held = await self.holder(await self._of(conversation_id))
        unless_overtaken(held, by, since)
        at = held.at if held is not None and held.account == by.id else self._clock.time()
        self._accounts[conversation_id] = by.id
        await self._conversations.update(conversation_id, settings={TAKEN: asdict(Taken(by.name, at))})
        return Holder(by.name, at, by.id)

    async def say(self, conversation_id: int, text: str, by: Account, *, key: str = "") -> str:
        if not text.strip():
            raise ValueError("there is nothing to say")
        conversation = await self._of(conversation_id)
        held = await self.holder(conversation)
        if held is None:
            raise NotTaken("take the conversation over first")
        if held.account != by.id:
            raise TakenByAnother(held.name)
        event = Event(f"console-{key}", EventKind.CONSOLE, conversation.address, Sender("", by.name))
        turn = await self._turns.begin(conversation, event, person_id="")
        if not turn.state.ended:
            signed = f"**{by.name} (staff):** {text}"
            said = replace(turn, text=signed, model=f"human:{by.name}", state=TurnState.DELIVERING)
            said = replace(said, finish_reason=FinishReason.STOP)
            await self._turns.finish(said, [Message(Role.ASSISTANT, text)])
            await self._turns.finish(replace(said, state=TurnState.DONE, ended_at=self._clock.time()))
        return event.key

    async def give_back(self, conversation_id: int, by: Account, *, since: float | None = None) -> None:
        unless_overtaken(await self.holder(await self._of(conversation_id)), by, since)
        await self._conversations.update(conversation_id, settings={TAKEN: None})

    def look_soon(self) -> None:
        self.looks += 1

    async def listing(self, *, limit: int = 50, after: int = 0) -> list[Conversation]:
        held = {str(c.id): c for c in self._memory.conversations.values() if taken(c) is not None}
        return [held[key] for key in sorted(held) if not after or key > str(after)][:limit]

    async def _of(self, conversation_id: int) -> Conversation:
        conversation = await self._conversations.get(conversation_id)
        if conversation is None:
            raise StorageGone("there is no such conversation")
        return conversation
