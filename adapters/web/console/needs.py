"""What needs somebody: counts beside the menu's entries, for those who may see the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastapi import APIRouter
from starlette.responses import JSONResponse

from adapters.web.console.access import Caller
from adapters.web.console.deps import ConsoleDeps, Entry
from adapters.web.console.render import sayer
from bot.errors import StorageError

MOST = 99
"""Up to so many are counted."""
FRESH = 3.0
"""Seconds for which a count holds, however many ask."""


class Need(NamedTuple):
    """`shown` is the count, "" for none; `said` is for those who hear it."""

    shown: str
    said: str


class Needs:
    """Counts what waits for somebody, for everybody at once."""

    def __init__(self, deps: ConsoleDeps, pages: Sequence[Entry]) -> None:
        self._deps = deps
        self._pages = pages
        self._counts: Mapping[str, int] = {}
        self._at = float("-inf")

    async def look(self) -> None:
        """Count again, unless that was done just now. While the database fails, nothing is known."""
        now = self._deps.clock.monotonic()
        if now - self._at < FRESH:
            return
        self._at = now
        try:
            self._counts = await self._counted()
        except StorageError:
            self._counts = {}

    async def _counted(self) -> Mapping[str, int]:
        archive, inbox = self._deps.archive, self._deps.inbox
        found: dict[str, int] = {}
        if archive is not None:
            pressing = await archive.pressing(MOST + 1)
            found |= {"conversations": pressing["waiting"], "feedback": pressing["feedback"]}
        if inbox is not None:
            found["dead"] = await inbox.count_dead(MOST + 1)
        return found

    def changed(self) -> None:
        """Something may be otherwise than it was counted."""
        self._at = float("-inf")

    def of(self, caller: Caller) -> dict[str, Need]:
        """By the pages' keys: of those that the caller may see, what was counted last."""
        me, say = caller.account, sayer(caller.language)
        return {
            page.key: Need(shown, say(f"needs.{page.key}", count=shown or 0))
            for page in self._pages
            if page.key in self._counts and me and me.role.may(page.role)
            for shown in [_shown(self._counts[page.key])]
        }


def _shown(count: int) -> str:
    return f"{MOST}+" if count > MOST else str(count or "")


def router(needs: Needs, viewer: Caller) -> APIRouter:
    """Asked by each open page of the console, every few seconds."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/console/needs")
    async def now(caller: Caller = viewer) -> JSONResponse:
        await needs.look()
        told = {key: need._asdict() for key, need in needs.of(caller).items()}
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    return routes
