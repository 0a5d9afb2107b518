"""Whole pages over a filled database: `tertulia run` as it is, asked over HTTP on loopback, one request at
a time, with the way to the server and back in it."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import aiohttp

from adapters.web.console.access import COOKIE as CONSOLE_COOKIE
from adapters.web.console.keys import packed
from adapters.web.identity import COOKIE
from benchmarks.million import HEAVY, LONG, OWNER, SHARED, VISITORS, Million, name_of, person_id
from benchmarks.service import tertulia
from bot.clock import SystemClock
from storage.console.accounts import SqlAccounts
from storage.db import open_database

STARTS_WITHIN = 120.0
WARM = 2
"""Rounds before those that count."""
ROUND_SECONDS = 1.1
"""A round takes at least so long: some pages may be asked for sixty times a minute."""
DAY = 86_400.0
CONSOLE = "/console"

Addresses = dict[str, Callable[[], str]]
Asked = Iterator[tuple[str, Callable[[], str]]]
"""What is asked for, and the addresses of it, a different one each time."""


async def measured(folder: Path, url: str, million: Million, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each page's requests, one in each round. Raises RuntimeError if one is not answered
    with 200."""
    cookies = {OWNER: f"{CONSOLE_COOKIE}={await _session(url)}"}
    cookies |= {person: f"{COOKIE}={million.cookies[person]}" for person in VISITORS}
    pages = list(_pages(million, random.Random(7)))
    times: dict[str, list[float]] = {name: [] for _, addresses in pages for name in addresses}
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    options = {"TERTULIA_DATABASE_URL": url, "TERTULIA_WEB_PORT": str(port)}
    async with tertulia(folder / "pages", **options), aiohttp.ClientSession() as client:
        await _started(client, base)
        for number in range(-WARM, rounds):
            until = time.monotonic() + ROUND_SECONDS
            for who, addresses in pages:
                for name, address in addresses.items():
                    took = await _asked(client, base + address(), cookies[who])
                    if number >= 0:
                        times[name].append(took)
            await asyncio.sleep(until - time.monotonic())
    return times


