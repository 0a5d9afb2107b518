"""The visitor's conversations: list, search, read, rename, delete, export, and follow what changes.

Annotations are evaluated here (no `from __future__`): FastAPI reads those of the inner functions.
"""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from adapters.web import export, models, translate
from adapters.web.answers import event_key
from adapters.web.api import problems
from adapters.web.deps import WebDeps
from adapters.web.download import Downloads, TooMany, busy
from adapters.web.history import Histories
from adapters.web.identity import Signer, conversation_of
from adapters.web.pages import LANGUAGE_COOKIE, language_of, words
from adapters.web.sse import Streams
from adapters.web.updates import Updates
from adapters.web.visit import Visit, visit_of
from bot.errors import StorageGone
from bot.types import Conversation

BUSY_SECONDS = 5
NO_CONVERSATION = "There is no such conversation."
_EVENTS = """Server-sent events, each with JSON data:

- `conversations` `{"conversations", "older"}`: first; the newest, as `GET /api/v1/conversations` has them.
- `conversation` `{…}`: one is new, or has changed: its title, a question, an answer that began or ended.
- `deleted` `{"id"}`: it is gone.

Lines that begin with `:` are heartbeats. After a break the stream begins anew with all of them."""
Id = Annotated[str, Path(pattern=r"^([A-Za-z0-9_-]{1,64}|@[0-9]{1,18})$")]
Cursor = Annotated[str, Query(pattern=r"^([0-9]{1,12}\.[0-9]{1,9}_[0-9]{1,18}(_[0-9]{1,9})?)?$")]
Words = Annotated[str, Query(max_length=200)]
_READ = problems(404, 422, 503)
_WRITE = problems(400, 403, 404, 413, 415, 422, 503)
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": _EVENTS, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/markdown": {"schema": {"type": "string"}}, "application/json": {}}}
}


