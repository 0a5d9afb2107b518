"""Personas: what each says to the model, written here over those of the settings, with all versions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from starlette.responses import HTMLResponse, Response

from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.forms import Shown, read, shown
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.render import sayer
from adapters.web.console.site import Console, Key
from adapters.web.console.wrong import all_told
from adapters.web.languages import shelf
from bot.errors import FieldsRefused
from bot.ports import Models, PersonaDesk
from bot.types import ConsoleRole, DiffKind, DiffLine, KnownPersona, Origin, PersonaVersion

HERE = "/console/personas"
ONE = f"{HERE}/one"
PLAYGROUND = "/console/models/playground"
SHOWN = 50
VERSIONS = 20
MOST_CLIP = 300
"""Characters of a prompt in the list."""
MOST_NOTE = 200
SAMPLING = "sampling."
_SIGNS = {DiffKind.ADDED: "+", DiffKind.REMOVED: "-", DiffKind.SAME: " ", DiffKind.SKIPPED: "@"}
Name = Annotated[str, Query(max_length=64)]


def there(deps: ConsoleDeps) -> bool:
    return deps.personas is not None


def router(console: Console) -> APIRouter:
    pages, desk = APIRouter(include_in_schema=False), Personas(console)
    viewer, author = console.needs(ConsoleRole.VIEWER), console.needs(ConsoleRole.AUTHOR)

    @pages.get(HERE)
    async def listing(login: Login = viewer, after: str = "") -> Response:
        return desk.listing(login, after)

    @pages.get(f"{HERE}/new")
    async def new(login: Login = author) -> Response:
        return await desk.page(login, KnownPersona("", Origin.CONSOLE, ""), new=True)

    @pages.get(ONE)
    async def one(login: Login = viewer, name: Name = "", before: Key = 0) -> Response:
        return await desk.page(login, await desk.found(login, name), before=before)

    @pages.post(ONE)
    async def write(login: Login = author) -> Response:
        return await desk.write(login, await read(await login.request.form()))

    @pages.get(f"{HERE}/diff")
    async def diff(login: Login = viewer, name: Name = "", old: Key = 0, new: Key = 0) -> Response:
        return await desk.diff(login, name, old, new)

    @pages.post(f"{HERE}/activate")
    async def activate(
        name: Annotated[str, Form()] = "",
        number: Annotated[int, Form(ge=0, le=2**31 - 1)] = 0,
        login: Login = author,
    ) -> Response:
        try:
            await desk.desk.activate(name, number)
        except KeyError:
            raise console.problem(login, 404) from None
        await console.note(login, "persona.activate", name, str(number))
        return console.goto(at(name), done="persona.activate")

    @pages.post(f"{HERE}/remove")
    async def remove(name: Annotated[str, Form()] = "", login: Login = author) -> Response:
        if not await desk.desk.remove(name):
            raise console.problem(login, 404)
        await console.note(login, "persona.remove", name)
        return console.goto(at(name), done="persona.remove")

    @pages.post(f"{HERE}/count")
    async def count(
        prompt: Annotated[str, Form()] = "", model: Annotated[str, Form()] = "", login: Login = author
    ) -> Response:
        return await desk.count(login, prompt, model)

    return pages


def at(name: str) -> str:
    """The page of a persona. A name may hold whatever an address may not, so it stands in the query."""
    return f"{ONE}?{urlencode({'name': name})}"


class Personas:
    """What the routes do."""

    def __init__(self, console: Console) -> None:
        assert console.deps.personas is not None
        self.desk: PersonaDesk = console.deps.personas
        self._console = console
        self._models: Models | None = console.deps.models
        self._saving = asyncio.Lock()

    def listing(self, login: Login, after: str) -> HTMLResponse:
        key = unpacked(after, tuple[str])
        rows = self.desk.listing(limit=SHOWN + 1, after=key[0] if key else None)
        return self._console.page(
            login,
            "personas.html",
            part="list",
            personas=[(each, each.prompt[:MOST_CLIP]) for each in rows[:SHOWN]],
            first=HERE if key else "",
            older=f"{HERE}?after={packed(rows[SHOWN - 1].name)}" if len(rows) > SHOWN else "",
        )

    async def found(self, login: Login, name: str) -> KnownPersona:
        """One that is in force, or was removed here: then with the latest of its versions."""
        if known := self.desk.get(name):
            return known
        for latest in await self.desk.versions(name, limit=1):
            return KnownPersona(name, Origin.CONSOLE, latest.prompt, latest.model, latest.sampling)
        raise self._console.problem(login, 404)

    async def page(
        self,
        login: Login,
        persona: KnownPersona,
        *,
        before: int = 0,
        status: int = 200,
        new: bool = False,
        posted: Mapping[str, Any] | None = None,
        problems: Mapping[str, str] | None = None,
        problem: str = "",
    ) -> HTMLResponse:
        name, wrong = persona.name, all_told(sayer(login.language), problems or {})
        versions = [] if new else await self.desk.versions(name, limit=VERSIONS + 1, before=before)
        own = {"name": name, "prompt": persona.prompt, "model": persona.model, "note": ""}
        given = {**own, **(posted or {})}
        return self._console.page(
            login,
            "persona.html",
            part="versions",
            status=status,
            persona=persona,
            new=new,
            gone=not new and self.desk.get(name) is None,
            given=given,
            wrong=wrong,
            problem=problem,
            writes=login.account.role.may(ConsoleRole.AUTHOR),
            sampling=self._sampling(login, persona, wrong, posted),
            names=[(known, known) for known in self._choices(given["model"])],
            try_at=f"{PLAYGROUND}?{urlencode({'persona': name})}" if self._console.deps.playground else "",
            counts=self._models is not None,
            versions=versions[:VERSIONS],
            older=versions[VERSIONS - 1].number if len(versions) > VERSIONS else 0,
            before=before,
            **self._compared(login, persona, versions[:VERSIONS]),
            link=at(name),
        )

    async def write(self, login: Login, posted: dict[str, Any]) -> Response:
        """A new version of what was posted; in the form again, where it cannot be."""
        posted = {key: value for key, value in posted.items() if isinstance(value, str)}
        async with self._saving:  # of two at the same moment the second sees what the first has saved
            return await self._write(login, posted)

    async def _write(self, login: Login, posted: dict[str, Any]) -> Response:
        name, new = posted.get("name", ""), posted.get("new") == "on"
        known = None if new else await self.found(login, name)
        problem, problems = "", {}
        if new and (not name or self.desk.get(name) is not None):
            problems = {"name": sayer(login.language)("persona.taken" if name else "wrong.needed")}
        elif known and posted.get("version", "") not in ("", str(known.version)):
            problem = "persona.changed"
        else:
            try:
                made = await self._put(login, name, posted)
                await self._console.note(login, "persona.write", name, f"version {made.number}")
                return self._console.goto(at(name), done="persona.write")
            except FieldsRefused as error:
                problems = dict(error.fields)
        persona = known or KnownPersona(name, Origin.CONSOLE, "")
        return await self.page(
            login, persona, status=422, new=new, posted=posted, problems=problems, problem=problem
        )

    async def _put(self, login: Login, name: str, posted: Mapping[str, str]) -> PersonaVersion:
        given = {k.removeprefix(SAMPLING): v for k, v in posted.items() if k.startswith(SAMPLING)}
        sampling: dict[str, Any] = {name: text for name, text in given.items() if text.strip()}
        if "stop" in sampling:
            sampling["stop"] = [line for line in sampling["stop"].splitlines() if line]
        return await self.desk.write(
            name,
            prompt=posted.get("prompt", "").replace("\r\n", "\n"),
            model=posted.get("model", "").strip(),
            sampling=sampling,
            note=posted.get("note", "").strip()[:MOST_NOTE],
            by=login.account.name,
        )

    async def diff(self, login: Login, name: str, old: int, new: int) -> Response:
        persona = await self.found(login, name)
        try:
            lines = await self.desk.diff(name, old, new)
        except KeyError:
            raise self._console.problem(login, 404) from None
        say = sayer(login.language)
        versions = await self._around(name, old, new)
        return self._console.page(
            login,
            "persona_diff.html",
            persona=persona,
            link=at(name),
            old=old,
            new=new,
            **self._compared(login, persona, versions),
            lines=[(_SIGNS[line.kind], _line(say, line)) for line in lines],
        )

    async def _around(self, name: str, old: int, new: int) -> list[PersonaVersion]:
        """Those that can be chosen beside these two, which are among them: the newest first."""
        newest = await self.desk.versions(name, limit=VERSIONS)
        near = await self.desk.versions(name, limit=VERSIONS, before=max(old, new) + 1)
        far = await self.desk.versions(name, limit=1, before=min(old, new) + 1) if min(old, new) else []
        return sorted({each.number: each for each in (*newest, *near, *far)}.values(), key=_newest_first)

    async def count(self, login: Login, prompt: str, model: str) -> Response:
        chosen = (self._models.get(model) or self._models.default()) if self._models else None
        tokens = (await chosen.count([prompt]))[0] if chosen and prompt else 0
        return HTMLResponse(sayer(login.language)("persona.tokens", count=f"{tokens:,}"))

    def _sampling(
        self, login: Login, persona: KnownPersona, wrong: Mapping[str, str], posted: Mapping[str, Any] | None
    ) -> list[Shown]:
        say, told = sayer(login.language), shelf().described(login.language)
        fields = [
            replace(
                field,
                name=SAMPLING + field.name,
                label=say(f"playground.{SAMPLING}{field.name}"),
                help=told.get(f"{SAMPLING}{field.name}", field.help),
            )
            for field in self.desk.fields()
        ]
        values = {SAMPLING + name: value for name, value in persona.sampling.items()}
        return shown(fields, values, wrong, posted=posted)

    def _choices(self, chosen: str) -> list[str]:
        """Of models, with the one that is chosen, though it may not be there now."""
        names = list(self._models.names()) if self._models else []
        return names + ([chosen] if chosen and chosen not in names else [])

    def _compared(
        self, login: Login, persona: KnownPersona, versions: list[PersonaVersion]
    ) -> dict[str, Any]:
        """What can be compared, by number; 0 is what the settings have."""
        say = sayer(login.language)
        settings = persona.covers or persona.origin is not Origin.CONSOLE
        numbers = [version.number for version in versions] + ([0] if settings else [])
        named = [(number, say("persona.number", number=number)) for number in numbers if number]
        return {
            "numbers": numbers,
            "compared": named + ([(0, say("persona.settings"))] if settings else []),
        }


def _newest_first(version: PersonaVersion) -> int:
    return -version.number


def _line(say: Any, line: DiffLine) -> str:
    return say("persona.same", count=line.text) if line.kind is DiffKind.SKIPPED else line.text