async def _session(url: str) -> str:
    """An owner's, open."""
    async with open_database(url) as db:
        accounts = SqlAccounts(db, SystemClock())
        return await accounts.open_session(OWNER, seconds=DAY, client="127.0.0.1", agent="benchmark")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _started(client: aiohttp.ClientSession, base: str) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        try:
            async with client.get(f"{base}/healthz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError("the service did not start")


async def _asked(client: aiohttp.ClientSession, url: str, cookie: str) -> float:
    began = time.perf_counter()
    async with client.get(url, headers={"Cookie": cookie}, allow_redirects=False) as answer:
        body = await answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{url}: {answer.status} {body[:300]!r}")
    return (time.perf_counter() - began) * 1e3


def _pages(million: Million, chance: random.Random) -> Iterator[tuple[str, Addresses]]:
    yield OWNER, dict(_Console(million, chance).all())
    yield OWNER, dict(_searches(million, chance))
    yield HEAVY, dict(_visitors(million, chance, f"a visitor with {million.size // 20:,} chats", 20, 7))
    busy = f"a visitor with {million.size // 1_000:,} chats"
    yield "busy0", dict(_visitors(million, chance, busy, 1_000, 11))


def _before(*key: float | str) -> str:
    return f"before={packed(*key)}"


@dataclass(frozen=True)
class _Console:
    """Each page of the console; of each list the first page and one at a random place."""

    million: Million
    chance: random.Random

    def all(self) -> Asked:
        yield from self._talk()
        yield from self._people()
        yield from self._service()
        yield from self._accounts()

    @property
    def _few(self) -> int:
        return self.million.size // 1_000

    @property
    def _some(self) -> int:
        return self.million.size // 10

    def _number(self, below: int) -> int:
        return self.chance.randrange(below)

    def _talk(self) -> Asked:
        for span in ("hour", "day", "week", "month"):
            yield f"overview, {span}", lambda span=span: f"{CONSOLE}/overview?span={span}"  # type: ignore[misc]
        yield "overview, news", lambda: f"{CONSOLE}/overview/data?span=day"
        yield "conversations", lambda: f"{CONSOLE}/conversations"
        middle = f"{CONSOLE}/conversations?"
        yield "conversations, middle", lambda: middle + _before(self.million.at(self.chance), 1 << 62)
        yield (
            "conversations of a platform, middle",
            lambda: f"{middle}platform=web&{_before(self.million.at(self.chance), 1 << 62)}",
        )
        yield (
            "conversations of a person",
            lambda: f"{middle}person={person_id(self._number(self.million.size))}",
        )
        yield (
            "conversations of one with many, middle",
            lambda: f"{middle}person={HEAVY}&{_before(self.million.at(self.chance), 1 << 62)}",
        )
        yield (
            "conversations of one with many, of a platform",
            lambda: f"{middle}person={HEAVY}&platform=web&{_before(self.million.at(self.chance), 1 << 62)}",
        )
        yield "a conversation", lambda: f"{CONSOLE}/conversations/{self._number(self.million.size) + 1}"
        long = f"{CONSOLE}/conversations/{self.million.long}"
        yield f"a conversation of {LONG:,} turns", lambda: long
        yield "its turns, middle", lambda: f"{long}?before={self._number(LONG) + 2}"
        yield "a plugin's page", lambda: f"{CONSOLE}/plugins/qa/documents"
        yield "feedback", lambda: f"{CONSOLE}/feedback"
        yield (
            "feedback, all, middle",
            lambda: f"{CONSOLE}/feedback?show=all&{_before(self.million.at(self.chance), '', '')}",
        )
        yield "feedback, bad", lambda: f"{CONSOLE}/feedback?value=down"
        yield "feedback of one with much", lambda: f"{CONSOLE}/feedback?show=all&person={HEAVY}"

    def _people(self) -> Asked:
        yield "people", lambda: f"{CONSOLE}/people"
        yield (
            "people, middle",
            lambda: f"{CONSOLE}/people?after={packed(name_of(self._number(self.million.size)), '')}",
        )
        yield (
            "people by name",
            lambda: f"{CONSOLE}/people?name={quote(name_of(self._number(self.million.size))[:4])}",
        )
        yield "people of a role", lambda: f"{CONSOLE}/people?role=operator"
        yield "a person", lambda: f"{CONSOLE}/people/{person_id(self._number(self.million.size))}"
        yield "a person with many chats", lambda: f"{CONSOLE}/people/{HEAVY}"
        yield "invites", lambda: f"{CONSOLE}/invites"
        yield (
            "invites, middle",
            lambda: f"{CONSOLE}/invites?{_before(self.million.start + self._number(self._some), '')}",
        )
        yield "places", lambda: f"{CONSOLE}/places"
        yield "places by name", lambda: f"{CONSOLE}/places?q=Channel+{self._number(self._some)}"
        yield "a place with many in it", lambda: f"{CONSOLE}/places/{self._number(100) + 1}"

    def _service(self) -> Asked:
        yield "dead letters", lambda: f"{CONSOLE}/dead"
        yield (
            "dead letters, middle",
            lambda: f"{CONSOLE}/dead?before=telegram/bot/d{self._number(self._some)}",
        )
        yield "platforms", lambda: f"{CONSOLE}/platforms"
        yield "models", lambda: f"{CONSOLE}/models"
        yield "playground", lambda: f"{CONSOLE}/models/playground"
        yield "personas", lambda: f"{CONSOLE}/personas"
        yield (
            "personas, middle",
            lambda: f"{CONSOLE}/personas?after={packed(f'persona{self._number(self._few):05}')}",
        )
        persona = f"{CONSOLE}/personas/one?name=persona00000"
        yield "a persona with many versions", lambda: persona
        yield "its versions, middle", lambda: f"{persona}&before={self._number(self._few) + 2}"
        yield "plugins", lambda: f"{CONSOLE}/plugins"
        yield "settings", lambda: f"{CONSOLE}/settings"
        yield "backup", lambda: f"{CONSOLE}/backup"

    def _accounts(self) -> Asked:
        yield "accounts", lambda: f"{CONSOLE}/accounts"
        yield (
            "accounts, middle",
            lambda: f"{CONSOLE}/accounts?after={packed(f'Op {self._number(self._few)}')}",
        )
        yield "audit log", lambda: f"{CONSOLE}/audit"
        yield (
            "audit log, middle",
            lambda: f"{CONSOLE}/audit?{_before(self.million.start + self._number(self._some) * 10, 1)}",
        )
        yield "audit log of an account", lambda: f"{CONSOLE}/audit?account=a{self._number(self._few)}"
        yield (
            "audit log by action",
            lambda: f"{CONSOLE}/audit?do=conversation.read&{_before(self.million.at(self.chance), 1)}",
        )
        yield (
            "audit log about one",
            lambda: f"{CONSOLE}/audit?do=conversation&about={self._number(self._some)}",
        )
        yield "audit log, what nobody did", lambda: f"{CONSOLE}/audit?account={OWNER}&do=persona"
        day = datetime.fromtimestamp(self.million.start, UTC).date()
        yield "audit log of a day", lambda: f"{CONSOLE}/audit?since={day}&until={day}"
        yield "one's own account", lambda: f"{CONSOLE}/account"


def _searches(million: Million, chance: random.Random) -> Asked:
    def search(query: str, before: int = 0) -> str:
        return f"/console/conversations/search?{urlencode({'q': query, 'before': before})}"

    def place() -> int:
        return chance.randrange(1, million.size)

    yield "search, common word", lambda: search("question")
    yield "search, common word, middle", lambda: search("question", place())
    yield "search, common word, last page", lambda: search("question", 60)
    yield "search, common character, middle", lambda: search("天", place())
    yield "search, two common words, middle", lambda: search("music 历史", place())
    yield "search, rare word", lambda: search("xylophone")
    yield "search, rare and common word", lambda: search("xylophone question")
    yield "search, no such word", lambda: search("zzzzz question")


def _visitors(million: Million, chance: random.Random, who: str, every: int, first: int) -> Asked:
    """What a visitor asks for whose are the conversations `first`, `first + every`, …"""
    lists = "/api/v1/conversations"

    def own() -> int:
        return first + every * chance.randrange((million.size - first) // every)

    yield f"the page, {who}", lambda: "/"
    yield f"its chats, {who}", lambda: lists
    yield f"its chats, middle, {who}", lambda: f"{lists}?before={million.at(chance)!r}_{own() + 1}"
    yield f"a chat, {who}", lambda: f"{lists}/c{own()}/messages"
    yield f"search, common word, {who}", lambda: f"{lists}?query=question"
    yield f"search, no such word, {who}", lambda: f"{lists}?query=zzzzz"
    yield (
        f"search on, no such word, {who}",
        lambda: f"{lists}?query=zzzzz&before={million.at(chance)!r}_{own() + 1}",
    )
    yield f"a shared chat, {who}", lambda: f"/s/{SHARED}{chance.randrange(million.size // 1_000)}"
    yield f"shared links, {who}", lambda: "/api/v1/shares"
    yield f"/mydata, {who}", lambda: "/mydata"
    yield f"what is kept, {who}", lambda: "/api/v1/me"
