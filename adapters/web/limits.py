"""What one address may take: a visitor without a cookie is new each time, an address is not."""

from __future__ import annotations

import ipaddress
import math
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.web.identity import is_loopback
from bot.ports import Clock

MINUTE = 60.0
HOUR = 3600.0
MOST_VISITORS = 60
MOST_VISITORS_HERE = 20_000
MOST_ADDRESSES = 10_000
"""Addresses remembered; the least recently seen is forgotten first."""


def place_of(client: str) -> str:
    """The address that counts: of IPv6 the network, as one household or machine has a /64."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def share_of(client: str) -> str:
    """Whose share of something it is: the address's; of this machine, where a proxy that names no
    addresses may be, nobody's."""
    return "" if is_loopback(client) else place_of(client)


class Full(Exception):
    """No more is held at the same time."""


class Held:
    """What is held at the same time: at most `most` in all, and `own` under one name, but ""."""

    def __init__(self, most: float, own: float) -> None:
        self._most = most
        self._own = own
        self._held: Counter[str] = Counter()

    @contextmanager
    def hold(self, name: str, amount: int = 1) -> Iterator[None]:
        """So much more, until it is left. Raises Full."""
        held = self._held
        if held.total() + amount > self._most or (name and held[name] + amount > self._own):
            raise Full
        held[name] += amount
        try:
            yield
        finally:
            held[name] -= amount
            if not held[name]:
                del held[name]


class Crowd:
    """How many different visitors of one address may ask in a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()
        """When each of a minute's visitors first asked, by address; the earliest first."""

    def __len__(self) -> int:
        """Addresses remembered."""
        return len(self._seen)

    def refuses(self, client: str, visitor: str) -> int:
        """0: the visitor may ask, and is counted; else the seconds until another one may."""
        now, place = self._clock.monotonic(), place_of(client)
        visitors = self._seen.setdefault(place, OrderedDict())
        self._seen.move_to_end(place)
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        while visitors and now - next(iter(visitors.values())) >= MINUTE:
            visitors.popitem(last=False)
        if visitor in visitors:
            return 0
        most = MOST_VISITORS_HERE if is_loopback(client) else MOST_VISITORS
        if len(visitors) >= most:
            return max(1, math.ceil(next(iter(visitors.values())) + MINUTE - now))
        visitors[visitor] = now
        return 0


class Volume:
    """How many bytes an hour each name may bring."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._seen: OrderedDict[str, deque[tuple[float, int]]] = OrderedDict()

    def refuses(self, name: str, size: int) -> int:
        """0: it may bring so many, and they are counted; else the seconds until it may again."""
        now = self._clock.monotonic()
        brought = self._seen.setdefault(name, deque())
        self._seen.move_to_end(name)
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        while brought and now - brought[0][0] >= HOUR:
            brought.popleft()
        room, wait = self._most - sum(each for _, each in brought), 0.0
        for at, each in brought:
            if size > room:
                room, wait = room + each, at + HOUR - now
        if wait:
            return max(1, math.ceil(wait))
        brought.append((now, size))
        return 0


class Rate:
    """How many times a minute each name may do something."""

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock = clock
        self._most = most
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def refuses(self, name: str) -> int:
        """0: it may, and it is counted; else the seconds until it may again."""
        now = self._clock.monotonic()
        times = self._seen.setdefault(name, deque())
        self._seen.move_to_end(name)
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        while times and now - times[0] >= MINUTE:
            times.popleft()
        if len(times) >= self._most:
            return max(1, math.ceil(times[0] + MINUTE - now))
        times.append(now)
        return 0
