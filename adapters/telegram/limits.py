"""Flood control, chat by chat. Nothing here paces: the core does that before it calls."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from telegram.ext import BaseRateLimiter

from adapters.telegram.errors import Flood
from bot.ports import Clock

TRIES = 4
LONGEST_WAIT = 60.0
_MANY = 4096
Json = dict[str, Any]
Result = bool | Json | list[Json]


class ChatLimiter(BaseRateLimiter[None]):
    """A chat that Telegram told to wait gets Flood at once until the time is over, without a call;
    no other chat waits for it. Calls that are for no chat are repeated after their wait."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    async def initialize(self) -> None:
        """There is nothing to open."""

    async def shutdown(self) -> None:
        """There is nothing to close."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, Result]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: None,
    ) -> Result:
        """The call's result. Raises what it raises, and Flood."""
        chat = data.get("chat_id")
        if chat is None:
            return await self._patiently(lambda: callback(*args, **kwargs))
        self._check(str(chat))
        try:
            return await callback(*args, **kwargs)
        except Flood as error:
            self._until[str(chat)] = self._clock.monotonic() + error.seconds
            raise

    def _check(self, chat: str) -> None:
        until = self._until.get(chat)
        if until is None:
            return
        now = self._clock.monotonic()
        if until > now:
            raise Flood(until - now)
        del self._until[chat]
        if len(self._until) > _MANY:
            self._until = {c: t for c, t in self._until.items() if t > now}

    async def _patiently(self, call: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        for _ in range(TRIES - 1):
            try:
                return await call()
            except Flood as error:
                if error.seconds > LONGEST_WAIT:
                    raise
                await self._clock.sleep(error.seconds)
        return await call()
