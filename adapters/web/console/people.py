"""The people who chat: the list, and one of them with role, accounts, and all that is kept."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.responses import Response

from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.downloads import begun
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.reading import with_visitors
from adapters.web.console.render import sayer
from adapters.web.console.site import Console
from adapters.web.download import Downloads
from adapters.web.export import disposition
from adapters.web.takeout import json_text
from bot.errors import AccessError, PluginError, StorageGone
from bot.types import ConsoleRole, Person, PersonRole

HERE = "/console/people"
SHOWN = 50
LATEST = 10
"""Conversations and ratings that one person's page shows."""
MOST_NAME = 100


def there(deps: ConsoleDeps) -> bool:
    return None not in (deps.archive, deps.people, deps.export_person, deps.delete_person)


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    operator, downloads = console.needs(ConsoleRole.OPERATOR), Downloads(console.deps.clock)

    @pages.get(HERE)
    async def listing(name: str = "", role: str = "", after: str = "", login: Login = operator) -> Response:
        shown = await _listing(console, " ".join(name.split())[:MOST_NAME], role, after)
        return console.page(login, "people.html", part="list", **shown)

    @pages.get(f"{HERE}/{{id}}")
    async def person(id: str, login: Login = operator) -> Response:
        found = await _found(console, login, id)
        await console.note(login, "person.read", found.id, found.name)
        return await _page(console, login, found)

    @pages.get(f"{HERE}/{{id}}/export")
    async def export(id: str, login: Login = operator) -> Response:
        found = await _found(console, login, id)
        assert console.deps.export_person
        await console.note(login, "person.export", found.id, found.name)
        try:
            start = downloads.start(
                login.account.id,
                json_text(console.deps.export_person(found.id)),
                media_type="application/json",
                disposition=disposition(found.name or "person", "json"),
            )
            return await begun(console, login, start)
        except PluginError:
            raise console.problem(login, 503, "people.export.failed") from None
        except StorageGone:
            raise console.problem(login, 404, "people.gone") from None

    _add_changes(pages, console)
    return pages


def _add_changes(pages: APIRouter, console: Console) -> None:
    operator = console.needs(ConsoleRole.OPERATOR)
    people, delete_person = console.deps.people, console.deps.delete_person
    assert people
    assert delete_person

    @pages.post(f"{HERE}/{{id}}/role")
    async def change_role(id: str, role: Annotated[str, Form()] = "", login: Login = operator) -> Response:
        found = await _found(console, login, id)
        if role not in choices(login, found.role):
            raise console.problem(login, 422 if role not in list(PersonRole) else 403, "people.role.refused")
        try:
            await people.update(found.id, role=PersonRole(role))
        except AccessError:
            raise console.problem(login, 404) from None
        await console.note(login, "person.role", found.id, f"{found.name}: {found.role} → {role}".strip(": "))
        return console.goto(f"{HERE}/{found.id}", done="person.role")

    @pages.post(f"{HERE}/{{id}}/delete")
    async def delete(id: str, word: Annotated[str, Form()] = "", login: Login = operator) -> Response:
        """Only with the word that was asked for: it cannot be undone."""
        found = await _found(console, login, id)
        if not choices(login, found.role):
            raise console.problem(login, 403, "people.role.refused")
        if word.strip().casefold() != sayer(login.language)("people.delete.word").casefold():
            return await _page(console, login, found, 422, problem="people.delete.wrong")
        await console.note(login, "person.delete", found.id)
        try:
            await delete_person(found.id)
        except (PluginError, StorageGone):
            return await _page(console, login, found, 503, problem="people.delete.failed")
        return console.goto(HERE, done="person.delete")


def choices(login: Login, role: str) -> list[str]:
    """Which roles this account may give to somebody of this role: owners are made, and changed, by
    owners alone."""
    if login.account.role.may(ConsoleRole.OWNER):
        return [str(each) for each in PersonRole]
    if role == PersonRole.OWNER:
        return []
    return [str(each) for each in PersonRole if each is not PersonRole.OWNER]


async def _found(console: Console, login: Login, id: str) -> Person:
    assert console.deps.people
    found = await console.deps.people.get(id)
    if found is None:
        raise console.problem(login, 404, "people.gone")
    return found


async def _listing(console: Console, name: str, role: str, after: str) -> dict[str, Any]:
    archive = console.deps.archive
    assert archive
    role = role if role in list(PersonRole) else ""
    key = unpacked(after, tuple[str, str]) if after else None
    rows = await archive.people(limit=SHOWN + 1, after=key, role=role, name=name)
    which = {k: v for k, v in (("name", name), ("role", role)) if v}
    more = {**which, "after": packed(rows[SHOWN - 1].name, rows[SHOWN - 1].id)} if len(rows) > SHOWN else {}
    return {
        "people": rows[:SHOWN],
        "older": f"{HERE}?{urlencode(more)}" if more else "",
        "first": f"{HERE}?{urlencode(which)}" if key else "",
        "name_wanted": name,
        "role": role,
        "person_roles": list(PersonRole),
    }


async def _page(
    console: Console, login: Login, person: Person, status: int = 200, *, problem: str = ""
) -> Response:
    deps = console.deps
    assert deps.archive
    assert deps.people
    return console.page(
        login,
        "person.html",
        status=status,
        person=person,
        problem=problem,
        at=f"{HERE}/{person.id}",
        accounts=await deps.people.accounts(person.id),
        choices=choices(login, person.role),
        rows=await with_visitors(
            deps.people, await deps.archive.conversations(limit=LATEST, person_id=person.id), login.language
        ),
        ratings=await deps.archive.feedback(limit=LATEST, person_id=person.id),
    )
