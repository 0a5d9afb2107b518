"""A whole service in which every text that strangers bring, or that is made for them, tries to act."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from fastapi.routing import APIRoute

from adapters.web.console.access import COOKIE as SESSION
from adapters.web.console.access import CSRF_HEADER, routes_of
from adapters.web.console.deps import ConsoleDeps
from adapters.web.files import Files
from adapters.web.identity import COOKIE, chat_of
from bot.clock import SystemClock
from bot.types import Address, Citation, ConsoleRole, Event, EventKind, Part, Sender
from tests.adapters.console_core import CSRF
from tests.adapters.console_people import Town
from tests.adapters.console_plugins import running
from tests.adapters.web_core import House, Script, browser_like, console_deps, house
from tests.fakes import FakeClock, FakeInbox, Memory
from tests.fakes_service import TELEGRAM, FakePlatforms

FAMILIES = {
    "html": '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    '<svg/onload=window.hacked=1><iframe srcdoc="<script>parent.hacked=1</script>"></iframe>',
    "attributes": '"\' autofocus tabindex=1 onfocus="window.hacked=1" onmouseover=\'window.hacked=1\' x=">',
    "markdown": "[a](javascript:window.hacked=1) [b](JaVa\tScRiPt:window.hacked=1) "
    "<javascript:window.hacked=1> "
    "[c](data:text/html;base64,PHNjcmlwdD5wYXJlbnQuaGFja2VkPTE8L3NjcmlwdD4=) [d][r] "
    '![e](https://evil.example/pixel.png "x\\" onload=window.hacked=1 y=\\"") '
    "![f](javascript:window.hacked=1) "
    '[g](vbscript:x) https://evil.example/"onmouseover=window.hacked=1\n\n'
    "[r]: javascript:window.hacked=1\n\n"
    "```html\n<script>window.hacked=1</script>\n```\n\n| <b onclick=window.hacked=1>x</b> |\n|---|\n| y |\n",
    "entities": "&lt;script&gt;window.hacked=1&lt;/script&gt; &#60;img src=x onerror=window.hacked=1&#62; "
    "[h](&#106;avascript:window.hacked=1) [i](java&Tab;script&colon;window.hacked=1) %3Cscript%3E",
    "ends": "</script></title></textarea></style></template></noscript>--> ]]> "
    "<script>window.hacked=1</script><img src=x onerror=window.hacked=1> {{7*7}} ${window.hacked=1} {name}",
    "htmx": '<div hx-get="https://evil.example/" hx-trigger="load" hx-on:load="window.hacked=1"></div>'
    '<meta http-equiv="refresh" content="0;url=https://evil.example/"><base href="https://evil.example/">'
    '<link rel="stylesheet" href="https://evil.example/x.css"><form id="csrf" action="https://evil.example/">',
    "nested": "> - **" + "[" * 60 + "![x](" + "<" * 60 + "script>window.hacked=1</script>" + ")" * 60 + "**",
    "unicode": "\u202e\u2066\u2028<script>window.hacked=1</script>\u2029\ufeff ＜script＞ 怎么 אב 👩‍👩‍👧",
}
MARK = "אב"
"""Stands in what people wrote, and nowhere else."""
ENDLESS = "/api/v1/updates"
LONG = FAMILIES["html"] * 40
AGENT = FAMILIES["html"] + FAMILIES["attributes"]
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
SITE = "https://shop.example"


@dataclass
class Place:
    """The service; a visitor of the page (`client`) and, by kind, the ids of all that is kept."""

    home: House
    town: Town
    client: httpx.AsyncClient
    files: Files
    conversations: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    shares: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    @property
    def visitor(self) -> str:
        """The visitor's cookie."""
        return self.client.cookies[COOKIE]

    async def session(self, agent: str = AGENT) -> str:
        """The cookie of a fresh session of the owner's, from a browser of this name."""
        accounts = self.console.accounts
        account = await accounts.enter(await accounts.owner_link(seconds=60))
        return await accounts.open_session(account.id, seconds=3600, client=agent, agent=agent)

    @property
    def console(self) -> ConsoleDeps:
        assert self.home.deps.console is not None
        return self.home.deps.console

    def paths(self, route: APIRoute) -> Iterator[str]:
        """The route's addresses, for all that is there."""
        memory = self.town.memory
        by_name: dict[str, list[str]] = {
            "conversation": self.conversations, "number": ["1"], "token": self.tokens, "name": ["shop", "qa"],
            "page": ["goods", "till", "broken", "odd"], "action": ["sell"], "path": ["<img src=x>/no"],
        }  # fmt: skip
        by_place = {
            "/api/v1/chat/": self.answers,
            "/api/v1/files/": self.uploads,
            "/api/v1/shares/": self.shares,
            "/console/people/": list(memory.people),
            "/console/conversations/": [str(number) for number in memory.conversations],
            "/console/accounts/": ["nobody"],
        }
        found = [route.path.replace("{path:path}", "{path}")]
        for name in sorted(route.param_convertors):
            places = (ids for start, ids in by_place.items() if route.path.startswith(start))
            ids = by_name[name] if name in by_name else next(places, ["nobody"])
            found = [path.replace(f"{{{name}}}", id) for path in found for id in ids]
        yield from found


