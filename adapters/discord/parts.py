"""What a Discord message holds, as parts: words first, then files by reference. Pure.

Messages are taken as Discord sends them: the library's objects cannot be made of every payload, and
cost more than all the rest of the intake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.discord.text import Naming, readable
from adapters.discord.world import Me, World
from bot.types import Part, PartKind

Json = dict[str, Any]
QUOTE_LIMIT = 2000
"""Longest quote, in characters."""
_FORWARD = 1


def naming_of(message: Json, me: Me, world: World) -> Naming:
    """Whom and what the message's text may name."""
    users = {str(user["id"]): name_of(user, user.get("member")) for user in message.get("mentions") or ()}
    return Naming(me, world, str(message.get("guild_id") or ""), users)


def name_of(user: Json, member: Json | None = None) -> str:
    """As others see it: the name in the guild, the chosen one, or the account's."""
    nick = (member or {}).get("nick")
    return str(nick or user.get("global_name") or user.get("username") or "")


def parts_of(message: Json, me: Me, world: World, *, strip: bool) -> tuple[Part, ...]:
    """All of the message. `strip`: without mentions of the bot at the beginning and the end."""
    naming = naming_of(message, me, world)
    own = readable(str(message.get("content") or ""), naming, strip=strip)
    said = [Part(text=own)] if own.strip() else []
    return (*_quoted(message, me, world), *said, *_forwarded(message, me, world), *contents(message))


def contents(message: Json) -> Iterator[Part]:
    """What a message holds beside its words."""
    for file in message.get("attachments") or ():
        yield attachment(file)
    for sticker in message.get("sticker_items") or ():
        yield Part(text=f"[sticker {sticker.get('name') or ''}]")
    if poll := message.get("poll"):
        yield Part(text=_poll(poll))


def attachment(file: Json) -> Part:
    media_type = str(file.get("content_type") or "application/octet-stream").split(";")[0].strip()
    return Part(
        _KINDS.get(media_type.split("/")[0], PartKind.FILE),
        ref=str(file["url"]),
        media_type=media_type,
        name=str(file.get("filename") or ""),
        size=int(file.get("size") or 0),
    )


_KINDS = {"image": PartKind.IMAGE, "audio": PartKind.AUDIO}


def quote_of(message: Json, me: Me, world: World) -> Iterator[Part]:
    """The message as a quote, and its files."""
    author = name_of(message.get("author") or {}, message.get("member"))
    inside = [*_forwarded(message, me, world), *contents(message)]
    naming = naming_of(message, me, world)
    text = readable(str(message.get("content") or ""), naming) or "\n".join(map(_in_words, inside))
    if text:
        yield Part(PartKind.QUOTE, text=clipped(text), name=author)
    yield from (part for part in inside if part.ref)


def clipped(text: str) -> str:
    return text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 1] + "…"


def _in_words(part: Part) -> str:
    return part.text or f"[{part.name or part.kind.value}]"


def _quoted(message: Json, me: Me, world: World) -> Iterator[Part]:
    """What the message replies to; the bot's own messages are in the history."""
    earlier = replied(message)
    if earlier is not None and str((earlier.get("author") or {}).get("id")) != me.id:
        yield from quote_of({"guild_id": message.get("guild_id"), **earlier}, me, world)


def replied(message: Json) -> Json | None:
    """The message that this one answers; None if there is none, or if it was deleted."""
    earlier = message.get("referenced_message")
    return earlier if isinstance(earlier, dict) else None


def _forwarded(message: Json, me: Me, world: World) -> Iterator[Part]:
    """Discord does not say who wrote a forwarded message, only where it was."""
    reference = message.get("message_reference") or {}
    if reference.get("type") != _FORWARD:
        return
    channel = str(reference.get("channel_id") or "")
    name = world.channel(str(reference.get("guild_id") or ""), channel)
    for snapshot in message.get("message_snapshots") or ():
        inner = snapshot.get("message") or {}
        text = readable(str(inner.get("content") or ""), naming_of(inner, me, world))
        if text.strip():
            yield Part(text=text, name=f"#{name}" if name else "another chat")
        yield from contents(inner)


def _poll(poll: Json) -> str:
    answers = [(answer.get("poll_media") or {}).get("text") for answer in poll.get("answers") or ()]
    question = (poll.get("question") or {}).get("text")
    return f"[poll {' | '.join(str(text) for text in (question, *answers) if text)}]"
