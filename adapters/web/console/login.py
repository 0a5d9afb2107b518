"""The ways in: a one-time link, a password, a passkey; and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Form
from starlette.responses import JSONResponse, RedirectResponse, Response

from adapters.web.console.access import HOME, LOGIN, Caller, Login, own_path
from adapters.web.console.attempts import STRICT, Key
from adapters.web.console.passkeys import by_name, party
from adapters.web.console.site import Console
from adapters.web.languages import shelf
from adapters.web.limits import place_of
from adapters.web.pages import LANGUAGE_COOKIE, YEAR
from bot.errors import AccessError
from bot.types import Account, ConsoleRole

MOST_NAME = 64


@dataclass(frozen=True, slots=True)
class Entrance:
    """What the three ways have in common."""

    console: Console

    def page(
        self, caller: Caller, *, status: int = 200, wish: str = "", problem: str = "", **values: Any
    ) -> Response:
        """The login page."""
        shown: dict[str, Any] = {
            "token": "",
            "given": "",
            "minutes": 0,
            "next": own_path(wish),
            "passkeys": bool(party(caller.origin)),
            "localhost": by_name(caller.origin),
        }
        return self.console.page(caller, "login.html", status=status, problem=problem, **{**shown, **values})

    async def enter(self, caller: Caller, account: Account, way: str, response: Response) -> None:
        """Log in, and let the browser have what it keeps of that."""
        token = await self.console.door.enter(caller, account)
        await self.console.deps.audit.put(account.id, account.name, f"login.{way}", "", caller.client)
        self.console.door.keep(caller, response, token)
        self.console.devices.keep(caller, account, response)

    async def wrong(self, caller: Caller, keys: tuple[Key, ...], account: Account | None) -> None:
        """Write down that guessing has to pause from now on."""
        if self.console.attempts.pause(*keys):
            known = (account.id, account.name) if account else ("", "")
            await self.console.deps.audit.put(*known, "login.paused", "", caller.client)

    def paused(self, caller: Caller, wait: int, wish: str) -> Response:
        minutes = -(-wait // 60)
        response = self.page(caller, status=429, wish=wish, problem="login.paused.password", minutes=minutes)
        response.headers["Retry-After"] = str(wait)
        return response


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    anyone = console.open()
    entrance = Entrance(console)

    @pages.get(LOGIN)
    async def login_page(token: str = "", next: str = "", lang: str = "", who: Caller = anyone) -> Response:
        """Shows a button where there is a link's token: to look at a link does not spend it."""
        if lang in shelf().languages:
            return _switch(who, lang, next)
        if not token and isinstance(who, Login):
            return console.goto(own_path(next))
        if not token:
            return entrance.page(who, wish=next)
        good = await console.deps.accounts.peek(token)
        return entrance.page(who, wish=next, token=token) if good else _spent(entrance, who, next)

    @pages.post("/console/login/link")
    async def by_link(
        token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "", who: Caller = anyone
    ) -> Response:
        try:
            account = await console.deps.accounts.enter(token)
        except AccessError:
            return _spent(entrance, who, next)
        response = console.goto(own_path(next))
        if not (account.has_password or account.passkeys):
            response = console.goto("/console/account", done="welcome")
        await entrance.enter(who, account, "link", response)
        return response

    @pages.post("/console/logout")
    async def logout(who: Caller = anyone) -> Response:
        if isinstance(who, Login):
            await console.deps.accounts.end_session(who.account.id, who.session.id)
            await console.note(who, "logout")
        response = console.goto(LOGIN, done="logout")
        console.door.forget(response)
        return response

    _add_password(pages, console, entrance)
    _add_passkeys(pages, console, entrance)
    return pages


def _add_password(pages: APIRouter, console: Console, entrance: Entrance) -> None:
    anyone = console.open()

    @pages.post("/console/login/password")
    async def by_password(
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "",
        who: Caller = anyone,
    ) -> Response:
        name = name.strip()[:MOST_NAME]
        account = await console.deps.accounts.named(name)
        keys = console.devices.keys(who, account, name)
        if wait := console.attempts.begin(*keys):
            return entrance.paused(who, wait, next)
        if not await console.passwords.right(account, password) or account is None:
            await entrance.wrong(who, keys, account)
            return entrance.page(who, status=401, wish=next, problem="login.wrong", given=name)
        console.attempts.right(keys[0])
        console.attempts.give_back(*keys[1:])
        response = console.goto(own_path(next))
        await entrance.enter(who, account, "password", response)
        return response


def _add_passkeys(pages: APIRouter, console: Console, entrance: Entrance) -> None:
    anyone = console.open()

    @pages.post("/console/login/passkey/options")
    async def passkey_options(who: Caller = anyone) -> Response:
        if not party(who.origin):
            raise console.problem(who, 400, "passkey.nowhere")
        return Response(
            console.passkeys.authentication(who.holder, who.origin), media_type="application/json"
        )

    @pages.post("/console/login/passkey")
    async def by_passkey(
        credential: Annotated[dict[str, Any], Body()],
        next: Annotated[str, Body()] = "",
        who: Caller = anyone,
    ) -> Response:
        key = Key(STRICT, f"passkey {place_of(who.client)}")
        if wait := console.attempts.begin(key):
            refused = console.problem(who, 429, "login.paused", minutes=-(-wait // 60)).response
            refused.headers["Retry-After"] = str(wait)
            return refused
        account = await _owner(console, who, credential)
        if account is None:
            await entrance.wrong(who, (key,), None)
            raise console.problem(who, 401, "passkey.refused")
        console.attempts.give_back(key)
        response = JSONResponse({"to": own_path(next)})
        await entrance.enter(who, account, "passkey", response)
        return response


async def _owner(console: Console, who: Caller, credential: dict[str, Any]) -> Account | None:
    """Whose passkey answered; None if that is not so, or the account may not come in."""
    accounts = console.deps.accounts
    known = await accounts.passkey(str(credential.get("id", "")))
    account = await accounts.get(known.account_id) if known else None
    try:
        count, asked_at = console.passkeys.authenticated(who.holder, who.origin, known, credential)
    except AccessError:
        return None
    if known is None or account is None or account.disabled:
        return None
    return account if await accounts.passkey_used(known.id, count, asked_at=asked_at) else None


def rest(console: Console) -> APIRouter:
    """The beginning, and every address below it that is no page."""
    pages = APIRouter(include_in_schema=False)
    viewer = console.needs(ConsoleRole.VIEWER)

    @pages.get(HOME)
    async def beginning(login: Login = viewer) -> Response:
        return console.goto(console.first(login.account.role))

    @pages.api_route(f"{HOME}/{{path:path}}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def nothing(login: Login = viewer) -> Response:
        raise console.problem(login, 404)

    return pages


def _spent(entrance: Entrance, caller: Caller, wish: str) -> Response:
    return entrance.page(caller, status=410, wish=wish, problem="login.spent")


def _switch(caller: Caller, language: str, wish: str) -> Response:
    where = LOGIN if own_path(wish) == HOME else f"{LOGIN}?next={own_path(wish)}"
    response = RedirectResponse(where, 303)
    response.set_cookie(
        LANGUAGE_COOKIE, language, max_age=YEAR, httponly=True, samesite="lax", secure=caller.secure
    )
    return response
