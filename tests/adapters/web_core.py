"""A small core behind the page, and a house around both, for tests of the web alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from fastapi import FastAPI

from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.passwords import Price
from adapters.web.deps import WebDeps
from adapters.web.metrics import PrometheusTelemetry
from adapters.web.server import WebServer
from bot.clock import SystemClock
from bot.handler import FEEDBACK
from bot.locale import Catalogue
from bot.origins import in_force
from bot.personas import Personas
from bot.place_desk import PlaceDesk
from bot.ports import Channel, Clock, Models
from bot.reading import question_of
from bot.settings import SamplingSettings, Settings
from bot.types import (
    NO_THOUGHTS,
    Capabilities,
    Citation,
    Delivery,
    DeliveryState,
    Event,
    EventKind,
    Markup,
    Message,
    Outgoing,
    Role,
    Thoughts,
    Turn,
    TurnState,
    Usage,
)
from tests.fakes import FakeInbox, FakePeople, Memory
from tests.fakes_archive import FakeArchive
from tests.fakes_atlas import FakeAtlas
from tests.fakes_console import MemoryAccounts, MemoryAudit, MemoryShares
from tests.fakes_control import FakeBackup, no_plugins
from tests.fakes_core import FakeModels
from tests.fakes_history import FakeConversations, FakeTurns
from tests.fakes_own import FakeOwnConversations
from tests.fakes_personas import MemoryPersonas
from tests.fakes_service import service_parts
from tests.fakes_takeover import FakeTakeover
from tests.scripted import MemoryChannel

SECRET = b"a secret of at least 16 bytes"
CHEAP = Price(passes=1, kibibytes=64, lanes=1)
"""Of a password: at the real price, hundreds of guesses take minutes."""
ANSWER = "Create a bot with **@BotFather** and set `TERTULIA_TELEGRAM_TOKEN` [1]."
CITATION = Citation(1, "p1", "handbook/telegram.md", "Connect Telegram", "Talk to @BotFather …")


def set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class Script:
    """What the core says, word by word. Before each word it waits until `gate` lets it."""

    answer: str = ANSWER
    citations: tuple[Citation, ...] = (CITATION,)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    pause_after: int = 10**9
    """After so many words it waits for the gate."""
    kept: asyncio.Event = field(default_factory=set_event)
    """Until it is set, that a message was sent is not stored."""
    finish_reason: str = "stop"
    """Of an answer that nobody stops."""
    thoughts: tuple[str, ...] = ()
    """What it thinks before, piece by piece; they take twelve seconds."""
    think_after: int = 10**9
    """After so many pieces it waits for `thought`."""
    thought: asyncio.Event = field(default_factory=asyncio.Event)
    doing: str = ""
    """What it does while it has thought and says nothing yet."""


class Core:
    """Takes events one after the other, and answers through the channel as the real one does."""

    def __init__(self, memory: Memory, channel: WebChannel, script: Script) -> None:
        self.memory = memory
        self.inbox = FakeInbox(memory)
        self.turns = FakeTurns(memory, SystemClock())
        self.people = FakePeople(memory)
        self.conversations = FakeConversations(memory)
        self.channel = channel
        self.script = script
        self.seen: list[Event] = []
        self.arrivals = asyncio.Queue[Event]()
        self._stopped = asyncio.Event()
        self._shown: dict[str, str] = {}
        self._work: set[asyncio.Task[None]] = set()

    async def put(self, event: Event) -> bool:
        fresh = await self.inbox.put(event)
        if fresh:
            self.seen.append(event)
            self.arrivals.put_nowait(event)
        return fresh

    async def run(self) -> None:
        async for event in self.inbox.events():
            if event.data == "/stop":
                self._stopped.set()
            else:
                task = asyncio.create_task(self._handle(event))
                self._work.add(task)
                task.add_done_callback(self._work.discard)

    @property
    def stopping(self) -> bool:
        return any(event.data == "/stop" for event in self.seen)

    async def close(self) -> None:
        for task in list(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    async def _handle(self, event: Event) -> None:
        if event.kind is EventKind.COMMAND:
            out = Outgoing("Help is here.", "", markup=Markup.MARKDOWN, final=True)
            await self.channel.send(event.address, out, key=f"event:{event.key}:0", reply_to=event.message_id)
        elif event.kind is EventKind.REACTION:
            await self._rate(event)
        else:
            await self._answer(event)
        await self.inbox.done(event)

    async def _rate(self, event: Event) -> None:
        turn = await self.turns.shown_by(event.address, event.message_id)
        if turn is not None:
            await self.turns.feedback(turn.id, turn.person_id, FEEDBACK[event.data], event.text)

    async def _answer(self, event: Event) -> None:
        person = await self.people.admit("web", event.sender)
        conversation = await self.conversations.open(event.address)
        old = None
        if event.kind is not EventKind.MESSAGE:
            old = await self.turns.of_message(conversation.id, event.message_id)
        asked = Message(Role.USER, question_of(event), attachments=tuple(p for p in event.parts if p.ref))
        if old is not None:
            before = await self.turns.question(old) or Message(Role.USER)
            asked = replace(before, text=asked.text or before.text, turn=0, step=0)
        turn = await self.turns.begin(
            conversation, event, person_id=person.id, replaces=old.id if old else ""
        )
        if not conversation.title:
            await self.conversations.update(conversation.id, title=asked.text[:60])
        thoughts = await self._think(event, turn, old is not None)
        said = await self._say(event, turn, thoughts, old is not None)
        state = TurnState.CANCELLED if self._stopped.is_set() else TurnState.DONE
        ended = replace(
            turn,
            state=TurnState.DELIVERING,
            text=said,
            citations=self.script.citations,
            thoughts=thoughts,
            usage=Usage(12, 7, 3),
            finish_reason="cancelled" if self._stopped.is_set() else self.script.finish_reason,
        )
        await self.turns.finish(ended, (asked, Message(Role.ASSISTANT, said)))
        rows = await self.turns.deliveries(turn.id)  # none, if the conversation was deleted
        message_id = rows[0].message_id if rows else f"{turn.id}:0"
        final = Outgoing(
            said,
            said,
            Markup.MARKDOWN,
            citations=ended.citations,
            thoughts=thoughts,
            final=True,
            finish_reason=ended.finish_reason,
        )
        await self.channel.edit(event.address, message_id, final)
        await self.turns.finish(replace(ended, state=state, ended_at=SystemClock().time()))
        self._stopped.clear()

    async def _think(self, event: Event, turn: Turn, again: bool) -> Thoughts:
        thoughts = NO_THOUGHTS
        for number, piece in enumerate(self.script.thoughts):
            if number >= self.script.think_after:
                await self._gate(self.script.thought)
            if self._stopped.is_set():
                break
            thoughts = Thoughts(thoughts.text + piece, 12.0 * (number + 1) / len(self.script.thoughts))
            doing = self.script.doing if number == len(self.script.thoughts) - 1 else ""
            out = Outgoing("", "", Markup.MARKDOWN, thoughts=thoughts, activity=doing)
            await self._show(event, turn, out, again)
            await asyncio.sleep(0)
        return thoughts

    async def _show(self, event: Event, turn: Turn, out: Outgoing, again: bool) -> None:
        if turn.id not in self._shown and (rows := await self.turns.deliveries(turn.id)):
            self._shown[turn.id] = rows[0].message_id
        if message_id := self._shown.get(turn.id):
            return await self.channel.edit(event.address, message_id, out)
        key, reply_to = f"{turn.id}:0", "" if again else event.message_id
        message_id = await self.channel.send(event.address, out, key=key, reply_to=reply_to)
        self._shown[turn.id] = message_id
        await self.script.kept.wait()
        await self.turns.put_delivery(Delivery(turn.id, 0, DeliveryState.SENT, message_id))

    async def _say(self, event: Event, turn: Turn, thoughts: Thoughts, again: bool) -> str:
        said, words = "", self.script.answer.split(" ")
        for number, word in enumerate(words):
            if number >= self.script.pause_after:
                await self._gate(self.script.gate)
            if self._stopped.is_set():
                break
            said = f"{said} {word}" if said else word
            await self._show(event, turn, Outgoing(said, said, Markup.MARKDOWN, thoughts=thoughts), again)
            await self.turns.checkpoint(turn.id, said, thoughts=thoughts)
            await asyncio.sleep(0)
        return said

    async def _gate(self, opened: asyncio.Event) -> None:
        waits = {asyncio.ensure_future(opened.wait()), asyncio.ensure_future(self._stopped.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


@dataclass
class House:
    """A running page: `url`, and the core behind it."""

    url: str
    core: Core
    deps: WebDeps
    app: FastAPI


def place_desk(memory: Memory, personas: Personas, models: Models) -> PlaceDesk:
    """Places of which only "discord" can do all that a place can."""
    channels: dict[str, Channel] = {
        "discord": MemoryChannel(Capabilities(threads=True, solves=True, most_parts=4))
    }
    return PlaceDesk(
        FakeAtlas(memory),
        FakeConversations(memory),
        personas,
        models,
        Catalogue.load(),
        lambda: ["documents"],
        channels.get,
    )


def console_deps(memory: Memory, clock: Clock | None = None, **changes: Any) -> ConsoleDeps:
    clock, models = clock or SystemClock(), FakeModels("tiny", "large")
    personas = Personas({}, SamplingSettings(), store=MemoryPersonas(clock))
    given: dict[str, Any] = {
        "accounts": MemoryAccounts(memory, clock),
        "audit": MemoryAudit(memory, clock),
        "clock": clock,
        "secret": SECRET,
        "price": CHEAP,
        "archive": FakeArchive(memory),
        "conversations": FakeConversations(memory),
        "turns": FakeTurns(memory, clock),
        "takeover": FakeTakeover(memory, clock),
        "people": (people := FakePeople(memory, clock)),
        "export_person": people.export,
        "delete_person": people.delete,
        "links": lambda: {"telegram": "https://t.me/bot?start={code}", "web": ""},
        "inbox": FakeInbox(memory),
        **service_parts(memory, clock),
        "personas": personas,
        "places": place_desk(memory, personas, models),
        "models": models,
        "plugins": no_plugins(clock),
        "settings": lambda: in_force(Settings()),
        "backup": FakeBackup(),
    }
    return ConsoleDeps(**{**given, **changes})


def web_deps(core: Core, **changes: Any) -> WebDeps:
    telemetry = PrometheusTelemetry()
    given: dict[str, Any] = {
        "put": core.put,
        "pending": core.inbox.pending,
        "turns": core.turns,
        "conversations": core.conversations,
        "people": core.people,
        "own": FakeOwnConversations(core.memory),
        "export_person": core.people.export,
        "delete_person": core.people.delete,
        "shares": MemoryShares(core.memory, SystemClock()),
        "channel": core.channel,
        "clock": SystemClock(),
        "telemetry": telemetry,
        "metrics": telemetry,
        "secret": SECRET,
        "loopback": True,
        "console": console_deps(core.memory),
    }
    return WebDeps(**{**given, **changes})


@contextlib.asynccontextmanager
async def house(
    memory: Memory | None = None,
    script: Script | None = None,
    *,
    port: int = 0,
    thoughts: bool = True,
    **changes: Any,
) -> AsyncIterator[House]:
    """The page on a real server, over stores that may hold what an earlier house left."""
    channel = WebChannel(SystemClock(), changes.get("files"), thoughts=thoughts)
    core = Core(memory or Memory(), channel, script or Script())
    deps = web_deps(core, **changes)
    app = create_app(deps)
    server = WebServer(app, host="127.0.0.1", port=port, on_stop=channel.close, stop_seconds=1)
    running = asyncio.create_task(core.run())
    try:
        async with server.lifespan() as url:
            yield House(url, core, deps, app)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await core.close()


def browser_like(url: str) -> httpx.AsyncClient:
    """A client that keeps cookies."""
    # nothing here is https, and the certificates of all the web take longer to load than a page
    return httpx.AsyncClient(base_url=url, timeout=10, trust_env=False, verify=False)


Told = tuple[str, Any]


async def events(response: httpx.Response) -> AsyncIterator[Told]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def ask(client: httpx.AsyncClient, text: str, **body: Any) -> list[Told]:
    """Ask, and listen to the end."""
    given = {"text": text, **body} if text else body
    async with client.stream("POST", "/api/v1/chat", json=given) as response:
        assert response.status_code == 200, await response.aread()
        return [told async for told in events(response)]


async def listen(client: httpx.AsyncClient, answer: str) -> list[Told]:
    async with client.stream("GET", f"/api/v1/chat/{answer}") as response:
        assert response.status_code == 200, await response.aread()
        return [told async for told in events(response)]


def text_of(told: list[Told]) -> str:
    text = ""
    for name, data in told:
        text = text + data["text"] if name == "chunk" else data["text"] if name == "replace" else text
    return text
