"""The way to Discord's REST API, opened when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.ports import Clock

if TYPE_CHECKING:
    from adapters.discord.rest import Rest


class Connection:
    """It is open from the first call until `aclose`. The library is loaded with the first use."""

    def __init__(self, token: str, root: str, clock: Clock) -> None:
        self.root = root.rstrip("/")
        self._token = token
        self._clock = clock
        self._rest: Rest | None = None

    @property
    def rest(self) -> Rest:
        if self._rest is None:
            from adapters.discord.rest import Rest

            self._rest = Rest(self._token, self.root, self._clock)
        return self._rest

    @property
    def refused_since(self) -> float:
        """Since when Discord refuses the token (Unix seconds); 0 while it takes it."""
        return self._rest.refused_since if self._rest is not None else 0.0

    async def aclose(self) -> None:
        await self.rest.aclose()
