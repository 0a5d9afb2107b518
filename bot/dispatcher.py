"""One lane per conversation, a global limit, and fair turns between people.

Events of one address are handled one after the other, in order. Lanes run side by side up to
`limit`; when more wait than run, people take turns (round robin over the senders of the lanes'
first events), so that somebody who writes in ten chats waits as long as one who writes in one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

from bot.clock import Scope
from bot.types import Event, EventKind

log = logging.getLogger(__name__)


class Hold:
    """An event under way: its share of the global limit, and the way to stop it."""

    def __init__(self, event: Event, release: Callable[[], None]) -> None:
        self.event = event
        self.stopped = ""
        self.ended = asyncio.Event()
        """Set when the event was dealt with, or left for the next start."""
        self._release: Callable[[], None] | None = release
        self._scope: Scope | None = None

    def release(self) -> None:
        """Give the share back before the end (nothing heavy follows). Idempotent."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def guard(self, scope: Scope) -> Scope:
        """From now on `stop` ends this scope."""
        self._scope = scope
        if self.stopped:
            scope.end(self.stopped)
        return scope

    def stop(self, reason: str) -> None:
        """End the guarded scope, now or as soon as there is one."""
        self.stopped = reason
        if self._scope is not None:
            self._scope.end(reason)


class _Lane:
    __slots__ = ("hold", "queued", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Event] = deque()
        self.queued = False
        """Whether it stands in `_ready`."""
        self.hold: Hold | None = None


Handle = Callable[[Event, Hold], Awaitable[None]]


class Dispatcher:
    """Feeds events to `handle`, lane by lane.

    `intercept` sees each event as it arrives; work that it returns is run at once instead of
    in the lane (`/stop` must not wait for what it stops). `handle` deals with its own failures;
    one that escapes is logged, and the lane goes on.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        intercept: Callable[[Event], Coroutine[None, None, None] | None],
        limit: int,
    ) -> None:
        self._handle = handle
        self._intercept = intercept
        self._free = limit
        self._lanes: dict[str, _Lane] = {}
        self._ready: OrderedDict[str, deque[str]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._waiting = 0
        self._people: Counter[str] = Counter()
        """Of each person how many events wait."""
        self._open = True
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def running(self) -> int:
        """Lanes in which an event is dealt with."""
        return self._running

    @property
    def waiting(self) -> int:
        """Events that wait for their lane or for a share of the limit."""
        return self._waiting

    @property
    def people(self) -> int:
        """People who wait, however much each of them has sent."""
        return len(self._people)

    async def run(self, events: AsyncIterator[Event]) -> None:
        """Take events until cancelled."""
        async for event in events:
            self.submit(event)

    def submit(self, event: Event) -> None:
        if not self._open:
            return
        urgent = self._intercept(event)
        if urgent is not None:
            self._spawn(urgent, event)
            return
        key = event.address.key
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane()
        lane.waiting.append(event)
        self._count(event, 1)
        if lane.hold is None and not lane.queued:
            self._enqueue(key, lane, event)
        self._start()

    def find(self, address_key: str, message_id: str = "") -> Hold | None:
        """The event under way in this lane; with `message_id`, only if it is that message."""
        lane = self._lanes.get(address_key)
        hold = lane.hold if lane else None
        if hold is None or (message_id and hold.event.message_id != message_id):
            return None
        return hold

    def lanes(self, chat_key: str) -> list[str]:
        """The lanes, by address, whose key begins so."""
        return [key for key in self._lanes if key.startswith(chat_key)]

    def beside(self, work: Coroutine[None, None, None], event: Event) -> None:
        """Run work that belongs to an event beside its lane; `drain` waits for it too."""
        self._spawn(work, event)

    def withdraw(self, address_key: str, which: Callable[[Event], bool]) -> list[Event]:
        """Take waiting events out of the lane, and return them."""
        lane = self._lanes.get(address_key)
        if lane is None:
            return []
        gone = [event for event in lane.waiting if which(event)]
        for event in gone:
            lane.waiting.remove(event)
            self._count(event, -1)
        return gone

    async def drain(self, grace: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Start nothing more; wait up to `grace` seconds for what runs, then cancel it."""
        self._open = False
        self._ready.clear()
        if self._tasks:
            timer = asyncio.ensure_future(sleep(grace))
            idle = asyncio.ensure_future(self._idle.wait())
            await asyncio.wait({timer, idle}, return_when=asyncio.FIRST_COMPLETED)
            timer.cancel()
            idle.cancel()
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _enqueue(self, key: str, lane: _Lane, event: Event) -> None:
        lane.queued = True
        self._ready.setdefault(_person(event), deque()).append(key)

    def _count(self, event: Event, waiting: int) -> None:
        self._waiting += waiting
        if event.kind is not EventKind.CONSOLE:  # an operator's own work
            person = _person(event)
            self._people[person] += waiting
            if not self._people[person]:
                del self._people[person]

    def _start(self) -> None:
        while self._open and self._free > 0 and self._ready:
            person, lanes = self._ready.popitem(last=False)
            key = lanes.popleft()
            if lanes:
                self._ready[person] = lanes  # to the back: others come first
            lane = self._lanes[key]
            lane.queued = False
            if not lane.waiting:  # withdrawn
                del self._lanes[key]
                continue
            event = lane.waiting.popleft()
            self._count(event, -1)
            self._free -= 1
            self._running += 1
            lane.hold = Hold(event, self._release)
            self._spawn(self._run(key, lane, lane.hold), event)

    def _release(self) -> None:
        self._free += 1
        self._start()

    async def _run(self, key: str, lane: _Lane, hold: Hold) -> None:
        try:
            await self._handle(hold.event, hold)
        finally:
            self._running -= 1
            lane.hold = None
            hold.ended.set()
            if lane.waiting:
                self._enqueue(key, lane, lane.waiting[0])
            else:
                del self._lanes[key]
            hold.release()
            self._start()

    def _spawn(self, work: Coroutine[None, None, None], event: Event) -> None:
        task = asyncio.create_task(work, name=event.key)
        self._tasks.add(task)
        self._idle.clear()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks:
            self._idle.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("event %s: handler failed", task.get_name(), exc_info=error)


def _person(event: Event) -> str:
    return f"{event.address.platform}/{event.sender.id}"
