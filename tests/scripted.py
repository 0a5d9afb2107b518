"""A model that says what the test wrote, and a platform in memory: the core driven from inside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bot.compose import App, compose
from bot.errors import FileRefused
from bot.opening import Stores
from bot.ports import Model
from bot.settings import Settings
from bot.types import (
    Address,
    Capabilities,
    Chunk,
    Event,
    EventKind,
    ModelRequest,
    Outgoing,
    Part,
    Sender,
    ToolCall,
    TurnState,
    Usage,
)
from tests.fakes import (
    FakeClock,
    FakeConversations,
    FakeInbox,
    FakeKeyValue,
    FakePeople,
    FakeTelemetry,
    FakeTurns,
    Memory,
)
from tests.fakes_archive import FakeArchive, FakeStatisticsStore
from tests.fakes_atlas import FakeAtlas
from tests.fakes_console import MemoryAccounts, MemoryAudit, MemoryShares
from tests.fakes_control import FakeBackup
from tests.fakes_groups import FakeLeases, FakeOverheard
from tests.fakes_own import FakeOwnConversations
from tests.fakes_personas import MemoryPersonas
from tests.fakes_search import FakeSearch

Step = str | Exception | float | ToolCall | Chunk | asyncio.Event
Script = Sequence[Step]


class ScriptedModel:
    """`bot.ports.Model`: each request plays the next script; when they run out, it echoes.

    In a script a text is a chunk, a number a pause in seconds (of the clock), an exception is
    raised, an Event waited for, a ToolCall called.
    """

    def __init__(
        self,
        clock: FakeClock,
        *scripts: Script,
        window: int = 4096,
        continues: bool = True,
        sees: bool = False,
    ) -> None:
        self.name = "scripted"
        self.sees = sees
        self.scripts = list(scripts)
        self.requests: list[ModelRequest] = []
        self.reached = asyncio.Event()
        """A request has come; whoever waits for the next one clears it."""
        self.aborted = 0
        self.tool_tokens = 0
        """What a tool takes in a prompt, as this model counts it."""
        self.tokens_per_text: Callable[[str], int] = lambda text: len(text.encode(errors="replace")) // 4 + 4
        self._clock = clock
        self._window = window
        self._continues = continues

    @property
    def continues(self) -> bool:
        return self._continues

    @property
    def generates(self) -> bool:
        return True

    async def window(self) -> int:
        return self._window

    async def count(self, texts: Sequence[str]) -> list[int]:
        return [self.tokens_per_text(t) for t in texts]

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        self.requests.append(request)
        self.reached.set()
        script = self.scripts.pop(0) if self.scripts else [f"echo: {request.messages[-1].text}"]
        calls: tuple[ToolCall, ...] = ()
        ended = False
        try:
            for step in script:
                if isinstance(step, str):
                    yield Chunk(text=step)
                elif isinstance(step, ToolCall):
                    calls += (step,)
                elif isinstance(step, Chunk):
                    yield step
                elif isinstance(step, Exception):
                    ended = True
                    raise step
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    await self._clock.sleep(step)
            ended = True
            prompt = sum(self.tokens_per_text(m.content) for m in request.messages)
            prompt += self.tool_tokens * len(request.tools)
            yield Chunk(
                tool_calls=calls, usage=Usage(prompt, 5), finish_reason="tool_calls" if calls else "stop"
            )
        finally:
            self.aborted += not ended


class OneModel:
    """`bot.ports.Models` with one model."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def default(self) -> Model:
        return self._model

    def get(self, name: str) -> Model | None:
        return self._model if name in ("", self._model.name) else None

    def names(self) -> list[str]:
        return [self._model.name]


@dataclass(slots=True)
class Seen:
    """One message of the bot's, and how it changed."""

    id: str
    address: Address
    reply_to: str
    outs: list[Outgoing]
    deleted: bool = False

    @property
    def last(self) -> Outgoing:
        return self.outs[-1]


