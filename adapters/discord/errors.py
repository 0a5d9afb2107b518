"""What Discord's refusals mean, in one place, and how each ends.

- 429, a bucket that is used up, too many refusals -> RetryAfter: this chat waits.
- 10008 (unknown message), 50005 (another's message) -> MessageGone: it is sent anew.
- 10003, 10004, 50001, 50007, 50013, 160005, any other 403 -> ChatGone; the channel remembers it for an
  hour (unless it was a file or a reaction that lacked its right), as 10,000 refusals within ten minutes
  have the whole address banned.
- a refusal to make a thread -> the question is answered in its channel; after one that is about the
  channel, no other is asked for there for an hour (`threads`).
- 50083 (archived thread) -> it is opened again, once.
- 160002 (no reply without the right to read the history) -> sent without the reference.
- 10015, 10062, 50027 (an interaction that is over) -> an ordinary message in the channel.
- 401 -> ChannelUnavailable, and the adapter's state tells it: a token can be replaced.
- network errors, time-outs, 5xx, a page of something between -> ChannelUnavailable: it is tried again.
- any other 400 to a text with markup -> MarkupRefused: it is sent plain. 413, 40005 -> FileRefused.
- anything else -> ChannelError: a dead letter, which operators see.
"""

from __future__ import annotations

from bot.errors import (
    ChannelError,
    ChannelUnavailable,
    ChatGone,
    FileRefused,
    MarkupRefused,
    MessageGone,
    RetryAfter,
)

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, ARCHIVED = 10003, 10008, 50083
THREAD_EXISTS, ACKNOWLEDGED, NO_HISTORY, TOO_MANY_FOLLOW = 160004, 40060, 160002, 40094
NO_THREADS = 50024
_NO_ACCESS = (UNKNOWN_CHANNEL, 10004, 50001)
_CHAT = (*_NO_ACCESS, 50007, 50013, 160005)
_MESSAGE = (UNKNOWN_MESSAGE, 50005, 50021)
_OVER = (10015, 10062, 50027)
_FILE = (40005,)


class DiscordError(Exception):
    """A call was not taken. Its text holds no token."""


class Refused(DiscordError):
    """An answer other than success. `code` is Discord's own, 0 if it gave none."""

    def __init__(self, status: int, code: int, text: str) -> None:
        said = text.removeprefix(f"{status}: ")
        super().__init__(f"{status} {said}"[:300] + (f" ({code})" if code else ""))
        self.status = status
        self.code = code


class Flood(DiscordError):
    """429, or a call that would be one."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"flood control: retry after {seconds:g} s")
        self.seconds = seconds


class Unreachable(DiscordError):
    """The network failed, or Discord did: whether the call took place is not known."""


class TooLarge(DiscordError):
    """A file has more bytes than are allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the file is larger than {limit:,} bytes")


def has_code(error: DiscordError, *codes: int) -> bool:
    return isinstance(error, Refused) and error.code in codes


def is_over(error: DiscordError) -> bool:
    """The interaction takes no answer (any more)."""
    return has_code(error, *_OVER)


def closes_chat(error: DiscordError, *, extra: bool = False) -> bool:
    """The bot is shut out of the channel until somebody lets it in again. `extra`: it is a file or a
    reaction that was refused: the right to those may be all that lacks."""
    if extra:
        return has_code(error, *_NO_ACCESS)
    return isinstance(error, Refused) and not has_code(error, *_MESSAGE) and (
        error.code in _CHAT or error.status == 403
    )  # fmt: skip


def channel_error(error: DiscordError, *, markup: bool = False) -> ChannelError:
    """What the refusal is to the core. `markup`: what was sent has markup, and can be tried plain."""
    if isinstance(error, Flood):
        return RetryAfter(error.seconds)
    if isinstance(error, TooLarge):
        return FileRefused(str(error))
    if isinstance(error, Refused) and error.status != 401:
        return _refusal(error, markup)
    return ChannelUnavailable(str(error))


def _refusal(error: Refused, markup: bool) -> ChannelError:
    text = str(error)
    if error.code in _MESSAGE:
        return MessageGone(text)
    if closes_chat(error):
        return ChatGone(text)
    if error.status == 413 or error.code in _FILE:
        return FileRefused(text)
    return MarkupRefused(text) if markup and error.status == 400 else ChannelError(text)
