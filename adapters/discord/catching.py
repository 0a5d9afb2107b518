"""Channels in which something may have been missed: each is caught up with in its lane, a few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from heapq import heappop, heappush

from adapters.discord.lanes import Lanes

AT_ONCE = 8
Run = Callable[[str, str], Awaitable[None]]


class Catching:
    """`run` (channel, guild) catches up with one channel. Nothing here waits.

    Those in which something was said last come first. A channel whose turn has not come is caught up with
    at once when something happens in it (`first`), so that nothing is stored before what came before it.
    """

    def __init__(self, lanes: Lanes, run: Run) -> None:
        self._lanes = lanes
        self._run = run
        self._waiting: dict[str, str] = {}
        self._order: list[tuple[int, str]] = []
        self._ordered: set[str] = set()
        self._begun: Counter[str] = Counter()

    def want(self, channel: str, guild: str, newest: int, *, lazily: bool = False) -> None:
        """Something may have been missed by now, whatever is being caught up with already. `newest`: the
        last message that is known of. `lazily`: only `first` begins it."""
        if not lazily and channel not in self._ordered:
            heappush(self._order, (-newest, channel))
            self._ordered.add(channel)
        self._waiting[channel] = guild
        self._fill()

    def first(self, channel: str) -> None:
        """What was missed in the channel comes before all that is put into its lane from now on."""
        guild = self._waiting.pop(channel, None)
        if guild is not None:
            self._begun[channel] += 1
            self._lanes.add(channel, partial(self._catch_up, channel, guild))

    def drop(self, channel: str) -> None:
        """The channel is gone."""
        self._waiting.pop(channel, None)

    def busy(self, channel: str) -> bool:
        """Whether something may be missing in the channel."""
        return channel in self._waiting or channel in self._begun

    def close(self) -> None:
        """Nothing is begun any more."""
        self._waiting.clear()

    def _fill(self) -> None:
        while self._order and self._begun.total() < AT_ONCE:
            _, channel = heappop(self._order)
            self._ordered.discard(channel)
            self.first(channel)

    async def _catch_up(self, channel: str, guild: str) -> None:
        try:
            await self._run(channel, guild)
        finally:
            self._begun[channel] -= 1
            self._begun += Counter()  # drops what is zero
            self._fill()
