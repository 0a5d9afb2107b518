"""What a Telegram message holds, as parts: words first, then media by reference. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from telegram import (
    Chat,
    ExternalReplyInfo,
    Message,
    MessageEntity,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    PhotoSize,
    Poll,
)

from adapters.telegram.text import Me, Text, readable
from bot.types import Part, PartKind

QUOTE_LIMIT = 2000
"""Longest quote, in characters: what was replied to may be a whole answer."""


def words(message: Message) -> tuple[Text, Sequence[MessageEntity]] | None:
    """The message's text or caption with its entities; None if it has neither."""
    if message.text is not None:
        return Text(message.text), message.entities
    if message.caption is not None:
        return Text(message.caption), message.caption_entities
    return None


def parts_of(message: Message, me: Me, *, strip: bool) -> tuple[Part, ...]:
    """All of the message; nothing for a service message. `strip`: without mentions of the bot
    at the beginning and the end."""
    return (*quoted(message, me), *own_words(message, me, strip=strip), *contents(message))


def own_words(message: Message, me: Me, *, strip: bool) -> Iterator[Part]:
    found = words(message)
    if found is not None:
        text = readable(*found, without=me if strip else None)
        author = _origin(message.forward_origin) if message.forward_origin else ""
        if text:
            yield Part(text=text, name=author)


def contents(message: Message | ExternalReplyInfo) -> Iterator[Part]:
    """What a message holds beside its words."""
    yield from _media(message)
    yield from _described(message)


def _media(message: Message | ExternalReplyInfo) -> Iterator[Part]:
    photo = message.photo or (message.live_photo.photo if message.live_photo else ())
    if photo:
        largest = max(photo, key=_area)
        yield Part(PartKind.IMAGE, ref=largest.file_id, media_type="image/jpeg", size=largest.file_size or 0)
    if voice := message.voice:
        media_type = voice.mime_type or "audio/ogg"
        yield Part(PartKind.AUDIO, ref=voice.file_id, media_type=media_type, size=voice.file_size or 0)
    if note := message.video_note:
        yield Part(PartKind.FILE, ref=note.file_id, media_type="video/mp4", size=note.file_size or 0)
    for kind, file, media_type in (
        (PartKind.AUDIO, message.audio, "audio/mpeg"),
        (PartKind.FILE, message.video, "video/mp4"),
        (PartKind.FILE, message.animation or message.document, "application/octet-stream"),
    ):
        if file is not None:
            yield Part(
                kind,
                ref=file.file_id,
                media_type=file.mime_type or media_type,
                name=file.file_name or "",
                size=file.file_size or 0,
            )


def _area(photo: PhotoSize) -> int:
    return photo.width * photo.height


def _described(message: Message | ExternalReplyInfo) -> Iterator[Part]:
    """What has no words and no file of its own, in words."""
    if message.sticker:
        yield Part(text=message.sticker.emoji or "[sticker]")
    if venue := message.venue:
        place = f"{venue.location.latitude:.6g}, {venue.location.longitude:.6g}"
        yield Part(text=f"[venue {venue.title}, {venue.address}, {place}]")
    elif location := message.location:
        yield Part(text=f"[location {location.latitude:.6g}, {location.longitude:.6g}]")
    if contact := message.contact:
        name = " ".join(filter(None, (contact.first_name, contact.last_name)))
        yield Part(text=f"[contact {name}, {contact.phone_number}]")
    if message.poll:
        yield Part(text=_poll(message.poll))
    if dice := message.dice:
        yield Part(text=f"[dice {dice.emoji} {dice.value}]")
    if checklist := message.checklist:
        yield Part(text=f"[checklist {checklist.title}: {' | '.join(t.text for t in checklist.tasks)}]")


def _poll(poll: Poll) -> str:
    return f"[poll {poll.question} {' | '.join(option.text for option in poll.options)}]"


# what the message replies to


def replied(message: Message) -> Message | None:
    """The message that this one answers. In a topic every message points to the topic's first
    one: that is no answer."""
    earlier = message.reply_to_message
    if earlier is None or earlier.forum_topic_created is not None:
        return None
    return None if message.is_topic_message and earlier.message_id == message.message_thread_id else earlier


def quoted(message: Message, me: Me) -> Iterator[Part]:
    """What the message replies to, before its own words. Of the bot's own messages only what the
    person chose from them: the rest is in the history."""
    earlier, outside = replied(message), message.external_reply
    chosen = message.quote.text if message.quote else ""
    if earlier is not None:
        own = earlier.from_user is not None and earlier.from_user.id == me.id
        if own and not (message.quote and message.quote.is_manual):
            return
        found = words(earlier)
        yield from _quote(chosen or (readable(*found) if found else ""), author(earlier), earlier, own=own)
    elif outside is not None:
        yield from _quote(chosen, _origin(outside.origin), outside)


def _quote(text: str, name: str, source: Message | ExternalReplyInfo, *, own: bool = False) -> Iterator[Part]:
    inside = [] if own else list(contents(source))
    text = text or "\n".join(part.text or f"[{_kind(part)}]" for part in inside)
    if text:
        yield Part(PartKind.QUOTE, text=_clipped(text), name=name)
    yield from (part for part in inside if part.kind is not PartKind.TEXT)


def _kind(part: Part) -> str:
    name = {PartKind.IMAGE: "photo", PartKind.AUDIO: "audio"}.get(part.kind, "file")
    return f"{name} {part.name}" if part.name else name


def _clipped(text: str) -> str:
    return text if len(text) <= QUOTE_LIMIT else text[: QUOTE_LIMIT - 1] + "…"


def author(message: Message) -> str:
    """Who wrote a message, by name."""
    if message.sender_chat is not None:
        return chat_name(message.sender_chat)
    return message.from_user.full_name if message.from_user else chat_name(message.chat)


def chat_name(chat: Chat) -> str:
    return chat.title or chat.full_name or ""


def _origin(origin: MessageOrigin) -> str:
    if isinstance(origin, MessageOriginUser):
        return origin.sender_user.full_name
    if isinstance(origin, MessageOriginHiddenUser):
        return origin.sender_user_name
    if isinstance(origin, MessageOriginChat):
        return chat_name(origin.sender_chat)
    return chat_name(origin.chat) if isinstance(origin, MessageOriginChannel) else ""
