"""The whole of Tertulia with its page and its console, and who answers in the assistant's place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from adapters.web.adapter import WebAdapter
from adapters.web.metrics import PrometheusTelemetry
from bot.clock import SystemClock
from bot.compose import App, compose
from bot.opening import open_models, open_stores
from bot.platforms import web_adapter
from bot.settings import Settings
from bot.types import Account, Event
from tests.adapters.web_core import browser_like
from tests.simulators.openai import Server


def talking(model: Server) -> dict[str, Any]:
    """With a model that says the question back, and no documents."""
    return {"model_url": model.url, "plugins_disabled": ("qa",)}


async def ann(app: App) -> Account:
    """Who works at the console."""
    accounts = app.stores.accounts
    owner = await accounts.enter(await accounts.owner_link(seconds=60))
    return await accounts.update(owner.id, name="Ann")


class Begun:
    """The page's adapter; `ready` once it listens."""

    def __init__(self, inner: WebAdapter) -> None:
        self.channel = inner.channel
        self.ready = asyncio.Event()
        self._inner = inner

    @asynccontextmanager
    async def lifespan(self, put: Callable[[Event], Awaitable[bool]]) -> AsyncIterator[None]:
        async with self._inner.lifespan(put):
            self.ready.set()
            yield


@asynccontextmanager
async def page(home: Path, **options: Any) -> AsyncIterator[tuple[App, httpx.AsyncClient]]:
    """The whole of Tertulia with its page, and a visitor."""
    given = {"home": home, "access": "open", "web_port": 0, "model_discovery": False, **options}
    settings, clock, stop = Settings.model_validate(given), SystemClock(), asyncio.Event()
    telemetry = PrometheusTelemetry()
    async with (
        open_stores(settings, clock, durable_inbox=True) as stores,
        open_models(settings, clock) as models,
    ):
        running: list[App] = []
        adapter = web_adapter(
            settings,
            stores,
            models,
            telemetry,
            clock,
            metrics=telemetry,
            hooks={},
            checks={},
            app=lambda: running[0],
        )
        begun = Begun(adapter)
        async with compose(settings, stores, models, [begun], telemetry, clock) as app:
            running.append(app)
            serving = asyncio.create_task(app.serve([begun], stop))
            await asyncio.wait_for(begun.ready.wait(), 20)
            try:
                async with browser_like(adapter.url) as client:
                    yield app, client
            finally:
                stop.set()
                await serving
                await adapter.aclose()
