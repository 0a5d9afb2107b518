"""Commands that need the core for a moment: ask, chat, export."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from adapters.terminal.adapter import TerminalAdapter
from bot import personal
from bot.access import Refusal
from bot.clock import SystemClock
from bot.compose import App, compose, gate_of
from bot.errors import StorageError
from bot.loading import locale_language
from bot.locale import Catalogue
from bot.opening import open_models, open_stores
from bot.settings import Settings
from bot.telemetry import NullTelemetry
from bot.types import Event, FinishReason, Outgoing, Sampling, Turn
from bot.upkeep import write_whole

if TYPE_CHECKING:
    from inference.registry import Registry

NAMING_SECONDS = 1.0
"""How long `chat` waits at its start for the server to say which model it has."""


@asynccontextmanager
async def _core(settings: Settings) -> AsyncIterator[tuple[App, TerminalAdapter, Registry]]:
    """The core with the terminal as its only platform, serving while entered."""
    clock = SystemClock()
    logging.basicConfig(level=logging.ERROR, format="tertulia: %(message)s")
    adapter = TerminalAdapter(clock, user=getpass.getuser(), language=locale_language())
    async with (
        open_stores(settings, clock, durable_inbox=False) as stores,
        open_models(settings, clock) as models,
        compose(settings, stores, models, [adapter], NullTelemetry(), clock) as app,
    ):
        stop = asyncio.Event()
        serving = asyncio.create_task(app.serve([adapter], stop))
        await asyncio.sleep(0)
        try:
            yield app, adapter, models
        finally:
            stop.set()
            await serving


async def ask_once(settings: Settings, question: str, sampling: Sampling | None, *, as_json: bool) -> bool:
    """Print the answer; False if there is none: standard error then says why. It names a model
    server that nobody chose, too. Ctrl-C stops the answer and leaves with exit code 130."""
    from adapters.terminal.screen import ask, show_answer

    async with _core(settings) as (app, adapter, models):
        language = app.catalogue.pick(locale_language())
        event = adapter.event(question, f"ask-{secrets.token_hex(6)}", sampling)
        if refused := await _refusal(app, event):
            if as_json:
                typer.echo(json.dumps(_as_json(Outgoing(refused, refused), None), ensure_ascii=False))
            typer.echo(f"tertulia: {refused}", err=True)
            return False
        if is_found(settings, models):
            typer.echo(model_line(settings, models, app.catalogue, language), err=True)
        show = _last if as_json else partial(show_answer, Console(), language=language)
        shown = await ask(adapter, event, show)
        turn = await app.stores.turns.of_event(event.key)
    if shown.finish_reason == FinishReason.CANCELLED:
        raise typer.Exit(130)
    if as_json:
        typer.echo(json.dumps(_as_json(shown, turn), ensure_ascii=False))
    if shown.finish_reason == FinishReason.ERROR:
        why = (turn.error if turn and turn.error else shown.plain).rstrip(".")
        typer.echo(f"tertulia: no answer: {why}. `tertulia check` looks for the cause.", err=True)
        return False
    return True


async def _refusal(app: App, event: Event) -> str:
    """Why the question would not be answered; "" if it would. A code that lets in is no question,
    but what it gets is an answer."""
    admitted = await gate_of(app.settings, app.stores, app.catalogue, app.clock).admit(event, waits=True)
    if isinstance(admitted, Refusal) and admitted.reason != "welcome":
        return admitted.reply.text if admitted.reply else admitted.reason
    return ""


def is_found(settings: Settings, models: Registry) -> bool:
    """Whether the model server was found on this machine, instead of being set."""
    return bool(models.servers) and not settings.model_urls


def model_line(settings: Settings, models: Registry, catalogue: Catalogue, language: str) -> str:
    """Which model answers, and where it comes from if nobody chose it."""
    model = models.default()
    if not model.generates:
        return catalogue.say(language, "terminal.none")
    key = "terminal.found" if is_found(settings, models) else "terminal.model"
    return catalogue.say(language, key, name=model.name, url=models.servers[0].endpoint.url)


async def _last(answer: AsyncIterator[Outgoing]) -> Outgoing:
    return [out async for out in answer][-1]


def _as_json(shown: Outgoing, turn: Turn | None) -> dict[str, Any]:
    return {
        "answer": shown.text,
        "citations": [{"source": c.source, "title": c.title, "quote": c.quote} for c in shown.citations],
        "abstained": not shown.citations,
        "model": turn.model if turn else "",
        "usage": asdict(turn.usage) if turn else {},
    }


async def chat_here(settings: Settings) -> bool:
    """A conversation until Ctrl-D."""
    from adapters.terminal.prompt import chat

    history = await asyncio.to_thread(_private, settings.home / "chat_history")
    async with _core(settings) as (app, adapter, models):
        language = app.catalogue.pick(locale_language())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NAMING_SECONDS):
                await models.refresh()
        console = Console()
        console.print(model_line(settings, models, app.catalogue, language), style="dim", highlight=False)
        await chat(adapter, console, history=history, language=language)
    return True


def _private(path: Path) -> str:
    """The file, made where it is not there, for its owner alone; "" if it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError:
        return ""
    return str(path)


async def export_person(settings: Settings, person: str, output: Path | None, *, delete: bool) -> bool:
    """Print or write everything about a person, plugins included; then delete it if asked."""
    from adapters.web.takeout import json_text

    async with _core(settings) as (app, _, _):
        if await app.stores.people.get(person) is None:
            raise StorageError(f"there is no person {person!r}; /whoami shows a person's id")
        async with aclosing(json_text(personal.export_person(app, person))) as pieces:
            if output is None:
                async for piece in pieces:
                    typer.echo(piece, nl=False)
            else:
                await write_whole(output, pieces)
        if delete:
            await personal.delete_person(app, person)
    return True