class Own:
    """The calls, over what they need."""

    def __init__(self, deps: WebDeps, signer: Signer, histories: Histories) -> None:
        self._deps = deps
        self._signer = signer
        self._histories = histories
        self._streams = Streams()
        self._downloads = Downloads(deps.clock, own=2)
        self._updates = Updates(histories, deps.channel, deps.clock)

    async def listing(self, visit: Visit, query: str, before: str) -> models.Conversations:
        at, id, turn = [*before.split("_"), "0"][:3] if before else ("", "", "")
        place = (float(at), int(id), int(turn)) if before else None
        found, older = await self._histories.listing(visit.visitor, query=query, before=place)
        return models.Conversations(conversations=found, older=older)

    async def find(self, visit: Visit, id: str) -> Conversation:
        conversation = await self._histories.find(visit.visitor, id)
        if conversation is None:
            raise HTTPException(404, NO_CONVERSATION)
        return conversation

    async def messages(self, visit: Visit, id: str, before: str) -> models.Messages:
        conversation = await self.find(visit, id)
        number = await self._number(visit, before)
        found, older = await self._histories.messages(visit.visitor, conversation, before=number)
        return models.Messages(
            conversation=id,
            title=conversation.title,
            platform=conversation.address.platform,
            messages=found,
            older=older,
        )

    async def _number(self, visit: Visit, before: str) -> int:
        """Of the turn of this id; 0 where none is given."""
        if not before or (before.startswith("@") and before[1:].isdecimal()):
            return int(before[1:10] or 0)
        turn = await self._deps.turns.of_event(event_key(before)) if self._theirs(visit, before) else None
        if turn is None:
            raise HTTPException(404, "There is no such answer.")
        return turn.number

    def _theirs(self, visit: Visit, answer: str) -> bool:
        return self._signer.check(visit.visitor, answer) is not None

    async def rename(self, visit: Visit, id: str, title: str) -> models.Accepted:
        conversation = await self.find(visit, id)
        await self._deps.conversations.update(conversation.id, title=" ".join(title.split()))
        self._deps.channel.changed(visit.visitor)
        return models.Accepted(accepted=True)

    async def delete(self, visit: Visit, id: str) -> models.Accepted:
        """With its files, and without the answer that is being written there."""
        deps, conversation = self._deps, await self.find(visit, id)
        person = await self._histories.person(visit.visitor)
        await self._stop(visit, conversation)
        deleted = person is not None and await deps.own.delete(person.id, conversation.id)
        owner, _, name = conversation.address.chat.partition(":")
        if deleted and deps.files is not None and conversation.address.platform == "web":
            await deps.files.release(owner, name)
        deps.channel.changed(visit.visitor)
        return models.Accepted(accepted=deleted)

    async def _stop(self, visit: Visit, conversation: Conversation) -> None:
        name = conversation_of(visit.visitor, conversation.address.chat)
        turns = await self._deps.turns.listing(conversation.id, limit=1)
        if name and turns and not turns[0].state.ended:
            call = self._signer.answer(visit.visitor, conversation=name, client_id=secrets.token_hex(16))
            await self._deps.put(translate.stop(call, visit.sender(), self._deps.clock.time()))

    async def export(self, visit: Visit, id: str, kind: export.Format, language: str) -> Response:
        conversation = await self.find(visit, id)
        turns, (media_type, ending) = self._histories.all(conversation), export.TYPES[kind]
        text = (
            export.markdown(conversation, turns, words(language), self._deps.name)
            if kind == "markdown"
            else export.json_text(conversation, turns)
        )
        disposition = export.disposition(conversation.title, ending)
        try:
            return await self._downloads.start(
                visit.visitor, text, media_type=media_type, disposition=disposition, client=visit.client
            )
        except TooMany as error:
            raise busy(error) from None
        except StorageGone:
            raise HTTPException(404, NO_CONVERSATION) from None

    async def updates(self, visit: Visit) -> Response:
        if self._streams.refuses(visit.visitor, visit.client):
            message = "Too many pages are open at once. Close some, then try again."
            raise HTTPException(429, message, headers={"Retry-After": str(BUSY_SECONDS)})
        response = StreamingResponse(
            self._streams.stream(visit.visitor, visit.client, self._updates.follow(visit.visitor)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        visit.remember(response)
        return response


def conversations_router(deps: WebDeps, signer: Signer, histories: Histories) -> APIRouter:
    own = Own(deps, signer, histories)
    router = APIRouter(prefix="/api/v1", tags=["conversations"])

    def visiting(request: Request) -> Visit:
        return visit_of(request, deps, signer)

    Visiting = Annotated[Visit, Depends(visiting)]

    @router.get("/conversations", responses=_READ)
    async def conversations(visit: Visiting, query: Words = "", before: Cursor = "") -> models.Conversations:
        """The visitor's conversations, the last active first; with a `query` those in which all its
        words were said, or whose title has them: each call looks through so many of them, and of their turns,
        at most, and `older` is where the next goes on, even where this one found none."""
        return await own.listing(visit, query, before)

    @router.get("/conversations/{conversation}/messages", responses=_READ)
    async def messages(conversation: Id, visit: Visiting, before: models.Id | None = None) -> models.Messages:
        """The newest questions and answers of one conversation, oldest first; where there are
        `older` ones, ask again with `before`, the id of the first."""
        return await own.messages(visit, conversation, before or "")

    @router.patch("/conversations/{conversation}", responses=_WRITE)
    async def rename(conversation: Id, visit: Visiting, body: models.Rename) -> models.Accepted:
        """Give it another title."""
        return await own.rename(visit, conversation, body.title)

    @router.delete("/conversations/{conversation}", responses=_WRITE)
    async def delete(conversation: Id, visit: Visiting, body: models.Nothing) -> models.Accepted:
        """Remove it with its messages, files and shared links. It cannot be had back."""
        return await own.delete(visit, conversation)

    @router.get(
        "/conversations/{conversation}/export",
        responses={**_FILES, **_READ, **problems(429)},
        response_class=Response,
    )
    async def exported(
        conversation: Id, visit: Visiting, request: Request, format: export.Format = "markdown"
    ) -> Response:
        """The conversation as a file, read while it is sent: one that breaks off has no end of the body."""
        language = language_of(request.cookies.get(LANGUAGE_COOKIE, ""), visit.language)
        return await own.export(visit, conversation, format, language)

    @router.get("/updates", responses={**_STREAM, **_READ, **problems(429)}, response_class=StreamingResponse)
    async def updates(visit: Visiting) -> Response:
        """What changes of the visitor's conversations, as it happens."""
        return await own.updates(visit)

    return router
