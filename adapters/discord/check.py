"""What Discord says of a token, for `tertulia check`."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.discord.connection import Connection
from adapters.discord.errors import DiscordError, Refused
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


@dataclass(frozen=True, slots=True)
class Found:
    """`error` is empty if the token works; `refused` if it never will. `message_content`: the switch
    for the text of all messages is on. `invite` is the link by which a guild lets the bot in."""

    username: str = ""
    error: str = ""
    refused: bool = False
    message_content: bool = False
    invite: str = ""


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
        )
    except DiscordError as error:
        return Found(error=str(error), refused=isinstance(error, Refused) and error.status == 401)
    except MALFORMED as error:
        return Found(error=f"what answers is not Discord: {type(error).__name__}")
    finally:
        await connection.aclose()


def invite(application: str) -> str:
    """Where an operator lets the bot into a guild."""
    scope = "bot+applications.commands"
    return f"https://discord.com/oauth2/authorize?client_id={application}&scope={scope}&permissions={PERMISSIONS}"
