"""The platform as a test holds it: people and guilds come from here, and everything can be looked at."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from aiohttp import web

from tests.simulators.discord.api import ROOT, Api
from tests.simulators.discord.faults import Fate, Faults
from tests.simulators.discord.gateway import GatewayRules
from tests.simulators.discord.limits import RateLimits
from tests.simulators.discord.messages import Message
from tests.simulators.discord.model import Channel, User
from tests.simulators.discord.others import Other
from tests.simulators.discord.people import Person
from tests.simulators.discord.permissions import USUAL, Permission
from tests.simulators.discord.rooms import Room, add_member, new_room
from tests.simulators.discord.world import BotState, Call, Clock, World

T = TypeVar("T")
BOT_ID = 1_100_000_000_000_000_001
TOKEN = f"{base64.b64encode(str(BOT_ID).encode()).decode()}.simula.ted_token_of_a_simulated_bot_000"


class Discord:
    """``async with Discord() as dc:`` serves the REST API at `dc.url`, for the bot with `dc.token`; the
    gateway is where `/gateway/bot` says.

    It lives in the test's process: a bot elsewhere can be killed while guilds and people live on.
    `privileged`: the intents that are switched on for the bot: "content", "members", "presences".
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        name: str = "Tertulia",
        privileged: Iterable[str] = (),
        limits: RateLimits | None = None,
        faults: Faults | None = None,
        gateway: GatewayRules | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        bot = BotState(User(BOT_ID, name, is_bot=True), token, User(BOT_ID - 1, "Owner"), set(privileged))
        self.world = World(bot, limits or RateLimits(), faults or Faults(), gateway or GatewayRules(), clock)
        self.token = token
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Discord:
        app = Api(self.world).application()
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self.world.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.world.root}{ROOT}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.world.gateway.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    # people

    def person(self, name: str, language: str = "en", *, stranger: bool = False) -> Person:
        """Somebody new. `stranger`: they and the bot can write to each other only once they share a guild;
        others are taken to share one that the test does not look at."""
        user = self.world.add_user(name, language=language)
        if stranger:
            self.world.strangers.add(user.id)
        return Person(self.world, user)

    async def guild(
        self, name: str, *people: Person, bot: bool = True, permissions: Permission = USUAL
    ) -> Room:
        """A guild; the first of the people owns it, and lets the bot in."""
        room = new_room(self.world, name, people)
        if bot:
            await room.invite_bot(permissions)
        return room

    async def group(self, *people: Person) -> Channel:
        """A private channel of several, without the bot."""
        channel = Channel(self.world.snowflake(), 3, people=[p.user for p in people])
        return self.world.add_channel(channel)

    def webhook(self, name: str) -> Other:
        """Something that writes into channels under a name."""
        return Other(self.world, self.world.add_user(name, webhook=True))

    def other_bot(self, name: str, room: Room) -> Other:
        user = self.world.add_user(name, is_bot=True)
        add_member(self.world, room.guild, user)
        return Other(self.world, user)

    # what happens to the bot

    def switch(self, intent: str, on: bool) -> None:
        """The bot's owner turns a privileged intent on or off."""
        (self.world.bot.privileged.add if on else self.world.bot.privileged.discard)(intent)

    def outage(self, kind: Fate = "drop") -> None:
        """From now on every call fails: "5xx", or "drop" for a connection that ends. The gateway goes too."""
        self.world.weather.outage = kind
        self.world.gateway.drop()

    def recover(self) -> None:
        """The outage ends."""
        self.world.weather.outage = ""
        self.world.news.tell()

    def drop_gateway(self) -> None:
        """All sockets break; sessions can be resumed."""
        self.world.gateway.drop()

    def request_reconnect(self) -> None:
        """The gateway asks the bot to come back on another socket."""
        self.world.gateway.request_reconnect()

    def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """The gateway calls all sessions invalid."""
        self.world.gateway.invalidate(resumable=resumable)

    def close_gateway(self, code: int) -> None:
        """The gateway closes all sockets with this code."""
        self.world.gateway.close(code)

    def refuse_sessions(self, *codes: int) -> None:
        """The next sessions that begin are refused with these codes."""
        self.world.gateway.refusals.extend(codes)

    def revoke_token(self) -> None:
        """The bot's owner resets the token: none of its sessions goes on."""
        self.world.bot.token = "another"
        self.world.gateway.close(4004)

    def mute_heartbeats(self, muted: bool = True) -> None:
        """The gateway acknowledges no heartbeats, as if it were gone."""
        self.world.gateway.acknowledges = not muted

    # views

    @property
    def bot(self) -> User:
        return self.world.bot.user

    @property
    def calls(self) -> dict[str, int]:
        """How often each route was called, by method and template: "POST /channels/{channel_id}/messages"."""
        return self.world.calls

    @property
    def refused(self) -> dict[str, int]:
        """How often rate limits refused each route."""
        return self.world.refused

    @property
    def connected(self) -> int:
        """How many of the bot's sessions have a socket."""
        return len(self.world.gateway.connected)

    @property
    def log(self) -> list[Call]:
        return self.world.log

    @property
    def errors(self) -> list[str]:
        """What the bot did wrong: calls refused for reasons other than rate limits, other than what it may
        not do there (403), and other than what was there and is gone; and why the gateway closed on it."""
        return self.world.errors

    async def until(self, predicate: Callable[[], T | None], within: float = 10.0) -> T:
        """Wait for something to become true on the platform; gives what the predicate gives."""
        try:
            value = await self.world.news.until(predicate, within)
        except TimeoutError:
            last = [f"{c.route} {c.status} {c.description} {c.arguments}"[:300] for c in self.log[-8:]]
            raise TimeoutError("it did not become true; last calls:\n" + "\n".join(last)) from None
        assert value is not None
        return value

    async def until_answered(self, *messages: Message, within: float = 10.0) -> None:
        """Wait until each of these has a reply of the bot's."""
        await self.until(lambda: all(m.channel.answers_to(m) for m in messages), within)
