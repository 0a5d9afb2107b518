"""Discord's three seconds: an interaction is answered at once, beside all else.

That says "thinking…" and no more: nothing is promised by it. The interaction is being stored meanwhile,
usually before Discord has the word. A crash in between (the milliseconds of one write to the database;
as long as the database cannot be used, if that is so) leaves an interaction that is never answered: after
fifteen minutes Discord says so to whoever asked, and they ask again.
"""

from __future__ import annotations

import asyncio
import logging

from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import ACKNOWLEDGED, DiscordError, Flood, Unreachable, has_code
from adapters.discord.parts import Json
from adapters.discord.tokens import Tokens
from adapters.discord.translate import snowflake

log = logging.getLogger(__name__)
ACK_SECONDS = 3.0
AT_ONCE = 64


class Acknowledging:
    """Methods raise nothing of Discord's."""

    def __init__(self, deps: DiscordDeps, connection: Connection, tokens: Tokens) -> None:
        self._deps = deps
        self._connection = connection
        self._tokens = tokens
        self._few = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, raw: Json, kind: int, data: Json) -> None:
        """Answer the interaction beside, as often as three seconds allow. What is said to it later
        waits until then (`Tokens.of`). Raises `translate.MALFORMED` of what is no interaction."""
        number, until = snowflake(raw["id"]), self._deps.clock.time() + ACK_SECONDS
        where = {"webhook_id": number, "webhook_token": str(raw["token"])}
        body = {"type": kind, **({"data": data} if data else {})}
        task = asyncio.create_task(self._tell(number, where, body, until))
        self._tokens.wait_for(number, task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, seconds: float) -> None:
        """Those under way have so long to end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        left = [*self._tasks]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _tell(self, number: str, where: dict[str, str], body: Json, until: float) -> None:
        async with self._few:
            error = await self._try(where, body, until)
        if error is None or has_code(error, ACKNOWLEDGED):
            return
        log.info("interaction %s is answered in its channel: %s", number, error)
        self._deps.telemetry.count("discord_late")
        if not isinstance(error, Unreachable):  # else it may have been taken
            self._tokens.end(number)

    async def _try(self, where: dict[str, str], body: Json, until: float) -> DiscordError | None:
        """What stood in the way to the end, if anything did; Unreachable if it may have been taken."""
        clock, stood = self._deps.clock, list[DiscordError]()
        pause = 0.0
        while clock.time() + pause < until:
            await clock.sleep(pause)
            try:
                async with asyncio.timeout(ACK_SECONDS):
                    await self._call(where, body)
                    return None
            except (Flood, Unreachable, TimeoutError) as error:
                pause = error.seconds if isinstance(error, Flood) else 0.25
                stood.append(error if isinstance(error, Flood) else Unreachable(str(error)))
            except DiscordError as error:
                return error
        return next((e for e in stood if isinstance(e, Unreachable)), Flood(pause))

    async def _call(self, where: dict[str, str], body: Json) -> None:
        path = "/interactions/{webhook_id}/{webhook_token}/callback"
        await self._connection.rest.call("POST", path, body, **where)
