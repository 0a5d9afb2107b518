"""Updates that are brought to the bot instead of fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.simulators.telegram.faults import Weather
from tests.simulators.telegram.news import News
from tests.simulators.telegram.updates import Updates

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
LONGEST_PAUSE = 60.0


class Webhook:
    """Brings each update until it is taken with 2xx, `pause` seconds after the first failure and longer
    after each further one. Updates of one chat come one after another, others side by side."""

    def __init__(
        self, updates: Updates, news: News, weather: Weather, date: Callable[[], int], pause: float
    ) -> None:
        self._updates, self._news, self._weather = updates, news, weather
        self._date, self._pause = date, pause
        self.url = ""
        self.secret = ""
        self.connections = 40
        self.certificate = False
        self.last_error = ""
        self.last_error_date = 0
        self.may_set_at = 0.0
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._running: asyncio.Task[None] | None = None

    async def start(self, url: str, secret: str, connections: int) -> None:
        await self.stop()
        self.url, self.secret, self.connections = url, secret, connections
        self.last_error, self.last_error_date = "", 0
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Bring nothing more; what was not taken waits."""
        self.url = ""
        tasks = [*self._lanes.values(), *([self._running] if self._running else [])]
        self._lanes.clear()
        self._running = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        updates = self._updates
        async with ClientSession(timeout=ClientTimeout(total=60)) as session:
            while True:
                updates.arrived.clear()
                for update in [*updates.again, *updates.pending.values()]:
                    lane = _lane(update)
                    if self._weather.outage or len(self._lanes) >= self.connections:
                        break
                    if lane not in self._lanes:
                        self._lanes[lane] = asyncio.create_task(self._bring(session, lane, update))
                await updates.arrived.wait()

    async def _bring(self, session: ClientSession, lane: int, update: dict[str, Any]) -> None:
        pause = self._pause
        while True:
            error, wait = await self._post(session, update)
            if not error:
                break
            self.last_error, self.last_error_date = error, self._date()
            self._news.tell()
            await asyncio.sleep(wait or pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self._updates.take(update)
        self._lanes.pop(lane, None)
        self._updates.arrived.set()
        self._news.tell()

    async def _post(self, session: ClientSession, update: dict[str, Any]) -> tuple[str, float]:
        """What went wrong, if anything, and the pause that the bot asked for."""
        headers = {SECRET_HEADER: self.secret} if self.secret else {}
        try:
            async with session.post(self.url, json=update, headers=headers) as answer:
                if 200 <= answer.status < 300:
                    return "", 0.0
                wait = answer.headers.get("Retry-After", "0")
                reason = f"Wrong response from the webhook: {answer.status} {answer.reason}"
                return reason, float(wait) if wait.isdigit() else 0.0
        except (ClientError, TimeoutError) as error:
            return "Connection refused" if "connect" in str(error).lower() else f"Read error: {error}", 0.0


def _lane(update: dict[str, Any]) -> int:
    """Whose updates must keep their order."""
    what: Any = next((v for k, v in update.items() if k != "update_id"), None)
    if not isinstance(what, dict):
        return 0
    about = what.get("chat") or what.get("message", {}).get("chat") or what.get("from") or {}
    return int(about.get("id", 0))
