"""The platforms: how each connection is, the links that lead there, and connecting anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import HTMLResponse, Response

from adapters.web.console.access import Login
from adapters.web.console.render import platform_name, words
from adapters.web.console.site import Console
from bot.errors import SettingsError
from bot.types import ConsoleRole, PlatformState

OFFERED = {
    "telegram": ("TERTULIA_TELEGRAM_TOKEN", "https://t.me/BotFather"),
    "discord": ("TERTULIA_DISCORD_TOKEN", "https://discord.com/developers/applications"),
}
"""What can be connected: the setting that does it, and where its value comes from."""


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    viewer, operator = console.needs(ConsoleRole.VIEWER), console.needs(ConsoleRole.OPERATOR)
    desk = console.deps.platforms
    assert desk is not None

    def page(login: Login, *, status: int = 200, refused: tuple[str, str] = ("", "")) -> HTMLResponse:
        states = desk.states()
        return console.page(
            login,
            "platforms.html",
            status=status,
            part="list",
            states=[(state, *_named(state, login.language)) for state in states],
            off=_off(states),
            may=login.account.role.may(ConsoleRole.OPERATOR),
            refused=refused,
        )

    @pages.get("/console/platforms")
    async def platforms(login: Login = viewer) -> HTMLResponse:
        return page(login)

    @pages.post("/console/platforms/reconnect")
    async def reconnect(platform: Annotated[str, Form()] = "", login: Login = operator) -> Response:
        if platform not in {state.platform for state in desk.states()}:
            raise console.problem(login, 404)
        await console.note(login, "platform.reconnect", platform)
        try:
            await desk.reconnect(platform)
        except SettingsError as error:
            return page(login, status=409, refused=(platform_name(login.language, platform), str(error)))
        return console.goto("/console/platforms", done="reconnected")

    return pages


def _named(state: PlatformState, language: str) -> tuple[str, str]:
    """The platform's name, and how its updates come."""
    mode = words(language).get(f"platforms.mode.{state.mode}", state.mode)
    return platform_name(language, state.platform), mode


def _off(states: Sequence[PlatformState]) -> list[tuple[str, str, str]]:
    there = {state.platform for state in states}
    return [(name, *offer) for name, offer in OFFERED.items() if name not in there]
