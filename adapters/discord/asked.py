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


def event_of(raw: Json, translator: Translator, now: float, question: str = "") -> Event | None:
    """What the interaction is to the core; None if it is nothing to it. `question`: what a menu stands
    for. Raises `translate.MALFORMED`."""
    data, kind = raw.get("data") or {}, raw["type"]
    if kind == COMPONENT:
        message_id = snowflake(raw["message"]["id"])
        pressed = str(data["custom_id"])
        return _event(raw, translator, now, EventKind.BUTTON, data=pressed, message_id=message_id)
    if is_written(raw) and data["name"] != ASK:
        command = f"/{data['name']} {argument(data)}".strip()
        return _event(raw, translator, now, EventKind.COMMAND, data=command)
    if is_question(raw):
        question = argument(data) if is_written(raw) else written(raw)
    parts = (Part(text=question),)
    return _event(raw, translator, now, EventKind.MESSAGE, parts=parts) if question else None


def typed(raw: Json, translator: Translator, now: float) -> Event:
    """A command whose argument is being typed. Raises `translate.MALFORMED`."""
    command = f"/{raw['data']['name']} {argument(raw['data'])}"
    return _event(raw, translator, now, EventKind.COMMAND, data=command)


def is_written(raw: Json) -> bool:
    """Whether it is a command that was written, not chosen from a menu."""
    kind: int = (raw.get("data") or {}).get("type", SLASH)
    return (raw["type"], kind) == (COMMAND, SLASH)


def is_question(raw: Json) -> bool:
    """Whether somebody asks in their own words: by the command for it, or in a window."""
    data = raw.get("data") or {}
    return (is_written(raw) and data["name"] == ASK) or about(raw) != ""


def about(raw: Json) -> str:
    """The id of the message that the window's question is about; "" for what is no such window."""
    known = str((raw.get("data") or {}).get("custom_id") or "") if raw["type"] == MODAL else ""
    return known.removeprefix(ABOUT) if known.startswith(ABOUT) else ""


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
        names=translator.names(guild, snowflake(raw["channel_id"])),
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
