"""Commands that need the database alone: learn, dead, migrate, backup, restore."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from bot.audience import EVERYBODY
from bot.clock import SystemClock
from bot.errors import DocumentError, StorageError
from bot.opening import open_stores
from bot.ports import Search
from bot.settings import Settings
from bot.types import Event

if TYPE_CHECKING:
    from bot.plugins.qa.ingest import Progress as Step


async def learn_paths(
    settings: Settings, paths: list[Path], collection: str, audience: tuple[str, ...] | None = None
) -> bool:
    """Read files and folders into a collection, with a progress bar. What cannot be read holds up
    nothing else: standard error names it at the end, and the result is False. `audience`, where it is
    given, holds before anything is read."""
    # only here is there something to draw
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

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
