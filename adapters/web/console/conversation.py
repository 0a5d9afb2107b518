"""One conversation: what was said, live while it is open, as a file, and taking it over."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import JSONResponse, Response

from adapters.web.blocks import Renderer
from adapters.web.console.access import Login
from adapters.web.console.deps import Holder
from adapters.web.console.downloads import begun
from adapters.web.console.reading import Reading, Said, digest, heard
from adapters.web.console.render import sayer
from adapters.web.console.site import Console, Key
from adapters.web.download import Downloads
from adapters.web.export import TYPES, Format, disposition, json_text, markdown
from adapters.web.pages import words
from bot.errors import NotTaken, StorageGone, TakenByAnother
from bot.types import ConsoleRole, Conversation, Turn

HERE = "/console/conversations/{id}"
MOST_TEXT = 20_000
STOP_POLLING = 286
"""htmx asks no more after this status."""
Since = Annotated[float | None, Form()]
"""Since when the conversation was taken, as the page showed it; 0.0: nobody had it."""
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
        newer, _ = await self.reading.since(conversation, before)
        before = before if newer else 0
        rows, older = await self.reading.page(conversation, before=before)
        said = await self.reading.shown(rows)
        kept, tail = (said, []) if before else (said[:-1], said[-1:])
        since = tail[0].turn.number if tail else 0
        live = await self._live(login, conversation, since)
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
                **live,
                "tail": tail,
                "seen": _seen(live["held"], [one.turn for one in tail]),
                "heard": _heard(login, live["held"], tail),
                **values,
            },
        )

    async def news(self, login: Login, conversation: Conversation, since: int, seen: str) -> Response:
        """The turns from `since` on, if anything changed; for who asks by hand, the page they are on."""
        if not login.fragment:
            return self._console.goto(f"/console/conversations/{conversation.id}")
        turns, following = await self.reading.since(conversation, since)
        held = await self.takeover.holder(conversation)
        if _seen(held, turns) == seen:
            return Response(status_code=204)
        tail = await self.reading.said(conversation, turns)
        now = _seen(held, [turn for turn in turns if turn.number >= following])
        # the place where somebody types is put anew only where another one answers
        changed = _holds(now) != _holds(seen)
        live = {**await self._live(login, conversation, following), "oob": changed}
        shown = {"tail": tail, "seen": now, "heard": _heard(login, held, tail), **live}
        return self._console.page(login, "conversation.html", part="news", **shown)

    async def composer(self, login: Login, conversation: Conversation, **values: Any) -> Response:
        if not login.fragment:
            return self._console.goto(f"/console/conversations/{conversation.id}")
        live = await self._live(login, conversation, 0)
        response = self._console.page(login, "conversation.html", part="holder", **{**live, **values})
        response.headers["HX-Trigger"] = "said"
        return response

    def gone(self, login: Login) -> Response:
        text = sayer(login.language)("conversation.gone")
        return self._console.page(
            login, "conversation_gone.html", part="main", status=STOP_POLLING, text=text
        )

    async def _live(self, login: Login, conversation: Conversation, since: int) -> dict[str, Any]:
        held = await self.takeover.holder(conversation)
        return {
            "conversation": conversation,
            "at": f"/console/conversations/{conversation.id}",
            "held": held,
            "mine": held is not None and held.account == login.account.id,
            "since": since,
            "key": secrets.token_urlsafe(12),
            "text": "",
            "text_problem": "",
            "lost": "",
            "refused": "",
            "oob": False,
        }


def _seen(held: Holder | None, turns: Sequence[Turn]) -> str:
    """Another one where what is shown of these turns, or who holds the conversation, changes."""
    holder = f"{held.name} {held.account} {held.at}" if held else ""
    return f"{digest(turns)}.{sha256(holder.encode()).hexdigest()[:8]}"


def _holds(seen: str) -> str:
    return seen.rpartition(".")[2]


def _heard(login: Login, held: Holder | None, tail: Sequence[Said]) -> str:
    other = held is not None and held.account != login.account.id
    return heard(tail, login.account.name, held.name if held is not None and other else "")


def add(routes: APIRouter, console: Console) -> None:
    pages, downloads = Pages(console), Downloads(console.deps.clock, own=2)
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
        own = {"untitled": say("conversations.untitled"), "you": say("conversation.asked")}
        rows = pages.reading.all(found)
        told = (
            markdown(found, rows, {**words(login.language), **own}, console.deps.name)
            if format == "markdown"
            else json_text(found, rows)
        )
        start = downloads.start(
            login.account.id, told, media_type=media_type, disposition=disposition(found.title, ending)
        )
        try:
            return await begun(console, login, start)
        except StorageGone:
            raise console.problem(login, 404, "conversation.gone") from None

    _add_takeover(routes, console, pages)


def _add_takeover(routes: APIRouter, console: Console, pages: Pages) -> None:
    operator = console.needs(ConsoleRole.OPERATOR)

    @routes.post(f"{HERE}/take")
    async def take(id: str, since: Since = None, login: Login = operator) -> Response:
        found = await pages.find(login, id)
        try:
            await pages.takeover.take(found.id, login.account, since=since)
        except TakenByAnother as error:
            return await _overtaken(pages, login, found, error.name)
        console.deps.changed(found.address)
        await pages.note(login, found, "take")
        return console.goto(f"/console/conversations/{found.id}#composer")

    @routes.post(f"{HERE}/back")
    async def back(id: str, since: Since = None, login: Login = operator) -> Response:
        found = await pages.find(login, id)
        try:
            await pages.takeover.give_back(found.id, login.account, since=since)
        except TakenByAnother as error:
            return await _overtaken(pages, login, found, error.name)
        console.deps.changed(found.address)
        await pages.note(login, found, "back")
        return console.goto(f"/console/conversations/{found.id}", done="conversation.back")

    @routes.post(f"{HERE}/say")
    async def say(
        id: str,
        text: Annotated[str, Form()] = "",
        key: Annotated[str, Form(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = "",
        login: Login = operator,
    ) -> Response:
        """Answer in the bot's place. The same text with the same `key` is said once."""
        found = await pages.find(login, id)
        if not text.strip() or len(text) > MOST_TEXT:
            problem = "conversation.say.none" if not text.strip() else "conversation.say.long"
            return await _refused(pages, login, found, text, problem)
        try:
            await pages.takeover.say(found.id, text, login.account, key=_once(key, text))
        except TakenByAnother as error:
            return await _lost(pages, login, found, text, "conversation.say.other", name=error.name)
        except NotTaken:
            return await _lost(pages, login, found, text, "conversation.say.not_taken")
        except StorageGone:
            raise console.problem(login, 404, "conversation.gone") from None
        await pages.note(login, found, "say")
        if login.fragment:
            return await pages.composer(login, found)
        return console.goto(f"/console/conversations/{found.id}#composer")


