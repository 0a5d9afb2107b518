"""In whose name the bot writes: the owners of the accounts that it answers for (business mode)."""

from __future__ import annotations

import logging
from collections import OrderedDict

from telegram import BusinessConnection
from telegram.error import BadRequest, Forbidden, TelegramError

from adapters.telegram.client import Api
from adapters.telegram.errors import without_token
from bot.ports import Clock

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
_MANY = 4096


class Hosts:
    """The user id behind each business connection."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._known: OrderedDict[str, str] = OrderedDict()

    def learn(self, connection: BusinessConnection) -> None:
        """Telegram tells of it by itself when it is made or changed."""
        self._known[connection.id] = str(connection.user.id)
        self._known.move_to_end(connection.id)
        if len(self._known) > _MANY:
            self._known.popitem(last=False)

    async def of(self, connection_id: str) -> str:
        """Whose it is; "" if it is not there any more. Waits while Telegram cannot tell: what
        comes through it must not be judged without."""
        pause = FIRST_PAUSE
        while connection_id not in self._known:
            try:
                self.learn(await self._api.get_business_connection(connection_id))
            except (BadRequest, Forbidden) as error:
                log.info("a business connection is gone: %s", error)
                return ""
            except TelegramError as error:
                text = without_token(error.message)
                log.warning("whose a business connection is, is not known: %s; trying again", text)
                await self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        return self._known[connection_id]
