"""The way back to the page: the newest state of each answer, in memory, for whoever looks.

Nothing here is a queue. A `Stream` holds only what the answer looks like now; each reader works
out by itself what is new to it. So a slow or absent reader costs nothing and blocks nobody, and
what is dropped (old, or too much) is read from the store instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from adapters.web.files import Files
from bot.errors import FileRefused
from bot.ports import Clock
from bot.types import Address, Capabilities, Markup, Outgoing, Part

KEEP_SECONDS = 60.0
SWEEP_SECONDS = 5.0
MOST_STREAMS = 4096
MOST_CHARACTERS = 16_000_000
_NOTHING = Outgoing("", "")
_CAPABILITIES = Capabilities(
    markup=Markup.MARKDOWN,
    text_limit=2**31,
    edits=True,
    idempotent_sends=True,
    buttons=True,
    cites=True,
    min_edit_interval=0.05,
    activity=True,
    tells_end=True,
    waits=True,
)


@dataclass(slots=True, eq=False)
class Stream:
    """One answer as it looks now. `names` are the ids it is found by, `message_id` the one among them that
    the message has; "" before there is one."""

    now: Outgoing = _NOTHING
    changed_at: float = 0.0
    names: set[str] = field(default_factory=set)
    message_id: str = ""
    readers: set[asyncio.Event] = field(default_factory=set)
    asked: str = ""
    """The question, while its answer is under way."""

    def wake(self) -> None:
        for reader in self.readers:
            reader.set()


class WebChannel:
    """`bot.ports.Channel` for the page. Sends never fail and never wait.

    A message's id is the key of its first send. An answer is found by that id, and by the id of
    the event that it replies to.
    """

    platform = "web"

    def __init__(self, clock: Clock, files: Files | None = None, *, thoughts: bool = True) -> None:
        self._clock = clock
        self._capabilities = replace(_CAPABILITIES, thoughts=thoughts)
        self._files = files
        self._streams: dict[Stream, None] = {}  # the least recently begun first
        self._named: dict[str, Stream] = {}
        self._characters = 0
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._sweep_at = 0.0
        self.closing = False

    def capabilities(self, address: Address) -> Capabilities:
        return self._capabilities

    @property
    def thoughts(self) -> bool:
        """Whether visitors see what a model thinks."""
        return self._capabilities.thoughts

    async def send(self, address: Address, out: Outgoing, *, key: str, reply_to: str = "") -> str:
        stream = self._named.get(key) or self._named.get(reply_to) or self._begin()
        self._name(stream, key, reply_to)
        stream.message_id = key
        self._update(stream, out, address)
        return key

    async def edit(self, address: Address, message_id: str, out: Outgoing) -> None:
        stream = self._named.get(message_id) or self._begin()
        self._name(stream, message_id)
        stream.message_id = message_id
        self._update(stream, out, address)

    async def delete(self, address: Address, message_id: str) -> None:
        if (stream := self._named.get(message_id)) is not None:
            self._drop(stream)

    async def typing(self, address: Address) -> None:
        return None

    async def acknowledge(self, address: Address, message_id: str) -> None:
        """The page shows it by itself."""

    async def solve(self, address: Address, message_id: str, *, close: bool) -> None:
        return None

    async def continue_under(self, address: Address, message_id: str, title: str) -> Address:
        return address

    async def draft(self, address: Address, key: str, out: Outgoing) -> None:
        return None

    async def fetch(self, part: Part, limit: int) -> bytes:
        if self._files is None:
            raise FileRefused("the page takes no files")
        return await self._files.read(part, limit)

    # for the readers

    def expect(self, event_id: str, message_id: str = "", *, asked: str = "") -> None:
        """An answer to this event is to come: as a new message, or in place of `message_id`.

        To be called before the event is put: its answer may be quick. Repeating it changes nothing.
        """
        if event_id not in self._named:
            stream = self._begin()
            stream.asked = asked
            self._characters += len(asked)
            self._name(stream, event_id, message_id)

    def shown(self, event_id: str) -> str:
        """The id of the message that answers this event, though it may not be stored yet; "" if that is not
        known (any more)."""
        stream = self._named.get(event_id)
        return stream.message_id if stream is not None else ""

    def asked(self, event_id: str) -> str:
        """What an answer under way was asked; "" if that is not known (any more)."""
        stream = self._named.get(event_id)
        return stream.asked if stream is not None else ""

    @contextmanager
    def watching(self, visitor: str, woken: asyncio.Event) -> Iterator[None]:
        """While this lasts, `woken` is set when something of this visitor's conversations has changed, and
        at `close`."""
        self._watchers.setdefault(visitor, set()).add(woken)
        if self.closing:
            woken.set()
        try:
            yield
        finally:
            self._watchers[visitor].discard(woken)
            if not self._watchers[visitor]:
                del self._watchers[visitor]

    def changed(self, visitor: str) -> None:
        """Something of this visitor's conversations has changed: wake those who watch."""
        for woken in self._watchers.get(visitor, ()):
            woken.set()

    def find(self, event_id: str, message_id: str = "") -> Stream:
        """The stream of this answer, made if there is none."""
        stream = self._named.get(message_id) or self._named.get(event_id) or self._begin()
        self._name(stream, event_id, message_id)
        return stream

    @contextmanager
    def reading(self, stream: Stream, woken: asyncio.Event) -> Iterator[None]:
        """While this lasts, `woken` is set at each change, and at `close`."""
        stream.readers.add(woken)
        if self.closing:
            woken.set()
        try:
            yield
        finally:
            stream.readers.discard(woken)
            if not stream.readers and stream.now is _NOTHING:
                self._drop(stream)

    def close(self) -> None:
        """The server stops: wake all readers so that they go."""
        self.closing = True
        for stream in self._streams:
            stream.wake()
        for visitor in self._watchers:
            self.changed(visitor)

    @property
    def watchers(self) -> int:
        """How many watch their conversations."""
        return sum(map(len, self._watchers.values()))

    @property
    def streams(self) -> int:
        return len(self._streams)

    @property
    def characters(self) -> int:
        """How much text is kept, thoughts included."""
        return self._characters

    # inside

    def _begin(self) -> Stream:
        self._sweep()
        stream = Stream(changed_at=self._clock.monotonic())
        self._streams[stream] = None
        return stream

    def _name(self, stream: Stream, *names: str) -> None:
        for name in filter(None, names):
            before = self._named.get(name)
            if before is not None and before is not stream:
                before.names.discard(name)
            self._named[name] = stream
            stream.names.add(name)

    def _update(self, stream: Stream, out: Outgoing, address: Address) -> None:
        if stream.now is _NOTHING or out.final:
            self.changed(address.chat.partition(":")[0])
        self._characters += _size(out) - _size(stream.now)
        stream.now = out
        stream.changed_at = self._clock.monotonic()
        stream.wake()

    def _sweep(self) -> None:
        """Drop what has ended a while ago, then the oldest unread while there is too much."""
        now = self._clock.monotonic()
        full = len(self._streams) >= MOST_STREAMS or self._characters >= MOST_CHARACTERS
        if not full and now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_SECONDS
        for stream in [s for s in self._streams if not s.readers]:
            spare = len(self._streams) < MOST_STREAMS // 2 and self._characters < MOST_CHARACTERS // 2
            over = stream.now.final or stream.now is _NOTHING
            if (full and not spare) or (over and stream.changed_at < now - KEEP_SECONDS):
                self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        if stream not in self._streams:
            return
        del self._streams[stream]
        self._characters -= _size(stream.now) + len(stream.asked)
        for name in stream.names:
            if self._named.get(name) is stream:
                del self._named[name]


def _size(out: Outgoing) -> int:
    return len(out.text) + len(out.thoughts.text)
