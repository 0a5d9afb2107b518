"""Discord's rate limits, as its answers tell them. Nothing here waits: whoever calls is told when.

The library's own client sleeps within a call until a bucket has room again and until the time of a 429
is over (without `max_ratelimit_timeout` however long that is, and never less than 30 s with it), and
repeats 5xx up to five times. The core would wait for a preview it no longer wants and could not put the
final text first, so these limits tell at once, and the core paces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.discord.errors import Flood
from bot.ports import Clock

MOST_REFUSALS, REFUSAL_SECONDS = 5_000, 600.0
"""Half of the refusals within ten minutes that have an address banned
(https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans)."""
_MANY = 4096


@dataclass(slots=True)
class _Bucket:
    remaining: int = 1
    until: float = 0.0
    flying: int = 0

    def wait(self, now: float) -> float:
        """Seconds until it has room. An old window tells nothing of the one that begins."""
        return self.until - now if self.remaining <= self.flying else 0.0


class Buckets:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hashes: dict[str, str] = {}
        self._buckets: dict[str, _Bucket] = {}
        self._all_until = 0.0
        self._out_until = 0.0
        self._refusals = 0
        self._counting_until = 0.0

    def enter(self, route: str, major: str, *, free: bool) -> None:
        """A call begins. Raises Flood if it would be refused. `free`: the limit over all calls does
        not hold for it, while the address is not shut out."""
        now = self._clock.monotonic()
        bucket = self._of(route, major)
        wait = max(bucket.wait(now), self._out_until - now, 0.0 if free else self._all_until - now)
        if wait > 0:
            raise Flood(wait)
        bucket.flying += 1

    def leave(self, route: str, major: str, headers: Mapping[str, str]) -> None:
        """The call has ended, with these headers (none if there was no answer)."""
        bucket = self._of(route, major)
        bucket.flying -= 1
        if name := headers.get("X-RateLimit-Bucket"):
            if self._hashes.setdefault(route, name) != name:
                self._hashes[route] = name
            bucket = self._buckets.setdefault(f"{name}:{major}", bucket)
        remaining, after = headers.get("X-RateLimit-Remaining"), headers.get("X-RateLimit-Reset-After")
        if remaining is not None and after is not None:
            bucket.remaining = int(_number(remaining))
            bucket.until = self._clock.monotonic() + _number(after)

    def flood(self, route: str, major: str, seconds: float, *, everywhere: bool) -> None:
        """429."""
        until = self._clock.monotonic() + seconds
        if everywhere:
            self._all_until = max(self._all_until, until)
        else:
            bucket = self._of(route, major)
            bucket.remaining, bucket.until = 0, until

    def shut_out(self, seconds: float) -> None:
        """This address is not heard for a while, whatever it calls."""
        self._out_until = max(self._out_until, self._clock.monotonic() + seconds)

    def refused(self) -> None:
        """A refusal that Discord counts. When there are too many, nothing is called for a while."""
        now = self._clock.monotonic()
        if now >= self._counting_until:
            self._counting_until, self._refusals = now + REFUSAL_SECONDS, 0
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            self._all_until = max(self._all_until, self._counting_until)

    def _of(self, route: str, major: str) -> _Bucket:
        key = f"{self._hashes.get(route, route)}:{major}"
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MANY:
                now = self._clock.monotonic()
                self._buckets = {k: b for k, b in self._buckets.items() if b.flying or b.until > now}
            bucket = self._buckets[key] = _Bucket()
        return bucket


def _number(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
