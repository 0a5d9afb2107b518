"""Taking over in memory: what an operator says is stored at once, and delivered to nobody."""

from __future__ import annotations

from dataclasses import asdict, replace

from bot.errors import NotTaken, StorageGone
from bot.ports import Clock
from bot.takeover import TAKEN, Taken, taken
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

    def state(self, conversation: Conversation) -> Taken | None:
        return taken(conversation)

    async def take(self, conversation_id: int, by: Account) -> Taken:
        held = taken(await self._of(conversation_id))
        mine = held if held is not None and held.name == by.name else Taken(by.name, self._clock.time())
        await self._conversations.update(conversation_id, settings={TAKEN: asdict(mine)})
        return mine

    async def say(self, conversation_id: int, text: str, by: Account, *, key: str = "") -> str:
        if not text.strip():
            raise ValueError("there is nothing to say")
        conversation = await self._of(conversation_id)
        if taken(conversation) is None:
            raise NotTaken("take the conversation over first")
        event = Event(f"console-{key}", EventKind.CONSOLE, conversation.address, Sender("", by.name))
        turn = await self._turns.begin(conversation, event, person_id="")
        if not turn.state.ended:
            said = replace(turn, text=text, model=f"human:{by.name}", state=TurnState.DELIVERING)
            said = replace(said, finish_reason=FinishReason.STOP)
            await self._turns.finish(said, [Message(Role.ASSISTANT, text)])
            await self._turns.finish(replace(said, state=TurnState.DONE, ended_at=self._clock.time()))
        return event.key

    async def give_back(self, conversation_id: int, by: Account) -> None:
        await self._of(conversation_id)
        await self._conversations.update(conversation_id, settings={TAKEN: None})

    async def listing(self) -> list[Conversation]:
        return [c for c in self._memory.conversations.values() if taken(c) is not None]

    async def _of(self, conversation_id: int) -> Conversation:
        conversation = await self._conversations.get(conversation_id)
        if conversation is None:
            raise StorageGone("there is no such conversation")
        return conversation
