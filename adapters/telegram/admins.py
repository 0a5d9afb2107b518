"""Who runs a group, asked for when somebody there commands the bot, and known for a while."""

from __future__ import annotations

import logging
from collections import OrderedDict

from telegram import ChatMember
from telegram.error import BadRequest, Forbidden, TelegramError

from adapters.telegram.client import Api
from adapters.telegram.errors import Flood, without_token
from bot.ports import Clock

log = logging.getLogger(__name__)
KNOWN_SECONDS = 300.0
ANSWER_SECONDS = 3.0
_MANY = 1024


class Admins:
    """The ids of each group's admins."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()

    async def of(self, chat: str) -> frozenset[str]:
        """Empty where Telegram does not tell: then nobody is taken for an admin, and the next to
        ask asks anew."""
        until, ids = self._known.get(chat, (0.0, frozenset()))
        if until > self._clock.monotonic():
            return ids
        try:
            members = await self._ask(chat)
        except TelegramError as error:
            log.warning("who runs chat %s is not known: %s", chat, without_token(error.message))
            return frozenset()
        ids = frozenset(str(member.user.id) for member in members)
        self._known[chat] = (self._clock.monotonic() + KNOWN_SECONDS, ids)
        self._known.move_to_end(chat)
        if len(self._known) > _MANY:
            self._known.popitem(last=False)
        return ids

    def forget(self, chat: str) -> None:
        """Somebody's standing there has changed."""
        self._known.pop(chat, None)

    async def _ask(self, chat: str) -> tuple[ChatMember, ...]:
        """What failed on the way is asked once more."""
        try:
            return await self._api.get_chat_administrators(chat, read_timeout=ANSWER_SECONDS)
        except (BadRequest, Forbidden, Flood):
            raise
        except TelegramError:
            return await self._api.get_chat_administrators(chat, read_timeout=ANSWER_SECONDS)
