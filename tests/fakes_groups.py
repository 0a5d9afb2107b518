"""In-memory remarks and leases."""

from __future__ import annotations

from bot.types import Remark, Sender
from storage.overheard import KEEP_SECONDS, KEPT, LONGEST
from storage.text import clean
from tests.fakes import FakeClock, Memory


class FakeOverheard:
    def __init__(self, memory: Memory | None = None, clock: FakeClock | None = None) -> None:
        self.memory = memory or Memory()
        self._clock = clock or FakeClock()

    async def put(
        self, conversation_id: int, platform: str, sender: Sender, message_id: str, said: str
    ) -> None:
        key, now = (conversation_id, message_id), self._clock.time()
        said_at = self.memory.overheard[key][2].said_at if key in self.memory.overheard else now
        remark = Remark(clean(sender.name), clean(said[:LONGEST]), said_at)
        self.memory.overheard[key] = (platform, sender, remark)

    async def recent(self, conversation_id: int, limit: int = KEPT) -> list[Remark]:
        horizon = self._clock.time() - KEEP_SECONDS
        found = [r for (c, _), (_, _, r) in self.memory.overheard.items() if c == conversation_id]
        return [r for r in sorted(found, key=lambda r: r.said_at) if r.said_at >= horizon][
            -min(limit, KEPT) :
        ]


class FakeLeases:
    def __init__(self, memory: Memory | None = None, clock: FakeClock | None = None) -> None:
        self.memory = memory or Memory()
        self._clock = clock or FakeClock()

    async def acquire(self, name: str, holder: str, seconds: float) -> bool:
        other, until = self.memory.leases.get(name, (holder, 0.0))
        now = self._clock.time()
        if other != holder and until > now:
            return False
        self.memory.leases[name] = (holder, now + seconds)
        return True

    async def release(self, name: str, holder: str) -> None:
        if self.memory.leases.get(name, ("", 0.0))[0] == holder:
            del self.memory.leases[name]
