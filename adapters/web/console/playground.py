"""The playground: models, personas and prompts tried out, one alone or two side by side."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import HTMLResponse, Response, StreamingResponse

from adapters.web.blocks import Blocks, Renderer, Told
from adapters.web.console.access import Login
from adapters.web.console.render import sayer, words
from adapters.web.console.site import Console
from adapters.web.console.wrong import told
from adapters.web.sse import encode
from bot.errors import FieldsRefused, ModelError
from bot.ports import PersonaDesk
from bot.types import Chunk, ConsoleRole, FieldKind, FormField, KnownPersona, Message, Role, Trial, Usage

MOST_AT_ONCE = 4
"""Answers of one account: two comparisons."""
OFFERED = 50
"""Personas to choose from; each other one's page leads here with it."""

Tabs = Callable[[Login], list[tuple[str, str]]]


class Line(BaseModel):
    role: Literal["user", "assistant"]
    text: str


class Ask(BaseModel):
    """`messages` end with the question."""

    messages: list[Line]
    model: str = ""
    prompt: str = ""
    sampling: dict[str, Any] = {}

    def trial(self) -> Trial:
        messages = tuple(Message(Role(line.role), line.text) for line in self.messages)
        return Trial(self.prompt, messages, self.model, self.sampling)


def add(pages: APIRouter, console: Console, tabs: Tabs) -> None:
    """The playground's routes, where the house has one."""
    desk = console.deps.playground
    if desk is None:
        return
    author = console.needs(ConsoleRole.AUTHOR)
    running = Counter[str]()
    renderer = Renderer()

    @pages.get("/console/models/playground")
    async def playground(
        login: Login = author, persona: Annotated[str, Query(max_length=64)] = ""
    ) -> HTMLResponse:
        default, *more = desk.models()
        usual = sayer(login.language)("playground.model.default", model=default)
        rows, rest = _offered(console.deps.personas, persona)
        return console.page(
            login,
            "playground.html",
            tabs=tabs(login),
            models=[("", usual), *((name, name) for name in more)],
            personas=_personas(rows, login.language),
            rest=rest,
            persona=persona,
            fields=[(field, _bounds(field, login.language)) for field in desk.limits()],
        )

    @pages.post("/console/models/playground/run")
    async def run(body: Ask, login: Login = author) -> Response:
        if running[login.account.id] >= MOST_AT_ONCE:
            raise console.problem(login, 429, "playground.many")
        try:
            answer = desk.run(body.trial())
        except FieldsRefused as error:
            raise console.problem(login, 422, "playground.wrong", **_first(error, login.language)) from None
        told = Answer(console, renderer, login.language).follow(answer)
        return StreamingResponse(
            _counted(running, login.account.id, told),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


async def _counted(
    running: Counter[str], account: str, told: AsyncGenerator[Told, None]
) -> AsyncIterator[bytes]:
    """The events as bytes; one of the account's answers while this runs."""
    running[account] += 1
    try:
        async with contextlib.aclosing(told) as events:
            async for event in events:
                yield encode(event)
    finally:
        running[account] -= 1
        if not running[account]:
            del running[account]


class Answer:
    """One answer as events: `text` and `thought` as they come, `html` now and then, and at last `end`
    with its figures, or `error` in words."""

    def __init__(self, console: Console, renderer: Renderer, language: str) -> None:
        self._clock = console.deps.clock
        self._blocks = Blocks(renderer, self._clock)
        self._language = language
        self._text = ""
        self._usage = Usage()
        self._finish = ""
        self._began = self._clock.monotonic()
        self._first: float | None = None

    async def follow(self, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Told, None]:
        try:
            async with contextlib.aclosing(chunks) as stream:
                async for chunk in stream:
                    for told in self._take(chunk):
                        yield told
                    if html := await self._blocks.changed(self._text):
                        yield html
        except ModelError as error:
            yield Told("error", {"message": _words_for(error, self._language), "detail": str(error)})
        if html := await self._blocks.changed(self._text, ends=True):
            yield html
        yield Told("end", self._figures())

    def _take(self, chunk: Chunk) -> list[Told]:
        self._usage += chunk.usage or Usage()
        self._finish = chunk.finish_reason or self._finish
        if self._first is None and (chunk.text or chunk.reasoning):
            self._first = self._clock.monotonic()
        self._text += chunk.text
        pieces = (("text", chunk.text), ("thought", chunk.reasoning))
        return [Told(name, {"text": piece}) for name, piece in pieces if piece]

    def _figures(self) -> dict[str, Any]:
        """Seconds, tokens, and tokens a second since the first words."""
        now = self._clock.monotonic()
        usage, since = self._usage, now - self._first if self._first is not None else 0.0
        return {
            "finish": self._finish,
            "prompt": usage.prompt,
            "completion": usage.completion,
            "cached": usage.cached,
            "first": round(self._first - self._began, 3) if self._first is not None else None,
            "seconds": round(now - self._began, 3),
            "rate": round(usage.completion / since, 1) if since > 0 and usage.completion else None,
        }


def _words_for(error: ModelError, language: str) -> str:
    """What is said of the error, or of the nearest kind above it."""
    keys = (f"playground.error.{kind.__name__}" for kind in type(error).__mro__)
    return next(words(language)[key] for key in keys if key in words(language))


def _first(error: FieldsRefused, language: str) -> dict[str, str]:
    name, why = next(iter(error.fields.items()))
    name = "question" if name == "messages" else name
    known = words(language)
    return {
        "field": known.get(f"playground.sampling.{name}", known.get(f"playground.{name}", name)),
        "why": told(sayer(language), why),
    }


def _offered(desk: PersonaDesk | None, wanted: str) -> tuple[list[KnownPersona], bool]:
    """The first personas by name, the wanted one with them; and whether there are others."""
    if desk is None:
        return [], False
    rows = desk.listing(limit=OFFERED + 1)
    first, rest = rows[:OFFERED], len(rows) > OFFERED
    found = desk.get(wanted)
    return (first if found is None or found in first else [*first, found]), rest


def _personas(rows: Sequence[KnownPersona], language: str) -> list[tuple[str, str, str]]:
    """Each one's name, how it is shown, and as JSON all that choosing it fills in."""
    say = sayer(language)
    return [
        (
            persona.name,
            persona.name or say("playground.persona.default"),
            json.dumps({"prompt": persona.prompt, "model": persona.model, "sampling": persona.sampling}),
        )
        for persona in rows
    ]


def _bounds(field: FormField, language: str) -> str:
    """In words, what a sampling parameter may be."""
    say = sayer(language)
    if field.kind is FieldKind.LIST:
        return say("playground.stop.hint")
    low, high = _number(field.minimum), _number(field.maximum)
    if field.above is not None and high:
        return say("playground.above", low=_number(field.above), high=high)
    if low and high:
        return say("playground.between", low=low, high=high)
    return say("playground.from", low=low) if low else say("playground.whole")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
