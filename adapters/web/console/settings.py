"""The settings in force, and where each came from. For owners; nothing is changed here."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.site import Console
from adapters.web.languages import shelf
from bot.types import ConsoleRole, Origin, SettingInForce

HERE = "/console/settings"
GROUPS = ("service", "model", "sampling", "access", "telegram", "discord", "web", "plugins")
_ACCESS = ("access", "rate_limit", "max_input", "takeover_idle")
_MODEL = (
    "cache_salt",
    "system_prompt",
    "personas",
    "prompt_budget",
    "summaries",
    "max_answer",
    "first_chunk_timeout",
    "stall_timeout",
    "turn_timeout",
)


def there(deps: ConsoleDeps) -> bool:
    return deps.settings is not None


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    owner, in_force = console.needs(ConsoleRole.OWNER), console.deps.settings
    assert in_force is not None

    @pages.get(HERE)
    async def settings(
        login: Login = owner,
        q: Annotated[str, Query(max_length=200)] = "",
        changed: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        told = shelf().described(login.language)
        every = [replace(s, description=told.get(s.name, s.description)) for s in in_force()]
        found = [s for s in every if _fits(s, q) and (not changed or s.origin is not Origin.DEFAULT)]
        groups = [(group, [s for s in found if group_of(s.name) == group]) for group in GROUPS]
        return console.page(
            login,
            "settings.html",
            part="list",
            groups=[(group, members) for group, members in groups if members],
            q=q,
            changed=bool(changed),
            told=told,
        )

    return pages


def group_of(name: str) -> str:
    """By what it is about, which its name tells."""
    first = name.partition(".")[0].partition("_")[0]
    if first in GROUPS:
        return first
    if first == "plugin":
        return "plugins"
    if name in _ACCESS:
        return "access"
    return "model" if first in ("model", "tool") or name in _MODEL else "service"


def _fits(setting: SettingInForce, words: str) -> bool:
    text = f"{setting.name} {setting.value} {setting.place} {setting.description}".casefold()
    return all(word in text for word in words.casefold().split())
