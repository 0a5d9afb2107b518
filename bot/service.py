"""`tertulia run`: the service with all its parts, until a signal ends it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

from bot.clock import SystemClock
from bot.compose import App, Stores, compose, open_models, open_stores, stop_on_signals
from bot.errors import ModelError, StorageError
from bot.ports import Adapter
from bot.settings import Access, Settings
from bot.types import Event

if TYPE_CHECKING:
    from adapters.web.adapter import WebAdapter
    from adapters.web.channel import WebChannel
    from adapters.web.deps import WebDeps
    from adapters.web.metrics import PrometheusTelemetry
    from inference.registry import Registry

log = logging.getLogger(__name__)
SUGGESTIONS = {
    "en": ("How do I connect Telegram?", "How do I connect a language model?", "What can you do?"),
    "zh": ("怎么连接 Telegram？", "怎么连接语言模型？", "你能做什么？"),
}
NOT_YET = {"telegram_token": "Telegram", "discord_token": "Discord"}


async def run_service(settings: Settings) -> bool:
    """Serve until SIGTERM or SIGINT. Raises what keeps it from starting."""
    from adapters.web.metrics import PrometheusTelemetry

    _log_to_stderr()
    clock, telemetry, stop = SystemClock(), PrometheusTelemetry(), stop_on_signals()
    async with (
        open_stores(settings, clock, durable_inbox=True) as stores,
        open_models(settings, clock) as models,
    ):
        adapters: list[Adapter] = []
        if settings.web:
            adapters.append(_web(settings, stores, models, telemetry, clock))
        async with compose(settings, stores, models, adapters, telemetry, clock) as app:
            serving = asyncio.create_task(app.serve(adapters, stop))
            announcing = asyncio.create_task(_announce(app, adapters, models))
            announcing.add_done_callback(_log_failure)
            try:
                await serving
            finally:
                announcing.cancel()
                await asyncio.gather(announcing, return_exceptions=True)
    return True


def _web(
    settings: Settings,
    stores: Stores,
    models: Registry,
    telemetry: PrometheusTelemetry,
    clock: SystemClock,
) -> WebAdapter:
    from adapters.web.adapter import WebAdapter
    from adapters.web.deps import WebDeps

    async def deps(channel: WebChannel, put: Callable[[Event], Awaitable[bool]]) -> WebDeps:
        return WebDeps(
            put=put,
            pending=stores.inbox.pending,
            turns=stores.turns,
            conversations=stores.conversations,
            people=stores.people,
            channel=channel,
            clock=clock,
            telemetry=telemetry,
            secret=await _secret(stores),
            loopback=_is_loopback(settings.web_host),
            access="open" if settings.access is Access.OPEN else "invite",
            checks={"database": _database_check(stores), "model": _model_check(models)},
            metrics=telemetry,
            suggestions=SUGGESTIONS,
        )

    return WebAdapter(clock, host=settings.web_host, port=settings.web_port, deps=deps)


async def _secret(stores: Stores) -> bytes:
    """Signs cookies: made once, the same for every replica of a database."""
    stored = await stores.values.get("web", "", "cookie_secret")
    if not isinstance(stored, str):
        await stores.values.put("web", "", "cookie_secret", secrets.token_hex(32))
        stored = await stores.values.get("web", "", "cookie_secret")
    return bytes.fromhex(stored)


def _database_check(stores: Stores) -> Callable[[], Awaitable[tuple[bool, str]]]:
    async def check() -> tuple[bool, str]:
        try:
            await stores.values.get("web", "", "cookie_secret")
        except StorageError as error:
            return False, str(error)
        return True, "answers"

    return check


def _model_check(models: Registry) -> Callable[[], Awaitable[tuple[bool, str]]]:
    async def check() -> tuple[bool, str]:
        states = await models.refresh()
        broken = [f"{host}: {error}" for host, error in states if isinstance(error, ModelError)]
        if broken and len(broken) == len(states):
            return False, "; ".join(broken)
        return True, models.default().name

    return check


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _announce(app: App, adapters: list[Adapter], models: Registry) -> None:
    """Say where to go, once everything listens."""
    settings = app.settings
    while not all(getattr(a, "url", "ready") for a in adapters):
        await app.clock.sleep(0.02)
    lines = [f"Chat page: {url}" for a in adapters if (url := getattr(a, "url", ""))]
    await models.refresh()
    model = models.default()
    lines.append(f"Model: {model.name}")
    if not model.generates:
        lines.append(
            "No language model is connected: answers are quoted from documents. `tertulia check` helps."
        )
    for field, name in NOT_YET.items():
        if getattr(settings, field).get_secret_value():
            lines.append(f"{name}: a token is set, but this version has no {name} adapter yet.")
    if settings.broker_url:
        lines.append("Broker: TERTULIA_BROKER_URL is set, but this version runs as one process without it.")
    if settings.access is Access.INVITE and (code := await app.stores.people.owner_code()):
        lines.append(f"Owner code (the first to send `/start {code}` to the bot owns it): {code}")
    lines += app.plugins.problems
    typer.echo("\n".join(lines))
    sys.stdout.flush()


def _log_failure(announcing: asyncio.Task[None]) -> None:
    if not announcing.cancelled() and (error := announcing.exception()) is not None:
        log.error("the start could not be announced: %s", error)


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
