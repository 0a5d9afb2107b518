"""Interactions as events. Pure. https://discord.com/developers/docs/interactions/receiving-and-responding"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.discord.parts import Json
from adapters.discord.translate import INTERACTION, Translator, snowflake
from adapters.discord.world import ADMINISTRATOR
from bot.types import Event, EventKind, Part

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
"""Types of interactions."""
SLASH, MENU = 1, 3
"""Types of commands: written, or chosen from a message's menu."""
ASK, TEXT, ABOUT = "ask", "text", "about:"
"""The command that is a question, every command's argument, what begins a question window's id."""
VIEW_CHANNEL, SEND_MESSAGES, SEND_IN_THREADS = 1 << 10, 1 << 11, 1 << 38
_IN_GUILD, _IN_PRIVATE = 0, 2
_THREADS = (10, 11, 12)


def event_of(raw: Json, translator: Translator, now: float, parts: tuple[Part, ...] = ()) -> Event | None:
    """What the interaction is to the core; None if it is nothing to it. `parts`: of a message that a
    menu or a window stands for. Raises `translate.MALFORMED`."""
    data, kind = raw.get("data") or {}, raw["type"]
    if kind == COMPONENT:
        message_id = snowflake(raw["message"]["id"])
        pressed = str(data["custom_id"])
        return _event(raw, translator, now, EventKind.BUTTON, data=pressed, message_id=message_id)
    if parts:
        return _event(raw, translator, now, EventKind.MESSAGE, parts=parts)
    if kind != COMMAND or data.get("type", SLASH) != SLASH:
        return None
    name, text = str(data["name"]), argument(data)
    if name == ASK:
        return _event(raw, translator, now, EventKind.MESSAGE, parts=(Part(text=text),)) if text else None
    return _event(raw, translator, now, EventKind.COMMAND, data=f"/{name} {text}".strip())


def _event(
    raw: Json,
    translator: Translator,
    now: float,
    kind: EventKind,
    *,
    parts: tuple[Part, ...] = (),
    data: str = "",
    message_id: str = "",
) -> Event:
    guild, member = str(raw.get("guild_id") or ""), raw.get("member")
    own = INTERACTION + snowflake(raw["id"])
    return Event(
        id=own,
        kind=kind,
        address=translator.at(snowflake(raw["channel_id"])),
        sender=translator.sender(user_of(raw), member, guild, snowflake(raw["channel_id"]), language_of(raw)),
        parts=parts,
        message_id=message_id or own,
        reply_to=own if message_id else "",
        data=data,
        within=translator.within(guild, snowflake(raw["channel_id"])),
        private=not guild and raw.get("context") != _IN_PRIVATE,
        received_at=now,
    )


def user_of(raw: Json) -> Json:
    user: Json = (raw.get("member") or {}).get("user") or raw["user"]
    return user


def language_of(raw: Json) -> str:
    return str(raw.get("locale") or "")


def argument(data: Json) -> str:
    """What was written as the command's argument."""
    found = [option.get("value") for option in data.get("options") or () if option.get("name") == TEXT]
    return str(found[0] or "").strip() if found else ""


def written(raw: Json) -> str:
    """What was written in a window."""
    return next((str(value) for value in _values(raw["data"].get("components")) if value), "").strip()


def _values(components: Any) -> Iterator[Any]:
    for component in components or ():
        yield component.get("value")
        yield from _values(component.get("components"))
        yield from _values([component["component"]] if component.get("component") else ())


def is_outside(raw: Json) -> bool:
    """Whether the bot can reach the chat only as an answer: it is not in it, or may not write there."""
    if raw.get("context") == _IN_PRIVATE:
        return True
    if not raw.get("guild_id"):
        return False
    if str(_IN_GUILD) not in (raw.get("authorizing_integration_owners") or {str(_IN_GUILD): ""}):
        return True
    rights = int(raw.get("app_permissions") or ADMINISTRATOR)
    thread = (raw.get("channel") or {}).get("type") in _THREADS
    needed = VIEW_CHANNEL | (SEND_IN_THREADS if thread else SEND_MESSAGES)
    return not rights & ADMINISTRATOR and rights & needed != needed
