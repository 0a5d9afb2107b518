"""Commands, buttons, menus and windows: what they ask for, and what is said to them at once.

Each gets an answer (`acknowledging`), be it a note that it is none that the bot knows. What the core is to
hear is stored meanwhile. Windows and suggestions are asked of nobody but this process.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.discord import asked as reading
from adapters.discord.acknowledging import Acknowledging
from adapters.discord.asked import ABOUT, AUTOCOMPLETE, COMMAND, COMPONENT, MENU
from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import DiscordError
from adapters.discord.memory import Recent
from adapters.discord.parts import Json, quote_of
from adapters.discord.render import ASIDE
from adapters.discord.tokens import Asked, Tokens
from adapters.discord.translate import MALFORMED, Translator, snowflake
from bot.types import Event, EventKind, Part, PartKind

log = logging.getLogger(__name__)
FETCH_SECONDS = 1.2
"""What follows a message is asked for so long; then the summary is of that message alone."""
WINDOW_SECONDS = 900.0
"""So long the message that a window asks about is remembered, in this process alone."""
MOST_WINDOWS = 500
MOST_QUOTED, QUOTED_CHARACTERS = 100, 12_000
MOST_CHOICES, CHOICE_LIMIT, QUESTION_LIMIT = 25, 100, 2000
_NOTE, _DEFERRED, _UPDATE_DEFERRED, _CHOICES, _WINDOW = 4, 5, 6, 8, 9
_AT_ONCE = {"stop": "discord.stop", "retry": "discord.retry"}
"""Commands whose effect is seen elsewhere: nothing would ever take the place of "is thinking"."""
_THANKED = ("up", "down")
_MESSAGES = "/channels/{channel_id}/messages"
First = tuple[int, Json]
"""The type of what Discord is told at once, and what it says."""
Taken = tuple[Event, Asked]


class Interactions:
    def __init__(self, deps: DiscordDeps, connection: Connection, tokens: Tokens) -> None:
        self._deps = deps
        self._connection = connection
        self._tokens = tokens
        self._acknowledging = Acknowledging(deps, connection, tokens)
        self._ask = {deps.say(tag, "discord.menu_ask") for tag in deps.languages}
        self._summarise = {deps.say(tag, "discord.menu_summarise") for tag in deps.languages}
        self._windows: Recent[tuple[str, str], tuple[float, tuple[Part, ...]]] = Recent(MOST_WINDOWS)

    async def close(self, seconds: float) -> None:
        """What is being told to Discord has so long to end."""
        await self._acknowledging.close(seconds)

    def take(self, raw: Json, translator: Translator, now: float) -> Taken | None:
        """Answer the interaction at once, beside; and what it is to the core. None if it is nothing to
        it. Raises `translate.MALFORMED` of what cannot be answered."""
        taken = None
        try:
            event = self._event(raw, translator, now)
            first = self._first(raw, event, translator)
            if event is not None:
                taken = event, self._asked(raw, event)
        except MALFORMED as error:
            log.warning("an interaction is passed over: %s: %s", type(error).__name__, error)
            first = self._note(raw, "discord.stale")
        self._acknowledging.tell(raw, *first)
        return taken

    async def whole(self, raw: Json, event: Event, translator: Translator) -> Event:
        """The event with the messages that it is about."""
        try:
            quotes = await self._quotes(raw, translator)
        except MALFORMED as error:
            log.warning("what an interaction is about cannot be read: %s: %s", type(error).__name__, error)
            quotes = ()
        return replace(event, parts=(*quotes, *event.parts)) if quotes else event

    def is_thanked(self, event: Event) -> bool:
        return event.kind is EventKind.BUTTON and event.data in _THANKED

    async def thank(self, raw: Json, event: Event) -> None:
        """Once it is stored, and Discord was told. Raises DiscordError and StorageError."""
        await self._tokens.of(event.id)
        body = {"content": self._deps.say(event.sender.language, "feedback.thanks"), "flags": ASIDE}
        where = {"webhook_id": raw["application_id"], "webhook_token": raw["token"]}
        await self._connection.rest.call("POST", "/webhooks/{webhook_id}/{webhook_token}", body, **where)

    def is_typing(self, raw: Json) -> bool:
        """Whether somebody types an argument: nothing is owed but a suggestion."""
        return raw.get("type") == AUTOCOMPLETE

    async def suggest(self, raw: Json, translator: Translator, now: float) -> None:
        """What an argument may be. Raises DiscordError, StorageError and `translate.MALFORMED`."""
        choices = await self._choices(reading.typed(raw, translator, now))
        path = "/interactions/{webhook_id}/{webhook_token}/callback"
        where = {"webhook_id": snowflake(raw["id"]), "webhook_token": str(raw["token"])}
        body = {"type": _CHOICES, "data": {"choices": choices}}
        await self._connection.rest.call("POST", path, body, **where)

    # what is said at once

    def _event(self, raw: Json, translator: Translator, now: float) -> Event | None:
        summary = self._deps.say(reading.language_of(raw), "discord.summarise")
        return reading.event_of(raw, translator, now, summary if _chosen(raw) in self._summarise else "")

    def _first(self, raw: Json, event: Event | None, translator: Translator) -> First:
        if _chosen(raw) in self._ask:
            return _WINDOW, self._window(raw, translator)
        if event is None:
            return self._note(raw, "access.empty" if reading.is_question(raw) else "discord.stale")
        if event.kind is EventKind.BUTTON:
            return _UPDATE_DEFERRED, {}
        text = _AT_ONCE.get(_name(event))
        return self._note(raw, text) if text else (_DEFERRED, {})

    def _note(self, raw: Json, key: str) -> First:
        """For whoever asked alone."""
        said = self._deps.say(reading.language_of(raw), key)
        return _NOTE, {"content": said, "flags": ASIDE, "allowed_mentions": {"parse": []}}

    def _asked(self, raw: Json, event: Event) -> Asked:
        return Asked(
            id=snowflake(raw["id"]),
            token=str(raw["token"]),
            application=str(raw["application_id"]),
            chat=event.address.chat,
            user=event.sender.id,
            at=event.received_at,
            deferred=raw["type"] != COMPONENT and _name(event) not in _AT_ONCE,
            outside=reading.is_outside(raw),
            language=event.sender.language,
        )

    # what a menu or a window asks

    def _window(self, raw: Json, translator: Translator) -> Json:
        """A window for a question. The message that it is about is remembered until it is written."""
        target = _target(raw)
        quote = tuple(quote_of(target, translator.me, translator.world))
        key, until = _asker(raw, target["id"]), self._deps.clock.monotonic() + WINDOW_SECONDS
        self._windows.put(key, (until, quote))
        self._deps.clock.call_later(WINDOW_SECONDS, partial(self._expire, key))
        language = reading.language_of(raw)
        text: Json = {
            "type": 4,
            "custom_id": "question",
            "style": 2,
            "label": self._deps.say(language, "discord.modal_label")[:45],
            "required": True,
            "max_length": QUESTION_LIMIT,
        }
        return {
            "custom_id": ABOUT + snowflake(target["id"]),
            "title": self._deps.say(language, "discord.modal_title")[:45],
            "components": [{"type": 1, "components": [text]}],
        }

    def _expire(self, key: tuple[str, str]) -> None:
        """Nobody writes in the window any more, unless it was opened again."""
        until, _ = self._windows.get(key) or (math.inf, ())
        if until <= self._deps.clock.monotonic():
            self._windows.forget(key)

    async def _quotes(self, raw: Json, translator: Translator) -> tuple[Part, ...]:
        if _chosen(raw) in self._summarise:
            return await self._from_here(raw, translator)
        about = reading.about(raw)
        return await self._about(raw, about, translator) if about else ()

    async def _about(self, raw: Json, about: str, translator: Translator) -> tuple[Part, ...]:
        """The message that a window was opened at; as Discord has it, if that was too long ago."""
        _, quote = self._windows.get(_asker(raw, about)) or (0.0, ())
        self._windows.forget(_asker(raw, about))
        if quote:
            return quote
        found = await self._after(raw, int(about) - 1, 1)
        return tuple(
            part
            for message in found
            if str(message["id"]) == about
            for part in quote_of(
                {"guild_id": raw.get("guild_id"), **message}, translator.me, translator.world
            )
        )

    async def _from_here(self, raw: Json, translator: Translator) -> tuple[Part, ...]:
        target = _target(raw)
        quotes, room = list[Part](), QUOTED_CHARACTERS
        for message in (target, *await self._after(raw, int(target["id"]), MOST_QUOTED)):
            said = list(_said({"guild_id": raw.get("guild_id"), **message}, translator))
            room -= sum(len(part.text) for part in said)
            if room < 0 and quotes:
                break
            quotes += said
        return tuple(quotes)

    async def _after(self, raw: Json, after: int, limit: int) -> list[Json]:
        where = {"channel_id": snowflake(raw["channel_id"]), "after": after, "limit": limit}
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                found = await self._connection.rest.call("GET", _MESSAGES, **where)
        except (DiscordError, TimeoutError) as error:
            log.info("what follows message %s cannot be read: %s", after, error)
            return []
        return sorted(found, key=lambda message: int(message["id"]))

    async def _choices(self, event: Event) -> list[Json]:
        found = await self._deps.suggest(event)
        unique = dict.fromkeys(choice for choice in found if 0 < len(choice) <= CHOICE_LIMIT)
        return [{"name": choice, "value": choice} for choice in list(unique)[:MOST_CHOICES]]


def _name(event: Event) -> str:
    """The command's name; "" if the event is none."""
    return event.data.lstrip("/").split(" ")[0] if event.kind is EventKind.COMMAND else ""


def _chosen(raw: Json) -> str:
    """The entry of a message's menu that was chosen; "" if none was."""
    data = raw.get("data") or {}
    return str(data.get("name")) if raw["type"] == COMMAND and data.get("type") == MENU else ""


def _target(raw: Json) -> Json:
    """The message that the menu belongs to."""
    data = raw["data"]
    target: Json = data["resolved"]["messages"][str(data["target_id"])]
    return {"guild_id": raw.get("guild_id"), **target}


def _asker(raw: Json, message_id: Any) -> tuple[str, str]:
    return str(reading.user_of(raw)["id"]), str(message_id)


def _said(message: Json, translator: Translator) -> Iterator[Part]:
    """A message's words: files of a long talk are named, not read."""
    for part in quote_of(message, translator.me, translator.world):
        if part.kind is PartKind.QUOTE:
            yield part
