"""Finds what an earlier attempt has sent, once Discord no longer knows its nonce.

Discord knows a nonce again for "the past few minutes", and tells it seldom of a message that is read
again. So what follows the question (or the part before) is looked through: the message is the bot's own, no
answer to an interaction, replies to what this one would reply to, and has the mark of its key. A message
without buttons has no mark, and is known by its words, as what was sent and not yet noted was never
edited: the same, or the beginning of the same.
"""

from __future__ import annotations

from adapters.discord.connection import Connection
from adapters.discord.parts import Json
from adapters.discord.render import mark_of, nonce_of
from adapters.discord.world import moment
from bot.ports import Clock

NONCE_SECONDS = 120.0
"""What is younger is known by its nonce."""
PAGE, MOST_PAGES = 100, 20


class Earlier:
    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def find(
        self, account: str, chat: str, after: str, key: str, body: Json, file: tuple[str, bytes] | None
    ) -> str:
        """The message that was sent for `key` since the message (or interaction) `after`; "" if there is
        none. Raises DiscordError."""
        if self._clock.time() - moment(after) < NONCE_SECONDS:
            return ""
        for _ in range(MOST_PAGES):
            page = await self._page(chat, after)
            for message in page:
                if str(message["author"]["id"]) == account and is_earlier(message, key, body, file):
                    return str(message["id"])
            if len(page) < PAGE:
                break
            after = str(page[-1]["id"])
        return ""

    async def _page(self, chat: str, after: str) -> list[Json]:
        """Oldest first. A limit is waited for: to begin anew after it would lead to no end."""
        rest = self._connection.rest
        path, where = "/channels/{channel_id}/messages", {"channel_id": chat, "after": after, "limit": PAGE}
        found = await rest.patiently(lambda: rest.call("GET", path, **where))
        return sorted(found or (), key=lambda message: int(message["id"]))


def is_earlier(message: Json, key: str, body: Json, file: tuple[str, bytes] | None) -> bool:
    """Whether this message of the bot's was sent for `key`, with an earlier state of this body."""
    reference = str((message.get("message_reference") or {}).get("message_id") or "")
    expected = str((body.get("message_reference") or {}).get("message_id") or "")
    if message.get("webhook_id") or reference not in ("", expected):
        return False
    if nonce := message.get("nonce"):
        return str(nonce) == nonce_of(key)
    rows = message.get("components") or ()
    if rows and rows[0].get("id") == mark_of(key):
        return True
    sizes = [attached.get("size") for attached in message.get("attachments") or ()]  # names are changed there
    if sizes != ([len(file[1])] if file is not None else []):
        return False
    old, new = (str(text or "").strip() for text in (message.get("content"), body["content"]))
    return old == new or bool(old and new and (new.startswith(old) or old.startswith(new)))