def routes(home: House) -> list[APIRoute]:
    """All of the application's, whatever page they belong to."""
    return [route for route in routes_of(list(home.app.routes)) if isinstance(route, APIRoute)]


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    """The service, with a chat of each family at the page and on a platform."""
    memory, clock = Memory(), FakeClock()
    files, script = Files(folder, SystemClock(), limit=100_000), Script()
    async with running(clock) as desk:
        console = console_deps(
            memory, clock, plugins=desk,
            platforms=FakePlatforms(replace(TELEGRAM, account=AGENT, error=FAMILIES["html"])),
        )  # fmt: skip
        changes: dict[str, Any] = {"files": files, "console": console, "widget_origins": (SITE,)}
        async with house(memory, script, **changes) as home, browser_like(home.url) as client:
            made = Place(home, Town(memory, clock), client, files)
            await client.get("/")
            for payload in FAMILIES.values():
                await _chat(made, script, payload)
                await _elsewhere(made, payload)
            yield made


def _cited(payload: str) -> tuple[Citation, ...]:
    return (Citation(1, "p1", f"javascript:window.hacked=1//{payload}", payload, payload),)


async def _chat(made: Place, script: Script, payload: str) -> None:
    """What a visitor of the page may bring: words, a file, a title, a share, and a reason."""
    client = made.client
    script.answer, script.citations = f"{payload} [1]", _cited(payload)
    script.thoughts = (payload,)
    name = payload.replace("\n", " ")
    brought = await client.post("/api/v1/files", files={"file": (f"{name}.png", PNG + name.encode())})
    file = brought.json()["id"]
    told = await client.post("/api/v1/chat", json={"text": payload, "attachments": [file]})
    start = json.loads(told.text.partition("data: ")[2].partition("\n")[0])
    conversation = start["conversation"]
    path = f"/api/v1/conversations/{conversation}"
    await client.patch(path, json={"title": name[:200]})
    share = (await client.post(f"{path}/shares", json={"days": 7, "title": name[:200]})).json()
    made.conversations.append(conversation)
    made.answers.append(start["id"])
    made.uploads.append(file)
    made.shares.append(share["id"])
    made.tokens.append(share["path"].rpartition("/")[2])
    memory, visitor = made.town.memory, made.visitor.partition(".")[0]
    chats = {number: talk.address.chat for number, talk in memory.conversations.items()}
    turns = [turn for turn, _ in memory.turns.values()]
    turn = next(t for t in turns if chats[t.conversation_id] == chat_of(visitor, conversation))
    await made.home.core.turns.feedback(turn.id, turn.person_id, -1, payload)


async def _elsewhere(made: Place, payload: str) -> None:
    """What somebody on another platform may bring: names, words, files, a group's title; what their
    message broke; and the account of theirs that the page's visitor has linked."""
    town, platform = made.town, "telegram" if len(payload) % 2 else "discord"
    turn = await town.ask(
        payload, payload, name=payload, chat=payload, title=payload, platform=platform,
        citations=_cited(payload), file=payload,
    )  # fmt: skip
    await town.rate(turn, 1, payload, name=payload)
    inbox = FakeInbox(town.memory)
    address = Address(platform, "bot", payload)
    event = Event(
        payload, EventKind.MESSAGE, address, Sender(payload, payload), (Part(text=payload),),
        received_at=town.clock.time(),
    )  # fmt: skip
    await inbox.put(event)
    await inbox.bury(event, payload)
    mine = town.memory.identities["web", made.visitor.partition(".")[0]]
    town.memory.identities[platform, f"linked {payload}"] = mine


@asynccontextmanager
async def stranger(made: Place, **cookies: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its own, with these cookies."""
    async with browser_like(made.home.url) as client:
        client.cookies.update(cookies)
        yield client


@asynccontextmanager
async def at_console(made: Place, role: ConsoleRole) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a session of this role, which brings the session's CSRF token."""
    accounts = made.console.accounts
    if not await accounts.listing():
        await accounts.enter(await accounts.owner_link(seconds=60))
    token = await accounts.invite("", name=f"An {role}", role=role, seconds=60)
    account = await accounts.enter(token)
    session = await accounts.open_session(account.id, seconds=3600, client="", agent="")
    async with stranger(made, **{SESSION: session}) as client:
        found = CSRF.search((await client.get("/console/account")).text)
        assert found is not None
        client.headers[CSRF_HEADER] = found[1]
        yield client


def calls(made: Place, *, console: bool | None = None) -> Iterator[tuple[str, str, APIRoute]]:
    """Method, address and route of each call that ends."""
    for route in routes(made.home):
        inside = f"{route.path}/".startswith("/console/")
        if route.path != ENDLESS and console in (None, inside):
            for path in made.paths(route):
                yield from ((method, path, route) for method in sorted(route.methods or ()))


def reads(made: Place, *, console: bool | None = None) -> list[tuple[str, APIRoute]]:
    return [(path, route) for method, path, route in calls(made, console=console) if method == "GET"]


def filled(route: APIRoute, value: str) -> dict[str, str]:
    """Each query parameter that the route knows, with this value."""
    return {parameter.alias: value for parameter in route.dependant.query_params}


def kept(made: Place) -> str:
    """All that is stored, but what is there to note who came by, and when."""
    memory, console = made.town.memory, made.town.memory.console
    accounts = [replace(account, seen_at=0) for account in console.accounts.values()]
    rest = {key: value for key, value in vars(memory).items() if key not in ("console", "consumed")}
    files = sorted(path.name for path in made.files._folder.rglob("*"))
    mine = (console.tokens, console.passwords, console.passkeys, console.shares, sorted(console.sessions))
    return repr((rest, accounts, mine, files))
