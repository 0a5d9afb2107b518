"""How fast a chat may be called: sliding windows per chat (all its threads) and per bot account.

A preview takes only what leaves room for final texts; a final text may take all of it, and
goes first. Flood control (`block`) holds up its own chat alone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from bot.ports import Clock
from bot.types import Address, Capabilities, Pace

RESERVE = 0.25
"""The part of each pace's calls that previews leave to final texts (at least one call)."""
_MANY = 4096


class _Window:
    """The times of the last calls, as far as any pace looks back."""

    __slots__ = ("blocked_until", "calls", "previewed")

    def __init__(self) -> None:
        self.calls: deque[float] = deque()
        self.blocked_until = 0.0
        self.previewed = float("-inf")

    def wait(self, paces: tuple[Pace, ...], now: float, final: bool) -> float:
        """Seconds until a call is allowed."""
        wait = self.blocked_until - now
        for pace in paces:
            allowed = pace.calls if final else pace.calls - max(1, int(pace.calls * RESERVE))
            if pace.calls == 1:
                allowed = 1
            if len(self.calls) >= allowed:
                wait = max(wait, self.calls[-allowed] + pace.seconds - now)
        return wait

    def note(self, paces: tuple[Pace, ...], now: float) -> None:
        keep = max((p.calls for p in paces), default=0)
        self.calls.append(now)
        while len(self.calls) > keep:
            self.calls.popleft()

    def idle(self, now: float) -> bool:
        return self.blocked_until <= now and (not self.calls or self.calls[-1] < now - 120)


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

    async def take(self, address: Address, caps: Capabilities, *, final: bool) -> None:
        """Wait until this chat takes a call, and count it."""
        chat = self._chat(address)
        account = self._accounts.setdefault(f"{address.platform}/{address.account}", _Account())
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
        chat.note(caps.chat_paces, now)
        account.note(caps.account_paces, now)
        chat.previewed = now

    def block(self, address: Address, seconds: float) -> None:
        """Flood control: no call to this chat for `seconds`."""
        chat = self._chat(address)
        chat.blocked_until = max(chat.blocked_until, self._clock.monotonic() + seconds)

    def _chat(self, address: Address) -> _Window:
        key = replace(address, thread="").key
        window = self._chats.get(key)
        if window is None:
            if len(self._chats) >= _MANY:
                now = self._clock.monotonic()
                self._chats = {k: w for k, w in self._chats.items() if not w.idle(now)}
            window = self._chats[key] = _Window()
        return window
