"""The Bot API over HTTP: every call is read, answered, refused or lost, and written down."""

from __future__ import annotations

import asyncio
import inspect
import re
from typing import Any

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
from tests.simulators.telegram.faults import Fate
from tests.simulators.telegram.method_names import METHOD_NAMES
from tests.simulators.telegram.methods import Method, Noted
from tests.simulators.telegram.parameters import Args, read_args
from tests.simulators.telegram.refusals import NOT_MODIFIED, Refusal, bad, lacking
from tests.simulators.telegram.world import Call, World

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


class BotApi:
    def __init__(self, world: World) -> None:
        self._world = world

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 27)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        world, name = self._world, request.match_info["method"].lower()
        at = world.clock()
        world.calls[_KNOWN.get(name, name)] += 1
        world.news.tell()
        fate, delay = world.weather.fate(name), world.weather.delay(name)
        args = Args(name)
        try:
            args = await read_args(name, request)
            if fate in ("502", "drop"):
                return self._lose(request, args, at, fate)
            result = await self._call(request.match_info["token"], name, args)
            answer, code = _answered(result), 200
        except Refusal as refusal:
            answer, code = refusal.json(), refusal.code
            self._note(name, refusal)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            world.errors.append(f"{_KNOWN.get(name, name)}: the simulator failed: {error!r}")
            raise
        if fate == "cut" or (name == "getupdates" and world.weather.outage):
            return self._lose(request, args, at, "cut")
        self._log(args, at, code, str(answer.get("description", "")))
        if delay:
            await asyncio.sleep(delay)
        return _json(answer, code)

    async def _file(self, request: web.Request) -> web.Response:
        try:
            self._check_token(request.match_info["token"])
            return web.Response(body=self._world.files.at(request.match_info["path"]))
        except Refusal as refusal:
            return _json(refusal.json(), refusal.code)

    def _check_token(self, token: str) -> None:
        if not re.fullmatch(r"\d+:[\w-]+", token):
            raise Refusal(404, "Not Found")
        if token != self._world.bot.token:
            raise Refusal(401, "Unauthorized")
        if self._world.bot.logged_out:
            raise Refusal(400, "Logged out")

    async def _call(self, token: str, name: str, args: Args) -> Any:
        self._check_token(token)
        if name not in _KNOWN:
            raise Refusal(404, "Not Found")
        if name not in METHODS:
            raise lacking(f"the method {_KNOWN[name]}")
        if name in self._world.forbidden:
            raise bad(self._world.forbidden[name])
        method = METHODS[name]
        if unknown := set(args.fields) - method.parameters:
            raise lacking(f"the parameter {min(unknown)} of {method.name}, or there is none")
        result = method.handle(self._world, args)
        return await result if inspect.isawaitable(result) else result

    def _note(self, name: str, refusal: Refusal) -> None:
        """Count what flood control refused; keep what the bot should not have done."""
        method = _KNOWN.get(name, name)
        if refusal.code == 429:
            self._world.refused[method] += 1
        elif name in self._world.forbidden:
            pass
        elif refusal.code not in (403, 409) and NOT_MODIFIED not in refusal.description:
            if "migrate_to_chat_id" not in refusal.parameters:
                self._world.errors.append(f"{method}: {refusal.code} {refusal.description}")

    def _log(self, args: Args, at: float, code: int, description: str) -> None:
        name = _KNOWN.get(args.method, args.method)
        self._world.log.append(Call(name, args.fields, at, code, description))
        self._world.news.tell()

    def _lose(self, request: web.Request, args: Args, at: float, fate: Fate) -> web.Response:
        self._log(args, at, 502 if fate == "502" else 0, fate)
        if fate != "502":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if self._world.weather.html():
            return web.Response(text=_GATEWAY_PAGE, status=502, content_type="text/html")
        return _json({"ok": False, "error_code": 502, "description": "Bad Gateway"}, 502)


def _json(value: dict[str, Any], status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def _answered(result: Any) -> dict[str, Any]:
    if isinstance(result, Noted):
        return {"ok": True, "result": result.result, "description": result.description}
    return {"ok": True, "result": result}
