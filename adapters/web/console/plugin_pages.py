"""Pages that plugins bring: their components as the console's own, their forms and actions.

What a plugin gives is text, but for Markdown, which becomes safe HTML. A plugin that fails or is slow
is a notice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from adapters.web.blocks import html_blocks
from adapters.web.console.access import Login
from adapters.web.console.forms import Shown, read, shown
from adapters.web.console.render import sayer
from adapters.web.console.site import Console
from adapters.web.console.wrong import all_told
from adapters.web.sniff import readable_name
from bot.errors import FieldsRefused, PluginError
from bot.plugins.pages import (
    Chart,
    Component,
    ConsolePage,
    File,
    Form,
    Link,
    Notice,
    PageRequest,
    Table,
    Text,
)
from bot.ports import PluginDesk
from bot.types import ConsoleRole, FieldKind

HERE = "/console/plugins"
TONES = {"good": "good", "bad": "bad", "warning": "warn", "info": ""}
MOST_SAID = 1_000
WIDTH, HEIGHT = 600, 160
"""Of a chart's drawing, in its own units."""
_TOLD = (FieldKind.TEXT, FieldKind.CHOICE, FieldKind.FILE)
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")


@dataclass(frozen=True, slots=True)
class Titled:
    """A page that somebody may see."""

    plugin: str
    path: str
    title: str

    @property
    def address(self) -> str:
        return address(self.plugin, self.path)


@dataclass(frozen=True, slots=True)
class Piece:
    """A component as the template takes it: `kind` is its class's name in small letters."""

    kind: str
    it: Any
    at: str
    """Unique in the page."""
    fields: Sequence[Shown] = ()
    problem: str = ""
    files: bool = False
    more: Any = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted to an action, and what is wrong with it."""

    action: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)


def address(plugin: str, path: str) -> str:
    return f"{HERE}/{quote(plugin, safe='')}/{quote(path, safe='')}"


def title(page: ConsolePage, language: str) -> str:
    return page.title.get(language) or page.title.get("en") or page.path


def titles(desk: PluginDesk, login: Login) -> list[Titled]:
    """The pages that this account may see."""
    return [
        Titled(plugin, page.path, title(page, login.language))
        for plugin, page in desk.pages()
        if login.account.role.may(page.role)
    ]


def add(pages: APIRouter, console: Console) -> None:
    """The routes. The least role of each is the plugin page's, which is asked for within."""
    viewer, own = console.needs(ConsoleRole.VIEWER), PluginPages(console)

    @pages.get(f"{HERE}/{{name}}/{{page}}")
    async def show(name: str, page: str, login: Login = viewer) -> Response:
        return await own.show(login, name, own.found(login, name, page))

    @pages.post(f"{HERE}/{{name}}/{{page}}/{{action}}")
    async def act(name: str, page: str, action: str, login: Login = viewer) -> Response:
        found = own.found(login, name, page)
        if action not in found.actions:
            raise console.problem(login, 404)
        posted = await read(await login.request.form())
        return await own.act(login, name, found, action, posted)


