"""The chat's API. Everything a visitor may read or touch is found by the visitor's own id.

Annotations are evaluated here (no `from __future__`): FastAPI reads those of the inner functions.
"""

import secrets
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response
from fastapi.responses import StreamingResponse

from adapters.web import models, translate
from adapters.web.answers import Answer, event_key, message_of
from adapters.web.blocks import Renderer
from adapters.web.deps import WebDeps
from adapters.web.identity import AnswerId, Signer, conversation_of
from adapters.web.limits import Crowd
from adapters.web.sse import Streams
from adapters.web.visit import Visit, visit_of
from bot.types import Event, Part, Turn

_EVENTS = """Server-sent events, each with JSON data:

- `start` `{"id", "conversation"}`: first; keep both.
- `chunk` `{"text"}`: more of the answer (Markdown). `replace` `{"text"}`: the whole answer so far, changed.
- `html` `{"from", "blocks"}`: only if asked for; the answer's blocks from number `from` on are now these.
- `activity` `{"text"}`: what is being done while no text comes.
- `thought` `{"text", "seconds", "cut", "anew", "thinking"}`: more of what the model thinks, as plain text.
  `anew`: what was told of it before counts no more; without text there are then no thoughts. `cut`: the rest
  is not kept. `thinking`: no words of the answer have come.
- `citations` `[{"number", "passage_id", "source", "title", "quote"}]`: what `[number]` stands for.
- `done` `{"finish_reason", "usage"?}`: the end; `taken`: a person answers here, later, as a message of the
  conversation's. `error` `{"message", "code"}`: the end, without an answer;
  the code is `unanswered` (refused without a word, or withdrawn) or `lost` (answered, but not kept).

Lines that begin with `:` are heartbeats. A stream that breaks off without `done` or `error` is
taken up again with `GET /api/v1/chat/{id}`, which tells the whole answer from its start."""

BUSY_SECONDS = 5
"""How soon to try again when every stream is taken: nobody knows when one ends."""
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": _EVENTS, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": models.Problem} for status in statuses}


_READ = problems(404, 422, 503)
_WRITE = problems(400, 403, 404, 409, 413, 415, 422, 503)
_HELD = "A member of staff answers in this conversation now: what was said in it stays as it is."


