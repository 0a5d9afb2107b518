"""Plugins: how each is, whether it runs, and its settings as a form made from its schema."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from adapters.web.console import plugin_pages
from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.forms import cleared, in_force, meanwhile, overtaken, read, shown
from adapters.web.console.render import sayer
from adapters.web.console.site import Console
from adapters.web.console.wrong import all_told
from bot.errors import FieldsRefused, PluginError, SealError, SettingsError
from bot.ports import PluginDesk
from bot.types import ConsoleRole, FormField, PluginState

HERE = "/console/plugins"


def there(deps: ConsoleDeps) -> bool:
    return deps.plugins is not None


def router(console: Console) -> APIRouter:
    pages, plugins = APIRouter(include_in_schema=False), Plugins(console)
    viewer, operator = console.needs(ConsoleRole.VIEWER), console.needs(ConsoleRole.OPERATOR)
    desk = plugins.desk

    @pages.get(HERE)
    async def listing(login: Login = viewer) -> Response:
        own = plugin_pages.titles(desk, login)
        return console.page(login, "plugins.html", plugins=desk.states(), own=own)

    @pages.get(f"{HERE}/{{name}}")
    async def one(name: str, login: Login = viewer) -> Response:
        return plugins.page(login, plugins.state(login, name))

    @pages.post(f"{HERE}/{{name}}/enable")
    async def enable(name: str, login: Login = operator) -> Response:
        return await plugins.change(login, name, "enable", desk.enable(plugins.state(login, name).name))

    @pages.post(f"{HERE}/{{name}}/disable")
    async def disable(name: str, login: Login = operator) -> Response:
        return await plugins.change(login, name, "disable", desk.disable(plugins.state(login, name).name))

    @pages.post(f"{HERE}/{{name}}/reset")
    async def reset(name: str, login: Login = operator) -> Response:
        return await plugins.change(login, name, "reset", desk.reset(plugins.state(login, name).name))

    @pages.post(f"{HERE}/{{name}}/settings")
    async def settings(name: str, login: Login = operator) -> Response:
        posted = await read(await login.request.form())
        return await plugins.configure(login, plugins.state(login, name), posted)

    plugin_pages.add(pages, console)
    return pages


class Plugins:
    """What the routes do."""

    def __init__(self, console: Console) -> None:
        assert console.deps.plugins is not None
        self.desk: PluginDesk = console.deps.plugins
        self._console = console
        self._saving = asyncio.Lock()

    def state(self, login: Login, name: str) -> PluginState:
        for state in self.desk.states():
            if state.name == name:
                return state
        raise self._console.problem(login, 404)

    async def configure(self, login: Login, state: PluginState, posted: dict[str, Any]) -> Response:
        gone = cleared(posted)
        async with self._saving:  # of two at the same moment the second sees what the first has saved
            form, _ = self._form(login, state.name)
            if both := overtaken(posted, in_force(form)):
                return self._refused(login, state.name, posted, problems=meanwhile(login.language, both))
            setting = self.desk.configure(state.name, posted, gone)
            return await self.change(login, state.name, "settings", setting, posted)

    async def change(
        self,
        login: Login,
        name: str,
        what: str,
        doing: Awaitable[None],
        posted: Mapping[str, Any] | None = None,
    ) -> Response:
        """Do it and say so; or show the plugin as it still is, and why."""
        try:
            await doing
        except FieldsRefused as error:
            return self._refused(login, name, posted, problems=error.fields)
        except SealError as error:
            why = sayer(login.language)("plugin.unsealed", why=error)
            return self._refused(login, name, posted, problem=why)
        except (PluginError, SettingsError) as error:
            return self._refused(login, name, posted, problem=str(error))
        await self._console.note(login, f"plugin.{what}", name)
        return self._console.goto(f"{HERE}/{name}", done=f"plugin.{what}")

    def _refused(self, login: Login, name: str, posted: Mapping[str, Any] | None, **values: Any) -> Response:
        return self.page(login, self.state(login, name), status=422, posted=posted, **values)

    def page(
        self,
        login: Login,
        state: PluginState,
        *,
        status: int = 200,
        posted: Mapping[str, Any] | None = None,
        problems: Mapping[str, str] | None = None,
        problem: str = "",
    ) -> Response:
        may = login.account.role.may(ConsoleRole.OPERATOR)
        wrong = all_told(sayer(login.language), problems or {})
        form, broken = self._form(login, state.name) if may else ([], "")
        unknown = [f"{key}: {text}" if key else text for key, text in wrong.items()]
        named = {field.name for field in form}
        return self._console.page(
            login,
            "plugin.html",
            status=status,
            plugin=state,
            may=may,
            form=shown(form, None, wrong, posted=posted),
            changed=any(field.origin == "console" for field in form),
            broken=broken,
            wrong=wrong,
            problem=problem
            or "; ".join(u for u, key in zip(unknown, wrong, strict=True) if key not in named),
            own=[page for page in plugin_pages.titles(self.desk, login) if page.plugin == state.name],
        )

    def _form(self, login: Login, name: str) -> tuple[list[FormField], str]:
        """The fields, and why there are none."""
        try:
            return self.desk.form(name, login.language), ""
        except (PluginError, SettingsError) as error:
            return [], str(error)
