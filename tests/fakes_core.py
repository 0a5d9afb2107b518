"""A model, models and events for tests of the core."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Sequence

from bot.locale import Catalogue
from bot.plugins.api import PluginContext
from bot.plugins.host import PluginHost
from bot.types import (
    Address,
    Chunk,
    Conversation,
    Event,
    EventKind,
    FinishReason,
    ModelRequest,
    Part,
    Person,
    Sender,
)
from tests.fakes import FakeClock

_ids = itertools.count(1)
CATALOGUE = Catalogue.load()


class FakeModel:
    """Says its name."""

    continues = False
    generates = True
    sees = False

    def __init__(self, name: str = "tiny") -> None:
        self.name = name

    async def window(self) -> int:
        return 4096

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [len(text) // 4 + 1 for text in texts]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        yield Chunk(text=self.name)
        yield Chunk(finish_reason=FinishReason.STOP)


class FakeModels:
    """The first name is the default."""

    def __init__(self, *names: str) -> None:
        self._models = {name: FakeModel(name) for name in names or ("tiny",)}

    def default(self) -> FakeModel:
        return next(iter(self._models.values()))

    def get(self, name: str) -> FakeModel | None:
        return self._models.get(name)

    def names(self) -> list[str]:
        return list(self._models)


def make_event(
    text: str = "",
    *,
    kind: EventKind = EventKind.MESSAGE,
    data: str = "",
    sender: Sender | None = None,
    private: bool = True,
    parts: tuple[Part, ...] | None = None,
) -> Event:
    """A fresh event; `/command` texts become commands."""
    if text.startswith("/"):
        kind, data = EventKind.COMMAND, text
    number = str(next(_ids))
    return Event(
        id=number,
        kind=kind,
        address=Address("test", "bot", "chat"),
        sender=sender or Sender("u1", "Ann"),
        parts=(Part(text=text),) if parts is None else parts,
        message_id=f"m{number}",
        data=data,
        private=private,
    )


def make_context(
    host: PluginHost, clock: FakeClock, text: str = "hello", language: str = "en"
) -> PluginContext:
    event = make_event(text)
    person = Person("p1")
    conversation = Conversation(1, event.address)
    return PluginContext(
        event=event,
        person=person,
        conversation=conversation,
        history=(),
        model=FakeModel(),
        language=language,
        person_store=host.store_of(person),
        conversation_store=host.store_of(conversation),
        clock=clock,
    )