@dataclass
class MemoryChannel:
    """`bot.ports.Channel` in memory. `fail` may raise before a call takes effect."""

    caps: Capabilities
    fail: Callable[[str, Outgoing], Exception | None] = lambda call, out: None
    platform: str = "sim"
    messages: dict[str, Seen] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    typings: int = 0
    files: dict[str, bytes] = field(default_factory=dict)

    def capabilities(self, address: Address) -> Capabilities:
        return self.caps

    async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
        self._gate("send", out)
        if self.caps.idempotent_sends and key in self.keys:
            return self.keys[key]
        message_id = f"b{len(self.messages) + 1}"
        self.messages[message_id] = Seen(message_id, address, reply_to, [out])
        self.keys[key] = message_id
        return message_id

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        self._gate("edit", out)
        self.messages[message_id].outs.append(out)

    async def delete(self, address: Address, message_id: str) -> None:
        self._gate("delete", Outgoing("", ""))
        self.messages[message_id].deleted = True

    async def typing(self, address: Address) -> None:
        self.typings += 1

    async def acknowledge(self, address: Address, message_id: str) -> None:
        self._gate("acknowledge", Outgoing(message_id, message_id))

    async def solve(self, address: Address, message_id: str, *, close: bool) -> None:
        self._gate("solve", Outgoing(f"{message_id} {close}", message_id))

    async def continue_under(self, address: Address, message_id: str, title: str) -> Address:
        return replace(address, thread=message_id)

    async def draft(self, address: Address, key: str, out: Outgoing) -> None:
        self._gate("draft", out)

    async def fetch(self, part: Part, limit: int) -> bytes:
        content = self.files.get(part.ref)
        if content is None or len(content) > limit:
            raise FileRefused("gone, or too large")
        return content

    def _gate(self, call: str, out: Outgoing) -> None:
        error = self.fail(call, out)
        if error is not None:
            raise error
        self.calls.append((call, out.text))

    def texts(self) -> list[str]:
        """What people see now, in order."""
        return [m.last.text for m in self.messages.values() if not m.deleted]


class MemoryAdapter:
    """`bot.ports.Adapter` whose people are the test."""

    def __init__(self, channel: MemoryChannel) -> None:
        self.channel = channel

    @asynccontextmanager
    async def lifespan(self, put: Any) -> AsyncIterator[None]:
        yield


CAPS = Capabilities(edits=True, idempotent_sends=True, text_limit=500, min_edit_interval=0.1, tells_end=True)


class World:
    """The whole core over fakes. Enter it to start; enter it again (same `memory`) to restart."""

    def __init__(
        self,
        *scripts: Script,
        caps: Capabilities = CAPS,
        model: ScriptedModel | None = None,
        **settings: Any,
    ) -> None:
        self.clock = FakeClock()
        self.memory = Memory()
        self.telemetry = FakeTelemetry()
        self.model = model or ScriptedModel(self.clock, *scripts)
        self.channel = MemoryChannel(caps)
        given = {"access": "open", "plugins_disabled": ("qa",), "rate_limit": 0, **settings}
        self.settings = Settings.model_validate(given)
        self.app: App
        self.stores: Stores
        self._number = 0
        self._stop = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        self.stores = Stores(
            people=FakePeople(self.memory, self.clock),
            conversations=FakeConversations(self.memory),
            turns=FakeTurns(self.memory, self.clock),
            values=FakeKeyValue(self.memory),
            search=FakeSearch(),
            inbox=FakeInbox(self.memory),
            overheard=FakeOverheard(self.memory, self.clock),
            leases=FakeLeases(self.memory, self.clock),
            accounts=MemoryAccounts(self.memory, self.clock),
            audit=MemoryAudit(self.memory, self.clock),
            shares=MemoryShares(self.memory, self.clock),
            own=FakeOwnConversations(self.memory),
            personas=MemoryPersonas(self.clock),
            archive=FakeArchive(self.memory),
            atlas=FakeAtlas(self.memory),
            statistics=FakeStatisticsStore(self.memory),
            backup=FakeBackup(),
        )
        self._stop = asyncio.Event()
        adapters = [MemoryAdapter(self.channel)]
        async with compose(
            self.settings, self.stores, OneModel(self.model), adapters, self.telemetry, self.clock
        ) as self.app:
            serving = asyncio.create_task(self.app.serve(adapters, self._stop))
            await self.clock.advance(0)
            try:
                yield self
            finally:
                self._stop.set()
                await self.clock.advance(0)
                await self.clock.advance(self.settings.stop_grace)
                await serving

    async def say(self, text: str = "", *, chat: str = "c", person: str = "p", **more: Any) -> Event:
        """Somebody writes. Time does not pass."""
        self._number += 1
        kind = more.pop("kind", EventKind.COMMAND if text.startswith("/") else EventKind.MESSAGE)
        event = Event(
            id=str(self._number),
            kind=kind,
            address=Address("sim", "bot", chat),
            sender=Sender(person, name=person),
            parts=(Part(text=text),) if text else (),
            message_id=more.pop("message_id", f"q{self._number}"),
            data=more.pop("data", text if kind is EventKind.COMMAND else ""),
        )
        event = replace(event, **more)
        await self.stores.inbox.put(event)
        await self.clock.advance(0)
        return event

    async def ask(self, text: str, **more: Any) -> str:
        """Somebody writes, a while passes; returns the last message of the bot's."""
        await self.say(text, **more)
        await self.clock.advance(3)
        return self.channel.texts()[-1]


async def last_turn(world: World, chat: str = "c") -> TurnState:
    """The state of the last turn of that chat."""
    conversation = await world.stores.conversations.open(
        next(m.address for m in world.channel.messages.values() if m.address.chat == chat)
    )
    turn = await world.stores.turns.last(conversation.id)
    assert turn is not None
    return turn.state
