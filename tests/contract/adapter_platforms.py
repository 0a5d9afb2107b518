"""The stages of the contract suite of adapters: the simulated Telegram and Discord, the page, and the test
platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

from adapters.discord.adapter import DiscordAdapter
from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.translate import PLATFORM as TELEGRAM
from adapters.web.adapter import WebAdapter
from adapters.web.channel import WebChannel
from adapters.web.deps import WebDeps
from bot.types import Address, Outgoing
from tests.adapters import discord_core, telegram_core, web_core
from tests.contract.adapter_stage import Door, Look, Put, Remote, Roomy, Stage
from tests.fakes import FakeClock
from tests.simulators import discord, telegram
from tests.simulators.platform import Faults, Platform
from tests.simulators.platform_adapter import PLATFORM as SIM
from tests.simulators.platform_adapter import SimAdapter
from tests.simulators.telegram.limits import Flood

SEEN = "👀"


class TelegramStage(Roomy):
    def __init__(self, tg: telegram.Telegram) -> None:
        self.core, self.door, self.tg = telegram_core.Core(), Door(), tg
        self.clock = self.core.clock
        tg.world.clock = tg.world.flood._clock = self.clock.monotonic
        self.adapter = TelegramAdapter(self.core.deps(tg, seen=SEEN))
        self.ana, self.ben = tg.person("Ana"), tg.person("Ben")
        self.here, self.there = (self._at(p.chat) for p in (self.ana, self.ben))
        for person in (self.ana, self.ben):
            person.chat.met = True

    @classmethod
    @asynccontextmanager
    async def set_up(cls) -> AsyncIterator[TelegramStage]:
        async with telegram.Telegram(flood=telegram.NO_FLOOD) as tg:
            stage = cls(tg)
            yield stage
            await stage.adapter.aclose()

    def _at(self, chat: telegram.Chat, thread: str = "") -> Address:
        return Address(TELEGRAM, self.tg.token.partition(":")[0], str(chat.id), thread)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.adapter.lifespan(self.door.put):
            await self.tg.until(lambda: self.tg.polled)
            yield

    def misled(self) -> TelegramAdapter:
        return TelegramAdapter(self.core.deps(self.tg, token="1:wrong"))

    async def say(self, text: str, *, there: bool = False) -> None:
        self.said = await (self.ben if there else self.ana).say(text)

    async def again(self) -> None:
        updates = self.tg.world.updates
        updates.again.append({"update_id": updates.given[-1], "message": self.tg.world.json(self.said)})
        updates.wake()

    def taken(self) -> bool:
        return not self.tg.world.updates.pending

    def _chat(self, address: Address) -> telegram.Chat:
        return self.tg.world.chats[int(address.chat)]

    def look(self, address: Address, message_id: str) -> Look | None:
        found = [m for m in self._chat(address).answers if str(m.id) == message_id]
        return (
            Look(found[0].text, tuple(b["text"] for b in found[0].buttons), self._files(found[0]))
            if found
            else None
        )

    def _files(self, message: telegram.Message) -> tuple[bytes, ...]:
        files = self.tg.world.files
        return tuple(files.known(media["file_id"], kind).data for kind, media in message.media.items())

    def count(self, address: Address) -> int:
        return len(self._chat(address).answers)

    async def press(self, address: Address, message_id: str, label: str) -> None:
        (message,) = [m for m in self._chat(address).answers if str(m.id) == message_id]
        await self.ana.press(message, label)

    def types(self, address: Address) -> bool:
        return "typing" in self._chat(address).actions

    def draft(self, address: Address) -> str:
        shown = self._chat(address).draft(self.tg.world.clock())
        return shown.text.text if shown else ""

    def marks(self, address: Address, message_id: str) -> int:
        return len(self._chat(address).log[int(message_id)].reactions.get(self.tg.bot.id, []))

    def calls(self) -> int:
        return len(self.tg.log)

    def outage(self, kind: str) -> None:
        self.tg.outage("502" if kind == "5xx" else "drop")

    def recover(self) -> None:
        self.tg.recover()

    def limit(self) -> None:
        self.tg.world.flood = Flood(telegram.FloodLimits(), self.clock.monotonic)

    async def shut(self) -> None:
        await self.ana.block_bot()

    async def reopen(self) -> None:
        await self.ana.unblock_bot()
        await self.say("Back.")

    async def take_away(self, message_id: str) -> None:
        await self.ana.delete(self.ana.chat.log[int(message_id)])

    async def gather(self) -> None:
        self.club = await self.tg.supergroup("Club", self.ana, forum=True)
        self.topic = await self.club.topic("Tea")
        self.room, self.thread = self._at(self.club.chat), self._at(self.club.chat, str(self.topic.id))

    async def ask_in(self, text: str, *, thread: bool) -> str:
        topic = self.topic if thread else None
        return str((await self.ana.say(f"@{self.tg.bot.username} {text}", chat=self.club, topic=topic)).id)

    async def send_file(self, content: bytes) -> None:
        await self.ana.send_document(data=content)


class DiscordStage(Roomy):
    def __init__(self, dc: discord.Discord) -> None:
        self.core, self.door, self.dc = discord_core.Core(), Door(), dc
        self.clock = self.core.clock
        dc.world.clock = dc.world.buckets._clock = self.clock.monotonic
        self.adapter = DiscordAdapter(self.core.deps(dc, seen=SEEN))
        self.ana, self.ben = dc.person("Ana"), dc.person("Ben")
        self.here, self.there = (discord_core.at(p.channel.id, dc) for p in (self.ana, self.ben))
        self.said: discord.Message | None = None

    @classmethod
    @asynccontextmanager
    async def set_up(cls) -> AsyncIterator[DiscordStage]:
        async with discord_core.simulated() as dc:
            stage = cls(dc)
            yield stage
            await stage.adapter.aclose()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.adapter.lifespan(self.door.put):
            await self.until(lambda: self.dc.connected and self.core.commands_set(self.dc))
            yield

    def misled(self) -> DiscordAdapter:
        return DiscordAdapter(self.core.deps(self.dc, token="wrong"))

    async def say(self, text: str, *, there: bool = False) -> None:
        self.said = await (self.ben if there else self.ana).say(text)

    async def again(self) -> None:
        assert self.said is not None
        self.dc.world.tell_message("MESSAGE_CREATE", self.said)

    def taken(self) -> bool:
        """The gateway has no acknowledgement: what is noted as seen is not asked for again."""
        noted = [v for (plugin, _, key), v in self.core.memory.values.items() if key.startswith("seen:")]
        return self.said is None or any(f'"{self.said.id}"' in value for value in noted)

    def _channel(self, address: Address) -> discord.Channel:
        return self.dc.world.channels[int(address.chat)]

    def _message(self, address: Address, message_id: str) -> discord.Message | None:
        return next((m for m in self._channel(address).answers if str(m.id) == message_id), None)

    def look(self, address: Address, message_id: str) -> Look | None:
        message = self._message(address, message_id)
        if message is None:
            return None
        files = tuple(a.data for a in message.body.attachments)
        return Look(message.content, tuple(b["label"] for b in message.buttons), files)

    def count(self, address: Address) -> int:
        return len(self._channel(address).answers)

    async def press(self, address: Address, message_id: str, label: str) -> None:
        message = self._message(address, message_id)
        assert message is not None
        await self.ana.press(message, label)

    def types(self, address: Address) -> bool:
        return self._channel(address).typists(self.dc.world.clock()) == [self.dc.bot]

    def draft(self, address: Address) -> str:
        return ""

    def marks(self, address: Address, message_id: str) -> int:
        return self._channel(address).log[int(message_id)].reactions.get(SEEN, []).count(self.dc.bot.id)

    def calls(self) -> int:
        return len(self.dc.log)

    def outage(self, kind: str) -> None:
        self.dc.outage("5xx" if kind == "5xx" else "drop")

    def recover(self) -> None:
        self.dc.recover()

    def limit(self) -> None:
        self.dc.world.buckets.limits = discord.RateLimits()

    async def shut(self) -> None:
        await self.ana.block_bot()

    async def reopen(self) -> None:
        await self.ana.unblock_bot()
        await self.say("Back.")

    async def take_away(self, message_id: str) -> None:
        message = self._message(self.here, message_id)
        assert message is not None
        self.dc.world.erase(message)

    async def gather(self) -> None:
        club = await self.dc.guild("Club", self.ana)
        self.general = club.general
        self.tea = await self.ana.thread("Tea", channel=self.general)
        self.room, self.thread = (discord_core.at(c.id, self.dc) for c in (self.general, self.tea))

    async def ask_in(self, text: str, *, thread: bool) -> str:
        return str((await self.ana.ask(text, channel=self.tea if thread else self.general)).id)

    async def send_file(self, content: bytes) -> None:
        await self.ana.say("Look", files={"notes.txt": content})


class SimStage(Remote):
    def __init__(self, platform: Platform) -> None:
        self.clock, self.door, self.platform = FakeClock(), Door(), platform
        self.adapter = SimAdapter(platform.url)
        self._said = 0
        self.here, self.there = Address(SIM, "bot", "ana"), Address(SIM, "bot", "ben")

    @classmethod
    @asynccontextmanager
    async def set_up(cls) -> AsyncIterator[SimStage]:
        async with Platform() as platform:
            stage = cls(platform)
            yield stage
            await stage.adapter.aclose()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.adapter.lifespan(self.door.put):
            yield

    def misled(self) -> None:
        return None

    async def say(self, text: str, *, there: bool = False) -> None:
        self._said += 1
        await self.platform.say("ben" if there else "ana", text)

    async def again(self) -> None:
        await self.platform.repeat_update(self._said)

    def taken(self) -> bool:
        return self.platform.acknowledged

    def look(self, address: Address, message_id: str) -> Look | None:
        message = self.platform.messages[message_id]
        return None if message.deleted else Look(message.text, over=message.final)

    def count(self, address: Address) -> int:
        return len(self.platform.answers(address.chat))

    def calls(self) -> int:
        return self.platform.calls.total()

    def outage(self, kind: str) -> None:
        self.platform.faults = Faults(refused=1.0)

    def recover(self) -> None:
        self.platform.faults = Faults()

    def limit(self) -> None:
        self.platform.faults = Faults(flood=0.3)

    async def shut(self) -> None:
        self.platform.closed.add("ana")

    async def reopen(self) -> None:
        self.platform.closed.discard("ana")
        await self.say("Back.")

    async def take_away(self, message_id: str) -> None:
        self.platform.messages[message_id].deleted = True


class WebStage(Stage):
    """Each of the two has a browser, whose page asks again what was not taken, under the same id."""

    def __init__(self) -> None:
        self.clock, self.door = FakeClock(), Door()
        self.adapter = self.web = WebAdapter(
            self.clock, host="127.0.0.1", port=0, deps=self._deps, stop_seconds=1
        )
        self.ana, self.ben = (httpx.AsyncClient(timeout=10, trust_env=False) for _ in range(2))
        self.here, self.there = (Address("web", "web", f"{name}:talk") for name in ("ana", "ben"))
        self._asked: list[dict[str, object]] = []
        self._answered: list[bool] = []
        self._tabs: set[asyncio.Task[None]] = set()

    async def _deps(self, channel: WebChannel, put: Put) -> WebDeps:
        core = web_core.Core(self.door.memory, channel, web_core.Script())
        return web_core.web_deps(core, put=put, clock=self.clock)

    @classmethod
    @asynccontextmanager
    async def set_up(cls) -> AsyncIterator[WebStage]:
        stage = cls()
        yield stage
        for tab in stage._tabs:
            tab.cancel()
        await asyncio.gather(*stage._tabs, return_exceptions=True)
        await stage.adapter.aclose()
        for browser in (stage.ana, stage.ben):
            await browser.aclose()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.adapter.lifespan(self.door.put):
            yield

    def misled(self) -> WebAdapter:
        taken = urlsplit(self.web.url).port
        assert taken is not None
        return WebAdapter(self.clock, host="127.0.0.1", port=taken, deps=self._deps)

    async def say(self, text: str, *, there: bool = False) -> None:
        self._asked.append({"text": text, "conversation": "talk", "id": f"q{len(self._asked)}"})
        self._answered.append(False)
        self._last = self.ben if there else self.ana
        if self.web.url and not self._last.cookies:
            await self._last.get(self.web.url)
        self._open(len(self._asked) - 1)

    async def again(self) -> None:
        self._open(len(self._asked) - 1)

    def taken(self) -> bool:
        return all(self._answered)

    async def persist(self) -> None:
        if not self._tabs:
            for number, answered in enumerate(self._answered):
                if not answered:
                    self._open(number)

    def _open(self, number: int) -> None:
        tab = asyncio.create_task(self._post(self._last, number))
        self._tabs.add(tab)
        tab.add_done_callback(self._tabs.discard)

    async def _post(self, browser: httpx.AsyncClient, number: int) -> None:
        url = f"{self.web.url}/api/v1/chat"
        try:
            async with browser.stream("POST", url, json=self._asked[number]) as response:
                assert response.status_code in (200, 500, 503)
                self._answered[number] |= response.status_code == 200
        except httpx.TransportError:
            return  # the server has stopped: it is asked again

    def look(self, address: Address, message_id: str) -> Look | None:
        stream = self.web.channel.find(message_id)
        with self.web.channel.reading(stream, asyncio.Event()):
            now = stream.now
        return None if now == Outgoing("", "") else Look(now.text or now.activity, over=now.final)

    def count(self, address: Address) -> int:
        return self.web.channel.streams
