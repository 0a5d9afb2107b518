"""Dead letters: what came in and could not be dealt with, with the reason, to be tried again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.responses import Response

from adapters.web.console import conversations, people
from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.site import Console
from bot.ports import Inbox
from bot.types import ConsoleRole, Conversation, Event, EventKind, Person, Place

HERE = "/console/dead"
SHOWN = 30
MOST_AT_ONCE = 1000
"""Letters that one press tries again."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, with who sent it and where, as far as that is still known and has a page."""

    event: Event
    reason: str
    person: Person | None
    conversation: Conversation | None
    place: Place | None


def there(deps: ConsoleDeps) -> bool:
    return deps.inbox is not None


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    operator = console.needs(ConsoleRole.OPERATOR)
    inbox = console.deps.inbox
    assert inbox

    @pages.get(HERE)
    async def listing(before: str = "", login: Login = operator) -> Response:
        letters = await inbox.dead(SHOWN + 1, before=before)
        if letters:
            await console.note(login, "dead.read", detail=f"{min(len(letters), SHOWN)}")
        more = urlencode({"before": letters[SHOWN - 1][0].key}) if len(letters) > SHOWN else ""
        return console.page(
            login,
            "dead.html",
            part="list",
            letters=await asyncio.gather(*(_letter(console.deps, *letter) for letter in letters[:SHOWN])),
            first=HERE if before else "",
            older=f"{HERE}?{more}" if more else "",
        )

    @pages.post(f"{HERE}/retry")
    async def retry(key: Annotated[str, Form()] = "", login: Login = operator) -> Response:
        if not await inbox.revive(key):
            raise console.problem(login, 404, "dead.gone")
        await console.note(login, "dead.retry", key)
        return console.goto(HERE, done="dead.retry")

    @pages.post(f"{HERE}/retry-all")
    async def retry_all(login: Login = operator) -> Response:
        revived = [await inbox.revive(key) for key in await _keys(inbox)]
        await console.note(login, "dead.retry", detail=f"× {sum(revived)}")
        return console.goto(HERE, done="dead.retry_all")

    return pages


async def _letter(deps: ConsoleDeps, event: Event, reason: str) -> Letter:
    person = conversation = place = None
    if people.there(deps) and event.kind is not EventKind.CONSOLE:
        assert deps.people
        person = await deps.people.find(event.address.platform, event.sender.id)
    if conversations.there(deps):
        assert deps.conversations
        conversation = await deps.conversations.find(event.address)
    if deps.places is not None:
        place = await deps.places.find(event.address)
    return Letter(event, reason, person, conversation, place)


async def _keys(inbox: Inbox) -> list[str]:
    return [event.key for event, _ in await inbox.dead(MOST_AT_ONCE)]