class PluginPages:
    """What the routes do."""

    def __init__(self, console: Console) -> None:
        assert console.deps.plugins is not None
        self._desk: PluginDesk = console.deps.plugins
        self._console = console
        self._said: dict[tuple[str, str], Notice] = {}
        """What an action said, by session and page, until that is shown."""

    def found(self, login: Login, name: str, path: str) -> ConsolePage:
        for plugin, page in self._desk.pages():
            if (plugin, page.path) == (name, path):
                if login.account.role.may(page.role):
                    return page
                role = sayer(login.language)(f"role.{page.role}")
                raise self._console.problem(login, 403, "plugin.page.role", role=role)
        raise self._console.problem(login, 404)

    async def show(
        self,
        login: Login,
        name: str,
        page: ConsolePage,
        *,
        posted: Posted | None = None,
        failure: str = "",
        status: int = 200,
    ) -> Response:
        request, pieces = _request(login), []
        try:
            given = await self._desk.render(name, page.path, request)
            pieces = [self._piece(login, name, page, n, it, posted) for n, it in enumerate(given)]
        except (PluginError, KeyError) as error:
            failure = failure or str(error)
        said = self._said.pop((login.holder, f"{name}/{page.path}"), None)
        loose = {} if posted is None else _loose(pieces, posted)
        return self._console.page(
            login,
            "plugin_page.html",
            status=status,
            title=title(page, login.language),
            plugin=name,
            pieces=pieces,
            failure=failure,
            loose=loose,
            said=said,
            tones=TONES,
            here=address(name, page.path),
            query=_query(request),
            first=_query(request, ""),
            onward=partial(_query, request),
            request=request,
        )

    async def act(
        self, login: Login, name: str, page: ConsolePage, action: str, posted: Mapping[str, Any]
    ) -> Response:
        """Run it; then to the page, with what it said, or the file that it gave."""
        request, where = _request(login), f"{name}/{page.path}"
        try:
            done = await self._desk.act(name, page.path, action, request, posted)
        except FieldsRefused as error:
            wrong = all_told(sayer(login.language), error.fields)
            return await self.show(login, name, page, posted=Posted(action, posted, wrong), status=422)
        except KeyError:
            raise self._console.problem(login, 404) from None
        except PluginError as error:
            await self._console.note(login, "plugin.action", where, f"{action}: failed")
            return await self.show(login, name, page, failure=str(error), status=502)
        await self._console.note(
            login, "plugin.action", where, self._detail(name, page, action, request, posted)
        )
        if done.file is not None:
            return _file(done.file)
        if len(self._said) >= MOST_SAID:
            self._said.clear()
        notice = done.notice or Notice(sayer(login.language)("plugin.page.done"), "good")
        self._said[login.holder, where] = notice
        return self._console.goto(address(name, page.path) + _query(request))

    def _detail(
        self, name: str, page: ConsolePage, action: str, request: PageRequest, posted: Mapping[str, Any]
    ) -> str:
        """The action and what it was for, as far as that is short and no secret."""
        try:
            fields = self._desk.fields(name, page.path, action, request)
        except (PluginError, KeyError):
            return action
        given = [posted[one.name] for one in fields if one.kind in _TOLD and posted.get(one.name)]
        texts = [value if isinstance(value, str) else readable_name(value.name) for value in given]
        return " ".join([action, *(text for text in texts if len(text) <= 80)])[:200]

    def _piece(
        self, login: Login, name: str, page: ConsolePage, number: int, it: Component, posted: Posted | None
    ) -> Piece:
        kind, at = type(it).__name__.lower(), f"c{number}"
        if isinstance(it, Form):
            return self._form(login, name, page, at, it, posted)
        if isinstance(it, Text):
            return Piece(kind, it, at, more=Markup("".join(html_blocks(it.markdown))))
        if isinstance(it, Link):
            return Piece(kind, it, at, more=_target(name, it))
        if isinstance(it, Table):
            rows = [[(cell, _target(name, cell)) for cell in row.cells] for row in it.rows]
            return Piece(kind, it, at, more=(rows, any(row.buttons for row in it.rows)))
        if isinstance(it, Chart):
            return Piece(kind, it, at, more=drawn(it))
        return Piece(kind, it, at)

    def _form(
        self, login: Login, name: str, page: ConsolePage, at: str, form: Form, posted: Posted | None
    ) -> Piece:
        try:
            fields = self._desk.fields(name, page.path, form.action, _request(login))
        except (PluginError, KeyError) as error:
            return Piece("form", form, at, problem=str(error))
        mine = posted if posted is not None and posted.action == form.action else Posted()
        values = {k: v for k, v in mine.values.items() if isinstance(v, str)} if mine.action else None
        files = any(one.kind == "file" for one in fields)
        return Piece("form", form, at, shown(fields, form.values, mine.wrong, posted=values), files=files)


def _request(login: Login) -> PageRequest:
    given = {k: v for k, v in login.request.query_params.items() if k not in ("after", "done")}
    after = login.request.query_params.get("after", "")
    return PageRequest(login.language, login.account.name, after, given)


def _query(request: PageRequest, after: str | None = None) -> str:
    """The page as it is shown, for its own address."""
    key = request.after if after is None else after
    given = {**request.query, "after": key} if key else dict(request.query)
    return f"?{urlencode(given)}" if given else ""


def _target(plugin: str, cell: str | Link) -> str:
    """Where a link leads: to a page of the same plugin, or to a web address; else nowhere."""
    if isinstance(cell, str):
        return ""
    if cell.page:
        return address(plugin, cell.page) + (f"?{urlencode(cell.query)}" if cell.query else "")
    try:
        parts = urlsplit(cell.address)
    except ValueError:
        return ""
    return cell.address if parts.scheme in ("https", "http") and parts.netloc else ""


def _loose(pieces: Sequence[Piece], posted: Posted) -> dict[str, str]:
    """What is wrong and has no field on the page."""
    named = {one.field.name for piece in pieces for one in piece.fields if piece.it.action == posted.action}
    return {name: text for name, text in posted.wrong.items() if name not in named}


def _file(file: File) -> Response:
    """To be kept, whatever it is: no browser opens it in our pages' place."""
    media = file.type if _TYPE.fullmatch(file.type) else "application/octet-stream"
    name = quote(readable_name(file.name), safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "no-store"}
    return Response(file.content, headers={**headers, "Content-Type": media})


def drawn(chart: Chart) -> list[tuple[str, str]]:
    """Each series' label and its line through the drawing."""
    points = [point for series in chart.series for point in series.points]
    if not points:
        return [(series.label, "") for series in chart.series]
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    wide, tall = (last - first) or 1.0, (high - low) or 1.0

    def line(series: Sequence[tuple[float, float]]) -> str:
        return " ".join(
            f"{(x - first) / wide * WIDTH:.1f},{HEIGHT - (y - low) / tall * HEIGHT:.1f}" for x, y in series
        )

    return [(series.label, line(series.points)) for series in chart.series]
