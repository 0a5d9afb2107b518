"""One conversation: what was said, live while it is open, as a file, and taking it over."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import Response, StreamingResponse

from adapters.web.blocks import Renderer
from adapters.web.console.access import Login
from adapters.web.console.reading import Reading, digest
from adapters.web.console.render import sayer
from adapters.web.console.site import Console, Key
from adapters.web.export import TYPES, Format, disposition, json_text, markdown
from bot.errors import NotTaken, StorageGone
from bot.types import ConsoleRole, Conversation

HERE = "/console/conversations/{id}"
MOST_TEXT = 20_000
STOP_POLLING = 286
"""htmx asks no more after this status."""
FRESH = 3600.0
"""Seconds for which opening a conversation covers what is read of it bit by bit."""


class Pages:
    """What the routes answer with."""

    def __init__(self, console: Console) -> None:
        deps = console.deps
        assert deps.archive
        assert deps.conversations
        assert deps.turns
        assert deps.people
        assert deps.takeover
        self._console = console
        self.takeover = deps.takeover
        self.reading = Reading(deps.archive, deps.conversations, deps.turns, deps.people, Renderer())
        self._opened: dict[tuple[str, int], float] = {}

    async def find(self, login: Login, id: str) -> Conversation:
        found = await self.reading.find(id)
        if found is None:
            raise self._console.problem(login, 404, "conversation.gone")
        return found

    async def opened(self, login: Login, conversation: Conversation, action: str = "read") -> None:
        """Write down that somebody reads; what comes bit by bit, once an hour."""
        now, key = self._console.deps.clock.time(), (login.session.id, conversation.id)
        self._opened = {k: at for k, at in self._opened.items() if now - at < FRESH}
        if login.fragment and key in self._opened:
            return
        self._opened[key] = now
        await self.note(login, conversation, action)

    async def note(self, login: Login, conversation: Conversation, action: str, detail: str = "") -> None:
        await self._console.note(login, f"conversation.{action}", str(conversation.id), detail)

    async def page(
        self, login: Login, conversation: Conversation, before: int = 0, *, status: int = 200, **values: Any
    ) -> Response:
        if not await self.reading.since(conversation, before):
            before = 0
        rows, older = await self.reading.page(conversation, before=before)
        said = await self.reading.shown(rows)
        kept, tail = (said, []) if before else (said[:-1], said[-1:])
        since = tail[0].turn.number if tail else 0
        return self._console.page(
            login,
            "conversation.html",
            status=status,
            part="earlier",
            said=kept,
            older=kept[0].turn.number if older and kept else since if older else 0,
            before=before,
            platforms=self._console.deps.links(),
            place=await places.find(conversation.address) if (places := self._console.deps.places) else None,
            **{
                **self._live(login, conversation, since),
                "tail": tail,
                "seen": self._seen(conversation, [one.turn for one in tail]),
                **values,
            },
        )

    async def news(self, login: Login, conversation: Conversation, since: int, seen: str) -> Response:
        """The turns from `since` on, if anything changed; for who asks by hand, the page they are on."""
        if not login.fragment:
            return self._console.goto(f"/console/conversations/{conversation.id}")
        turns = await self.reading.since(conversation, since)
        now = self._seen(conversation, turns)
        if now == seen:
            return Response(status_code=204)
        tail = await self.reading.said(conversation, turns)
        live = {**self._live(login, conversation, since), "oob": True}
        return self._console.page(login, "conversation.html", part="news", tail=tail, seen=now, **live)

    def composer(self, login: Login, conversation: Conversation, **values: Any) -> Response:
        if not login.fragment:
            return self._console.goto(f"/console/conversations/{conversation.id}")
        live = self._live(login, conversation, 0)
        response = self._console.page(login, "conversation.html", part="holder", **{**live, **values})
        response.headers["HX-Trigger"] = "said"
        return response

    def gone(self, login: Login) -> Response:
        text = sayer(login.language)("conversation.gone")
        return self._console.page(
            login, "conversation_gone.html", part="main", status=STOP_POLLING, text=text
        )

    def _live(self, login: Login, conversation: Conversation, since: int) -> dict[str, Any]:
        held = self.takeover.state(conversation)
        return {
            "conversation": conversation,
            "at": f"/console/conversations/{conversation.id}",
            "held": held,
            "mine": held is not None and held.name == login.account.name,
            "since": since,
            "key": secrets.token_urlsafe(12),
            "text": "",
            "text_problem": "",
            "oob": False,
        }

    def _seen(self, conversation: Conversation, turns: Any) -> str:
        held = self.takeover.state(conversation)
        return digest(turns, f"{held.name} {held.at}" if held else "")


def add(routes: APIRouter, console: Console) -> None:
    pages = Pages(console)
    operator = console.needs(ConsoleRole.OPERATOR)

    @routes.get(HERE)
    async def conversation(id: str, before: Key = 0, login: Login = operator) -> Response:
        found = await pages.find(login, id)
        await pages.opened(login, found)
        return await pages.page(login, found, before)

    @routes.get(f"{HERE}/news")
    async def news(id: str, since: Key = 0, seen: str = "", login: Login = operator) -> Response:
        """What happened while the page was open."""
        found = await pages.reading.find(id)
        if found is None:
            return pages.gone(login)
        await pages.opened(login, found)
        return await pages.news(login, found, since, seen)

    @routes.get(f"{HERE}/export")
    async def export(id: str, format: Format = "json", login: Login = operator) -> Response:
        found = await pages.find(login, id)
        await pages.note(login, found, "export", format)
        media_type, ending = TYPES[format]
        say = sayer(login.language)
        words = {"untitled": say("conversations.untitled"), "you": say("conversation.asked")}
        rows = pages.reading.all(found)
        told = (
            markdown(found, rows, words, console.deps.name)
            if format == "markdown"
            else json_text(found, rows)
        )
        headers = {
            "Content-Disposition": disposition(found.title, ending),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(told, media_type=media_type, headers=headers)

    _add_takeover(routes, console, pages)


def _add_takeover(routes: APIRouter, console: Console, pages: Pages) -> None:
    operator = console.needs(ConsoleRole.OPERATOR)

    @routes.post(f"{HERE}/take")
    async def take(id: str, login: Login = operator) -> Response:
        found = await pages.find(login, id)
        await pages.takeover.take(found.id, login.account)
        await pages.note(login, found, "take")
        return console.goto(f"/console/conversations/{found.id}#composer")

    @routes.post(f"{HERE}/back")
    async def back(id: str, login: Login = operator) -> Response:
        found = await pages.find(login, id)
        await pages.takeover.give_back(found.id, login.account)
        await pages.note(login, found, "back")
        return console.goto(f"/console/conversations/{found.id}", done="conversation.back")

    @routes.post(f"{HERE}/say")
    async def say(
        id: str,
        text: Annotated[str, Form()] = "",
        key: Annotated[str, Form(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = "",
        login: Login = operator,
    ) -> Response:
        """Answer in the bot's place. The same `key` twice is said once."""
        found = await pages.find(login, id)
        if not text.strip() or len(text) > MOST_TEXT:
            problem = "conversation.say.none" if not text.strip() else "conversation.say.long"
            return await _refused(pages, login, found, text, problem)
        try:
            await pages.takeover.say(found.id, text, login.account, key=key)
        except (NotTaken, StorageGone):
            raise console.problem(login, 409, "conversation.say.not_taken") from None
        await pages.note(login, found, "say")
        if login.fragment:
            return pages.composer(login, found)
        return console.goto(f"/console/conversations/{found.id}#composer")


async def _refused(pages: Pages, login: Login, found: Conversation, text: str, problem: str) -> Response:
    if login.fragment:
        return pages.composer(login, found, text=text, text_problem=problem)
    return await pages.page(login, found, status=422, text=text, text_problem=problem)
