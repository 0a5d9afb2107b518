"""The Bot API over HTTP, for a bot in this process or another."""

from __future__ import annotations

import asyncio
import inspect
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from tests.simulators.telegram import (
    bot_settings,
    business,
    chat_methods,
    editing,
    media,
    polling,
    queries,
    sending,
)
from tests.simulators.telegram.bot_settings import commands_for
from tests.simulators.telegram.business import Business, connect
from tests.simulators.telegram.chats import Chat, Message, User
from tests.simulators.telegram.faults import Fate, Faults
from tests.simulators.telegram.limits import FloodLimits
from tests.simulators.telegram.method_names import METHOD_NAMES
from tests.simulators.telegram.methods import Method, Noted
from tests.simulators.telegram.parameters import Args, read_args
from tests.simulators.telegram.people import Person
from tests.simulators.telegram.refusals import NOT_MODIFIED, Refusal, lacking
from tests.simulators.telegram.rooms import Room, new_room, room_id
from tests.simulators.telegram.world import BotState, Call, Clock, World
from tests.simulators.telegram.writing import Place

T = TypeVar("T")
TOKEN = "7000000001:AAF-simulated_simulated_simulated_s"
METHODS: dict[str, Method] = {
    m.name.lower(): m
    for module in (polling, sending, media, editing, queries, chat_methods, bot_settings, business)
    for m in module.METHODS
}
_KNOWN = {name.lower(): name for name in METHOD_NAMES}
_GATEWAY_PAGE = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1>"
    "</center>\r\n<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n"
)


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
        self._people: list[Person] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Telegram:
        app = web.Application(client_max_size=1 << 27)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
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
        person = Person(self.world, self.world.add_user(name, username=username, language=language))
        self._people.append(person)
        return person

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

    # the bot's side

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"].lower()
        at = self.world.clock()
        self.world.calls[_KNOWN.get(name, name)] += 1
        self.world.news.tell()
        fate = self.world.weather.fate(name)
        if delay := self.world.weather.delay():
            await asyncio.sleep(delay)
        args = Args(name)
        if fate in ("502", "drop"):
            return self._fail(request, args, at, fate)
        try:
            args = await read_args(name, request)
            result = await self._call(request.match_info["token"], name, args)
            answer, code = _answered(result), 200
        except Refusal as refusal:
            answer, code = refusal.json(), refusal.code
            self._note(name, refusal)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self.world.errors.append(f"{_KNOWN.get(name, name)}: the simulator failed: {error!r}")
            raise
        if fate == "cut" or (name == "getupdates" and self.world.weather.outage):
            return self._fail(request, args, at, "drop")
        self._log(args, at, code, str(answer.get("description", "")))
        return web.Response(body=msgspec.json.encode(answer), status=code, content_type="application/json")

    async def _file(self, request: web.Request) -> web.Response:
        try:
            self._check_token(request.match_info["token"])
            return web.Response(body=self.world.files.at(request.match_info["path"]))
        except Refusal as refusal:
            return web.json_response(refusal.json(), status=refusal.code)

    def _check_token(self, token: str) -> None:
        if not re.fullmatch(r"\d+:[\w-]+", token):
            raise Refusal(404, "Not Found")
        if token != self.token:
            raise Refusal(401, "Unauthorized")
        if self.world.bot.logged_out:
            raise Refusal(400, "Logged out")

    async def _call(self, token: str, name: str, args: Args) -> Any:
        self._check_token(token)
        if name not in _KNOWN:
            raise Refusal(404, "Not Found")
        if name not in METHODS:
            raise lacking(f"the method {_KNOWN[name]}")
        method = METHODS[name]
        if unknown := set(args.fields) - method.parameters:
            raise lacking(f"the parameter {min(unknown)} of {method.name}, or there is none")
        result = method.handle(self.world, args)
        return await result if inspect.isawaitable(result) else result

    def _note(self, name: str, refusal: Refusal) -> None:
        method = _KNOWN.get(name, name)
        if refusal.code == 429:
            self.world.refused[method] += 1
        elif refusal.code not in (403, 409) and NOT_MODIFIED not in refusal.description:
            if "migrate_to_chat_id" not in refusal.parameters:
                self.world.errors.append(f"{method}: {refusal.code} {refusal.description}")

    def _log(self, args: Args, at: float, code: int, description: str) -> None:
        name = _KNOWN.get(args.method, args.method)
        self.world.log.append(Call(name, args.fields, at, code, description))
        self.world.news.tell()

    def _fail(self, request: web.Request, args: Args, at: float, fate: Fate) -> web.Response:
        self._log(args, at, 502 if fate == "502" else 0, fate)
        if fate != "502":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if self.world.weather.html():
            return web.Response(text=_GATEWAY_PAGE, status=502, content_type="text/html")
        answer = {"ok": False, "error_code": 502, "description": "Bad Gateway"}
        return web.Response(body=msgspec.json.encode(answer), status=502, content_type="application/json")


def _answered(result: Any) -> dict[str, Any]:
    if isinstance(result, Noted):
        return {"ok": True, "result": result.result, "description": result.description}
    return {"ok": True, "result": result}
