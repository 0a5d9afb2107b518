"""The link that opens the console: a part of the composition root."""

from __future__ import annotations

import typer

from bot.clock import SystemClock
from bot.opening import open_stores
from bot.ports import Accounts
from bot.settings import Settings

LINK_SECONDS = 3600.0


async def login_link(accounts: Accounts, url: str) -> str:
    """A link that enters the owner's account once, within an hour; the one before ends."""
    return f"{url}/console/login?token={await accounts.owner_link(seconds=LINK_SECONDS)}"


async def print_link(settings: Settings) -> bool:
    """Print a fresh link. The service may run meanwhile."""
    from adapters.web.server import shown_url

    async with open_stores(settings, SystemClock(), durable_inbox=True, serves=False) as stores:
        typer.echo(await login_link(stores.accounts, shown_url(settings.web_host, settings.web_port)))
    return True
