"""What the contract suite of adapters asks of a platform's simulator: a stage on which one adapter runs, with
two people in front of it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from bot.errors import ChannelError, StorageBusy
from bot.markup import parts
from bot.ports import Adapter, Channel
from bot.types import Address, Event, EventKind, Outgoing
from tests.fakes import FakeClock, FakeInbox, Memory

Put = Callable[[Event], Awaitable[bool]]


class Closable(Adapter, Protocol):
    """An adapter whose way back can be closed."""

    async def aclose(self) -> None: ...


class Door:
    """The inbox's `put`. It fails while `broken`, and waits while it is not `open`."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.tries: list[Event] = []
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()

    async def put(self, event: Event) -> bool:
        self.tries.append(event)
        await self.open.wait()
        if self.broken:
            raise StorageBusy("the database is locked")
        return await FakeInbox(self.memory).put(event)

    @property
    def events(self) -> list[Event]:
        """What is durable, in order: what people said, pressed and so on, and no membership."""
        kept = [event for _, event, _ in self.memory.inbox.values()]
        return [event for event in kept if event.kind is not EventKind.MEMBERSHIP]

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events]

    def tried(self, text: str) -> list[Event]:
        return [event for event in self.tries if event.text == text]


@dataclass(frozen=True)
class Look:
    """A message of the bot's, as people see it. `over`: they are told that nothing more comes."""

    text: str
    buttons: tuple[str, ...] = ()
    files: tuple[bytes, ...] = ()
    over: bool = False


class Stage(ABC):
    """`here` is one person's chat with the bot, `there` another's; both have begun to talk to it."""

    adapter: Closable
    clock: FakeClock
    door: Door
    here: Address
    there: Address

    @property
    def channel(self) -> Channel:
        return self.adapter.channel

    # intake

    @abstractmethod
    def running(self) -> AbstractAsyncContextManager[None]:
        """The adapter's intake runs, and is connected."""

    @abstractmethod
    async def say(self, text: str, *, there: bool = False) -> None:
        """One of the two writes."""

    @abstractmethod
    async def again(self) -> None:
        """The platform brings the last message once more, just as it was."""

    @abstractmethod
    def taken(self) -> bool:
        """Whether the bot has acknowledged all that was said."""

    async def persist(self) -> None:
        """The person's app does what it does where nothing was acknowledged: mostly nothing."""
        return None

    async def until(self, predicate: Callable[[], object]) -> None:
        """Wait for something to become true, while time passes and apps persist."""
        async with asyncio.timeout(20):
            while not predicate():
                await asyncio.sleep(0.001)  # lets the network run
                await self.clock.advance(0.25)
                await self.persist()

    @asynccontextmanager
    async def time_passes(self) -> AsyncIterator[None]:
        """Also while the test waits for something else."""
        passing = asyncio.create_task(self.until(lambda: False))
        try:
            yield
        finally:
            passing.cancel()
            await asyncio.wait([passing])

    @abstractmethod
    def misled(self) -> Closable | None:
        """An adapter with a setting that is wrong; None if none can be."""

    # the way back

    @abstractmethod
    def look(self, address: Address, message_id: str) -> Look | None:
        """What people see of a message; None if it is not there."""

    @abstractmethod
    def count(self, address: Address) -> int:
        """How many messages of the bot's people see there."""


class Remote(Stage):
    """A platform with a network in between, which can refuse."""

    @abstractmethod
    def calls(self) -> int:
        """How many calls the platform has heard."""

    @abstractmethod
    def outage(self, kind: str) -> None:
        """From now on every call fails: "5xx", or "drop" for a connection that ends."""

    @abstractmethod
    def recover(self) -> None:
        """The outage ends."""

    @abstractmethod
    def limit(self) -> None:
        """From now on flood control refuses what comes too fast."""

    @abstractmethod
    async def shut(self) -> None:
        """The person `here` lets the bot in no more."""

    @abstractmethod
    async def reopen(self) -> None:
        """They let it in again, and say so: "Back." """

    @abstractmethod
    async def take_away(self, message_id: str) -> None:
        """Somebody else takes a message of the bot's `here` away."""


class Roomy(Remote):
    """A platform with chats of several, which have threads."""

    @abstractmethod
    async def gather(self) -> None:
        """The person `here` makes a room with the bot, and a thread in it."""

    room: Address
    thread: Address

    @abstractmethod
    async def ask_in(self, text: str, *, thread: bool) -> str:
        """Ask the bot there; returns the message's id."""

    @abstractmethod
    async def send_file(self, content: bytes) -> None:
        """The person `here` sends a file."""

    @abstractmethod
    async def press(self, address: Address, message_id: str, label: str) -> None:
        """Press a button of a message's."""

    @abstractmethod
    def types(self, address: Address) -> bool:
        """Whether people see that the bot types."""

    @abstractmethod
    def draft(self, address: Address) -> str:
        """What people see of a text that is being written; "" if nothing is."""

    @abstractmethod
    def marks(self, address: Address, message_id: str) -> int:
        """How many marks of the bot's are on somebody's message."""


def plain(text: str) -> Outgoing:
    return Outgoing(text, text)


def marked(stage: Stage, text: str) -> list[Outgoing]:
    """Markdown in the channel's markup, in as many messages as it takes."""
    can = stage.channel.capabilities(stage.here)
    return [Outgoing(p.text, p.plain, can.markup) for p in parts(text, can.markup, can.text_limit)]


async def refusal(call: Awaitable[object]) -> ChannelError | None:
    """What a call was refused with, if it was."""
    try:
        await call
    except ChannelError as error:
        return error
    return None


def shown(stage: Stage, message_id: str) -> str:
    seen = stage.look(stage.here, message_id)
    return seen.text if seen else ""
