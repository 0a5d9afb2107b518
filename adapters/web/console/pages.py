"""The pages, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from adapters.web.console import (
    backup,
    conversations,
    dead,
    feedback,
    invites,
    people,
    personas,
    places,
    plugins,
    settings,
)
from adapters.web.console.account import router as account
from adapters.web.console.accounts import router as accounts
from adapters.web.console.audit import router as audit
from adapters.web.console.deps import ConsoleDeps, Entry
from adapters.web.console.models import router as models
from adapters.web.console.overview import router as overview
from adapters.web.console.platforms import router as platforms
from adapters.web.console.site import Console
from bot.types import ConsoleRole


def _overview(deps: ConsoleDeps) -> bool:
    return deps.watch is not None


def _platforms(deps: ConsoleDeps) -> bool:
    return deps.platforms is not None


def _models(deps: ConsoleDeps) -> bool:
    return deps.servers is not None


PAGES: tuple[tuple[Entry, Callable[[Console], APIRouter]], ...] = (
    (Entry("/console/overview", "overview", ConsoleRole.VIEWER, "chart", _overview), overview),
    (
        Entry("/console/conversations", "conversations", ConsoleRole.OPERATOR, "chat", conversations.there),
        conversations.router,
    ),
    (Entry("/console/feedback", "feedback", ConsoleRole.OPERATOR, "inbox", feedback.there), feedback.router),
    (Entry("/console/people", "people", ConsoleRole.OPERATOR, "people", people.there), people.router),
    (Entry("/console/invites", "invites", ConsoleRole.OPERATOR, "ticket", invites.there), invites.router),
    (Entry("/console/places", "places", ConsoleRole.OPERATOR, "home", places.there), places.router),
    (Entry("/console/dead", "dead", ConsoleRole.OPERATOR, "warning", dead.there), dead.router),
    (Entry("/console/platforms", "platforms", ConsoleRole.VIEWER, "plug", _platforms), platforms),
    (Entry("/console/models", "models", ConsoleRole.VIEWER, "model", _models), models),
    (Entry("/console/personas", "personas", ConsoleRole.VIEWER, "mask", personas.there), personas.router),
    (Entry("/console/plugins", "plugins", ConsoleRole.VIEWER, "puzzle", plugins.there), plugins.router),
    (Entry("/console/settings", "settings", ConsoleRole.OWNER, "gear", settings.there), settings.router),
    (Entry("/console/backup", "backup", ConsoleRole.OWNER, "download", backup.there), backup.router),
    (Entry("/console/accounts", "accounts", ConsoleRole.OWNER, "shield"), accounts),
    (Entry("/console/audit", "audit", ConsoleRole.OWNER, "list"), audit),
    (Entry("/console/account", "account", ConsoleRole.VIEWER, "person"), account),
)
