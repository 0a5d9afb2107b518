"""The pages, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from adapters.web.console.account import router as account
from adapters.web.console.accounts import router as accounts
from adapters.web.console.audit import router as audit
from adapters.web.console.deps import Entry
from adapters.web.console.site import Console
from bot.types import ConsoleRole

PAGES: tuple[tuple[Entry, Callable[[Console], APIRouter]], ...] = (
    (Entry("/console/accounts", "accounts", ConsoleRole.OWNER, "shield"), accounts),
    (Entry("/console/audit", "audit", ConsoleRole.OWNER, "list"), audit),
    (Entry("/console/account", "account", ConsoleRole.VIEWER, "person"), account),
)
