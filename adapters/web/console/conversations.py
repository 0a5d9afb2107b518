"""Everybody's conversations: the list, and the search over all that was said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from adapters.web.console import conversation
from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.marks import snippet
from adapters.web.console.reading import with_visitors
from adapters.web.console.render import called, platform_name
from adapters.web.console.site import Console, Key
from bot.types import ConsoleRole, Conversation, FinishReason, ListedConversation, TurnState

HERE = "/console/conversations"
SHOWN = 50
FOUND = 20
HELD = 10
FRESH = 3600.0
"""Seconds for which opening the list covers that it follows what happens."""
_NONE_HELD: dict[str, Any] = {"taken": [], "taken_first": "", "taken_more": "", "taken_live": ""}
MOST_QUERY = 200


def there(deps: ConsoleDeps) -> bool:
    return None not in (deps.archive, deps.conversations, deps.turns, deps.people, deps.takeover)


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    operator = console.needs(ConsoleRole.OPERATOR)
    opened: dict[str, float] = {}
    """When each session was last noted as reading the list."""

    async def read(login: Login, which: str = "", *, follows: bool = False) -> None:
        """Write down that somebody reads the list; of one who only follows it, once an hour."""
        now, session = console.deps.clock.time(), login.session.id
        for old in [id for id, at in opened.items() if now - at >= FRESH]:
            del opened[old]
        if not follows or session not in opened:
            opened[session] = now
            await console.note(login, "conversations.list", detail=which)

    @pages.get(HERE)
    async def listing(
        q: str = "",
        platform: str = "",
        person: str = "",
        before: str = "",
        held: Key = 0,
        login: Login = operator,
    ) -> Response:
        q = " ".join(q.split())[:MOST_QUERY]
        if q:
            return console.goto(f"{HERE}/search?{urlencode({'q': q})}")
        await read(login, person or platform)
        shown = await _listing(console, login, platform, person, before)
        shown |= await _held(console, login, held) if not (platform or person or before) else _NONE_HELD
        part = "held" if login.request.headers.get("hx-target") == "held" else "list"
        return console.page(login, "conversations.html", part=part, query="", **shown)

    @pages.get(f"{HERE}/held")
    async def following(held: Key = 0, login: Login = operator) -> Response:
        """The conversations that are taken over, as they are now, for the page that shows them."""
        if not login.fragment:
            return console.goto(HERE)
        await read(login, follows=True)
        return console.page(login, "conversations.html", part="held", **await _held(console, login, held))

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


async def _listing(console: Console, login: Login, platform: str, person: str, before: str) -> dict[str, Any]:
    deps, language = console.deps, login.language
    assert deps.archive
    assert deps.people
    key = unpacked(before, tuple[float, int]) if before else None
    rows = await deps.archive.conversations(limit=SHOWN + 1, before=key, platform=platform, person_id=person)
    which = urlencode({name: value for name, value in (("platform", platform), ("person", person)) if value})
    platforms = dict.fromkeys([*deps.links(), *([platform] if platform else [])])
    return {
        "rows": await _with_holders(console, await with_visitors(deps.people, rows[:SHOWN], language)),
        "older": f"{HERE}?{_joined(which, _key(rows[SHOWN - 1]))}" if len(rows) > SHOWN else "",
        "first": f"{HERE}?{which}" if key else "",
        "platform": platform,
        "platforms": [(name, platform_name(language, name)) for name in platforms],
        "person": await deps.people.get(person) if person else None,
        "person_id": person,
    }


async def _with_holders(console: Console, rows: list[ListedConversation]) -> list[ListedConversation]:
    """The lines, with what those who took a conversation over are called now."""
    takeover = console.deps.takeover
    assert takeover
    holders = await takeover.holders([row.conversation for row in rows if row.taken_by])
    return [
        replace(row, taken_by=holder.name) if (holder := holders.get(row.conversation.id)) else row
        for row in rows
    ]


async def _held(console: Console, login: Login, after: int) -> dict[str, Any]:
    """Those that are taken over: first where somebody waits for an answer."""
    takeover = console.deps.takeover
    assert takeover
    found = await takeover.listing(limit=HELD + 1, after=after)
    holders = await takeover.holders(found[:HELD])
    held = [(each, holder) for each in found[:HELD] if (holder := holders.get(each.id))]
    return {
        "taken": sorted(
            [(each, holder, await _waiting(console, login, each)) for each, holder in held],
            key=lambda row: not row[2],
        ),
        "taken_live": f"{HERE}/held?held={after}",
        "taken_first": HERE if after else "",
        "taken_more": f"{HERE}?held={found[HELD - 1].id}" if len(found) > HELD else "",
    }


async def _waiting(console: Console, login: Login, held: Conversation) -> tuple[str, float] | None:
    """Who waits for an answer there, and since when."""
    turns, people = console.deps.turns, console.deps.people
    assert turns
    assert people
    last = await turns.last(held.id)
    if last is None or last.state is not TurnState.CANCELLED or last.finish_reason != FinishReason.TAKEN:
        return None
    person = await people.get(last.person_id)
    return called(login.language, person.name if person else "", last.person_id), last.started_at


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
