"""What one address may take: a visitor without a cookie is new each time, an address is not."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict, deque

from adapters.web.identity import is_loopback
from bot.ports import Clock

MINUTE = 60.0
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
