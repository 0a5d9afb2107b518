"""Everybody's conversations: the list, and the search over all that was said."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from adapters.web.console import conversation
from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.marks import snippet
from adapters.web.console.site import Console, Key
from bot.types import ConsoleRole, ListedConversation

HERE = "/console/conversations"
SHOWN = 50
FOUND = 20
MOST_QUERY = 200


def there(deps: ConsoleDeps) -> bool:
    return None not in (deps.archive, deps.conversations, deps.turns, deps.people, deps.takeover)


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    operator = console.needs(ConsoleRole.OPERATOR)

    @pages.get(HERE)
    async def listing(
        q: str = "", platform: str = "", person: str = "", before: str = "", login: Login = operator
    ) -> Response:
        q = " ".join(q.split())[:MOST_QUERY]
        if q:
            return console.goto(f"{HERE}/search?{urlencode({'q': q})}")
        await console.note(login, "conversations.list", detail=person or platform)
        shown = await _listing(console, platform, person, before)
        return console.page(login, "conversations.html", part="list", query="", **shown)

    @pages.get(f"{HERE}/search")
    async def search(q: str = "", before: Key = 0, login: Login = operator) -> Response:
        q = " ".join(q.split())[:MOST_QUERY]
        if not q:
            return console.goto(HERE)
        await console.note(login, "conversations.search", detail=q)
        shown = await _found(console, q, before)
        return console.page(login, "search.html", part="list", query=q, before=before, **shown)

    conversation.add(pages, console)
    return pages


async def _listing(console: Console, platform: str, person: str, before: str) -> dict[str, Any]:
    deps = console.deps
    assert deps.archive
    assert deps.people
    key = unpacked(before, tuple[float, int]) if before else None
    rows = await deps.archive.conversations(limit=SHOWN + 1, before=key, platform=platform, person_id=person)
    which = urlencode({name: value for name, value in (("platform", platform), ("person", person)) if value})
    platforms = dict.fromkeys([*deps.links(), *([platform] if platform else [])])
    return {
        "rows": rows[:SHOWN],
        "older": f"{HERE}?{_joined(which, _key(rows[SHOWN - 1]))}" if len(rows) > SHOWN else "",
        "first": f"{HERE}?{which}" if key else "",
        "platform": platform,
        "platforms": [(name, name) for name in platforms],
        "person": await deps.people.get(person) if person else None,
        "person_id": person,
        "taken": await _taken(console) if not (platform or person or key) else [],
    }


async def _taken(console: Console) -> list[tuple[int, str, str, float]]:
    """Id, title, who and since when."""
    takeover = console.deps.takeover
    assert takeover
    held = [(found, takeover.state(found)) for found in await takeover.listing()]
    return [(found.id, found.title, state.name, state.at) for found, state in held if state]


async def _found(console: Console, q: str, before: int) -> dict[str, Any]:
    archive = console.deps.archive
    assert archive
    rows = await archive.search(q, limit=FOUND + 1, before=before)
    more = {"q": q, "before": str(rows[FOUND - 1].id)} if len(rows) > FOUND else {}
    return {
        "found": [(row, snippet(row.question, q), snippet(row.answer, q)) for row in rows[:FOUND]],
        "older": f"{HERE}/search?{urlencode(more)}" if more else "",
        "first": f"{HERE}/search?{urlencode({'q': q})}" if before else "",
    }


def _key(row: ListedConversation) -> str:
    return urlencode({"before": packed(row.active_at, row.conversation.id)})


def _joined(*queries: str) -> str:
    return "&".join(filter(None, queries))
