"""`tertulia check`: what is set up, what is not, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from enum import StrEnum

import typer

from bot.clock import SystemClock
from bot.compose import open_models, open_stores
from bot.errors import StorageError
from bot.settings import Settings

BRING_A_MODEL = (
    "With a GPU: `docker compose --profile gpu up -d`. Without: install Ollama and run "
    "`ollama run qwen3:4b`; it is found by itself. A server elsewhere: set TERTULIA_MODEL_URL "
    "(for example http://HOST:8000/v1)."
)


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
    findings = [finding async for finding in examine(settings)]
    if as_json:
        typer.echo(json.dumps([asdict(f) for f in findings], ensure_ascii=False))
    else:
        marks = {Verdict.OK: "✓", Verdict.HINT: "·", Verdict.BAD: "✗"}
        for finding in findings:
            typer.echo(f"{marks[finding.verdict]} {finding.name}: {finding.detail}")
            if finding.advice:
                typer.echo(f"    {finding.advice}")
    return all(f.verdict is not Verdict.BAD for f in findings)


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Settings, database, model servers, platforms."""
    yield Finding("settings", Verdict.OK, f"home {settings.home}, access {settings.access.value}")
    yield await _database(settings)
    async for finding in _models(settings):
        yield finding
    for finding in _platforms(settings):
        yield finding
    yield await _telegram(settings)


async def _database(settings: Settings) -> Finding:
    kind = settings.database.split(":", 1)[0]
    try:
        async with open_stores(settings, SystemClock(), durable_inbox=False) as stores:
            sources = await stores.search.sources("handbook")
    except StorageError as error:
        return Finding("database", Verdict.BAD, f"{kind}: {error}", "Mend it, or set TERTULIA_DATABASE_URL.")
    return Finding("database", Verdict.OK, f"{kind}, up to date, {len(sources)} handbook pages")


async def _models(settings: Settings) -> AsyncIterator[Finding]:
    async with open_models(settings, SystemClock()) as models:
        states = await models.refresh()
        for host, error in states:
            if error is None:
                yield Finding(
                    "model server", Verdict.OK, f"{host} has {', '.join(models.names()) or 'no model'}"
                )
            else:
                advice = "Start it, or set TERTULIA_MODEL_URL and TERTULIA_MODEL_API_KEY right."
                what = str(error) if host in str(error) else f"{host}: {error}"
                yield Finding("model server", Verdict.BAD, what, advice)
        if not states:
            yield Finding(
                "model server", Verdict.HINT, "none; answers are quoted from documents", BRING_A_MODEL
            )


def _platforms(settings: Settings) -> list[Finding]:
    findings = []
    where = f"http://{settings.web_host}:{settings.web_port}"
    findings.append(Finding("web", Verdict.OK, where if settings.web else "switched off"))
    if settings.broker_url:
        advice = "This version runs as one process; the broker is not used yet."
        findings.append(Finding("broker", Verdict.HINT, "TERTULIA_BROKER_URL is set", advice))
    if settings.discord_token.get_secret_value():
        advice = "Its adapter comes with a later version; the token is not used yet."
        findings.append(Finding("discord", Verdict.HINT, "a token is set", advice))
    else:
        findings.append(_no_token("discord"))
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


def _telegram_advice(reads_groups: bool, inline: bool) -> str:
    hints = []
    if not reads_groups:
        hints.append("In groups it sees only what is said to it; @BotFather, /setprivacy changes that.")
    if not inline:
        hints.append("Inline mode is off; @BotFather, /setinline switches it on.")
    return " ".join(hints)
