"""The console's entrance."""

from __future__ import annotations

import inspect
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from adapters.web.console import login
from adapters.web.console.access import HOME, Refused, checked
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.pages import PAGES
from adapters.web.console.site import Console
from bot.errors import StorageError

FAILURES: dict[type[Exception], int] = {RequestValidationError: 422, StorageError: 503}
"""What is said on a page of ours, with its status, where a page was asked for."""


def add_console(app: FastAPI, deps: ConsoleDeps) -> None:
    """All of the console's routes. Raises ValueError if one declares no role."""
    pages = [(entry, router) for entry, router in PAGES if entry.there(deps)]
    console = Console(deps, [entry for entry, _ in pages])
    app.add_exception_handler(Refused, _refused)
    for kind, status in FAILURES.items():
        app.add_exception_handler(kind, _told(console, status, app.exception_handlers[kind]))
    app.include_router(checked(login.router(console)))
    for _, router in pages:
        app.include_router(checked(router(console)))
    app.include_router(checked(login.rest(console)))


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response


def _told(console: Console, status: int, elsewhere: Any) -> Any:
    """The handler of a failure: in the console its words, elsewhere what is said there."""

    async def handler(request: Request, error: Exception) -> Response:
        if f"{request.url.path}/".startswith(f"{HOME}/"):
            return await console.failure(request, status)
        answer = elsewhere(request, error)
        response: Response = await answer if inspect.isawaitable(answer) else answer
        return response

    return handler
