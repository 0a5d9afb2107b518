"""All that is stored, to take away: one archive of the database and people's files. For owners."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.site import Console
from adapters.web.download import Download, Taking
from bot.errors import StorageError
from bot.types import ConsoleRole

HERE = "/console/backup"


class Desk:
    """Where one backup at a time is handed out: each takes the room of all that is stored."""

    def __init__(self) -> None:
        self._account = ""
        self._sending: Taking | None = None
        self._gone = asyncio.Event()
        self._gone.set()

    async def enter(self, until: AsyncExitStack, account: str) -> Taking | None:
        """How the backup will be taken, until `until` is left; None where another is under way. One that
        is sent to the same account already ends: nobody waits for a download that they have given up."""
        if self._sending is not None and self._account == account:
            self._sending.end()
            await self._gone.wait()
        if not self._gone.is_set():
            return None
        self._gone.clear()
        self._account = account
        until.callback(self._leave)
        return Taking()

    def send(self, taking: Taking) -> None:
        """It is made, and goes out from here on."""
        self._sending = taking

    def _leave(self) -> None:
        self._sending = None
        self._gone.set()


def there(deps: ConsoleDeps) -> bool:
    return deps.backup is not None


def router(console: Console) -> APIRouter:
    pages, owner, backup = (
        APIRouter(include_in_schema=False),
        console.needs(ConsoleRole.OWNER),
        console.deps.backup,
    )
    assert backup is not None
    desk = Desk()

    async def page(login: Login, status: int = 200, problem: str = "", why: str = "") -> Response:
        assert backup is not None
        size = await backup.size()
        return console.page(login, "backup.html", status=status, size=size, problem=problem, why=why)

    @pages.get(HERE)
    async def about(login: Login = owner) -> Response:
        return await page(login)

    @pages.post(HERE)
    async def download(login: Login = owner) -> Response:
        async with AsyncExitStack() as stack:
            taking = await desk.enter(stack, login.account.id)
            if taking is None:
                return await page(login, 409, "backup.busy")
            try:
                path = await stack.enter_async_context(backup.copy())
            except StorageError as error:
                return await page(login, 503, "backup.failed", str(error))
            await console.note(login, "backup.download", detail=f"{path.stat().st_size:,} bytes")
            now = datetime.fromtimestamp(console.deps.clock.time(), UTC)
            name = f"tertulia-{now:%Y%m%d-%H%M%S}.tar"
            headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
            pieces = await stack.enter_async_context(aclosing(backup.pack(path)))
            desk.send(taking)
            return Download(
                pieces,
                media_type="application/x-tar",
                headers=headers,
                until=stack.pop_all(),
                taking=taking,
            )

    return pages
