"""Rate limits as Discord tells of them: buckets in headers, one limit over all, and the ban for those who
will not hear."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulators.discord.model import Json

Rate = tuple[int, float]
BAN_PAGE = (
    "<!DOCTYPE html><html><head><title>Access denied | discord.com used Cloudflare to restrict access</title>"
    "</head><body><h1>Error 1015</h1><h2>You are being rate limited</h2></body></html>"
)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How many calls in how many seconds, for each channel, guild or webhook; `overall` for all together.

    Discord publishes the limit over all and the ban; the others are as its headers are known to say.
    """

    on: bool = True
    overall: Rate | None = (50, 1.0)
    messages: Rate = (5, 5.0)
    edits: Rate = (5, 5.0)
    deletes: Rate = (5, 1.0)
    reactions: Rate = (1, 0.25)
    typing: Rate = (5, 5.0)
    history: Rate = (5, 1.0)
    threads: Rate = (50, 300.0)
    channels: Rate = (10, 15.0)
    commands: Rate = (5, 20.0)
    webhooks: Rate = (5, 2.0)
    other: Rate = (10, 1.0)
    invalid: Rate | None = (10_000, 600.0)
    ban_seconds: float = 3600.0


NO_LIMITS = RateLimits(on=False)


@dataclass(slots=True)
class _Window:
    ends: float
    left: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may pass, with the headers to tell of it."""

    passes: bool
    headers: dict[str, str] = field(default_factory=dict)
    body: Json = field(default_factory=dict)


class Buckets:
    def __init__(self, limits: RateLimits, clock: Callable[[], float], date: Callable[[], float]) -> None:
        self.limits, self._clock, self._date = limits, clock, date
        self._windows: dict[str, _Window] = {}
        self._invalid: deque[float] = deque()
        self.banned_until = 0.0

    @property
    def banned(self) -> bool:
        return self._clock() < self.banned_until

    def take(self, name: str, route: str, major: str, *, overall: bool) -> Verdict:
        """Count a call. `name`: whose rate it is under; calls of one bucket share its hash."""
        if not self.limits.on or not name:
            return Verdict(True)
        if overall and self.limits.overall is not None:
            window = self._window("overall", self.limits.overall)
            if window.left <= 0:
                return self._refused(window, "global", {"X-RateLimit-Global": "true"})
            window.left -= 1
        rate: Rate = getattr(self.limits, name)
        hashed = bucket_hash(name, route)
        window = self._window(f"{hashed}:{major}", rate)
        passes = window.left > 0
        window.left -= passes
        after = max(0.001, window.ends - self._clock())
        headers = {
            "X-RateLimit-Limit": str(rate[0]),
            "X-RateLimit-Remaining": str(window.left),
            "X-RateLimit-Reset": f"{self._date() + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": hashed,
        }
        return Verdict(True, headers) if passes else self._refused(window, "user", headers)

    def note_invalid(self) -> None:
        """A call was answered 401, 403 or 429; too many of those, and no more are heard."""
        if not self.limits.on or self.limits.invalid is None:
            return
        most, seconds = self.limits.invalid
        now = self._clock()
        self._invalid.append(now)
        while self._invalid and self._invalid[0] <= now - seconds:
            self._invalid.popleft()
        if len(self._invalid) >= most:
            self.banned_until = now + self.limits.ban_seconds
            self._invalid.clear()

    def _window(self, key: str, rate: Rate) -> _Window:
        now = self._clock()
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = _Window(now + rate[1], rate[0])
        return window

    def _refused(self, window: _Window, scope: str, headers: dict[str, str]) -> Verdict:
        after = max(0.001, round(window.ends - self._clock() + 0.0005, 3))
        told = {"Retry-After": str(int(after) + 1), "X-RateLimit-Scope": scope}
        body: Json = {"message": "You are being rate limited.", "retry_after": after}
        return Verdict(False, headers | told, body | {"global": scope == "global"})


def bucket_hash(name: str, route: str) -> str:
    """Calls under one name share a bucket; others have each their own."""
    shared = route if name in ("other", "commands") else name
    return hashlib.md5(shared.encode(), usedforsecurity=False).hexdigest()
