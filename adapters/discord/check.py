"""What Discord says of a token and its application, for `tertulia check` and at the start."""

from __future__ import annotations

import re
from dataclasses import dataclass

from adapters.discord.connection import Connection
from adapters.discord.errors import DiscordError, Flood, Refused
from adapters.discord.parts import Json
from adapters.discord.translate import MALFORMED
from bot.ports import Clock

CONTENT_ALLOWED = (1 << 18) | (1 << 19)
"""Flags of an application that may read all messages: verified ones, and those in few guilds."""
PERMISSIONS = (
    (1 << 6)  # add reactions
    | (1 << 10)  # view channels
    | (1 << 11)  # send messages
    | (1 << 14)  # embed links
    | (1 << 15)  # attach files
    | (1 << 16)  # read message history
    | (1 << 35)  # create public threads
    | (1 << 38)  # send messages in threads
)
_PERSONAL = "1"
"""The kind of installation that is a person's own; "0" is a guild's."""
_MISTAKEN = (
    (r"Bot\s.*", 'Leave out the word "Bot" before the token.'),
    (r"[0-9]{17,20}", "That is the application's ID; the bot's token is another thing."),
    (r"[0-9a-f]{64}", "That is the application's public key; the bot's token is another thing."),
    (r"[^.]{32}", "That looks like the application's client secret; the bot's token is another thing."),
    (r"[^.]*(\.[^.]*)?", "A bot's token has three parts with a dot between: something is missing."),
)
"""What is taken for the token on the portal's pages, and what to say of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """`error` is empty if the token works; `refused` if it never will; `busy` if Discord asks to wait.
    `message_content`: the switch for the text of all messages is on. `invite` is the link by which a
    guild lets the bot in, `guilds` how many did (None if Discord does not say). `personal` is the link by
    which a person takes the bot along to any chat, empty while the application's page does not allow it.
    `hurdles`: what that page has that is in the way."""

    username: str = ""
    error: str = ""
    refused: bool = False
    busy: bool = False
    message_content: bool = False
    invite: str = ""
    personal: str = ""
    guilds: int | None = None
    hurdles: tuple[str, ...] = ()


async def look(token: str, api_url: str, clock: Clock) -> Found:
    """Ask Discord. Raises nothing; changes nothing."""
    connection = Connection(token, api_url, clock)
    try:
        me = await connection.rest.call("GET", "/users/@me")
        application = await connection.rest.call("GET", "/applications/@me")
        return Found(
            username=str(me["username"]),
            message_content=bool(int(application.get("flags") or 0) & CONTENT_ALLOWED),
            invite=invite(str(application["id"])),
            personal=personal(str(application["id"])) if is_personal(application) else "",
            guilds=application.get("approximate_guild_count"),
            hurdles=hurdles(application),
        )
    except Flood as error:
        return Found(error=f"wait {error.seconds:.0f} s before the next call", busy=True)
    except DiscordError as error:
        return Found(error=str(error), refused=isinstance(error, Refused) and error.status == 401)
    except MALFORMED as error:
        return Found(error=f"what answers is not Discord: {type(error).__name__}")
    finally:
        await connection.aclose()


def hurdles(application: Json) -> tuple[str, ...]:
    """What to change on the application's page, as the bot cannot work with it."""
    found = []
    if application.get("bot_require_code_grant"):
        found.append(
            'Switch off "Requires OAuth2 Code Grant" on its page "Bot": with it no server lets it in.'
        )
    if application.get("interactions_endpoint_url"):
        found.append(
            'Empty "Interactions Endpoint URL" on its page "General Information": with it commands and '
            "buttons do not come here."
        )
    return tuple(found)


def is_personal(application: Json) -> bool:
    """Whether people may install it for themselves. Raises `translate.MALFORMED`."""
    return _PERSONAL in (application.get("integration_types_config") or {})


def mistaken(token: str) -> str:
    """What somebody seems to have taken for the token; "" if it looks like one."""
    return next((words for shape, words in _MISTAKEN if re.fullmatch(shape, token)), "")


def invite(application: str) -> str:
    """Where an operator lets the bot into a guild."""
    scope = "bot+applications.commands"
    return f"https://discord.com/oauth2/authorize?client_id={application}&scope={scope}&permissions={PERMISSIONS}"


def personal(application: str) -> str:
    """Where a person installs the bot for themselves."""
    scope = "applications.commands"
    return f"https://discord.com/oauth2/authorize?client_id={application}&scope={scope}&integration_type={_PERSONAL}"
