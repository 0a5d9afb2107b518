"""Commands, buttons, menus and windows: what they ask for, and Discord's three seconds.

An interaction is stored first and acknowledged then. Windows and suggestions are asked of nobody but
this process, and are answered at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from adapters.discord import asked as reading
from adapters.discord.asked import ABOUT, AUTOCOMPLETE, COMMAND, COMPONENT, MENU, MODAL
from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import ACKNOWLEDGED, DiscordError, Flood, Unreachable, has_code
from adapters.discord.parts import Json, quote_of
from adapters.discord.render import ASIDE
from adapters.discord.tokens import Asked, Tokens
from adapters.discord.translate import MALFORMED, Translator, snowflake
from bot.types import Event, EventKind, Part, PartKind

log = logging.getLogger(__name__)
ACK_SECONDS = 3.0
FETCH_SECONDS = 1.2
"""What follows a message is asked for so long; then the summary is of that message alone."""
MOST_QUOTED, QUOTED_CHARACTERS = 100, 12_000
MOST_CHOICES, CHOICE_LIMIT, QUESTION_LIMIT = 25, 100, 2000
_PONG_MESSAGE, _DEFERRED, _UPDATE_DEFERRED, _CHOICES, _WINDOW = 4, 5, 6, 8, 9
_AT_ONCE = {"stop": "discord.stop", "retry": "discord.retry"}
"""Commands whose effect is seen elsewhere: nothing would ever take the place of "is thinking"."""
_THANKED = ("up", "down")


class Interactions:
    def __init__(self, deps: DiscordDeps, connection: Connection, tokens: Tokens) -> None:
        self._deps = deps
        self._connection = connection
        self._tokens = tokens
        self._ask = deps.say(deps.languages[0], "discord.menu_ask")
        self._summarise = deps.say(deps.languages[0], "discord.menu_summarise")

    def is_courtesy(self, raw: Json) -> bool:
        """Whether nothing is owed: to be answered now, by `please`, or not at all."""
        return raw.get("type") == AUTOCOMPLETE or self._is_menu(raw, self._ask)

    async def please(self, raw: Json, translator: Translator) -> None:
        """Suggest what an argument may be, or open the window for a question. Raises DiscordError,
        StorageError and `translate.MALFORMED`."""
        if raw["type"] == AUTOCOMPLETE:
            await self._respond(raw, _CHOICES, {"choices": await self._choices(raw["data"], raw)})
            return
        target = self._target(raw)
        quote = [[p.kind.value, p.text, p.ref, p.media_type, p.name, p.size]
                 for p in quote_of(target, translator.me, translator.world)]  # fmt: skip
        await self._tokens.keep_quote(snowflake(target["id"]), {"parts": quote})
        await self._respond(raw, _WINDOW, self._window(target, reading.language_of(raw)))

    async def event(self, raw: Json, translator: Translator, now: float) -> Event | None:
        """The interaction as an event, its token kept; None if it is none. Raises StorageError."""
        try:
            parts = await self._parts(raw, translator)
            event = reading.event_of(raw, translator, now, parts)
            if event is not None:
                await self._tokens.remember(self._asked(raw, event))
            return event
        except MALFORMED as error:
            log.warning("an interaction is passed over: %s: %s", type(error).__name__, error)
            return None

    async def acknowledge(self, raw: Json, event: Event) -> None:
        """Tell Discord, as often as three seconds allow. One that comes too late is answered in the
        channel. Raises nothing of Discord's."""
        kind, data = self._acknowledgement(raw, event)
        until = event.received_at + ACK_SECONDS
        while True:
            try:
                await self._respond(raw, kind, data)
                return await self._thank(raw, event)
            except (Flood, Unreachable) as error:
                pause = error.seconds if isinstance(error, Flood) else 0.25
                if self._deps.clock.time() + pause >= until:
                    return self._late(event, error)
                await self._deps.clock.sleep(pause)
            except DiscordError as error:
                if not has_code(error, ACKNOWLEDGED):
                    self._late(event, error)
                return

    def _late(self, event: Event, error: DiscordError) -> None:
        log.info("interaction %s is answered in its channel: %s", event.id, error)
        self._deps.telemetry.count("discord_late")
        known = self._tokens.known(event.id)
        if known is not None:
            self._tokens.over(known)

    def _acknowledgement(self, raw: Json, event: Event) -> tuple[int, Json]:
        if raw["type"] == COMPONENT:
            return _UPDATE_DEFERRED, {}
        text = _AT_ONCE.get(_name(event))
        if text is None:
            return _DEFERRED, {}
        said = self._deps.say(event.sender.language, text)
        return _PONG_MESSAGE, {"content": said, "flags": ASIDE, "allowed_mentions": {"parse": []}}

    async def _thank(self, raw: Json, event: Event) -> None:
        if event.kind is not EventKind.BUTTON or event.data not in _THANKED:
            return
        body = {"content": self._deps.say(event.sender.language, "feedback.thanks"), "flags": ASIDE}
        where = {"webhook_id": raw["application_id"], "webhook_token": raw["token"]}
        try:
            await self._connection.rest.call("POST", "/webhooks/{webhook_id}/{webhook_token}", body, **where)
        except DiscordError as error:
            log.info("a courtesy was not taken: %s", error)

    async def _respond(self, raw: Json, kind: int, data: Json) -> None:
        body = {"type": kind, **({"data": data} if data else {})}
        path = "/interactions/{webhook_id}/{webhook_token}/callback"
        where = {"webhook_id": snowflake(raw["id"]), "webhook_token": str(raw["token"])}
        await self._connection.rest.call("POST", path, body, **where)

    def _asked(self, raw: Json, event: Event) -> Asked:
        return Asked(
            id=snowflake(raw["id"]),
            token=str(raw["token"]),
            application=str(raw["application_id"]),
            chat=event.address.chat,
            user=event.sender.id,
            at=self._deps.clock.time(),
            deferred=raw["type"] != COMPONENT and _name(event) not in _AT_ONCE,
            outside=reading.is_outside(raw),
        )

    # what a menu or a window asks

    def _is_menu(self, raw: Json, name: str) -> bool:
        data = raw.get("data") or {}
        return raw.get("type") == COMMAND and data.get("type") == MENU and data.get("name") == name

    def _target(self, raw: Json) -> Json:
        """The message that the menu belongs to."""
        data = raw["data"]
        target: Json = data["resolved"]["messages"][str(data["target_id"])]
        return {"guild_id": raw.get("guild_id"), **target}

    async def _parts(self, raw: Json, translator: Translator) -> tuple[Part, ...]:
        if self._is_menu(raw, self._summarise):
            return await self._from_here(raw, translator)
        if raw.get("type") != MODAL or not str(raw["data"]["custom_id"]).startswith(ABOUT):
            return ()
        stored = await self._tokens.quote(str(raw["data"]["custom_id"]).removeprefix(ABOUT))
        question = reading.written(raw)
        return (*_restored(stored or {}), Part(text=question)) if question else ()

    async def _from_here(self, raw: Json, translator: Translator) -> tuple[Part, ...]:
        target = self._target(raw)
        quotes, room = list[Part](), QUOTED_CHARACTERS
        for message in (target, *await self._after(raw, target)):
            said = list(_said({"guild_id": raw.get("guild_id"), **message}, translator))
            room -= sum(len(part.text) for part in said)
            if room < 0 and quotes:
                break
            quotes += said
        return (*quotes, Part(text=self._deps.say(reading.language_of(raw), "discord.summarise")))

    async def _after(self, raw: Json, target: Json) -> list[Json]:
        path, after = "/channels/{channel_id}/messages", snowflake(target["id"])
        where = {"channel_id": snowflake(raw["channel_id"]), "after": after, "limit": MOST_QUOTED}
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                found = await self._connection.rest.call("GET", path, **where)
        except (DiscordError, TimeoutError) as error:
            log.info("what follows message %s cannot be read: %s", after, error)
            return []
        return sorted(found, key=lambda message: int(message["id"]))

    def _window(self, target: Json, language: str) -> Json:
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

    async def _choices(self, data: Json, raw: Json) -> list[Json]:
        name, text = str(data["name"]), reading.argument(data)
        found = await self._deps.suggest(name, text, reading.language_of(raw))
        unique = dict.fromkeys(choice for choice in found if 0 < len(choice) <= CHOICE_LIMIT)
        return [{"name": choice, "value": choice} for choice in list(unique)[:MOST_CHOICES]]


def _name(event: Event) -> str:
    """The command's name; "" if the event is none."""
    return event.data.lstrip("/").split(" ")[0] if event.kind is EventKind.COMMAND else ""


def _said(message: Json, translator: Translator) -> Iterator[Part]:
    """A message's words: files of a long talk are named, not read."""
    for part in quote_of(message, translator.me, translator.world):
        if part.kind is PartKind.QUOTE:
            yield part


def _restored(stored: dict[str, Any]) -> Iterator[Part]:
    for kind, text, ref, media_type, name, size in stored.get("parts") or ():
        yield Part(PartKind(kind), text, ref, media_type, name, size)
