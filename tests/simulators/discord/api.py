"""Discord over HTTP: every call is read, answered, refused or lost, and written down."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

import msgspec
from aiohttp import web

from tests.simulators.discord import app_routes, interaction_routes, message_routes, place_routes
from tests.simulators.discord.faults import Fate
from tests.simulators.discord.forms import Asked, read_asked
from tests.simulators.discord.limits import BAN_PAGE, Verdict
from tests.simulators.discord.model import Json
from tests.simulators.discord.refusals import Refusal, lacking, no_such_route, unauthorized
from tests.simulators.discord.routing import Created, Route
from tests.simulators.discord.world import Call, World

ROOT = "/api/v10"
ROUTES: tuple[Route, ...] = tuple(
    r for module in (app_routes, message_routes, place_routes, interaction_routes) for r in module.ROUTES
)
_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>"
_INVALID = (401, 403, 429)


class Api:
    def __init__(self, world: World) -> None:
        self._world = world

    def application(self) -> web.Application:
        app = web.Application(client_max_size=1 << 27)
        app.router.add_get("/gateway", self._world.gateway.serve)
        app.router.add_get("/gateway/", self._world.gateway.serve)
        app.router.add_get("/attachments/{channel}/{id}/{name}", self._file)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        world, at = self._world, self._world.clock()
        if world.buckets.banned:
            return self._banned(request, at)
        route, asked = _find(request)
        name = route.name if route else f"{request.method} {request.path}"
        world.calls[name] += 1
        world.news.tell()
        fate, delay = world.weather.fate(name), world.weather.delay(name)
        verdict = Verdict(True)
        try:
            if fate in ("5xx", "drop"):
                return self._lose(request, name, asked, at, fate)
            verdict = self._admit(request, route, asked)
            if not verdict.passes:
                return self._limited(request, name, asked, at, verdict)
            await read_asked(asked, request)
            assert route is not None
            answer, status = _answered(route.handle(world, asked))
            code, words = 0, ""
        except Refusal as refusal:
            answer, status, code, words = refusal.json(), refusal.status, refusal.code, refusal.message
            self._note(name, refusal)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, AssertionError) as error:
            world.fail(f"{name}: the simulator failed: {error!r}")
            raise
        if fate == "cut":
            return self._lose(request, name, asked, at, fate)
        self._log(request, name, asked, at, status, code, words)
        if delay:
            await asyncio.sleep(delay)
        return _json(answer, status, verdict.headers)

    def _admit(self, request: web.Request, route: Route | None, asked: Asked) -> Verdict:
        """Whether there is such a route, for this bot, now."""
        if route is None:
            raise (
                no_such_route()
                if not request.path.startswith(f"{ROOT}/")
                else lacking(
                    f"the route {request.method} {request.path.removeprefix(ROOT)}, or there is none"
                )
            )
        told = request.headers.get("Authorization", "")
        if route.token and told != f"Bot {self._world.bot.token}":
            raise unauthorized()
        return self._world.buckets.take(route.rate, route.name, route.major(asked.ids), overall=route.token)

    def _note(self, name: str, refusal: Refusal) -> None:
        """Keep what the bot should not have done."""
        if refusal.status in _INVALID:
            self._world.buckets.note_invalid()
        if refusal.blame:
            details = f" {refusal.errors}" if refusal.errors else ""
            self._world.fail(f"{name}: {refusal.status} {refusal.code} {refusal.message}{details}")

    def _limited(
        self, request: web.Request, name: str, asked: Asked, at: float, verdict: Verdict
    ) -> web.Response:
        self._world.refused[name] += 1
        self._world.buckets.note_invalid()
        self._log(request, name, asked, at, 429, 0, str(verdict.body["message"]))
        return _json(verdict.body, 429, verdict.headers)

    def _banned(self, request: web.Request, at: float) -> web.Response:
        self._log(request, f"{request.method} {request.path}", Asked(), at, 429, 1015, "banned")
        return web.Response(
            text=BAN_PAGE, status=429, content_type="text/html", headers={"Retry-After": "3600"}
        )

    def _log(
        self, request: web.Request, name: str, asked: Asked, at: float, status: int, code: int, words: str
    ) -> None:
        arguments = asked.body if isinstance(asked.body, dict) else {"": asked.body} if asked.body else {}
        call = Call(name, request.path, arguments | asked.query, at, status, code, words)
        self._world.log.append(call)
        self._world.news.tell()

    def _lose(self, request: web.Request, name: str, asked: Asked, at: float, fate: Fate) -> web.Response:
        status = self._world.weather.status() if fate == "5xx" else 0
        self._log(request, name, asked, at, status, 0, fate)
        if fate != "5xx":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if status == 502:
            return web.Response(text=_PAGE, status=502, content_type="text/html")
        words = {
            500: "500: Internal Server Error",
            503: "503: Service Unavailable",
            504: "504: Gateway Timeout",
        }
        return _json({"message": words[status], "code": 0}, status, {})

    async def _file(self, request: web.Request) -> web.Response:
        attachment = self._world.attachments.get(int(request.match_info["id"]))
        if attachment is None or request.query.get("hm") not in attachment.url.partition("hm=")[2::2]:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=attachment.data, content_type=attachment.content_type.partition(";")[0])


def _find(request: web.Request) -> tuple[Route | None, Asked]:
    path = request.rel_url.raw_path.removeprefix(ROOT)
    if path == request.rel_url.raw_path:
        return None, Asked()
    for route in ROUTES:
        if route.method == request.method and (found := route.pattern.fullmatch(path)):
            return route, Asked({k: unquote(v) for k, v in found.groupdict().items()})
    return None, Asked()


def _answered(result: Any) -> tuple[Json | list[Json] | None, int]:
    if isinstance(result, Created):
        return result.body, 201
    return result, 204 if result is None else 200


def _json(value: Any, status: int, headers: dict[str, str]) -> web.Response:
    told = headers | {"Via": "1.1 google"}
    if value is None:
        return web.Response(status=status, headers=told)
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, headers=told, content_type="application/json")
