"""What changes of a visitor's conversations, as a stream of events, so that all their pages agree.

What happens in this process wakes whoever watches; a look at the store now and then, the rarer the
longer nothing happens, finds what other processes and platforms do. Either way the store is read and
compared with what was told, so that nothing has to be remembered for a page that was away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from adapters.web.blocks import Told
from adapters.web.channel import WebChannel
from adapters.web.history import Histories
from adapters.web.models import ConversationOut, Conversations
from bot.errors import StorageError
from bot.ports import Clock

FIRST_LOOK = 1.0
"""Seconds after a change until the next look: a title comes a moment after the answer."""
LAST_LOOK = 30.0
SLOWER = 1.6
WATCHED = 50
"""The newest conversations: the last active is always among them."""


class Updates:
    """Readers' way through what happens."""

    def __init__(self, histories: Histories, channel: WebChannel, clock: Clock) -> None:
        self._histories = histories
        self._channel = channel
        self._clock = clock

    async def follow(self, visitor: str) -> AsyncIterator[Told]:
        """First all that is watched, then each change, until the server stops."""
        woken, told, pause = asyncio.Event(), None, FIRST_LOOK
        with self._channel.watching(visitor, woken):
            while not self._channel.closing:
                found = await self._look(visitor)
                now, older = found or (told, "")
                news = [] if now is None else _news(told, now, older)
                for event in news or [Told()]:
                    yield event
                told = now
                pause = FIRST_LOOK if news else min(pause * SLOWER, LAST_LOOK)
                if await self._wait(woken, pause):
                    pause = FIRST_LOOK

    async def _look(self, visitor: str) -> tuple[list[ConversationOut], str] | None:
        try:
            return await self._histories.listing(visitor, limit=WATCHED)
        except StorageError:
            return None

    async def _wait(self, woken: asyncio.Event, seconds: float) -> bool:
        """Whether something has happened, rather than nothing for so long."""
        before = self._clock.monotonic()
        timer = self._clock.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()
            woken.clear()
        return self._clock.monotonic() - before < seconds


def _news(told: list[ConversationOut] | None, now: list[ConversationOut], older: str) -> list[Told]:
    if told is None:
        return [Told("conversations", Conversations(conversations=now, older=older).model_dump())]
    before, ids = {c.id: c for c in told}, {c.id for c in now}
    # the list has an end: what has only gone past it is still there
    end = now[-1].active_at if len(now) == WATCHED else 0.0
    gone = [Told("deleted", {"id": c.id}) for c in told if c.id not in ids and c.active_at >= end]
    fresh = [c for c in reversed(now) if before.get(c.id) != c]
    return gone + [Told("conversation", c.model_dump()) for c in fresh]
