"""Routes that are made when one of them is first asked for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send


class Late(BaseRoute):
    """Everything at `path` and below it, by the router that `make` makes: in a thread, as FastAPI takes
    about a millisecond for each route."""

    def __init__(self, path: str, make: Callable[[], APIRouter]) -> None:
        self.path = path
        self._make = make
        self._made: APIRouter | None = None
        self._making = threading.Lock()

    @property
    def original_router(self) -> APIRouter:
        """Named as FastAPI names it in what `include_router` adds."""
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        inside = scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self.path}/")
        return (Match.FULL if inside else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """Nothing here has a name to be asked for by."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            await asyncio.to_thread(lambda: self.original_router)
        await self.original_router(scope, receive, send)