def _once(key: str, text: str) -> str:
    """The key of these words: what is sent again with others, as its end was never heard of, is said, too."""
    return f"{key}-{sha256(text.encode('utf-8', 'replace')).hexdigest()[:16]}" if key else ""


async def _overtaken(pages: Pages, login: Login, found: Conversation, name: str) -> Response:
    """Another one took it since the page was shown: nothing is done to what is theirs."""
    now = await pages.find(login, str(found.id))
    refused = sayer(login.language)("conversation.overtaken", name=name)
    return await pages.page(login, now, status=409, refused=refused)


async def _refused(pages: Pages, login: Login, found: Conversation, text: str, problem: str) -> Response:
    if login.fragment:
        return await pages.composer(login, found, text=text, text_problem=problem)
    return await pages.page(login, found, status=422, text=text, text_problem=problem)


async def _lost(
    pages: Pages, login: Login, found: Conversation, text: str, problem: str, **values: str
) -> Response:
    """The conversation is not theirs any more; what they wrote stays with them."""
    message = sayer(login.language)(problem, **values)
    if login.fragment:
        return JSONResponse({"message": message}, 409, headers={"HX-Trigger": "said"})
    now = await pages.find(login, str(found.id))
    return await pages.page(login, now, status=409, text=text, lost=message)
