"""Telegram as a platform: intake by polling or webhook, and the channel back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from telegram.error import InvalidToken, TelegramError

from adapters.common.entry import entered
from adapters.common.health import Health, State, reported
from adapters.common.lease import Lease
from adapters.telegram import menu
from adapters.telegram.channel import TelegramChannel
from adapters.telegram.client import Connection
from adapters.telegram.deps import TelegramDeps
from adapters.telegram.errors import without_token
from adapters.telegram.intake import Intake
from adapters.telegram.polling import REJECTED_SECONDS, Poller
from adapters.telegram.text import Me
from adapters.telegram.translate import Translator
from adapters.telegram.webhook import Webhook
from bot.errors import SettingsError, StorageError
from bot.types import Event, PlatformState

log = logging.getLogger(__name__)
Put = Callable[[Event], Awaitable[bool]]


class TelegramAdapter:
    """`bot.ports.Adapter`. Nothing is sent before `lifespan`.

    The channel works until `aclose`, which is to be called when no turn runs any more: in the
    composition root, `stack.push_async_callback(adapter.aclose)` before the core is entered. In
    webhook mode the web server hands each POST to `deps.webhook_url` to `receive`.
    """

    def __init__(self, deps: TelegramDeps) -> None:
        self._deps = deps
        self._connection = Connection(deps.token, deps.api_url, deps.clock)
        self._health = Health("Telegram", deps.clock)
        self._webhook = Webhook(deps, self._connection.api, self._health)
        self.channel = TelegramChannel(
            self._connection,
            deps.api_url,
            deps.clock,
            limits=deps.limits,
            drafts=deps.drafts,
            seen=deps.seen,
        )

    @property
    def state(self) -> State:
        """Who the bot is, and whether its intake works."""
        return self._health.state

    async def receive(self, headers: Mapping[str, str], body: bytes) -> int:
        """The HTTP status for what came to the webhook. See `Webhook.receive`."""
        return await self._webhook.receive(headers, body) if self._deps.mode == "webhook" else 404

    def report(self) -> PlatformState:
        """See `bot.ports.Reporting`."""
        username = self.state.username
        link = f"https://t.me/{username}" if username else ""
        return reported("telegram", self._deps.mode, self.state, link)

    async def aclose(self) -> None:
        """Close the connections: no call goes out any more."""
        await self._connection.aclose()

    @asynccontextmanager
    async def lifespan(self, put: Put) -> AsyncIterator[None]:
        """Intake runs while entered, and outlives every failure of Telegram's and of the database's.

        Raises SettingsError if Telegram refuses the token within a few seconds, or if a webhook is
        to be used and has no address; a Telegram that cannot be reached is waited for, beside.
        """
        if self._deps.mode == "webhook" and not self._deps.webhook_url:
            raise SettingsError("webhook mode needs the public address at which Telegram reaches this server")
        async with entered(partial(self._run, put), self._deps.clock, self._health):
            yield

    async def _run(self, put: Put, token: asyncio.Future[None]) -> None:
        me = await self._identify(token)
        api = self._connection.api
        intake = Intake(self._deps, api, Translator(me, self.channel.topic_of), put, self.channel.heard)
        beside = asyncio.create_task(menu.refresh(self._deps, api))
        try:
            if self._deps.mode == "webhook":
                await self._listen(intake)
            else:
                await self._poll(intake, me)
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)

    async def _poll(self, intake: Intake, me: Me) -> None:
        deps = self._deps
        lease = Lease(f"telegram:{me.id}", deps.holder, deps.leases, deps.clock, self._health)
        poller = Poller(self._connection.api, intake.take, deps.clock, self._health)

        async def work() -> None:
            await self._recover(intake)
            await poller.run()

        try:
            await lease.hold(work)
        finally:
            await poller.finish()
            await intake.close()
            await lease.release()

    async def _listen(self, intake: Intake) -> None:
        await self._recover(intake)
        self._webhook.take = intake.take
        try:
            await self._webhook.register()
            await asyncio.get_running_loop().create_future()
        finally:
            self._webhook.take = None
            await intake.close()

    async def _recover(self, intake: Intake) -> None:
        while True:
            try:
                return await intake.recover()
            except StorageError as error:
                self._health.ill(f"the database cannot be used: {error}")
                await self._health.pause()

    async def _identify(self, token: asyncio.Future[None]) -> Me:
        """Who the bot is, however often it must be asked. `token` is told whether it is accepted."""
        while True:
            try:
                user = await self._connection.api.get_me()
            except InvalidToken as error:
                text = without_token(error.message)
                advice = f"Telegram refuses TERTULIA_TELEGRAM_TOKEN ({text}); get one from @BotFather"
                self._health.ill(advice, level=logging.ERROR)
                if not token.done():
                    token.set_exception(SettingsError(advice))
                await self._health.pause(REJECTED_SECONDS)
            except TelegramError as error:
                self._health.ill(f"cannot be reached: {without_token(error.message)}")
                await self._health.pause()
            else:
                self._health.known_as(user.username or "")
                self.channel.username = user.username or ""
                if not token.done():
                    token.set_result(None)
                return Me(user.id, user.username or "", user.full_name)
