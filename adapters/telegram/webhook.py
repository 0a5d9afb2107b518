"""Updates that Telegram brings by itself. It gets a 200 only for what is durable, else it comes again."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from telegram import WebhookInfo
from telegram.error import TelegramError

from adapters.common.health import Health
from adapters.telegram.client import EVERY_UPDATE, Api
from adapters.telegram.deps import TelegramDeps
from adapters.telegram.errors import without_token
from bot.errors import StorageError

log = logging.getLogger(__name__)
HEADER = "x-telegram-bot-api-secret-token"
CONNECTIONS = 40
"""How many updates Telegram may bring at once."""
_SECRET, _SET = "webhook_secret", "webhook_set"


class Webhook:
    def __init__(self, deps: TelegramDeps, api: Api, health: Health) -> None:
        self._deps = deps
        self._api = api
        self._health = health
        self._known_secret = ""
        self.take: Callable[[Any], Awaitable[None]] | None = None
        """Where updates go; None while they cannot be taken."""

    async def register(self) -> None:
        """See to it that Telegram brings its updates here, however often it must be tried."""
        while True:
            try:
                await self._register()
                return self._health.well()
            except StorageError as error:
                self._health.ill(f"the database cannot be used: {error}")
            except TelegramError as error:
                self._health.ill(f"the webhook cannot be set: {without_token(error.message)}")
            await self._health.pause()

    async def receive(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status to answer a delivery with: 200 only when it is durable, 401 without the
        secret, 400 for what is no update, 503 when it should come again. Never raises."""
        try:
            given = next((value for name, value in headers.items() if name.lower() == HEADER), "")
            if not hmac.compare_digest(given.encode(errors="replace"), (await self._secret()).encode()):
                return 401
            update = _update(body)
            if update is None:
                return 400
            if self.take is None:
                return 503
            await self.take(update)
        except StorageError as error:
            self._health.ill(f"the database cannot be used; messages wait at Telegram ({error})")
            return 503
        self._health.well()
        return 200

    async def _register(self) -> None:
        secret = await self._secret()
        url = self._deps.webhook_url
        digest = hashlib.sha256(f"{url} {secret}".encode()).hexdigest()
        info = await self._api.get_webhook_info()
        if _same(info, url) and await self._deps.store.get(_SET) == digest:
            return
        await self._api.set_webhook(
            url, secret_token=secret, allowed_updates=EVERY_UPDATE, max_connections=CONNECTIONS
        )
        await self._deps.store.put(_SET, digest)
        log.info("Telegram: the webhook is set to %s", url)

    async def _secret(self) -> str:
        """Made once, the same for every replica of a database."""
        if not self._known_secret:
            stored = await self._deps.store.get(_SECRET)
            if not isinstance(stored, str):
                await self._deps.store.put(_SECRET, secrets.token_urlsafe(32))
                stored = await self._deps.store.get(_SECRET)
            self._known_secret = str(stored)
        return self._known_secret


def _same(info: WebhookInfo, url: str) -> bool:
    wanted = set(EVERY_UPDATE)
    return (
        info.url == url and set(info.allowed_updates or ()) == wanted and info.max_connections == CONNECTIONS
    )


def _update(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("update_id"), int) else None
