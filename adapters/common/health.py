"""How the connection to a platform is, for operators: told once when it changes."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace

from bot.ports import Clock
from bot.types import PlatformState

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


@dataclass(frozen=True, slots=True)
class State:
    """`username` is empty until the platform has told it; `error` is empty while all is well; `since`
    is when that began (Unix seconds)."""

    username: str = ""
    error: str = ""
    since: float = 0.0


def reported(platform: str, mode: str, state: State, link: str = "") -> PlatformState:
    """The state in the core's words."""
    account = f"@{state.username}" if state.username else ""
    return PlatformState(platform, account, mode, state.error, state.since, link=link)


class Health:
    """The state, and how long to pause after a failure."""

    def __init__(self, platform: str, clock: Clock) -> None:
        self._platform = platform
        self._clock = clock
        self._failures = 0
        self.state = State(error="not connected yet", since=clock.time())

    def known_as(self, username: str) -> None:
        self.state = replace(self.state, username=username)

    def well(self) -> None:
        """The intake works."""
        self._failures = 0
        if self.state.error:
            log.info("%s: %s is connected", self._platform, self.state.username)
            self.state = replace(self.state, error="", since=self._clock.time())

    def ill(self, error: str, *, level: int = logging.WARNING) -> None:
        """It does not. The same trouble is logged once."""
        if error != self.state.error:
            log.log(level, "%s: %s", self._platform, error)
            self.state = replace(self.state, error=error, since=self._clock.time())

    async def pause(self, seconds: float = 0.0) -> None:
        """Wait `seconds`, or longer and longer while failures follow one another, with jitter."""
        if not seconds:
            seconds = min(FIRST_PAUSE * 2**self._failures, LONGEST_PAUSE) * random.uniform(0.75, 1.25)
            self._failures = min(self._failures + 1, 10)
        await self._clock.sleep(seconds)
