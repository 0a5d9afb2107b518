"""The console's entrance."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from adapters.web.console import login, needs
from adapters.web.console.access import HOME, Refused, checked
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.pages import PAGES
from adapters.web.console.site import Console
from adapters.web.guard import Page, Scope
from adapters.web.late import Late
from adapters.web.wrong_page import noted
from bot.errors import StorageError
from bot.types import ConsoleRole

FAILURES: dict[type[Exception], int] = {RequestValidationError: 422, StorageError: 503}
"""What is said on a page of ours, with its status, where a page was asked for."""


def add_console(app: FastAPI, deps: ConsoleDeps) -> Console:
    """All of the console's routes, made when it is first opened; the console."""
    pages = [(entry, router) for entry, router in PAGES if entry.there(deps)]
    console = Console(deps, [entry for entry, _ in pages])
    app.add_exception_handler(Refused, _refused)
    for kind, status in FAILURES.items():
        app.add_exception_handler(kind, _told(console, status, app.exception_handlers[kind]))
    app.router.routes.append(Late(HOME, partial(_routes, console, [router for _, router in pages])))
    return console


def _routes(console: Console, pages: Sequence[Callable[[Console], APIRouter]]) -> APIRouter:
    """Raises ValueError if one declares no role."""
    routes = APIRouter(redirect_slashes=False)
    routes.include_router(checked(login.router(console)))
    for router in pages:
        routes.include_router(checked(router(console)))
    routes.include_router(checked(needs.router(console.pressing, console.needs(ConsoleRole.VIEWER))))
    routes.include_router(checked(login.rest(console)))
    return routes


def refusals(console: Console) -> Page:
    """The console's page about what is too large or too slow to be let in at all."""

    async def page(scope: Scope, status: int, limit: int) -> Response | None:
        if not _within(scope["path"]):
            return None
        return await console.failure(Request(scope), status, mb=f"{limit / 1_000_000:.10g}")

    return page


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response


def _told(console: Console, status: int, elsewhere: Any) -> Any:
    """The handler of a failure: in the console its words, elsewhere what is said there."""

    async def handler(request: Request, error: Exception) -> Response:
        if _within(request.url.path):
            if isinstance(error, StorageError):
                noted(request, error)
            return await console.failure(request, status)
        answer = elsewhere(request, error)
        response: Response = await answer if inspect.isawaitable(answer) else answer
        return response

    return handler


def _within(path: str) -> bool:
    return f"{path}/".startswith(f"{HOME}/")
