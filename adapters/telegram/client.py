"""The library's bot, with our own HTTP, flood control and silence about the token."""

from __future__ import annotations

import logging
from typing import Any

from telegram.constants import UpdateType
from telegram.ext import ExtBot

from adapters.telegram.limits import ChatLimiter
from adapters.telegram.request import AiohttpRequest
from bot.ports import Clock

POLL_SECONDS = 25
GRACE_SECONDS = 10.0
"""How much longer than the long poll its answer may take."""
EVERY_UPDATE = sorted({str(kind.value) for kind in UpdateType} | {"guest_message", "managed_bot"})
"""All kinds, named one by one: without names Telegram leaves some out."""


class Api(ExtBot[None]):
    """`telegram.Bot`. `updates` gives what Telegram sent as it came: what of it the library cannot
    read must not hold up the rest."""

    _LOGGER = logging.getLogger("adapters.telegram.library")

    async def updates(
        self, offset: int, *, limit: int = 100, wait: int = POLL_SECONDS, grace: float = GRACE_SECONDS
    ) -> list[Any]:
        """Updates from `offset` on; those before it are confirmed. Raises TelegramError."""
        data = {"offset": offset, "limit": limit, "timeout": wait, "allowed_updates": EVERY_UPDATE}
        found = await self._post("getUpdates", data, read_timeout=wait + grace)
        return found if isinstance(found, list) else []


class Connection:
    """The bot and the two pools that it calls through: a long poll never keeps a message waiting.

    It is open from the first call until `aclose`.
    """

    def __init__(self, token: str, api_url: str, clock: Clock) -> None:
        Api._LOGGER.setLevel(logging.INFO)  # its debug lines hold the token, and what people wrote
        root = api_url.rstrip("/")
        self.requests = AiohttpRequest(root)
        self._polls = AiohttpRequest(root, connections=2)
        self.api = Api(
            token,
            base_url=f"{root}/bot",
            base_file_url=f"{root}/file/bot",
            request=self.requests,
            get_updates_request=self._polls,
            rate_limiter=ChatLimiter(clock),
        )

    async def aclose(self) -> None:
        await self.requests.shutdown()
        await self._polls.shutdown()
