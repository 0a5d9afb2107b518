"""A question that is answered for good, as Discord shows it: by a forum's tag, or else a reaction.

https://discord.com/developers/docs/resources/channel#modify-channel: on somebody else's post both a tag
and closing it need the right to manage threads.
"""

from __future__ import annotations

import logging
from typing import Any

from adapters.discord.connection import Connection
from adapters.discord.errors import Refused
from adapters.discord.parts import Json
from adapters.discord.translate import INTERACTION

log = logging.getLogger(__name__)
MARK = "✅"
TAGS = frozenset(
    "solved answered resolved done closed 已解决 已解答 已回答 已解決 解決済み 해결됨 resuelto résolu gelöst"
    " resolvido risolto решено".split()
)
"""What a forum may call its tag for answered questions."""
_FORUMS, _MOST_TAGS = (15, 16), 5
_CHANNEL = "/channels/{channel_id}"


async def mark(connection: Connection, chat: str, question: str, *, close: bool) -> None:
    """Raises DiscordError; what the bot may not do is left out."""
    here = await connection.rest.call("GET", _CHANNEL, channel_id=chat)
    thread = here.get("thread_metadata")
    around = await connection.rest.call("GET", _CHANNEL, channel_id=here["parent_id"]) if thread else {}
    if thread and thread.get("archived"):
        return
    tags, closed = _tags(here, around), {"archived": True} if close and thread else {}
    if tags and await _changed(connection, chat, {"applied_tags": tags, **closed}):
        return
    await _react(connection, chat, question, around)
    if closed and not tags:
        await _changed(connection, chat, closed)


def _tags(here: Json, around: Json) -> list[str]:
    """The post's tags with the one that says that it is answered; none if there is no such tag, or no
    room for it."""
    own = [str(tag) for tag in here.get("applied_tags") or ()]
    for tag in around.get("available_tags") or ():
        if str(tag["name"]).strip().casefold() in TAGS:
            tags = list(dict.fromkeys((*own, str(tag["id"]))))
            return tags if len(tags) <= _MOST_TAGS else []
    return []


async def _changed(connection: Connection, chat: str, body: dict[str, Any]) -> bool:
    try:
        await connection.rest.call("PATCH", _CHANNEL, body, channel_id=chat)
    except Refused as error:
        log.info("%s of post %s is left as it is: %s", ", ".join(body), chat, error)
        return False
    return True


async def _react(connection: Connection, chat: str, question: str, around: Json) -> None:
    """To the question; in a forum to the message that the post begins with."""
    forum = around.get("type") in _FORUMS
    message = chat if forum else question
    if message.startswith(INTERACTION):
        return
    made_of = message == chat and not forum  # then the message stands where the thread was made
    where = str(around.get("id") or chat) if made_of else chat
    try:
        await connection.rest.add_reaction(int(where), int(message), MARK)
    except Refused as error:
        log.info("question %s is not marked: %s", message, error)
