"""From an update to what is durable: the one way in, for polling and webhook alike."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from telegram import CallbackQuery, Update
from telegram.error import TelegramError

from adapters.common.courtesies import Courtesies
from adapters.telegram.admins import Admins
from adapters.telegram.albums import Albums
from adapters.telegram.client import Api
from adapters.telegram.deps import TelegramDeps
from adapters.telegram.hosts import Hosts
from adapters.telegram.inline import Inline
from adapters.telegram.lanes import Lanes
from adapters.telegram.translate import BUSINESS, Translator, read
from bot.errors import StorageError
from bot.types import ADMIN, Event, EventKind

log = logging.getLogger(__name__)
Put = Callable[[Event], Awaitable[bool]]
MOST_UNKNOWN = 64
"""Kinds of updates that are told of at most."""


class Intake:
    """`heard` is told of each event before it is put (what is known of its chat may change)."""

    def __init__(
        self, deps: TelegramDeps, api: Api, translator: Translator, put: Put, heard: Callable[[Event], None]
    ) -> None:
        self._deps = deps
        self._api = api
        self._translator = translator
        self._put = put
        self._heard = heard
        self._lanes = Lanes()
        self._albums = Albums(put, deps.store, deps.clock)
        self._admins = Admins(api, deps.clock)
        self._hosts = Hosts(api, deps.clock)
        self._inline = Inline(deps, api)
        self._courtesies = Courtesies(TelegramError, StorageError)
        self._unknown: set[str] = set()

    async def take(self, raw: Any) -> None:
        """On return everything in the update is durable, and it may be acknowledged. Raises
        StorageError. What happens before the first await happens in the order of the calls."""
        update = read(raw)
        if update is None:
            log.warning("an update that cannot be read is passed over: %s", str(raw)[:200])
            return
        events = self._translator.events(update, self._deps.clock.time())
        for event in events:
            self._heard(event)
            self._deps.telemetry.count("telegram_updates", kind=event.kind.value)
        if update.chat_member is not None:
            self._admins.forget(str(update.chat_member.chat.id))
        if update.business_connection is not None:
            self._hosts.learn(update.business_connection)
        if update.inline_query is not None:
            self._courtesies.add(self._inline.answer(update.inline_query))
        elif not events:
            self._note_unknown(update)
        if events:
            await self._take(update, events)

    async def recover(self) -> None:
        """Take up what an earlier process left half done. Raises StorageError."""
        await self._albums.recover()

    async def close(self) -> None:
        """Wait for nothing any more; courtesies under way are left off."""
        await self._albums.close()
        await self._courtesies.close()

    def _note_unknown(self, update: Update) -> None:
        """Say once that there is something which this version does not know."""
        for kind in set(update.api_kwargs) - self._unknown:
            if len(self._unknown) < MOST_UNKNOWN:
                self._unknown.add(kind)
                log.warning("updates of the kind %.64r are passed over: this version does not know it", kind)
        log.debug("update %s concerns nobody", update.update_id)

    async def _take(self, update: Update, events: list[Event]) -> None:
        first = events[0]
        async with self._lanes.turn(first.address.chat):
            known = [e for e in [await self._with_host(event) for event in events] if e is not None]
            if not known:
                return
            if album := self._translator.album(update):
                await self._albums.add(album, known[0])
            else:
                await self._albums.settle(first)
                for event in known:
                    await self._put(await self._with_roles(event))
        if update.callback_query is not None:
            self._courtesies.add(self._answer(update.callback_query))

    async def _with_host(self, event: Event) -> Event | None:
        """What comes through somebody's account says whose; None if that is not the bot's any more."""
        thread = event.address.thread
        if not thread.startswith(BUSINESS) or event.kind is EventKind.DELETE:
            return event
        host = await self._hosts.of(thread.removeprefix(BUSINESS))
        return replace(event, host=host) if host else None

    async def _with_roles(self, event: Event) -> Event:
        """Commands and buttons of a group say whether their sender runs it."""
        asks = event.kind in (EventKind.COMMAND, EventKind.BUTTON)
        if event.private or not asks or ADMIN in event.sender.roles:
            return event
        if event.sender.id not in await self._admins.of(event.address.chat):
            return event
        return replace(event, sender=replace(event.sender, roles=(*event.sender.roles, ADMIN)))

    # courtesies: nobody waits for them, and none is owed

    async def _answer(self, query: CallbackQuery) -> None:
        thanks = query.data in ("up", "down")
        language = query.from_user.language_code or ""
        text = self._deps.say(language, "feedback.thanks") if thanks else None
        await self._api.answer_callback_query(query.id, text=text)
