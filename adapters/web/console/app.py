"""The console's entrance."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import Response

from adapters.web.console import login
from adapters.web.console.access import Refused, checked
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.pages import PAGES
from adapters.web.console.site import Console


def add_console(app: FastAPI, deps: ConsoleDeps) -> None:
    """All of the console's routes. Raises ValueError if one declares no role."""
    pages = [(entry, router) for entry, router in PAGES if entry.there(deps)]
    console = Console(deps, [entry for entry, _ in pages])
    app.add_exception_handler(Refused, _refused)
    app.include_router(checked(login.router(console)))
    for _, router in pages:
        app.include_router(checked(router(console)))
    app.include_router(checked(login.rest(console)))


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response