class Chat:
    """The calls, over what they need."""

    def __init__(self, deps: WebDeps, signer: Signer, renderer: Renderer) -> None:
        self._deps = deps
        self._signer = signer
        self._streams = Streams()
        self._crowd = Crowd(deps.clock)
        self._renderer = renderer

    async def ask(self, body: models.Ask, visit: Visit) -> Response:
        signer, deps = self._signer, self._deps
        if body.retry_of and body.edit_of:
            raise HTTPException(422, "Give retry_of or edit_of, not both.")
        if body.attachments and (body.retry_of or body.edit_of):
            raise HTTPException(422, "Attachments come with a new question; an earlier one keeps its own.")
        if not (body.text or body.retry_of or body.attachments):
            raise HTTPException(422, "text: the text is empty")
        about = await self._turn(visit, body.retry_of or body.edit_of or "")
        conversation = about[0].conversation if about else body.conversation or ""
        answer = signer.answer(visit.visitor, conversation=conversation, client_id=body.id or "")
        if about is not None:
            await self._changeable(about[1])
        self._admit(visit)
        if wait := self._crowd.refuses(visit.client, visit.visitor):
            raise _too_many(f"Too many new visitors from this address. Try again in {wait} s.", wait)
        event, replaced = await self._event(body, visit, answer, about)
        if body.sampling is not None:
            event = replace(event, sampling=body.sampling.sampling)
        deps.channel.expect(answer.text, replaced, asked=body.text)
        fresh = await deps.put(event)
        return self._stream(visit, answer, html=body.html, fresh=fresh)

    async def passage(self, answer: AnswerId, number: int, visit: Visit) -> models.PassageOut:
        found = await self._turn(visit, answer.text)
        cited = [c for c in found[1].citations if c.number == number] if found is not None else []
        if not cited:
            raise HTTPException(404, "There is no such citation.")
        citation, find = cited[0], self._deps.passage
        passage = await find(visit.visitor, citation) if find is not None else None
        text = passage.text if passage is not None and citation.quote in passage.text else ""
        return models.PassageOut(
            number=number, source=citation.source, title=citation.title, quote=citation.quote, text=text
        )

    async def reattach(self, answer: AnswerId, visit: Visit, html: bool) -> Response:
        self._admit(visit)
        return self._stream(visit, answer, html=html, fresh=False)

    async def stop(self, answer: AnswerId, visit: Visit) -> models.Accepted:
        key = event_key(answer.text)
        waits = await self._deps.pending(key)
        turn = await self._deps.turns.of_event(key)
        if turn.state.ended if turn is not None else not waits:
            return models.Accepted(accepted=False)
        call = self._call(answer)
        await self._deps.put(translate.stop(call, visit.sender(), self._deps.clock.time()))
        return models.Accepted(accepted=True)

    async def feedback(self, answer: AnswerId, body: models.Feedback, visit: Visit) -> models.Accepted:
        found = await self._turn(visit, answer.text)
        assert found is not None
        message_id = await self._shown(*found)
        event = translate.feedback(
            self._call(answer), visit.sender(), message_id, body.value, body.reason, self._deps.clock.time()
        )
        return models.Accepted(accepted=await self._deps.put(event))

    def _admit(self, visit: Visit) -> None:
        if self._streams.refuses(visit.visitor, visit.client):
            raise _too_many("Too many answers are open at once. Close some, then try again.", BUSY_SECONDS)

    def _stream(self, visit: Visit, answer: AnswerId, *, html: bool, fresh: bool) -> Response:
        deps = self._deps
        reader = Answer(
            answer, deps.channel, deps.turns, deps.pending, deps.clock, html=self._renderer if html else None
        )
        response = StreamingResponse(
            self._streams.stream(visit.visitor, visit.client, reader.follow(fresh=fresh)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        visit.remember(response)
        return response

    async def _event(
        self, body: models.Ask, visit: Visit, answer: AnswerId, about: tuple[AnswerId, Turn] | None
    ) -> tuple[Event, str]:
        """The event of a question, and the id of the message that its answer replaces."""
        sender, now = visit.sender(body.language), self._deps.clock.time()
        if about is None:
            files = await self._attachments(body, visit, answer)
            return translate.question(answer, sender, body.text, now, files=files), ""
        message_id = await self._shown(*about)
        if body.edit_of:
            question_id = about[1].question_id or message_id
            return translate.edit(answer, sender, question_id, body.text, now), message_id
        return translate.retry(answer, sender, message_id, now), message_id

    async def _changeable(self, about: Turn) -> None:
        """Nothing is answered anew while a person has the conversation."""
        conversation = await self._deps.conversations.get(about.conversation_id)
        if conversation is not None and conversation.taken_by:
            raise HTTPException(423, _HELD)

    async def _attachments(self, body: models.Ask, visit: Visit, answer: AnswerId) -> list[Part]:
        """The visitor's own files; they stay from now on."""
        files, parts = self._deps.files, []
        for id in body.attachments:
            file = await files.find(visit.visitor, id) if files is not None else None
            if files is None or file is None:
                raise HTTPException(422, "attachments: there is no such file")
            await files.use(visit.visitor, file, answer.conversation)
            parts.append(file.part(visit.visitor))
        return parts

    async def own(self, visit: Visit, text: str) -> AnswerId | None:
        """The id, if the answer is the visitor's: by its signature, or, where a person has spoken in the
        bot's place, by whose conversation that is in."""
        if (answer := self._signer.check(visit.visitor, text)) is not None or not visit.visitor:
            return answer
        turn = await self._deps.turns.of_event(event_key(text))
        conversation = await self._deps.conversations.get(turn.conversation_id) if turn is not None else None
        name = conversation_of(visit.visitor, conversation.address.chat) if conversation is not None else ""
        return AnswerId(visit.visitor, name, text) if name else None

    async def _turn(self, visit: Visit, text: str) -> tuple[AnswerId, Turn] | None:
        """The visitor's own turn of this id; None where no id is given."""
        if not text:
            return None
        answer = await self.own(visit, text)
        turn = await self._deps.turns.of_event(event_key(text)) if answer else None
        if answer is None or turn is None:
            raise HTTPException(404, "There is no such answer.")
        return answer, turn

    async def _shown(self, answer: AnswerId, turn: Turn) -> str:
        message_id = await message_of(self._deps.turns, turn)
        if not message_id and not turn.state.ended:  # whoever reads it can press before it is stored
            message_id = self._deps.channel.shown(answer.text)
        if not message_id:
            raise HTTPException(409, "This answer is not there yet, or another one has replaced it.")
        return message_id

    def _call(self, answer: AnswerId) -> AnswerId:
        return self._signer.answer(
            answer.visitor, conversation=answer.conversation, client_id=secrets.token_hex(16)
        )


def _too_many(message: str, seconds: int) -> HTTPException:
    return HTTPException(429, message, headers={"Retry-After": str(seconds)})


def chat_router(deps: WebDeps, signer: Signer, renderer: Renderer) -> APIRouter:
    chat = Chat(deps, signer, renderer)
    router = APIRouter(prefix="/api/v1", tags=["chat"])

    def visiting(request: Request) -> Visit:
        return visit_of(request, deps, signer)

    Visiting = Annotated[Visit, Depends(visiting)]

    async def own(id: str, visit: Visiting) -> AnswerId:
        answer = await chat.own(visit, id)
        if answer is None:
            raise HTTPException(404, "There is no such answer.")
        return answer

    Own = Annotated[AnswerId, Depends(own)]

    @router.post(
        "/chat", responses={**STREAM, **_WRITE, **problems(423, 429)}, response_class=StreamingResponse
    )
    async def ask(body: models.Ask, visit: Visiting) -> Response:
        """Ask, ask again, or change a question; the answer streams. 423: a person answers there, and nothing
        earlier is answered anew until the assistant does again."""
        return await chat.ask(body, visit)

    @router.get(
        "/chat/{id}", responses={**STREAM, **_READ, **problems(429)}, response_class=StreamingResponse
    )
    async def reattach(answer: Own, visit: Visiting, html: bool = False) -> Response:
        """The whole answer from its start, and on as it comes; also after a restart."""
        return await chat.reattach(answer, visit, html)

    @router.post("/chat/{id}/stop", responses=_WRITE)
    async def stop(answer: Own, visit: Visiting, body: models.Nothing) -> models.Accepted:
        """End this answer where it is."""
        return await chat.stop(answer, visit)

    @router.get("/chat/{id}/passages/{number}", responses=_READ)
    async def passage(
        answer: Own, number: Annotated[int, Path(ge=1, le=999)], visit: Visiting
    ) -> models.PassageOut:
        """What `[number]` in this answer was quoted from."""
        return await chat.passage(answer, number, visit)

    @router.post("/chat/{id}/feedback", responses=_WRITE)
    async def feedback(answer: Own, visit: Visiting, body: models.Feedback) -> models.Accepted:
        """Say whether the answer was good."""
        return await chat.feedback(answer, body, visit)

    return router
