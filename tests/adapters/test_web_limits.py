"""What one address may take, with a cookie and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from adapters.web.blocks import Told
from adapters.web.guard import (
    BODY_SHARE,
    MOST_BYTES,
    MOST_REQUESTS,
    SMALL,
    Guard,
    Message,
    Receive,
    Scope,
    Send,
)
from adapters.web.limits import (
    MINUTE,
    MOST_ADDRESSES,
    MOST_VISITORS,
    Crowd,
    Full,
    Held,
    Volume,
    place_of,
    share_of,
)
from adapters.web.sse import MOST_PER_ADDRESS, Streams
from bot.types import Event
from tests.adapters.test_web_guard import in_process
from tests.adapters.web_core import browser_like, house
from tests.fakes import FakeClock

CHAT = "/api/v1/chat"
WORLD = "203.0.113.7"


async def _say(client: httpx.AsyncClient, text: str) -> httpx.Response:
    client.cookies.clear()
    return await client.post(CHAT, json={"text": text})


async def test_without_a_cookie_the_address_is_limited_and_told_when_to_come_back() -> None:
    put = asyncio.Queue[Event]()

    async def take(event: Event) -> bool:
        put.put_nowait(event)
        return True

    async def never(key: str) -> bool:
        return False

    clock = FakeClock()
    async with in_process(
        client_address=WORLD, access="open", put=take, pending=never, clock=clock
    ) as client:
        asked = [asyncio.create_task(_say(client, f"q{n}")) for n in range(MOST_VISITORS)]
        for _ in asked:
            await put.get()
        await clock.advance(10)
        assert {r.status_code for r in await asyncio.gather(*asked)} == {200}
        refused = await _say(client, "one more")
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "50"
        assert "50 s" in refused.json()["message"]
        assert put.empty()
        await clock.advance(50)
        late = asyncio.create_task(_say(client, "later"))
        await put.get()
        await clock.advance(10)
        assert (await late).status_code == 200


async def test_a_page_on_this_machine_is_limited_generously() -> None:
    async with house(access="open") as home, browser_like(home.url) as client:
        for number in range(MOST_VISITORS + 10):
            assert (await _say(client, f"q{number}")).status_code == 200
        assert len({event.sender.id for event in home.core.seen}) == MOST_VISITORS + 10


def test_a_known_visitor_is_counted_once_and_other_addresses_are_not_touched() -> None:
    clock = FakeClock()
    crowd = Crowd(clock)
    for number in range(MOST_VISITORS):
        assert crowd.refuses(WORLD, f"v{number}") == 0
    assert crowd.refuses(WORLD, "v0") == 0
    assert crowd.refuses(WORLD, "another") == MINUTE
    assert crowd.refuses("203.0.113.8", "another") == 0


def test_the_addresses_remembered_are_bounded() -> None:
    crowd = Crowd(FakeClock())
    for number in range(2 * MOST_ADDRESSES):
        crowd.refuses(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "v")
    assert len(crowd) == MOST_ADDRESSES


@pytest.mark.parametrize(
    ("client", "place"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_ipv6_address_counts_as_its_network(client: str, place: str) -> None:
    assert place_of(client) == place


async def _open(hold: asyncio.Event) -> AsyncIterator[Told]:
    yield Told("start")
    await hold.wait()


async def test_one_address_may_not_hold_every_stream_by_many_visitors() -> None:
    streams, hold = Streams(), asyncio.Event()
    held = [streams.stream(f"v{n}", WORLD, _open(hold)) for n in range(MOST_PER_ADDRESS)]
    for stream in held:
        assert not streams.refuses("new", WORLD)
        await anext(stream)
    assert streams.refuses("new", WORLD)
    assert not streams.refuses("new", "203.0.113.8")
    hold.set()
    for stream in held:
        assert [piece async for piece in stream] == []
    assert not streams.refuses("new", WORLD)


async def test_bytes_are_counted_by_name_over_an_hour() -> None:
    clock = FakeClock()
    volume = Volume(clock, 100)
    assert [volume.refuses("a", 60), volume.refuses("b", 100)] == [0, 0]
    await clock.advance(600)
    assert [volume.refuses("a", 40), volume.refuses("a", 1), volume.refuses("a", 61)] == [0, 3000, 3600]
    await clock.advance(3000)
    assert [volume.refuses("a", 60), volume.refuses("a", 1)] == [0, 600]


def test_what_is_held_is_counted_by_name_and_in_all_until_it_is_left() -> None:
    held = Held(5, 2)
    with held.hold("a", 2), held.hold("b"), held.hold("", 2):
        for name, amount in (("a", 1), ("b", 2), ("c", 1), ("", 1)):
            with pytest.raises(Full), held.hold(name, amount):
                pass
    with held.hold("", 5), pytest.raises(Full), held.hold("a"):
        pass
    with pytest.raises(ValueError, match="mine"), held.hold("a", 2):
        raise ValueError("mine")
    with held.hold("a", 2):
        pass


@pytest.mark.parametrize(
    ("client", "share"), [("127.0.0.1", ""), ("::1", ""), ("203.0.113.7", "203.0.113.7"), ("", "")]
)
def test_this_machine_has_no_share(client: str, share: str) -> None:
    assert share_of(client) == share


def _call(client: str, headers: dict[str, str], method: str = "POST") -> Scope:
    given = {"content-type": "application/json", **headers}
    pairs = [(name.encode(), value.encode()) for name, value in given.items()]
    return {"type": "http", "method": method, "path": CHAT, "headers": pairs, "client": (client, 1)}


class _Door:
    """The guard before something that answers when it is let; how each call was answered."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.guard = Guard(self._app)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.let.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    def call(self, scope: Scope, body: asyncio.Event | None = None) -> asyncio.Task[int]:
        return asyncio.create_task(self._called(scope, body))

    async def _called(self, scope: Scope, body: asyncio.Event | None) -> int:
        statuses: list[int] = []

        async def receive() -> Message:
            if body is not None:
                await body.wait()
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: Message) -> None:
            statuses.extend([message["status"]] if message["type"] == "http.response.start" else [])

        await self.guard(scope, receive, send)
        return statuses[0]


@pytest.mark.parametrize(
    "told", [{"content-length": str(MOST_BYTES)}, {"transfer-encoding": "chunked"}], ids=str
)
async def test_bodies_on_their_way_are_bounded_by_address_and_small_ones_are_let_in(
    told: dict[str, str],
) -> None:
    door, come = _Door(), asyncio.Event()
    door.let.set()
    held = [door.call(_call(WORLD, told), come) for _ in range(BODY_SHARE // MOST_BYTES)]
    await asyncio.sleep(0)
    assert await door.call(_call(WORLD, told)) == 429
    assert await door.call(_call(WORLD, {"content-length": str(SMALL)})) == 200
    assert await door.call(_call("203.0.113.8", told)) == 200
    come.set()
    assert set(await asyncio.gather(*held)) == {200}
    assert await door.call(_call(WORLD, told)) == 200


async def test_requests_at_a_time_are_bounded_by_the_address_that_a_proxy_forwards() -> None:
    door = _Door()
    held = [door.call(_call(WORLD, {}, "GET")) for _ in range(MOST_REQUESTS)]
    here = [door.call(_call("127.0.0.1", {}, "GET")) for _ in range(MOST_REQUESTS + 1)]
    await asyncio.sleep(0)
    assert await door.call(_call(WORLD, {}, "GET")) == 429
    door.let.set()
    assert set(await asyncio.gather(*held, *here)) == {200}
