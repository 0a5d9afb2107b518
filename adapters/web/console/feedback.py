"""What people said of answers: an inbox, in which somebody notes what they have seen to."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from markupsafe import Markup
from starlette.responses import Response

from adapters.web.blocks import Renderer
from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.site import Console
from bot.ports import Archive
from bot.types import ConsoleRole, Rated

HERE = "/console/feedback"
SHOWN = 20
VALUES = {"": 0, "up": 1, "down": -1}
MOST_ANSWER = 4_000
"""Characters of an answer that are shown; the whole one is in its conversation."""


def there(deps: ConsoleDeps) -> bool:
    return None not in (deps.archive, deps.people)


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    operator = console.needs(ConsoleRole.OPERATOR)
    archive, renderer = console.deps.archive, Renderer()
    assert archive

    @pages.get(HERE)
    async def inbox(
        value: str = "", show: str = "open", person: str = "", before: str = "", login: Login = operator
    ) -> Response:
        value = value if value in VALUES else ""
        rows, shown = await _listing(console, value, show, person, before)
        if rows:
            await console.note(login, "feedback.read", detail=f"{len(rows)}")
        rated = [(row, await _html(renderer, row)) for row in rows]
        return console.page(login, "feedback.html", part="list", rated=rated, **shown)

    @pages.post(f"{HERE}/handled")
    async def handled(
        turn: Annotated[str, Form()] = "",
        person: Annotated[str, Form()] = "",
        handled: Annotated[str, Form()] = "",
        at: Annotated[float | None, Form()] = None,
        login: Login = operator,
    ) -> Response:
        """Nothing is noted of what its person changed after `at`, when it was as the page showed it."""
        done = handled == "on"
        if at is not None and not await _stands(archive, turn, person, at):
            raise console.problem(login, 409, "feedback.changed")
        await archive.handled(turn, person, done)
        await console.note(login, "feedback.handled" if done else "feedback.open", turn)
        if not login.fragment:
            return console.goto(HERE, done="saved")
        state: dict[str, Any] = {"turn_id": turn, "person_id": person, "at": at, "is_handled": done}
        return console.page(login, "feedback_handled.html", part="form", **state)

    return pages


async def _stands(archive: Archive, turn: str, person: str, at: float) -> bool:
    return any(vote.person_id == person and vote.at == at for vote in await archive.votes([turn]))


async def _listing(
    console: Console, value: str, show: str, person: str, before: str
) -> tuple[list[Rated], dict[str, Any]]:
    deps = console.deps
    assert deps.archive
    assert deps.people
    key = unpacked(before, tuple[float, str, str]) if before else None
    rows = await deps.archive.feedback(
        limit=SHOWN + 1,
        before=key,
        value=VALUES[value],
        open_only=show != "all",
        person_id=person,
    )
    which = {k: v for k, v in (("value", value), ("show", show), ("person", person)) if v}
    last = rows[SHOWN - 1] if len(rows) > SHOWN else None
    more = {**which, "before": packed(last.at, last.turn.id, last.person_id)} if last else {}
    return rows[:SHOWN], {
        "value": value,
        "show": "all" if show == "all" else "open",
        "person": await deps.people.get(person) if person else None,
        "wanted": person,
        "older": f"{HERE}?{urlencode(more)}" if more else "",
        "first": f"{HERE}?{urlencode(which)}" if key else "",
    }


async def _html(renderer: Renderer, row: Rated) -> list[Markup]:
    text = row.turn.text
    html, _ = await renderer.blocks(text if len(text) <= MOST_ANSWER else f"{text[:MOST_ANSWER]}…")
    return [Markup(block) for block in html]
