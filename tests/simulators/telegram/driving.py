"""Driving the simulator with the library, and time with a clock that only tests move."""

from __future__ import annotations

from telegram import Bot
from telegram.request import HTTPXRequest

from tests.simulators.telegram.server import Telegram


class ManualClock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def bot_of(telegram: Telegram) -> Bot:
    """The library's bot at this simulator; to be entered."""
    return Bot(
        telegram.token,
        base_url=f"{telegram.url}/bot",
        base_file_url=f"{telegram.url}/file/bot",
        request=HTTPXRequest(connection_pool_size=64),
        get_updates_request=HTTPXRequest(connection_pool_size=4),
    )
