"""Commands that need the core for a moment: ask, chat, learn, migrate, export."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import logging
import os
import secrets
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from adapters.terminal.adapter import TerminalAdapter
from bot import personal
from bot.access import Refusal
from bot.audience import EVERYBODY
from bot.clock import SystemClock
from bot.compose import App, compose, gate_of, open_models, open_stores
from bot.errors import DocumentError, StorageError
from bot.loading import locale_language
from bot.locale import Catalogue
from bot.ports import Search
from bot.settings import Settings
from bot.telemetry import NullTelemetry
from bot.types import Event, FinishReason, Outgoing, Sampling, Turn

if TYPE_CHECKING:
    from bot.plugins.qa.ingest import Progress as Step
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
    from adapters.terminal.screen import chat

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


async def learn_paths(
    settings: Settings, paths: list[Path], collection: str, audience: tuple[str, ...] | None = None
) -> bool:
    """Read files and folders into a collection, with a progress bar. What cannot be read holds up
    nothing else: standard error names it at the end, and the result is False. `audience`, where it is
    given, holds before anything is read."""
    errors, counts = [], Counter[str]()
    async with open_stores(settings, SystemClock(), durable_inbox=False) as stores:
        if audience is not None:
            await stores.search.restrict(collection, audience)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            for path in paths:
                task = bar.add_task(str(path), total=None)
                async for step in _learn(stores.search, path, collection):
                    bar.update(task, total=step.total, completed=step.done, description=step.name)
                    if step.error:
                        errors.append(step.error)
                    else:
                        counts["gone" if step.removed else "learned" if step.changed else "known"] += 1
    typer.echo(f"{counts['learned']} learned, {counts['known']} known already, {len(errors)} left out.")
    if counts["gone"]:
        typer.echo(f"{counts['gone']} forgotten: their files are gone.")
    if audience is not None:
        typer.echo(f"{collection} may be read by {', '.join(audience) or EVERYBODY}.")
    for error in errors:
        typer.echo(error, err=True)
    return not errors


async def _learn(search: Search, path: Path, collection: str) -> AsyncIterator[Step]:
    """`learn`, with the path's own error told like a file's."""
    from bot.plugins.qa.ingest import Progress, learn

    try:
        async for step in learn(search, path, collection):
            yield step
    except DocumentError as error:
        yield Progress(str(path), 1, 1, error=str(error))


async def dead_letters(settings: Settings, *, retry: str, text: bool, as_json: bool) -> bool:
    """List dead letters, newest first; or revive one, which the service takes up when it starts."""
    async with open_stores(settings, SystemClock(), durable_inbox=True, serves=False) as stores:
        if retry:
            if not await stores.inbox.revive(retry):
                raise StorageError(f"there is no dead letter {retry!r}; `tertulia dead` lists them")
            typer.echo("It is answered when the service starts; restart it if it runs.")
            return True
        letters = [_letter(event, reason, text) for event, reason in await stores.inbox.dead()]
    if as_json:
        typer.echo(json.dumps(letters, ensure_ascii=False))
        return True
    for letter in letters:
        typer.echo("  ".join(letter.values()))
    if not letters:
        typer.echo("There are no dead letters.")
    return True


def _letter(event: Event, reason: str, text: bool) -> dict[str, str]:
    when = datetime.fromtimestamp(event.received_at, UTC).isoformat(timespec="seconds")
    who = event.sender.name or event.sender.id
    shown = {"key": event.key, "when": when, "from": who, "reason": reason}
    return {**shown, "text": event.text} if text else shown


async def migrate_to(settings: Settings, revision: str) -> bool:
    """Move the database to a revision."""
    from storage.migrations import migrate

    where = await asyncio.to_thread(migrate, settings.database, revision)
    typer.echo(f"The database is at revision {where}.")
    return True


async def backup_to(settings: Settings, file: Path) -> bool:
    """Copy everything into a new archive, or the database alone into a new `.db`. Raises StorageError."""
    async with (
        open_stores(settings, SystemClock(), durable_inbox=True, serves=False) as stores,
        stores.backup.copy() as path,
    ):
        if file.suffix == ".db":
            size, where = await asyncio.to_thread(_keep, path, file)
            typer.echo(f"{file}: {size:,} bytes. To use it, set TERTULIA_DATABASE_URL=sqlite:///{where}")
            return True
        if await asyncio.to_thread(file.is_file):
            raise StorageError(f"{file} is there already; name another")
        async with aclosing(stores.backup.pack(path)) as blocks:
            await write_whole(file, blocks)
    typer.echo(f"{file} is whole. To use it: tertulia restore {file}")
    return True


async def restore_from(settings: Settings, file: Path) -> bool:
    """Put a backup into a home that has neither database nor files. Raises StorageError."""
    from storage.bundle import unpack
    from storage.db import dialect_of
    from storage.sqlite import file_of

    if dialect_of(settings.database) != "sqlite":
        raise StorageError(
            "a backup is put back into SQLite alone: unset TERTULIA_DATABASE_URL, or restore PostgreSQL with"
            f" pg_restore, and people's files with: tar -xf {file} -C {settings.home} files"
        )
    restored = await asyncio.to_thread(unpack, file, settings.home, file_of(settings.database))
    typer.echo(f"{settings.home}: {restored.size:,} bytes of database and {restored.files} files.")
    typer.echo(
        "Settings, tokens and keys are in no backup: bring tertulia.toml, secret.key and the environment"
        " yourself."
    )
    return True


def _keep(copy: Path, file: Path) -> tuple[int, Path]:
    """The size, and the whole path."""
    try:
        file.touch(mode=0o600, exist_ok=False)
        shutil.move(copy, file)
        return file.stat().st_size, file.absolute()
    except FileExistsError:
        raise StorageError(f"{file} is there already; name another") from None
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}") from error


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


async def write_whole(file: Path, pieces: AsyncIterator[bytes]) -> None:
    """Whole or not at all, for its owner alone; what is no file, as a pipe, takes it as it comes. Raises
    StorageError."""
    try:
        with _whole_file(file) as out:
            async for piece in pieces:
                await asyncio.to_thread(out.write, piece)
    except OSError as error:
        raise StorageError(f"{file}: {error.strerror}") from error


@contextmanager
def _whole_file(file: Path) -> Iterator[BinaryIO]:
    """To write to. Once it is left without a failure the file is there; until then it is as it was."""
    if file.exists() and not file.is_file():
        with file.open("wb") as out:
            yield out
        return
    target = file.resolve()
    fresh = target.with_name(f".tertulia-{secrets.token_hex(8)}")
    try:
        fresh.touch(mode=0o600, exist_ok=False)
        with fresh.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
