"""The console as its pages see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from adapters.web.console.access import (
    Caller,
    Door,
    Login,
    Needs,
    Refused,
    changes,
    depends,
    login_path,
)
from adapters.web.console.attempts import Attempts
from adapters.web.console.deps import ConsoleDeps, Entry
from adapters.web.console.devices import Devices
from adapters.web.console.needs import Needs as Pressing
from adapters.web.console.passkeys import Ceremonies
from adapters.web.console.passwords import Passwords
from adapters.web.console.render import Renderer, sayer, words
from bot.errors import StorageError
from bot.types import ConsoleRole

Key = Annotated[int, Query(ge=0, le=2**63 - 1)]
"""Where a list goes on, as a page's query parameter: what every database takes."""


class Console:
    """What a page is made with: `deps`, who may call it (`needs`), what it answers (`page`, `goto`),
    and the log of what was done (`note`). `pages` are the entries of the navigation."""

    def __init__(self, deps: ConsoleDeps, pages: Sequence[Entry]) -> None:
        self.deps = deps
        self._pages = pages
        self.door = Door(deps)
        self.attempts = Attempts(deps.clock)
        self.devices = Devices(deps.secret)
        self.passwords = Passwords(deps.accounts, deps.price)
        self.passkeys = Ceremonies(deps.clock, deps.name, deps.secret)
        self.pressing = Pressing(deps, pages)
        self._renderer = Renderer(deps.name, pages)

    def needs(self, role: ConsoleRole) -> Any:
        """For a route's argument: the `Login`, whose role is at least this one. Everybody else gets
        the login page, or is told so; nobody's call changes anything without the CSRF token."""
        return depends(Needs(role, self._admit))

    def open(self) -> Any:
        """For a route that everybody may call: the `Caller`. The CSRF token is needed all the same."""
        return depends(Needs(None, self._admit))

    def page(
        self, caller: Caller, template: str, *, status: int = 200, part: str = "", **values: Any
    ) -> HTMLResponse:
        """The template filled in; of `part`, a block of it, where htmx asks for that alone.
        `done` and `problem` are keys of words, shown as a notice."""
        block = part if caller.fragment else ""
        shown = {"done": self._done(caller), "problem": "", "needs": self.pressing.of(caller), **values}
        html = self._renderer.html(caller, template, block=block, **shown)
        response = HTMLResponse(html, status, headers={"Cache-Control": "no-store", "Vary": "HX-Request"})
        self.door.mark(caller, response)
        return response

    def goto(self, path: str, *, done: str = "") -> Response:
        """To a page of ours, after something was done; `done` is the key of a word that says so."""
        query = f"{'&' if '?' in path else '?'}{urlencode({'done': done})}" if done else ""
        return RedirectResponse(path + query, 303, headers={"Cache-Control": "no-store"})

    def problem(self, caller: Caller, status: int, key: str = "", **values: object) -> Refused:
        """To raise: a page that says what is wrong (`problem.STATUS`, or another key)."""
        text = sayer(caller.language)(key or f"problem.{status}", **values)
        if caller.fragment or "json" in caller.request.headers.get("content-type", ""):
            return Refused(JSONResponse({"message": text}, status))
        return Refused(self.page(caller, "problem.html", status=status, text=text, done=""))

    async def failure(self, request: Request, status: int, **values: object) -> Response:
        """`problem`'s answer where a request failed outside of its page: also while nothing can be read,
        as whoever asks is then a stranger."""
        try:
            caller = await self.door.caller(request)
        except StorageError:
            caller = self.door.stranger(request)
        return self.problem(caller, status, "", **values).response

    async def note(self, login: Login, action: str, target: str = "", detail: str = "") -> None:
        """Write down what this account did, or read of a person's."""
        await self.deps.audit.put(login.account.id, login.account.name, action, target, detail)

    def first(self, role: ConsoleRole) -> str:
        """The first page that this role may see."""
        return next(page.path for page in self._pages if role.may(page.role))

    async def _admit(self, request: Request, role: ConsoleRole | None) -> Caller:
        caller = await self.door.caller(request)
        if role is not None and not isinstance(caller, Login):
            raise self._to_login(caller)
        if role is not None and caller.account and not caller.account.role.may(role):
            raise self.problem(caller, 403)
        if changes(request) and not await self.door.proves(caller):
            raise self.problem(caller, 403, "problem.csrf")
        if changes(request):
            self.pressing.changed()
        elif isinstance(caller, Login) and not caller.fragment:
            await self.pressing.look()
        return caller

    def _to_login(self, caller: Caller) -> Refused:
        path = login_path(caller.request)
        if caller.fragment:
            return Refused(Response(status_code=401, headers={"HX-Redirect": path}))
        if "json" in caller.request.headers.get("content-type", ""):
            return Refused(JSONResponse({"message": sayer(caller.language)("problem.401")}, 401))
        return Refused(RedirectResponse(path, 303, headers={"Cache-Control": "no-store"}))

    def _done(self, caller: Caller) -> str:
        """What an address says was done, if it is one of our words for that."""
        key = f"done.{caller.request.query_params.get('done', '')}"
        return key if key in words(caller.language) else ""
