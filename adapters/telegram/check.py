"""What Telegram says of a token, for `tertulia check`."""

from __future__ import annotations

from dataclasses import dataclass

from telegram.error import InvalidToken, TelegramError

from adapters.telegram.client import Connection
from adapters.telegram.errors import without_token
from bot.ports import Clock


@dataclass(frozen=True, slots=True)
class Found:
    """`error` is empty if the token works; `refused` if it never will. `reads_groups`: all messages of
    groups come, not only those to the bot. `webhook` and `webhook_error` are as Telegram has them."""

    username: str = ""
    error: str = ""
    refused: bool = False
    reads_groups: bool = False
    inline: bool = False
    webhook: str = ""
    webhook_error: str = ""


async def look(token: str, api_url: str, clock: Clock) -> Found:
    """Ask Telegram. Raises nothing; takes no update and changes nothing."""
    connection = Connection(token, api_url, clock)
    try:
        me = await connection.api.get_me()
        hook = await connection.api.get_webhook_info()
    except TelegramError as error:
        return Found(error=without_token(error.message), refused=isinstance(error, InvalidToken))
    finally:
        await connection.aclose()
    return Found(
        username=me.username or "",
        reads_groups=bool(me.can_read_all_group_messages),
        inline=bool(me.supports_inline_queries),
        webhook=hook.url,
        webhook_error=hook.last_error_message or "",
    )
