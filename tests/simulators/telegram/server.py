"""The platform as a test holds it: people and rooms come from here, and everything can be looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web

from tests.simulators.telegram.api import BotApi
from tests.simulators.telegram.bot_settings import commands_for
from tests.simulators.telegram.business import Business, connect
from tests.simulators.telegram.chats import Chat, Message, User
from tests.simulators.telegram.faults import Fate, Faults
from tests.simulators.telegram.limits import FloodLimits
from tests.simulators.telegram.people import Person
from tests.simulators.telegram.rooms import Room, new_room, room_id
from tests.simulators.telegram.world import BotState, Call, Clock, World
from tests.simulators.telegram.writing import Place

T = TypeVar("T")
TOKEN = "7000000001:AAF-simulated_simulated_simulated_s"


class Telegram:
    """``async with Telegram() as tg:`` serves the Bot API at `tg.url`, for the bot with `tg.token`.

    It lives in the test's process: a bot elsewhere can be killed while chats and people live on.
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        username: str = "tertulia_bot",
        name: str = "Tertulia",
        flood: FloodLimits | None = None,
        faults: Faults | None = None,
        clock: Clock = time.monotonic,
        reads_all_group_messages: bool = False,
        inline: bool = True,
        topics: bool = False,
        webhook_pause: float = 1.0,
        seed: int = 0,
    ) -> None:
        bot = User(int(token.partition(":")[0]), name, username=username, is_bot=True)
        state = BotState(bot, token, reads_all_group_messages, inline, topics)
        self.world = World(state, flood or FloodLimits(), faults or Faults(), clock, seed, webhook_pause)
        self.token = token
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Telegram:
        app = BotApi(self.world).application()
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.world.webhook.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    # people

    def person(self, name: str, language: str = "en", *, username: str = "") -> Person:
        """Somebody new, who has not talked to the bot yet."""
        return Person(self.world, self.world.add_user(name, username=username, language=language))

    async def group(self, title: str, *people: Person, bot: bool = True) -> Room:
        """A basic group; the first of the people owns it, and brings the bot along."""
        return await self._room(Chat(room_id(self.world, "group"), "group", title), people, bot)

    async def supergroup(
        self, title: str, *people: Person, username: str = "", forum: bool = False, bot: bool = True
    ) -> Room:
        """A supergroup; `forum`: with topics."""
        number = room_id(self.world, "supergroup")
        chat = Chat(number, "supergroup", title, username, forum)
        return await self._room(chat, people, bot)

    async def channel(self, title: str, *people: Person, username: str = "", bot: bool = True) -> Room:
        """A channel; the bot is one of its administrators."""
        chat = Chat(room_id(self.world, "channel"), "channel", title, username)
        return await self._room(chat, people, bot)

    async def business(self, owner: Person, *rights: str) -> Business:
        """Somebody lets the bot answer in their name, with these rights or the usual ones."""
        return connect(self.world, owner, rights)

    async def _room(self, chat: Chat, people: tuple[Person, ...], bot: bool) -> Room:
        room = new_room(self.world, chat, people)
        if bot:
            await room.add_bot()
        return room

    @property
    def pages(self) -> dict[str, tuple[bytes, str]]:
        """The web that files can be sent from by URL: content and type by address."""
        return self.world.files.web

    async def tell(self, update: dict[str, Any]) -> int:
        """Give the bot any update as it is, of kinds that no library knows too; returns its number."""
        return self.world.tell(*next(iter(update.items())))

    def outage(self, kind: Fate = "drop") -> None:
        """From now on every call fails: "502", or "drop" for a connection that ends. Polls end too."""
        self.world.weather.outage = kind
        self.world.updates.wake()

    def recover(self) -> None:
        """The outage ends."""
        self.world.weather.outage = ""
        self.world.updates.wake()

    def fail(self, method: str, *fates: Fate) -> None:
        """The next calls of this method fail, one after another."""
        self.world.weather.ahead[method.lower()] = list(fates)

    def forbid(self, method: str, description: str) -> None:
        """From now on the method is answered with a 400, whoever it is for."""
        self.world.forbidden[method.lower()] = description

    # views

    @property
    def bot(self) -> User:
        return self.world.bot.user

    @property
    def calls(self) -> dict[str, int]:
        """How often each method was called."""
        return self.world.calls

    @property
    def refused(self) -> dict[str, int]:
        """How often flood control refused each method."""
        return self.world.refused

    @property
    def polled(self) -> bool:
        """A getUpdates of the bot's is held open."""
        return self.world.updates.polled

    @property
    def log(self) -> list[Call]:
        return self.world.log

    @property
    def errors(self) -> list[str]:
        """What the bot did wrong: calls refused for reasons other than flood control, other than a
        message that would not change, and other than people who blocked it."""
        return self.world.errors

    def commands_for(self, person: Person, chat: Place | None = None) -> list[str]:
        """The names in a person's command menu, in their chat with the bot or another."""
        shown = commands_for(self.world, person.user, (chat or person).chat)
        return [c["command"] for c in shown]

    async def until(self, predicate: Callable[[], T], within: float = 10.0) -> T:
        """Wait for something to become true on the platform; gives what the predicate gives."""
        try:
            return await self.world.news.until(predicate, within)
        except TimeoutError:
            last = [f"{c.method} {c.code} {c.description} {c.arguments}"[:300] for c in self.log[-8:]]
            raise TimeoutError("it did not become true; last calls:\n" + "\n".join(last)) from None

    async def until_answered(self, *messages: Message, within: float = 10.0) -> None:
        """Wait until each of these has a reply of the bot's."""
        await self.until(lambda: all(m.chat.answers_to(m) for m in messages), within)
