"""How fast a chat may be called: sliding windows per chat (all its threads) and per bot account.

A preview takes only what leaves room for final texts; a final text may take all of it, and
goes first. Flood control (`block`) holds up its own chat alone.

A platform counts calls when they arrive, which is some time after they set out: two that set out a
window apart can arrive closer together. So a call counts from when it sets out until a window after
its end, and no window of the platform's own ever sees more calls than the pace allows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.ports import Clock
from bot.types import Address, Capabilities, Pace

RESERVE = 0.25
"""The part of each pace's calls that previews leave to final texts (at least one call)."""
_MANY = 4096


class _Call:
    __slots__ = ("ended",)

    def __init__(self, ended: float) -> None:
        self.ended = ended
        """Infinite while it is under way."""


class _Window:
    """The last calls, as far as any pace looks back."""

    __slots__ = ("blocked_until", "calls", "previewed")

    def __init__(self) -> None:
        self.calls: deque[_Call] = deque()
        self.blocked_until = 0.0
        self.previewed = float("-inf")

    def wait(self, paces: tuple[Pace, ...], now: float, final: bool) -> float:
        """Seconds until a call is allowed, as far as can be told by now."""
        wait = self.blocked_until - now
        ends = sorted(call.ended for call in self.calls) if paces else []
        for pace in paces:
            allowed = pace.calls if final else pace.calls - max(1, int(pace.calls * RESERVE))
            if pace.calls == 1:
                allowed = 1
            if len(ends) >= allowed:
                wait = max(wait, min(ends[-allowed], now) + pace.seconds - now)
        return wait

    def note(self, paces: tuple[Pace, ...], call: _Call, now: float) -> None:
        """Count it, and forget those that no pace counts any more."""
        longest = max((p.seconds for p in paces), default=0.0)
        self.calls.append(call)
        while self.calls and self.calls[0].ended <= now - longest:
            self.calls.popleft()

    def idle(self, now: float) -> bool:
        return self.blocked_until <= now and all(call.ended < now - 120 for call in self.calls)


class _Account(_Window):
    __slots__ = ("finals",)

    def __init__(self) -> None:
        super().__init__()
        self.finals = 0
        """Final texts that wait for the account alone."""


class Pacer:
    """Shared by all deliveries of a process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._chats: dict[str, _Window] = {}
        self._accounts: dict[str, _Account] = {}

    @asynccontextmanager
    async def call(self, address: Address, caps: Capabilities, *, final: bool) -> AsyncIterator[None]:
        """Wait until this chat takes a call, which the block then makes."""
        call = await self._take(address, caps, final=final)
        call.ended = math.inf
        try:
            yield
        finally:
            call.ended = self._clock.monotonic()

    async def take(self, address: Address, caps: Capabilities, *, final: bool) -> None:
        """Wait until this chat takes a call, and count it as one that takes no time."""
        await self._take(address, caps, final=final)

    async def _take(self, address: Address, caps: Capabilities, *, final: bool) -> _Call:
        chat, account = self._chat(address), self._account(address)
        while True:
            now = self._clock.monotonic()
            wait = chat.wait(caps.chat_paces, now, final)
            if not final:
                wait = max(wait, chat.previewed + caps.min_edit_interval - now)
            if wait <= 0 and (wait := account.wait(caps.account_paces, now, final)) > 0 and final:
                account.finals += 1  # its own chat would let it through: it goes before previews
                try:
                    await self._clock.sleep(wait)
                finally:
                    account.finals -= 1
                continue
            if wait <= 0 and not final and caps.account_paces and account.finals:
                wait = caps.min_edit_interval or 0.05
            if wait <= 0:
                break
            await self._clock.sleep(wait)
        call = _Call(now)
        chat.note(caps.chat_paces, call, now)
        account.note(caps.account_paces, call, now)
        chat.previewed = now
        return call

    def block(self, address: Address, seconds: float) -> None:
        """Flood control: no call to this chat for `seconds`."""
        chat = self._chat(address)
        chat.blocked_until = max(chat.blocked_until, self._clock.monotonic() + seconds)

    def _account(self, address: Address) -> _Account:
        return self._accounts.setdefault(f"{address.platform}/{address.account}", _Account())

    def _chat(self, address: Address) -> _Window:
        key = replace(address, thread="").key
        window = self._chats.get(key)
        if window is None:
            if len(self._chats) >= _MANY:
                now = self._clock.monotonic()
                self._chats = {k: w for k, w in self._chats.items() if not w.idle(now)}
            window = self._chats[key] = _Window()
        return window
