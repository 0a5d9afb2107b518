"""Conversations that their people share: links for everybody who has them, for a while.

Annotations are evaluated here (no `from __future__`): FastAPI reads those of the inner functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse

from adapters.web import models
from adapters.web.api import problems
from adapters.web.blocks import Renderer
from adapters.web.conversations import Id
from adapters.web.deps import WebDeps
from adapters.web.history import Asked, Histories, own_words
from adapters.web.identity import Signer
from adapters.web.pages import LANGUAGE_COOKIE, language_of, template, words
from adapters.web.visit import Visit, first_language, visit_of
from bot.types import Citation, Conversation, Person, Share, Turn, TurnState

MOST_SHARES = 100
SHOWN_SHARES = 30
Cursor = Annotated[str, Query(pattern=r"^([0-9]{1,12}(\.[0-9]{1,9})?_[A-Za-z0-9_-]{1,64})?$")]
DAY = 24 * 3600.0
_READ = problems(404, 422, 503)
_WRITE = problems(400, 403, 404, 409, 413, 415, 422, 503)
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow, noarchive"}
_ENDED = (TurnState.DONE, TurnState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Shown:
    """A question and its answer on a shared page. `kept`: it is not for everybody."""

    question: str
    blocks: Sequence[str] = ()
    citations: Sequence[Citation] = ()
    kept: bool = False


class Sharing:
    """What visitors do with their links."""

    def __init__(self, deps: WebDeps, histories: Histories) -> None:
        self._deps = deps
        self._histories = histories

    async def put(self, visit: Visit, id: str, body: models.NewShare) -> models.Shared:
        conversation, person = await self._own(visit, id)
        if len(await self._deps.shares.listing(person.id, limit=MOST_SHARES)) >= MOST_SHARES:
            raise HTTPException(409, f"There are {MOST_SHARES} links already. Take some back first.")
        last = await self._last(conversation)
        if last is None:
            raise HTTPException(409, "There is no answer yet that could be shared.")
        title = " ".join((body.title or conversation.title).split())
        now = self._deps.clock.time()
        token = await self._deps.shares.put(
            conversation.id, person.id, last_turn=last.number, title=title, expires_at=now + body.days * DAY
        )
        share = await self._deps.shares.find(token)
        if share is None:
            raise HTTPException(404, "There is no such conversation.")
        return models.Shared(**_out(share).model_dump(), path=f"/s/{token}")

    async def listing(self, visit: Visit, before: str) -> models.SharesOut:
        at, _, id = before.partition("_")
        key = (float(at), id) if before else None
        person = await self._histories.person(visit.visitor)
        if person is None:
            return models.SharesOut(shares=[])
        found = await self._deps.shares.listing(person.id, limit=SHOWN_SHARES + 1, before=key)
        shown = found[:SHOWN_SHARES]
        older = f"{shown[-1].created_at!r}_{shown[-1].id}" if len(found) > SHOWN_SHARES else ""
        return models.SharesOut(shares=[_out(share) for share in shown], older=older)

    async def revoke(self, visit: Visit, id: str) -> models.Accepted:
        person = await self._histories.person(visit.visitor)
        if person is None or not await self._deps.shares.revoke(person.id, id):
            raise HTTPException(404, "There is no such link.")
        return models.Accepted(accepted=True)

    async def _own(self, visit: Visit, id: str) -> tuple[Conversation, Person]:
        conversation = await self._histories.find(visit.visitor, id)
        person = await self._histories.person(visit.visitor)
        if conversation is None or person is None:
            raise HTTPException(404, "There is no such conversation.")
        return conversation, person

    async def _last(self, conversation: Conversation) -> Turn | None:
        newest = await self._deps.turns.listing(conversation.id, limit=2)
        ended = (t for t in newest if t.state in _ENDED and t.number >= conversation.start_turn)
        return next(ended, None)


class SharedPages:
    """What those who have a link read."""

    def __init__(self, deps: WebDeps, histories: Histories, renderer: Renderer) -> None:
        self._deps = deps
        self._histories = histories
        self._renderer = renderer

    async def page(self, token: str, before: int, language: str) -> HTMLResponse:
        share = await self._deps.shares.find(token)
        conversation = (
            await self._deps.conversations.get(share.conversation_id) if share is not None else None
        )
        if share is None or conversation is None:
            return self._html("share_gone.html", language, 404)
        end = min(before or share.last_turn + 1, share.last_turn + 1)
        rows, older = await self._histories.turns(conversation, before=end)
        turns = [await self._shown(row, share) for row in rows if _was_there(row.turn, share)]
        first = rows[0].turn.number if older else 0
        until = datetime.fromtimestamp(share.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        given = {"share": share, "turns": turns, "older": first, "before": before, "until": until}
        return self._html("share.html", language, 200, **given)

    async def _shown(self, row: Asked, share: Share) -> Shown:
        question = own_words(row.question)
        for citation in row.turn.citations:
            if citation.audience or await self._restricted(share, citation):
                return Shown(question, kept=True)
        return Shown(question, (await self._renderer.blocks(row.turn.text))[0], row.turn.citations)

    async def _restricted(self, share: Share, citation: Citation) -> bool:
        """Whether the document has become one for some people only since it was quoted: then whoever
        shared it may read what everybody may not."""
        find = self._deps.passage
        if find is None or await find("", citation) is not None:
            return False
        accounts = await self._deps.people.accounts(share.person_id)
        visitors = [user_id for platform, user_id in accounts if platform == "web"]
        return any([await find(visitor, citation) is not None for visitor in visitors])

    def _html(self, name: str, language: str, status: int, **given: Any) -> HTMLResponse:
        html = template(name).render(
            name=self._deps.name, language=language, theme="auto", words=words(language), **given
        )
        return HTMLResponse(html, status, headers=_HEADERS)


def _was_there(turn: Turn, share: Share) -> bool:
    """Whether this very answer could be read when the link was made; another may have replaced it."""
    return turn.state in _ENDED and 0 < turn.ended_at <= share.created_at


def _out(share: Share) -> models.ShareOut:
    return models.ShareOut(
        id=share.id, title=share.title, created_at=share.created_at, expires_at=share.expires_at
    )


def shares_router(deps: WebDeps, signer: Signer, histories: Histories) -> APIRouter:
    sharing = Sharing(deps, histories)
    router = APIRouter(prefix="/api/v1", tags=["shares"])

    def visiting(request: Request) -> Visit:
        return visit_of(request, deps, signer)

    Visiting = Annotated[Visit, Depends(visiting)]

    @router.post("/conversations/{conversation}/shares", responses=_WRITE)
    async def share(conversation: Id, visit: Visiting, body: models.NewShare) -> models.Shared:
        """Make a link by which everybody who has it can read the conversation as it is now."""
        return await sharing.put(visit, conversation, body)

    @router.get("/shares", responses=_READ)
    async def shares(visit: Visiting, before: Cursor = "") -> models.SharesOut:
        """The visitor's links that can still be read, the newest first; where there are `older` ones,
        ask again with that as `before`."""
        return await sharing.listing(visit, before)

    @router.delete("/shares/{id}", responses=_WRITE)
    async def revoke(id: models.Name, visit: Visiting, body: models.Nothing) -> models.Accepted:
        """Take a link back: it stops working at once."""
        return await sharing.revoke(visit, id)

    return router


def share_pages(deps: WebDeps, histories: Histories, renderer: Renderer) -> APIRouter:
    pages = SharedPages(deps, histories, renderer)
    router = APIRouter(tags=["pages"], default_response_class=HTMLResponse)

    @router.get("/s/{token}", response_class=HTMLResponse)
    async def shared(
        token: str, request: Request, before: Annotated[int, Query(ge=0, le=10**9)] = 0
    ) -> Response:
        """A shared conversation, for whoever has its link."""
        wish = first_language(request.headers.get("accept-language", ""))
        language = language_of(request.cookies.get(LANGUAGE_COOKIE, ""), wish)
        return await pages.page(token, before, language)

    return router
