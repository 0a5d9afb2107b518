"""The model servers: how each is, and what it offers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from adapters.web.console import playground
from adapters.web.console.access import Login
from adapters.web.console.render import sayer
from adapters.web.console.site import Console
from bot.types import ConsoleRole, ModelState

PATH = "/console/models"
PLAYGROUND = "/console/models/playground"
KINDS = {"works": "good", "troubled": "bad", "untried": "", "open": "bad", "half-open": "warn"}


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    viewer = console.needs(ConsoleRole.VIEWER)
    servers = console.deps.servers
    assert servers is not None

    @pages.get(PATH)
    async def models(login: Login = viewer) -> HTMLResponse:
        states = servers.states()
        return console.page(
            login,
            "models.html",
            part="list",
            tabs=tabs(console, login),
            states=[(state, _state(state)) for state in states if state.url],
            embedded=not any(state.url for state in states),
            kinds=KINDS,
        )

    @pages.post("/console/models/ask")
    async def ask(login: Login = viewer) -> Response:
        await servers.ask()
        return console.goto(PATH)

    playground.add(pages, console, lambda login: tabs(console, login))
    return pages


def tabs(console: Console, login: Login) -> list[tuple[str, str]]:
    """The page's parts that this role may see; none if it is one alone."""
    say = sayer(login.language)
    if console.deps.playground is None or not login.account.role.may(ConsoleRole.AUTHOR):
        return []
    return [(PATH, say("models.servers")), (PLAYGROUND, say("models.playground"))]


def _state(state: ModelState) -> str:
    """The breaker's word, where it keeps calls off; else what the last call told."""
    if state.breaker != "closed":
        return state.breaker
    if state.error:
        return "troubled"
    return "works" if state.answered_at or state.names else "untried"
