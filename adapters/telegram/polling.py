"""Long polling that confirms an update only when it is durable.

The offset never passes an update whose `take` has not returned. While one waits (for a busy
database) polling goes on: Telegram then sends the waiting ones along again, and they are known by
their id.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from telegram.error import Conflict, Forbidden, InvalidToken, TelegramError

from adapters.common.health import Health
from adapters.telegram.client import Api
from adapters.telegram.errors import Flood, without_token
from bot.errors import StorageError
from bot.ports import Clock

log = logging.getLogger(__name__)
BUSY_SECONDS = 0.15
"""Between two polls while updates are under way: Telegram answers these at once."""
CONFLICT_SECONDS = 10.0
REJECTED_SECONDS = 60.0
STOP_SECONDS = 5.0
CONFIRM_SECONDS = 3.0


class Poller:
    """`run` until cancelled, then `finish`; `run` may be called again in between."""

    def __init__(
        self, api: Api, take: Callable[[Any], Coroutine[Any, Any, None]], clock: Clock, health: Health
    ) -> None:
        self._api = api
        self._take = take
        self._clock = clock
        self._health = health
        self._offset = 0
        self._tasks: dict[int, asyncio.Task[None]] = {}
        """Updates that were taken and are not confirmed, by id: under way, or durable."""

    async def run(self) -> None:
        """Take what comes. Ends only by cancellation."""
        while True:
            try:
                batch = await self._api.updates(self._offset)
            except TelegramError as error:
                await self._failed(error)
            else:
                await self._take_in(batch)

    async def finish(self) -> None:
        """What is under way may still become durable; what is durable is confirmed. No update is
        lost: what is not confirmed comes again."""
        await self._settled(STOP_SECONDS)
        if self._tasks:
            self._advance()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        if self._offset:
            try:
                await self._api.updates(self._offset, limit=1, wait=0, grace=CONFIRM_SECONDS)
            except TelegramError as error:
                log.info("updates up to %d are stored, but not confirmed: %s", self._offset, error)

    async def _take_in(self, batch: list[Any]) -> None:
        updates = {u["update_id"]: u for u in batch if isinstance(u, dict) and _has_id(u)}
        for update_id, update in updates.items():
            if update_id not in self._tasks:
                self._tasks[update_id] = asyncio.create_task(self._take(update))
        await self._settled(BUSY_SECONDS)
        if not self._tasks:
            self._offset = 0  # all is confirmed; after a quiet week ids begin anew, anywhere
        elif not self._advance():
            self._health.ill("the database cannot be used; messages wait at Telegram")
            return await self._health.pause()
        self._health.well()

    async def _settled(self, seconds: float) -> None:
        """Wait until nothing is under way, but at most so long."""
        under_way = [task for task in self._tasks.values() if not task.done()]
        if not under_way:
            return
        all_done = asyncio.ensure_future(asyncio.wait(under_way))
        timer = self._clock.call_later(seconds, all_done.cancel)
        try:
            await asyncio.wait([all_done])
        finally:
            timer.cancel()
            all_done.cancel()

    def _advance(self) -> bool:
        """Move the offset as far as everything is durable. False if something could not be stored:
        it will come again."""
        failed = {i for i, task in self._tasks.items() if task.done() and not _durable(i, task)}
        waiting = [i for i, task in self._tasks.items() if i in failed or not task.done()]
        self._offset = min(waiting) if waiting else max(self._tasks) + 1
        self._tasks = {i: t for i, t in self._tasks.items() if i >= self._offset and i not in failed}
        return not failed

    async def _failed(self, error: TelegramError) -> None:
        text = without_token(error.message)
        if isinstance(error, Flood):
            await self._health.pause(error.seconds)
        elif isinstance(error, Conflict) and "webhook" in text.lower():
            await self._drop_webhook()
        elif isinstance(error, Conflict):
            self._health.ill("another program polls with this bot's token; standing by")
            await self._health.pause(CONFLICT_SECONDS)
        elif isinstance(error, InvalidToken | Forbidden):
            self._health.ill(f"the token is not valid any more ({text})", level=logging.ERROR)
            await self._health.pause(REJECTED_SECONDS)
        else:
            self._health.ill(f"cannot be reached: {text}")
            await self._health.pause()

    async def _drop_webhook(self) -> None:
        try:
            await self._api.delete_webhook()
            log.info("Telegram: a webhook that was left behind is deleted; polling instead")
        except TelegramError as error:
            self._health.ill(f"a webhook is in the way and cannot be deleted: {without_token(error.message)}")
            await self._health.pause()


def _has_id(update: dict[str, Any]) -> bool:
    return isinstance(update.get("update_id"), int)


def _durable(update_id: int, task: asyncio.Task[None]) -> bool:
    """Whether the update is dealt with. What nobody foresaw is logged and passed over: it must not
    hold up the others for good."""
    if task.cancelled():
        return False
    error = task.exception()
    if error is not None and not isinstance(error, StorageError):
        log.error("update %d is passed over", update_id, exc_info=error)
    return not isinstance(error, StorageError)
