"""All that is stored, to take away: one SQLite file. For owners."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.site import Console
from bot.errors import StorageError
from bot.types import ConsoleRole

HERE = "/console/backup"


class Lent(FileResponse):
    """A file that is there until it was sent, or nobody takes it any more."""

    def __init__(self, path: Path, name: str, until: AsyncExitStack) -> None:
        super().__init__(path, filename=name, media_type="application/vnd.sqlite3")
        self.headers["Cache-Control"] = "no-store"
        self._until = until

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._until:
            await super().__call__(scope, receive, send)


def there(deps: ConsoleDeps) -> bool:
    return deps.backup is not None


def router(console: Console) -> APIRouter:
    pages, owner, backup = (
        APIRouter(include_in_schema=False),
        console.needs(ConsoleRole.OWNER),
        console.deps.backup,
    )
    assert backup is not None
    under_way: set[str] = set()

    async def page(login: Login, status: int = 200, problem: str = "", why: str = "") -> Response:
        assert backup is not None
        size = await backup.size()
        return console.page(login, "backup.html", status=status, size=size, problem=problem, why=why)

    @pages.get(HERE)
    async def about(login: Login = owner) -> Response:
        return await page(login)

    @pages.post(HERE)
    async def download(login: Login = owner) -> Response:
        """One at a time: each takes the room of all that is stored."""
        if under_way:
            return await page(login, 409, "backup.busy")
        under_way.add(login.session.id)
        async with AsyncExitStack() as stack:
            stack.callback(under_way.clear)
            try:
                path = await stack.enter_async_context(backup.copy())
            except StorageError as error:
                return await page(login, 503, "backup.failed", str(error))
            await console.note(login, "backup.download", detail=f"{path.stat().st_size:,} bytes")
            now = datetime.fromtimestamp(console.deps.clock.time(), UTC)
            return Lent(path, f"tertulia-{now:%Y%m%d-%H%M%S}.db", stack.pop_all())

    return pages
