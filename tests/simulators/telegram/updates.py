"""The queue of updates: numbered, kept until they are confirmed, given to one reader at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.simulators.telegram.refusals import Refusal

OFF_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_SET = "Conflict: terminated by setWebhook request"
WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
    "webhook first"
)


class Updates:
    """`allowed` is what the bot asked for last; empty: all but a few. What is not allowed is not kept."""

    def __init__(self, first: int, repeats: Callable[[], bool], tell: Callable[[], None]) -> None:
        self._next, self._repeats, self._tell = first, repeats, tell
        self.allowed: set[str] = set()
        self.pending: dict[int, dict[str, Any]] = {}
        self.again: list[dict[str, Any]] = []
        self.confirmed = 0
        self.given: list[int] = []
        self.arrived = asyncio.Event()
        self._poll: asyncio.Future[None] | None = None

    @property
    def polled(self) -> bool:
        """A poll is held open."""
        return self._poll is not None

    def wanted(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in OFF_BY_DEFAULT

    def put(self, update: dict[str, Any]) -> int:
        """Append what happened; returns its number, 0 where the bot does not want to know."""
        if not all(self.wanted(kind) for kind in update):
            return 0
        number = self._next
        self._next += 1
        self.pending[number] = {"update_id": number, **update}
        self.wake()
        return number

    def wake(self) -> None:
        self.arrived.set()
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def confirm(self, offset: int) -> None:
        """Forget everything below it for good (but for what the weather brings back)."""
        for number in [n for n in self.pending if n < offset]:
            update = self.pending.pop(number)
            self.confirmed += 1
            if self._repeats():
                self.again.append(update)

    def take(self, update: dict[str, Any]) -> None:
        """Forget one that has been brought to the bot."""
        if update in self.again:
            self.again.remove(update)
        elif self.pending.pop(update["update_id"], None) is not None:
            self.confirmed += 1
            self.given.append(update["update_id"])
            if self._repeats():
                self.again.append(update)

    def forget_but(self, last: int) -> None:
        """Keep only the last ones."""
        for number in list(self.pending)[: max(0, len(self.pending) - last)]:
            del self.pending[number]

    def clear(self) -> None:
        self.pending.clear()
        self.again.clear()

    def abort(self, reason: str = CONFLICT) -> None:
        """End the poll that is held open."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_exception(Refusal(409, reason))

    async def poll(self, offset: int, limit: int, wait: float) -> list[dict[str, Any]]:
        """What getUpdates answers, after at most `wait` seconds; raises 409 when another one comes."""
        if offset < 0:
            self.forget_but(-offset)
        elif offset > 0 and offset <= self._next:
            self.confirm(offset)
        self.abort()
        if not self.pending and not self.again and wait > 0:
            self._poll = poll = asyncio.get_running_loop().create_future()
            self._tell()
            try:
                async with asyncio.timeout(wait):
                    await poll
            except TimeoutError:
                pass
            finally:
                if self._poll is poll:
                    self._poll = None
        return self._batch(limit)

    def _batch(self, limit: int) -> list[dict[str, Any]]:
        again, self.again = self.again[:limit], self.again[limit:]
        batch = [*again, *list(self.pending.values())[: limit - len(again)]]
        self.given.extend(u["update_id"] for u in batch)
        return batch
