"""`tertulia check`: what is set up, what is not, and what to do about it."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from bot.clock import SystemClock
from bot.errors import ModelError, SettingsError, StorageError
from bot.extensions import plugins_of
from bot.opening import Stores, open_models, open_stores
from bot.plugins.configured import find_plugins
from bot.plugins.desk import PluginDesk
from bot.settings import Settings

if TYPE_CHECKING:
    from adapters.discord.check import Found
    from inference.openai_api import OpenAIModel

BRING_A_MODEL = (
    "With a GPU: `docker compose --profile gpu up -d`. Without: install Ollama and run "
    "`ollama run qwen3:4b`; it is found by itself. A server elsewhere: set TERTULIA_MODEL_URL "
    "(for example http://HOST:8000/v1)."
)

_PORTAL = "https://discord.com/developers/applications"


class Verdict(StrEnum):
    OK = "ok"
    HINT = "hint"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do, where there is something to do."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""


async def check_all(settings: Settings, *, as_json: bool) -> bool:
    """Print all findings; False if any is bad."""
    logging.getLogger().addHandler(logging.NullHandler())  # the findings say it
    findings = [finding async for finding in examine(settings)]
    if as_json:
        typer.echo(json.dumps([asdict(f) for f in findings], ensure_ascii=False))
    else:
        marks = {Verdict.OK: "✓", Verdict.HINT: "·", Verdict.BAD: "✗"}
        for finding in findings:
            typer.echo(f"{marks[finding.verdict]} {finding.name}: {finding.detail}")
            for line in finding.advice.splitlines():
                typer.echo(f"    {line}")
    return all(f.verdict is not Verdict.BAD for f in findings)


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Settings, database, plugins, model servers, platforms."""
    yield Finding("settings", Verdict.OK, f"home {settings.home}, access {settings.access.value}")
    mistakes = _plugin_settings(settings)
    for finding in mistakes:
        yield finding
    for finding in await _stored(settings, plugins=not mistakes):
        yield finding
    async for finding in _models(settings):
        yield finding
    for finding in _platforms(settings):
        yield finding
    yield await _telegram(settings)
    yield await _discord(settings)


def _plugin_settings(settings: Settings) -> list[Finding]:
    """What is wrong with what is written about plugins."""
    try:
        find_plugins(settings.plugins, disabled=settings.plugins_disabled)
    except SettingsError as error:
        advice = "Correct it in tertulia.toml or the environment."
        return [Finding("plugin", Verdict.BAD, line, advice) for line in str(error).splitlines()]
    return []


async def _stored(settings: Settings, *, plugins: bool) -> list[Finding]:
    """The database, and the plugins started on it."""
    kind = settings.database.split(":", 1)[0]
    try:
        async with open_stores(settings, SystemClock(), durable_inbox=False) as stores:
            started = await _plugins(settings, stores) if plugins else []
            sources = await stores.search.sources("handbook")
    except StorageError as error:
        advice = "Mend it, or set TERTULIA_DATABASE_URL."
        return [Finding("database", Verdict.BAD, f"{kind}: {error}", advice)]
    detail = f"{kind}, up to date, {len(sources)} handbook pages"
    return [Finding("database", Verdict.OK, detail), *started]


async def _plugins(settings: Settings, stores: Stores) -> list[Finding]:
    try:
        desk = await plugins_of(settings, search=stores.search, store=stores.values, clock=SystemClock())
    except SettingsError as error:  # two bring the same
        return [Finding("plugin", Verdict.BAD, str(error))]
    async with desk.host.lifespan():
        names = ", ".join(desk.host.names())
    advice = "Mend it, or put its name in TERTULIA_PLUGINS_DISABLED."
    bad = [Finding("plugin", Verdict.BAD, problem, advice) for problem in desk.host.problems]
    return [Finding("plugins", Verdict.OK, names or "none"), *bad, *_secrets(desk)]


def _secrets(desk: PluginDesk) -> list[Finding]:
    """The plugins whose secrets do not open."""
    advice = (
        "Set them again in the console, or bring the key back that sealed them: secret.key in the home, or "
        "TERTULIA_SECRET_KEY."
    )
    return [
        Finding("plugin", Verdict.BAD, f"{state.name} goes without {', '.join(state.unreadable)}", advice)
        for state in desk.states()
        if state.unreadable
    ]


async def _models(settings: Settings) -> AsyncIterator[Finding]:
    async with open_models(settings, SystemClock()) as models:
        states = await models.refresh()
        for server, (_, error) in zip(models.servers, states, strict=True):
            yield _server(server, error)
        if not states:
            yield Finding(
                "model server", Verdict.HINT, "none; answers are quoted from documents", BRING_A_MODEL
            )


