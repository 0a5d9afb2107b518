"""People, their conversations and what they said of answers, for tests of the console's pages."""

from __future__ import annotations

from dataclasses import replace

from bot.types import (
    NO_THOUGHTS,
    Address,
    Citation,
    Event,
    EventKind,
    Message,
    Part,
    PartKind,
    Person,
    Role,
    Sender,
    Thoughts,
    Turn,
    TurnState,
    Usage,
)
from tests.fakes import FakeClock, FakePeople, Memory
from tests.fakes_history import FakeConversations, FakeTurns

ATTACK = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
LINKED = f"{ATTACK} [click](javascript:alert(1)) **bold**"


class Town:
    """Somebody asks, is answered, and rates; one second passes each time."""

    def __init__(self, memory: Memory, clock: FakeClock) -> None:
        self.memory = memory
        self.clock = clock
        self.people = FakePeople(memory, clock)
        self.conversations = FakeConversations(memory)
        self.turns = FakeTurns(memory, clock)
        self._number = 0

    async def person(self, name: str = "Ann", platform: str = "telegram") -> Person:
        return await self.people.admit(platform, Sender(f"id-{name}", name))

    async def ask(
        self,
        question: str,
        answer: str = "An answer.",
        *,
        name: str = "Ann",
        chat: str = "c",
        title: str = "",
        platform: str = "telegram",
        state: TurnState = TurnState.DONE,
        finish_reason: str = "",
        citations: tuple[Citation, ...] = (),
        file: str = "",
        thoughts: Thoughts = NO_THOUGHTS,
    ) -> Turn:
        await self.clock.advance(1)
        self._number += 1
        person = await self.person(name, platform)
        home = await self.conversations.open(Address(platform, "bot", chat))
        await self.conversations.update(home.id, title=title or home.title or question[:60])
        sender = Sender(f"id-{name}", name)
        event = Event(str(self._number), EventKind.MESSAGE, home.address, sender, (Part(text=question),))
        turn = await self.turns.begin(home, event, person_id=person.id)
        files = (Part(PartKind.FILE, name=file, ref=file),) if file else ()
        turn = replace(
            turn,
            state=TurnState.DELIVERING,
            text=answer,
            thoughts=thoughts,
            model="tiny-7b",
            usage=Usage(120, 34, 56),
            finish_reason=finish_reason,
            citations=citations,
        )
        said = [Message(Role.USER, question, attachments=files), Message(Role.ASSISTANT, answer)]
        await self.turns.finish(turn, said)
        turn = replace(turn, state=state, ended_at=turn.started_at + 2.5)
        await self.turns.finish(turn)
        return turn

    async def rate(self, turn: Turn, value: int, reason: str = "", name: str = "Ann") -> None:
        await self.clock.advance(1)
        await self.turns.feedback(turn.id, (await self.person(name)).id, value, reason)
