"""The web application: chat page, its API, health, metrics, and the console."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from adapters.web import models
from adapters.web.api import chat_router, problems
from adapters.web.assets import Assets
from adapters.web.blocks import Renderer
from adapters.web.channel import WebChannel
from adapters.web.console.app import add_console, refusals
from adapters.web.console.deps import ConsoleDeps
from adapters.web.conversations import conversations_router
from adapters.web.deps import Check, WebDeps
from adapters.web.guard import HEADERS, UNKEPT, Guard
from adapters.web.history import Histories
from adapters.web.identity import Signer
from adapters.web.languages import shelf
from adapters.web.mine import mine_router
from adapters.web.pages import page_router
from adapters.web.shares import share_pages, shares_router
from adapters.web.uploads import files_router
from adapters.web.visit import here
from adapters.web.widget import widget_router
from adapters.web.wrong_page import noted, told
from bot.errors import StorageError

CHECK_SECONDS = 3.0

__all__ = ["WebDeps", "create_app"]


def create_app(deps: WebDeps) -> FastAPI:
    """The application over what it needs. Makes no connection and starts no task. Raises
    SettingsError for words of a language that cannot be."""
    shelf().check()
    signer, renderer = Signer(deps.secret), Renderer()
    histories = Histories(deps.people, deps.conversations, deps.own, deps.turns, deps.channel, renderer)
    app = FastAPI(
        title=deps.name,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,  # such a redirect names whatever host the request did
    )
    app.state.noted = {}
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(StorageError, _no_storage)
    app.add_exception_handler(Exception, _broken)
    app.include_router(chat_router(deps, signer, renderer))
    app.include_router(conversations_router(deps, signer, histories))
    app.include_router(shares_router(deps, signer, histories))
    app.include_router(share_pages(deps, histories, renderer))
    app.include_router(files_router(deps, signer))
    app.include_router(page_router(deps, signer))
    app.include_router(mine_router(deps, signer))
    app.include_router(widget_router(deps, signer))
    console = add_console(app, _telling(deps.console, deps.channel)) if deps.console is not None else None
    app.add_middleware(
        Guard,
        upload_limit=deps.files.limit if deps.files else 0,
        frame_origins=deps.widget_origins,
        page=refusals(console) if console else None,
    )
    _add_health(app, deps)
    _add_hooks(app, deps)
    app.mount("/static", Assets(directory=Path(__file__).parent / "static"), name="static")
    return app


def _telling(console: ConsoleDeps, channel: WebChannel) -> ConsoleDeps:
    """What the console changes of a visitor's conversation, their open pages show at once."""
    return replace(console, changed=lambda address: channel.changed(address.chat.partition(":")[0]))


def _add_health(app: FastAPI, deps: WebDeps) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> models.Health:
        """The process lives."""
        return models.Health(status="ok")

    @app.get("/readyz", tags=["health"], responses={503: {"model": models.Readiness}})
    async def readyz(request: Request, response: Response) -> models.Readiness:
        """Whether every dependency works; how each is, to this machine only."""
        names = list(deps.checks)
        states = await asyncio.gather(*(_state(deps.checks[name]) for name in names))
        ready = all(state.ok for state in states)
        response.status_code = 200 if ready else 503
        shown = deps.open_metrics or here(request)
        return models.Readiness(
            ready=ready, dependencies=dict(zip(names, states, strict=True)) if shown else {}
        )

    @app.get(
        "/metrics",
        tags=["health"],
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(404)},
    )
    async def metrics(request: Request) -> Response:
        """Prometheus metrics, to this machine only unless configured otherwise."""
        if deps.metrics is None or not (deps.open_metrics or here(request)):
            raise HTTPException(404, "There is nothing here.")
        body, media_type = deps.metrics.exposition()
        return Response(body, headers={"Content-Type": media_type})


def _add_hooks(app: FastAPI, deps: WebDeps) -> None:
    @app.post("/hooks/{name}", include_in_schema=False)
    async def hook(name: str, request: Request) -> Response:
        """What a platform brings by itself; who may is the hook's to judge."""
        if name not in deps.hooks:
            raise HTTPException(404, "There is nothing here.")
        headers = {key.lower(): value for key, value in request.headers.items()}
        return Response(status_code=await deps.hooks[name](headers, await request.body()))


async def _state(check: Check) -> models.DependencyState:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            ok, detail = await check()
    except TimeoutError:
        return models.DependencyState(ok=False, detail=f"no answer within {CHECK_SECONDS:g} s")
    return models.DependencyState(ok=ok, detail=detail)


def _invalid(request: Request, error: Exception) -> Response:
    """What is wrong, without repeating the input: it may be huge, or no valid Unicode."""
    assert isinstance(error, RequestValidationError)
    problems = [_sentence(e) for e in error.errors()[:5]]
    return told(request, 422, "; ".join(problems))


def _sentence(error: dict[str, Any]) -> str:
    if error["type"] == "json_invalid":
        return f"The body is no valid JSON: {error['ctx']['error']} (at character {error['loc'][-1]})."
    place = ".".join(str(part) for part in error["loc"][1:])
    text = f"{place}: {error['msg'].removeprefix('Value error, ')}" if place else error["msg"]
    return str(text)[:300].encode("ascii", "backslashreplace").decode()


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    return told(request, error.status_code, error.detail, error.headers)


async def _no_storage(request: Request, error: Exception) -> Response:
    noted(request, error)
    return told(request, 503, "The database cannot be used just now. Try again in a moment.")


def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours, which the server logs. The guard does not see this answer."""
    headers = {name.decode(): value.decode() for name, value in (*HEADERS, UNKEPT)}
    return told(request, 500, "Something went wrong here.", headers)
