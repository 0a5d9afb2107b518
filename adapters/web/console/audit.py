"""The audit log: who did what, the newest first."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from adapters.web.console.access import Login
from adapters.web.console.site import Console, Key
from bot.types import ConsoleRole

SHOWN = 50


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    owner = console.needs(ConsoleRole.OWNER)

    @pages.get("/console/audit")
    async def audit(before: Key = 0, account: str = "", login: Login = owner) -> HTMLResponse:
        entries = await console.deps.audit.listing(limit=SHOWN + 1, before=before, account_id=account)
        more = len(entries) > SHOWN
        return console.page(
            login,
            "audit.html",
            part="list",
            entries=entries[:SHOWN],
            older=entries[SHOWN - 1].id if more else 0,
            before=before,
            account=account,
            accounts=[(known.id, known.name) for known in await console.deps.accounts.listing()],
        )

    return pages