def _server(server: OpenAIModel, error: ModelError | None) -> Finding:
    host, wanted, listed = server.endpoint.host, server.endpoint.model, ", ".join(server.listed)
    if error is not None:
        advice = "Start it, or set TERTULIA_MODEL_URL and TERTULIA_MODEL_API_KEY right."
        what = str(error) if host in str(error) else f"{host}: {error}"
        return Finding("model server", Verdict.BAD, what, advice)
    if not listed and not wanted:
        advice = "Load one there, or set TERTULIA_MODEL to the one to ask for."
        return Finding("model server", Verdict.BAD, f"{host} lists no model", advice)
    if not server.has(wanted):
        advice = "Set TERTULIA_MODEL to one of those, or leave it out for the first."
        return Finding(
            "model server", Verdict.BAD, f"{host} has no model {wanted!r}; it has {listed}", advice
        )
    return Finding("model server", Verdict.OK, f"{host} has {listed or f'no list; {wanted} is asked for'}")


def _platforms(settings: Settings) -> list[Finding]:
    findings = []
    where = f"http://{settings.web_host}:{settings.web_port}"
    findings.append(Finding("web", Verdict.OK, where if settings.web else "switched off"))
    if settings.broker_url:
        advice = "This version runs as one process; the broker is not used yet."
        findings.append(Finding("broker", Verdict.HINT, "TERTULIA_BROKER_URL is set", advice))
    return findings


def _no_token(name: str) -> Finding:
    detail = f"no token (TERTULIA_{name.upper()}_TOKEN)"
    return Finding(name, Verdict.HINT, detail, "Not needed for the web page.")


async def _telegram(settings: Settings) -> Finding:
    token = settings.telegram_token.get_secret_value()
    if not token:
        return _no_token("telegram")
    from adapters.telegram.check import look

    found = await look(token, settings.telegram_api_url, SystemClock())
    if found.refused:
        advice = "Get a token from @BotFather (/mybots, API Token), and set TERTULIA_TELEGRAM_TOKEN to it."
        return Finding("telegram", Verdict.BAD, f"the token is refused: {found.error}", advice)
    if found.error:
        advice = "Is the network up, and TERTULIA_TELEGRAM_API_URL right?"
        return Finding("telegram", Verdict.BAD, f"cannot be reached: {found.error}", advice)
    detail = f"@{found.username} (https://t.me/{found.username}), {settings.telegram_mode}"
    if found.webhook_error and settings.telegram_mode == "webhook":
        advice = f"Telegram cannot bring updates to {found.webhook}: {found.webhook_error}"
        return Finding("telegram", Verdict.BAD, detail, advice)
    return Finding("telegram", Verdict.OK, detail, _telegram_advice(found.reads_groups, found.inline))


async def _discord(settings: Settings) -> Finding:
    token = settings.discord_token.get_secret_value()
    if not token:
        return _no_token("discord")
    from adapters.discord.check import look, mistaken

    found = await look(token, settings.discord_api_url, SystemClock())
    if found.refused:
        advice = (
            f'{mistaken(token)} Press "Reset Token" on your application\'s page "Bot" at {_PORTAL} and '
            "set TERTULIA_DISCORD_TOKEN to what it shows; a person's own token does not work."
        )
        return Finding("discord", Verdict.BAD, f"the token is refused: {found.error}", advice.strip())
    if found.busy:
        detail, advice = f"Discord asks to {found.error}", "Too much was called from this address; try later."
        return Finding("discord", Verdict.BAD, detail, advice)
    if found.error:
        advice = "Is the network up, and TERTULIA_DISCORD_API_URL right?"
        detail = f"{settings.discord_api_url} cannot be reached: {found.error}"
        return Finding("discord", Verdict.BAD, detail, advice)
    return _discord_bot(found, wants_content=settings.discord_message_content)


def _discord_bot(found: Found, *, wants_content: bool) -> Finding:
    """A token that works: where the bot is, what it reads, and what is still to be done."""
    there = {None: "", 0: "in no server yet, ", 1: "in 1 server, "}.get(
        found.guilds, f"in {found.guilds} servers, "
    )
    detail = f"{found.username}, {there}Message Content Intent "
    advice = [*found.hurdles, f"Let it into a server: {found.invite}"]
    if found.personal:
        advice.append(f"Take it along to any chat: {found.personal}")
    else:
        advice.append(
            'To let people take it along to any chat, switch on "User Install" on its page "Installation" '
            f"at {_PORTAL}."
        )
    if found.message_content:
        detail += "on" if wants_content else "on, but not asked for (TERTULIA_DISCORD_MESSAGE_CONTENT)"
    else:
        detail += "off: it answers where it is mentioned, replied to or written to in private"
        if wants_content:
            advice.append(
                'To answer all messages of a channel, switch on "Message Content Intent" on its page "Bot" '
                f"at {_PORTAL} and start again."
            )
    verdict = Verdict.BAD if found.hurdles else Verdict.HINT if found.guilds == 0 else Verdict.OK
    return Finding("discord", verdict, detail, "\n".join(advice))


def _telegram_advice(reads_groups: bool, inline: bool) -> str:
    hints = []
    if not reads_groups:
        hints.append("In groups it sees only what is said to it; @BotFather, /setprivacy changes that.")
    if not inline:
        hints.append("Inline mode is off; @BotFather, /setinline switches it on.")
    return " ".join(hints)
