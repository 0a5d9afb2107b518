"""The `tertulia` command. Exit codes: 0 done, 1 failed, 2 usage."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.errors import TertuliaError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from bot.settings import Settings

app = typer.Typer(
    name="tertulia",
    help="A self-hosted chat assistant. Settings come from TERTULIA_* variables and tertulia.toml.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


@app.callback(invoke_without_command=True)
def _common(
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("tertulia"))
        raise typer.Exit


@app.command()
def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")
    ] = None,
    standby: Annotated[
        bool, typer.Option(help="If a service runs on this database, wait and take over when it ends.")
    ] = False,
) -> None:
    """Start the service: web chat, API, metrics, and each platform that has a token."""
    from bot.service import run_service

    _go(lambda settings: run_service(settings, standby=standby), uvloop=True, web_host=host, web_port=port)


@app.command()
def ask(
    question: Annotated[
        str, typer.Argument(help="What to ask; `-` or a pipe reads it from standard input.")
    ] = "-",
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Sampling of this answer, e.g. temperature=0.2, max_tokens=200, seed=7; may be repeated.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask one question and print the answer with its sources."""
    from bot.sampling import sampling_of

    try:
        sampling = sampling_of(given or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None
    text = _question(question)
    from bot.terminal import ask_once

    _go(lambda settings: ask_once(settings, text, sampling, as_json=as_json))


@app.command()
def chat() -> None:
    """Talk in the terminal; the conversation is kept."""
    from bot.terminal import chat_here

    _go(chat_here)


@app.command()
def learn(
    paths: Annotated[list[Path], typer.Argument(help="Markdown or text files, or folders of them.")],
    collection: Annotated[str, typer.Option(help="The collection they go into.")] = "documents",
    audience: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE",
            help="Who may read the collection, from now on: role:ID, operator, owner, or everybody;"
            " may be repeated.",
        ),
    ] = None,
) -> None:
    """Read documents, so that questions can be answered from them."""
    from bot.audience import audience_of

    try:
        readers = None if audience is None else audience_of(audience)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--audience") from None
    from bot.upkeep import learn_paths

    _go(lambda settings: learn_paths(settings, paths, collection, readers))


@app.command()
def check(as_json: Json = False) -> None:
    """Look at settings, database, model and platforms, and say what to do about each."""
    from bot.doctor import check_all

    _go(lambda settings: check_all(settings, as_json=as_json), look_at_plugins=False)


@app.command()
def migrate(
    revision: Annotated[str, typer.Argument(help="`head`, `base`, or a revision.")] = "head",
) -> None:
    """Bring the database to a revision; `tertulia run` does so by itself. Going down loses data."""
    from bot.upkeep import migrate_to

    _go(lambda settings: migrate_to(settings, revision))


@app.command()
def dead(
    retry: Annotated[str, typer.Option(help="The key of a dead letter to deliver again.")] = "",
    text: Annotated[bool, typer.Option("--text", help="Show what was written, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the questions that failed for good, or have one answered again."""
    from bot.upkeep import dead_letters

    _go(lambda settings: dead_letters(settings, retry=retry, text=text, as_json=as_json))


@app.command()
def console_link() -> None:
    """Print a link that opens the console once, within an hour; the one printed before ends."""
    from bot.console_link import print_link

    _go(print_link, look_at_plugins=False)


@app.command()
def export(
    person: Annotated[str, typer.Argument(help="A person's id (`/whoami` shows it).")],
    output: Annotated[Path | None, typer.Option(help="File to write; default: standard output.")] = None,
    delete: Annotated[bool, typer.Option(help="Then delete everything stored about the person.")] = False,
) -> None:
    """Everything stored about one person, as JSON."""
    from bot.terminal import export_person

    _go(lambda settings: export_person(settings, person, output, delete=delete))


@app.command()
def backup(
    file: Annotated[
        Path,
        typer.Argument(help="The file to write, there is none of that name yet. .db: the database alone."),
    ],
) -> None:
    """Copy the database and people's files into one tar archive, also while the service runs."""
    from bot.upkeep import backup_to

    _go(lambda settings: backup_to(settings, file), look_at_plugins=False)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup: an archive, or a database alone.")],
) -> None:
    """Put a backup into an empty home, with SQLite as its database."""
    from bot.upkeep import restore_from

    _go(lambda settings: restore_from(settings, file), look_at_plugins=False)


def main() -> None:
    """The entry point."""
    app()


def _question(argument: str) -> str:
    """The question; with `-` all of standard input, and a pipe is added to what was asked."""
    piped = "" if sys.stdin.isatty() else sys.stdin.read()
    text = piped if argument == "-" else "\n\n".join(filter(None, (argument, piped.strip())))
    if not text.strip():
        typer.echo('Nothing was asked. Try: tertulia ask "How do I connect Telegram?"', err=True)
        raise typer.Exit(2)
    return text


def _go(
    work: Callable[[Settings], Coroutine[Any, Any, bool]],
    *,
    uvloop: bool = False,
    look_at_plugins: bool = True,
    **overrides: Any,
) -> None:
    """Run with the settings in force, those of the plugins checked as well; an error of ours is a
    line on standard error and exit 1."""
    # asyncio takes half of the time in which help, or what is wrong with a call, is shown
    import asyncio

    from bot.loading import load_settings
    from bot.plugins.configured import find_plugins

    try:
        settings = load_settings(**overrides)
        if look_at_plugins:
            find_plugins(settings.plugins, disabled=settings.plugins_disabled)
        with asyncio.Runner(loop_factory=_fast_loop() if uvloop else None) as runner:
            done = runner.run(work(settings))
    except TertuliaError as error:
        typer.echo(f"tertulia: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if not done:
        raise typer.Exit(1)


def _fast_loop() -> Callable[[], AbstractEventLoop] | None:
    """uvloop where there is one (not on Windows)."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop
