"""Plugins: how each is, whether it runs, and its settings as a form made from its schema."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from adapters.web.console import plugin_pages
from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.forms import cleared, read, shown
from adapters.web.console.render import sayer
from adapters.web.console.site import Console
from adapters.web.console.wrong import all_told
from bot.errors import FieldsRefused, PluginError, SettingsError
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
        gone = cleared(posted)
        setting = desk.configure(plugins.state(login, name).name, posted, gone)
        return await plugins.change(login, name, "settings", setting, posted)

    plugin_pages.add(pages, console)
    return pages


class Plugins:
    """What the routes do."""

    def __init__(self, console: Console) -> None:
        assert console.deps.plugins is not None
        self.desk: PluginDesk = console.deps.plugins
        self._console = console

    def state(self, login: Login, name: str) -> PluginState:
        for state in self.desk.states():
            if state.name == name:
                return state
        raise self._console.problem(login, 404)

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
        form, broken = self._form(state.name) if may else ([], "")
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

    def _form(self, name: str) -> tuple[list[FormField], str]:
        """The fields, and why there are none."""
        try:
            return self.desk.form(name), ""
        except (PluginError, SettingsError) as error:
            return [], str(error)
