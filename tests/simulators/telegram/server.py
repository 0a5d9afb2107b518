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

from tests.simulators.telegram import editing, polling, queries, sending
from tests.simulators.telegram.chats import Message, User
from tests.simulators.telegram.faults import Fate, Faults
from tests.simulators.telegram.limits import FloodLimits
from tests.simulators.telegram.method_names import METHOD_NAMES
from tests.simulators.telegram.methods import Method
from tests.simulators.telegram.parameters import Args, read_args
from tests.simulators.telegram.people import Person
from tests.simulators.telegram.refusals import NOT_MODIFIED, Refusal, lacking
from tests.simulators.telegram.world import BotState, Call, Clock, World

T = TypeVar("T")
TOKEN = "7000000001:AAF-simulated_simulated_simulated_s"
METHODS: dict[str, Method] = {
    m.name.lower(): m for module in (polling, sending, editing, queries) for m in module.METHODS
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
        seed: int = 0,
    ) -> None:
        bot = User(int(token.partition(":")[0]), name, username=username, is_bot=True)
        state = BotState(bot, token, reads_all_group_messages, inline, topics)
        self.world = World(state, flood or FloodLimits(), faults or Faults(), clock, seed)
        self.token = token
        self.url = ""
        self._people: list[Person] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Telegram:
        app = web.Application(client_max_size=1 << 27)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    # people

    def person(self, name: str, language: str = "en", *, username: str = "") -> Person:
        """Somebody new, who has not talked to the bot yet."""
        person = Person(self.world, self.world.add_user(name, username=username, language=language))
        self._people.append(person)
        return person

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
            answer, code = {"ok": True, "result": result}, 200
        except Refusal as refusal:
            answer, code = refusal.json(), refusal.code
            self._note(name, refusal)
        if fate == "cut" or (name == "getupdates" and self.world.weather.outage):
            return self._fail(request, args, at, "drop")
        self._log(args, at, code, str(answer.get("description", "")))
        return web.Response(body=msgspec.json.encode(answer), status=code, content_type="application/json")

    async def _call(self, token: str, name: str, args: Args) -> Any:
        if not re.fullmatch(r"\d+:[\w-]+", token):
            raise Refusal(404, "Not Found")
        if token != self.token:
            raise Refusal(401, "Unauthorized")
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
