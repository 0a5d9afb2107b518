"""What Telegram's refusals mean, in one place, and how each ends.

- 429 -> RetryAfter: this chat waits.
- "message is not modified" -> success: it shows that already.
- a text's entities or links are refused, or any other 400 to a text with markup -> MarkupRefused:
  it is sent plain.
- "message to edit not found", "can't be edited" -> MessageGone: it is sent anew.
- a draft is refused, other than for its text -> DraftsRefused: this chat gets messages.
- blocked, kicked, deactivated, chat not found, no rights, topic closed or deleted -> ChatGone.
- the group was migrated -> the channel sends there; messages of before -> MessageGone.
- network errors, time-outs, 5xx, and a token that is not valid (any more) -> ChannelUnavailable:
  it is tried again.
- a file that is too large, or that Telegram has no more -> FileRefused.
- any other 400 -> ChannelError: a dead letter, which operators see.
"""

from __future__ import annotations

import re

from telegram.error import BadRequest, Forbidden, NetworkError, TelegramError

from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    FileRefused,
    MarkupRefused,
    MessageGone,
    RetryAfter,
)

_TOKEN = re.compile(r"\bbot\d+:[\w-]+")


def without_token(text: str) -> str:
    """Fit to be logged and shown."""
    return _TOKEN.sub("bot<token>", text)


class Flood(TelegramError):
    """429. In place of the library's RetryAfter, which cannot be made without a warning."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Flood control exceeded. Retry in {seconds:g} seconds")
        self.seconds = seconds


class TooLarge(TelegramError):
    """A file has more bytes than are allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the file is larger than {limit:,} bytes")


_MESSAGE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message_edit_time_expired",
    "there is no text in the message to edit",
    "there is no caption in the message to edit",
)
_CHAT = (
    "chat not found",
    "not enough rights",
    "have no rights to send",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_send_",
    "chat_restricted",
    "topic_closed",
    "topic_deleted",
    "message thread not found",
    "user_is_blocked",
    "peer_id_invalid",
    "user_deactivated",
    "group chat was deactivated",
    "bot is not a member",
    "business connection not found",
    "business_connection_invalid",
    "business_peer_invalid",
)
_FILE = (
    "file is too big",
    "request entity too large",
    "file must be non-empty",
    "wrong file",
    "file is temporarily unavailable",
)
_GONE = (
    "message to delete not found",
    "message can't be deleted",
    "message_id_invalid",
    "message_delete_forbidden",
)
_TEXT = (
    "can't parse entities",
    "entit",
    "text is empty",
    "text must be non-empty",
    "invalid message content",
    "is too long",
    "message_too_long",
)
_UNCHANGED = ("message is not modified", "message_not_modified")


def says(error: TelegramError, *phrases: str) -> bool:
    """Whether the refusal's text holds one of these."""
    text = error.message.lower()
    return any(phrase in text for phrase in phrases)


def is_unchanged(error: TelegramError) -> bool:
    """The message shows just this already."""
    return isinstance(error, BadRequest) and says(error, *_UNCHANGED)


def blames_text(error: TelegramError) -> bool:
    """It is this text that is refused, and not that there is one here."""
    return isinstance(error, BadRequest) and says(error, *_TEXT)


def is_deleted(error: TelegramError) -> bool:
    """The message to delete is gone, or is too old to be taken away."""
    return isinstance(error, BadRequest) and says(error, *_GONE)


def closes_chat(error: TelegramError) -> bool:
    """The bot is shut out of the whole chat until it is let in again."""
    return isinstance(error, Forbidden)


def channel_error(error: TelegramError, *, markup: bool = False) -> ChannelError:
    """What the refusal is to the core. `markup`: what was sent has markup, and can be tried plain."""
    text = without_token(error.message)[:300]
    if isinstance(error, Flood):
        return RetryAfter(error.seconds)
    if isinstance(error, TooLarge) or says(error, *_FILE):
        return FileRefused(text)
    if isinstance(error, Forbidden):
        return ChatGone(text)
    if isinstance(error, BadRequest):
        return _refusal(error, text, markup)
    return ChannelUnavailable(text if isinstance(error, NetworkError) else f"{type(error).__name__}: {text}")


def _refusal(error: BadRequest, text: str, markup: bool) -> ChannelError:
    if says(error, *_CHAT):
        return ChatGone(text)
    if says(error, *_MESSAGE):
        return MessageGone(text)
    return MarkupRefused(text) if markup else ChannelError(text)
