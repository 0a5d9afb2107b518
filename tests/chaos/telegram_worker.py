"""`tertulia run` with a Telegram bot, in a process that can be killed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.service import run_service
from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class Bot:
    """What the process is started with."""

    token: str
    telegram: str
    model: str
    home: str


def main(bot: Bot) -> None:
    """Serve until death, or SIGTERM."""
    settings = Settings.model_validate(
        {
            "home": Path(bot.home),
            "model_url": bot.model,
            "telegram_token": bot.token,
            "telegram_api_url": bot.telegram,
            "access": "open",
            "rate_limit": 0,
            "web": False,
            "checkpoint_interval": 0.05,
            "plugins_disabled": ("qa",),
            "stop_grace": 5,
        }
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(run_service(settings))
