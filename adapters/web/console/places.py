"""Places where several people meet the bot: servers, channels, groups, threads, and what is set there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.forms import as_text, meanwhile, overtaken, read
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.render import sayer, words
from adapters.web.console.site import Console
from adapters.web.console.wrong import all_told
from bot.errors import FieldsRefused
from bot.ports import PlaceDesk
from bot.types import Address, ConsoleRole, FieldKind, Place, PlaceField

HERE = "/console/places"
SHOWN = 50
MOST_QUERY = 100
MAIN = (
    "trigger", "overhear", "threads", "support", "files", "chat-language", "collections", "persona", "model",
)  # fmt: skip
"""In this order; what is new comes after them."""
_SAMPLING = (FieldKind.NUMBER, FieldKind.LIST)
_RANK = {name: rank for rank, name in enumerate(MAIN)}


@dataclass(frozen=True, slots=True)
class Line:
    """A place in the list. `lies_in`: the names around it, the outermost first."""

    place: Place
    lies_in: str
    chosen: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting in the form: `value` is what is chosen here, "" where nothing is."""

    field: PlaceField
    label: str
    hint: str
    value: str
    was: str
    """What is saved."""
    inherited: str
    options: Sequence[tuple[str, str]] = ()
    problem: str = ""


def there(deps: ConsoleDeps) -> bool:
    return deps.places is not None


def router(console: Console) -> APIRouter:
    routes, pages = APIRouter(include_in_schema=False), Pages(console)
    operator = console.needs(ConsoleRole.OPERATOR)

    @routes.get(HERE)
    async def listing(q: str = "", after: str = "", login: Login = operator) -> Response:
        query = " ".join(q.split())[:MOST_QUERY]
        shown = await pages.listing(login, HERE, after, query=query)
        return console.page(login, "places.html", part="list", query=query, **shown)

    @routes.get(f"{HERE}/{{id}}")
    async def place(id: str, after: str = "", login: Login = operator) -> Response:
        return await pages.page(login, await pages.found(login, id), after)

    @routes.post(f"{HERE}/{{id}}")
    async def change(id: str, login: Login = operator) -> Response:
        found = await pages.found(login, id)
        return await pages.change(login, found, await read(await login.request.form()))

    return routes


class Pages:
    """What the routes answer with."""

    def __init__(self, console: Console) -> None:
        assert console.deps.places is not None
        self._desk: PlaceDesk = console.deps.places
        self._console = console
        self._saving = asyncio.Lock()

    async def found(self, login: Login, id: str) -> Place:
        number = int(id) if id.isascii() and id.isdigit() and len(id) < 19 else 0
        place = await self._desk.get(number) if number else None
        if place is None:
            raise self._console.problem(login, 404, "places.gone")
        return place

    async def listing(
        self, login: Login, at: str, after: str, *, query: str = "", within: Place | None = None
    ) -> dict[str, Any]:
        key = unpacked(after, tuple[str, int]) if after else None
        around = within.address if within else None
        rows = await self._desk.listing(limit=SHOWN + 1, after=key, within=around, query=query)
        which = {"q": query} if query else {}
        more = {}
        if len(rows) > SHOWN:
            last = rows[SHOWN - 1]
            more = {**which, "after": packed(last.name or last.code, last.id)}
        known: dict[Address, str] = {}
        return {
            "rows": [await self._line(login, place, known) for place in rows[:SHOWN]],
            "older": f"{at}?{urlencode(more)}" if more else "",
            "first": f"{at}?{urlencode(which)}".rstrip("?") if key else "",
        }

    async def page(self, login: Login, place: Place, after: str = "", **values: Any) -> Response:
        posted, problems = values.pop("posted", None), values.pop("problems", {})
        fields = await self._desk.fields(place)
        choices = [self._choice(login, field, posted, problems) for field in _sorted(fields)]
        main = [choice for choice in choices if choice.field.field.kind not in _SAMPLING]
        return self._console.page(
            login,
            "place.html",
            part="list",
            place=place,
            at=f"{HERE}/{place.id}",
            around=[await self._desk.find(address) or Place(address) for address in reversed(place.within)],
            main=main,
            more=[choice for choice in choices if choice not in main],
            wrong=problems,
            query="",
            **{**await self.listing(login, f"{HERE}/{place.id}", after, within=place), **values},
        )

    async def change(self, login: Login, place: Place, posted: Mapping[str, Any]) -> Response:
        given = {name: value for name, value in posted.items() if isinstance(value, str)}
        async with self._saving:  # of two at the same moment the second sees what the first has saved
            return await self._change(login, place, given)

    async def _change(self, login: Login, place: Place, given: dict[str, str]) -> Response:
        saved = {one.field.name: _saved(one) for one in await self._desk.fields(place)}
        if both := overtaken(given, saved):
            told = meanwhile(login.language, both)
            return await self.page(login, place, posted=given, problems=told, status=422)
        try:
            changed = await self._desk.change(place, given)
        except FieldsRefused as error:
            problems = all_told(sayer(login.language), error.fields)
            return await self.page(login, place, posted=given, problems=problems, status=422)
        if changed:
            detail = "; ".join(f"{name}: {value or '–'}" for name, value in changed.items())
            target = f"{place.address.platform} {place.code} {place.name}".strip()
            await self._console.note(login, "place.settings", target, detail)
        return self._console.goto(f"{HERE}/{place.id}", done="place.settings" if changed else "place.same")

    async def _line(self, login: Login, place: Place, known: dict[Address, str]) -> Line:
        """`known`: the names of places around, as far as they were looked up."""
        for address in place.within:
            if address not in known:
                known[address] = _name(await self._desk.find(address) or Place(address))
        chosen = await self._desk.chosen(place)
        ordered = sorted(chosen, key=lambda name: _RANK.get(name, len(MAIN)))
        told = [(_word(login, name), self._shown(login, name, chosen[name])) for name in ordered]
        return Line(place, " › ".join(known[address] for address in reversed(place.within)), told)

    def _choice(
        self, login: Login, field: PlaceField, posted: Mapping[str, str] | None, problems: Mapping[str, str]
    ) -> Choice:
        say, name = sayer(login.language), field.field.name
        inherited = self._shown(login, name, field.inherited) or say("places.default")
        was = _saved(field)
        value = was if posted is None else posted.get(name, was)
        from_where = _name(field.giver) if field.giver else ""
        takes = (
            say("places.inherit.from", value=inherited, place=from_where)
            if from_where
            else say("places.inherit", value=inherited)
        )
        options = [(key, self._shown(login, name, key)) for key in field.field.choices]
        if field.field.kind is FieldKind.CHOICE:
            options = [("", takes), *options]
        return Choice(
            field,
            _word(login, name),
            _word(login, f"{name}.hint", ""),
            value,
            was,
            takes,
            options,
            problems.get(name, ""),
        )

    def _shown(self, login: Login, name: str, value: Any) -> str:
        text = as_text(value).replace("\n", ", ")
        return _word(login, f"{name}.{text}", text)


def _saved(field: PlaceField) -> str:
    return as_text(field.field.value).replace("\n", " ")


def _name(place: Place) -> str:
    return place.name or place.code


def _sorted(fields: Sequence[PlaceField]) -> list[PlaceField]:
    return sorted(fields, key=lambda field: _RANK.get(field.field.name, len(MAIN)))


def _word(login: Login, name: str, otherwise: str | None = None) -> str:
    """What a setting, or one of its values, is called; its own name, where the page has no word for it."""
    return words(login.language).get(f"places.{name}", name if otherwise is None else otherwise)
