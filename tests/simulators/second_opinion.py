"""A second opinion on Telegram: what the package tg-auto-test makes of the bot's calls, served over HTTP
as a Bot API.

It reads parameters, parses HTML and keeps menus and files in its own way; its person talks through a
`Conversation` that has Telethon's manners. One private chat is all it has. It knows neither getUpdates,
which is served here, nor drafts and descriptions, which are refused as a server older than them would.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiohttp import web
from telegram import Update
from telegram.ext import Application, ApplicationBuilder, TypeHandler
from telegram.request import RequestData
from telegram.request._requestparameter import RequestParameter
from tg_auto_test.test_utils.models import TelegramApiCall  # type: ignore[import-untyped]
from tg_auto_test.test_utils.serverless_telegram_client import (  # type: ignore[import-untyped]
    ServerlessTelegramClient,
)

from tests.simulators.telegram.news import News

POLL_SECONDS = 0.2
T = TypeVar("T")
Ending = Callable[[TelegramApiCall], bool]


def whole(call: TelegramApiCall) -> bool:
    """The call shows a text to its end."""
    shows = call.api_method in ("sendMessage", "editMessageText")
    return shows and not call.parameters["text"].endswith("…")


def buttoned(data: str) -> Ending:
    """The call shows a text with this button."""
    return lambda call: whole(call) and f'"{data}"' in call.parameters.get("reply_markup", "")


class SecondOpinion:
    """``async with second_opinion() as tg:`` serves at `tg.url` for `tg.token`; `tg.client` is the person.

    What the person does returns when the bot has confirmed it, and made a call that is its `ending`.
    """

    token = "123:ABC"

    def __init__(self) -> None:
        self.client = ServerlessTelegramClient(
            self._application, bot_username="tertulia_bot", bot_first_name="Tertulia"
        )
        self.url = ""
        self.polled = False
        self.ending: Ending = whole
        self.unknown: set[str] = set()
        """Methods that were called and that it does not know."""
        self._updates: dict[int, dict[str, Any]] = {}
        self._news = News()

    @property
    def calls(self) -> list[TelegramApiCall]:
        found: list[TelegramApiCall] = self.client._api_calls
        return found

    def menu(self, scope: str) -> list[str]:
        """The names in a command menu."""
        return [c["command"] for c in self.client._request.get_scoped_commands(scope)]

    async def until(self, predicate: Callable[[], T], within: float = 20) -> T:
        return await self._news.until(predicate, within)

    # the person's side

    def _application(self, builder: ApplicationBuilder[Any, Any, Any, Any, Any, Any]) -> Any:
        application: Application[Any, Any, Any, Any, Any, Any] = builder.updater(None).build()
        application.add_handler(TypeHandler(Update, self._bring))
        return application

    async def _bring(self, update: Update, context: object) -> None:
        """What the person did goes to the bot."""
        begun = len(self.calls)
        self._updates[update.update_id] = update.to_dict()
        self._news.tell()
        await self.until(lambda: update.update_id not in self._updates)
        await self.until(lambda: any(self.ending(call) for call in self.calls[begun:]))

    # the bot's side

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        return app

    async def _call(self, request: web.Request) -> web.Response:
        method, fields = request.match_info["method"], json.loads(await request.text() or "{}")
        if request.match_info["token"] != self.token:
            return _refusal(401, "Unauthorized")
        if method == "getUpdates":
            return _answer(200, json.dumps({"ok": True, "result": await self._poll(fields)}).encode())
        if method not in self.client._request._handlers:
            self.unknown.add(method)
            return _refusal(404, "Not Found")
        data = RequestData([RequestParameter(name, value, None) for name, value in fields.items()])
        status, body = await self.client._request.do_request(str(request.url), "POST", data)
        self._news.tell()
        return _answer(status, body)

    async def _file(self, request: web.Request) -> web.Response:
        status, body = await self.client._request.do_request(str(request.url), "GET")
        return web.Response(status=status, body=body)

    async def _poll(self, fields: dict[str, Any]) -> list[dict[str, Any]]:
        for number in [n for n in self._updates if n < fields["offset"]]:
            del self._updates[number]
        self.polled = True
        self._news.tell()
        if not self._updates:
            try:
                await self.until(lambda: self._updates, POLL_SECONDS if fields["timeout"] else 0)
            except TimeoutError:
                return []
        return list(self._updates.values())


def _answer(status: int, body: bytes) -> web.Response:
    response = web.Response(status=status, body=body, content_type="application/json")
    response.force_close()  # a connection that stays is a task, for whose end the person would wait
    return response


def _refusal(code: int, description: str) -> web.Response:
    refused = {"ok": False, "error_code": code, "description": description}
    return _answer(code, json.dumps(refused).encode())


@asynccontextmanager
async def second_opinion() -> AsyncIterator[SecondOpinion]:
    tg = SecondOpinion()
    runner = web.AppRunner(tg.application(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tg.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    await tg.client.connect()
    try:
        yield tg
    finally:
        await tg.client.disconnect()
        await runner.cleanup()
