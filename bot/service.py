"""`tertulia run`: the service with all its parts, until a signal ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import typer

from bot.clock import SystemClock
from bot.compose import App, compose, stop_on_signals
from bot.console_link import login_link
from bot.instance import instance
from bot.opening import Stores, open_models, open_stores
from bot.platforms import discord_adapter, state_check, telegram_adapter, web_adapter
from bot.ports import Adapter, Telemetry
from bot.settings import Access, Settings
from bot.statistics import Statistics
from bot.types import Address

if TYPE_CHECKING:
    from adapters.web.metrics import PrometheusTelemetry
    from inference.registry import Registry

log = logging.getLogger(__name__)


async def run_service(settings: Settings, *, standby: bool = False) -> bool:
    """Serve until SIGTERM or SIGINT. Raises what keeps it from starting; with `standby` another
    service on the same database does not: this one waits, and takes over when that one ends."""
    from adapters.web.metrics import PrometheusTelemetry

    _log_to_stderr()
    clock, metrics, stop = SystemClock(), PrometheusTelemetry(), stop_on_signals()
    async with AsyncExitStack() as stack:
        entering = open_stores(settings, clock, durable_inbox=True, standby=stop if standby else None)
        stores = await stack.enter_async_context(entering)
        if stop.is_set():
            return True
        statistics = Statistics(stores.statistics, metrics, clock)
        telemetry = await stack.enter_async_context(statistics.lifespan())
        models = await stack.enter_async_context(open_models(settings, clock))
        running: list[App] = []
        adapters = _adapters(settings, stores, models, telemetry, metrics, clock, running, stack)
        composing = compose(settings, stores, models, adapters, telemetry, clock)
        running.append(app := await stack.enter_async_context(composing))
        await app.plugin_desk.seal()
        announcing = asyncio.create_task(_announce(app, adapters, models))
        announcing.add_done_callback(_log_failure)
        try:
            await app.serve(adapters, stop)
        finally:
            announcing.cancel()
            await asyncio.gather(announcing, return_exceptions=True)
    return True


def _adapters(
    settings: Settings,
    stores: Stores,
    models: Registry,
    telemetry: Telemetry,
    metrics: PrometheusTelemetry,
    clock: SystemClock,
    running: list[App],
    stack: AsyncExitStack,
) -> list[Adapter]:
    """Every platform that is set up; `running` will hold the core before any of them starts. Their
    ways back stay open until `stack` ends, as answers under way are still delivered."""
    adapters: list[Adapter] = []
    holder = stack.enter_context(instance(settings.home))
    hooks: dict[str, Any] = {}
    checks: dict[str, Any] = {}
    if settings.telegram_token.get_secret_value():
        telegram = telegram_adapter(settings, stores, telemetry, clock, lambda: running[0], holder=holder)
        stack.push_async_callback(telegram.aclose)
        adapters.append(telegram)
        checks["telegram"] = state_check(telegram)
        if settings.telegram_mode == "webhook":
            hooks["telegram"] = telegram.receive
    if settings.discord_token.get_secret_value():
        discord = discord_adapter(settings, stores, telemetry, clock, lambda: running[0], holder=holder)
        stack.push_async_callback(discord.aclose)
        adapters.append(discord)
        checks["discord"] = state_check(discord)
    if settings.web:
        web = web_adapter(
            settings,
            stores,
            models,
            telemetry,
            clock,
            metrics=metrics,
            hooks=hooks,
            checks=checks,
            app=lambda: running[0],
            links=lambda: {adapter.channel.platform: _start_link(adapter) for adapter in adapters},
        )
        stack.push_async_callback(web.aclose)
        adapters.append(web)
    return adapters


async def _announce(app: App, adapters: list[Adapter], models: Registry) -> None:
    """Say where to go, once everything listens."""
    settings = app.settings
    while not all(getattr(a, "url", "ready") for a in adapters):
        await app.clock.sleep(0.02)
    lines = []
    for url in filter(None, (getattr(a, "url", "") for a in adapters)):
        lines.append(f"Chat page: {url}")
        lines.append(f"Console: {await login_link(app.stores.accounts, url)}")
    await models.refresh()
    model = models.default()
    lines.append(f"Model: {model.name}")
    if not model.generates:
        lines.append(
            "No language model is connected: answers are quoted from documents. `tertulia check` helps."
        )
    if settings.broker_url:
        lines.append("Broker: TERTULIA_BROKER_URL is set, but this version runs as one process without it.")
    if settings.access is Access.INVITE and (code := await app.stores.people.owner_code()):
        lines.append(f"Owner code (the first to send `/start {code}` to the bot owns it): {code}")
        lines += [f"  or open {link.format(code=code)}" for a in adapters if (link := _start_link(a))]
    lines += app.plugins.problems
    typer.echo("\n".join(lines))
    sys.stdout.flush()
    # What is there by now lives as long as the process: no collection needs to go through it again.
    gc.freeze()


def _start_link(adapter: Adapter) -> str:
    channel = adapter.channel
    return channel.capabilities(Address(channel.platform, "", "")).start_link


def _log_failure(announcing: asyncio.Task[None]) -> None:
    if not announcing.cancelled() and (error := announcing.exception()) is not None:
        log.error("the start could not be announced: %s", error)


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
