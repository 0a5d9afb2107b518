"""One's own account: name, language, password, passkeys, sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Form
from starlette.responses import JSONResponse, Response

from adapters.web.console.access import LOGIN, Login
from adapters.web.console.passkeys import MOST_PASSKEYS, by_name, party
from adapters.web.console.passwords import weakness
from adapters.web.console.site import Console
from adapters.web.visit import LANGUAGES
from bot.errors import AccessError
from bot.types import ConsoleRole

HERE = "/console/account"
FRESH = 900.0
"""Seconds after a login in which a password may be replaced without the old one: whoever came by a
link perhaps forgot it."""
MOVE_SECONDS = 300.0
MOST_NAME = 64


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    viewer = console.needs(ConsoleRole.VIEWER)

    @pages.get(HERE)
    async def account_page(login: Login = viewer) -> Response:
        return await _page(console, login)

    @pages.post(HERE)
    async def profile(
        name: Annotated[str, Form()] = "", language: Annotated[str, Form()] = "", login: Login = viewer
    ) -> Response:
        name = " ".join(name.split())[:MOST_NAME]
        if not name or language not in ("", *LANGUAGES):
            return await _page(console, login, 422, name_problem="account.name.none")
        try:
            changed = await console.deps.accounts.update(login.account.id, name=name, language=language)
        except AccessError:
            return await _page(console, login, 422, name_problem="account.name.taken")
        await console.note(login, "account.change", changed.name)
        return console.goto(HERE, done="saved")

    @pages.post(f"{HERE}/password")
    async def password(
        old: Annotated[str, Form()] = "", new: Annotated[str, Form()] = "", login: Login = viewer
    ) -> Response:
        key = f"name {login.account.name.casefold()}"
        if needs_old(console, login):
            if console.attempts.begin(key):
                return await _page(console, login, 429, old_problem="password.paused")
            if not await console.passwords.right(login.account, old):
                return await _page(console, login, 422, old_problem="password.wrong")
            console.attempts.right(key)
        if problem := weakness(login.account, new):
            return await _page(console, login, 422, new_problem=problem)
        await console.passwords.put(login.account, new)
        await console.deps.accounts.end_sessions(login.account.id, but=login.session.id)
        await console.note(login, "password.change")
        return console.goto(HERE, done="password")

    _add_sessions(pages, console)
    _add_passkeys(pages, console)
    return pages


def needs_old(console: Console, login: Login) -> bool:
    """Whether a new password needs the old one."""
    old_login = console.deps.clock.time() - login.session.created_at > FRESH
    return login.account.has_password and old_login


def _add_sessions(pages: APIRouter, console: Console) -> None:
    viewer = console.needs(ConsoleRole.VIEWER)

    @pages.post(f"{HERE}/sessions/end")
    async def end(id: Annotated[str, Form()] = "", login: Login = viewer) -> Response:
        if await console.deps.accounts.end_session(login.account.id, id):
            await console.note(login, "session.end", id)
        return console.goto(LOGIN if id == login.session.id else HERE, done="session.end")

    @pages.post(f"{HERE}/sessions/end-all")
    async def end_all(login: Login = viewer) -> Response:
        """Everywhere, here too."""
        await console.note(login, "session.end_all")
        await console.deps.accounts.end_sessions(login.account.id)
        response = console.goto(LOGIN, done="logout")
        console.door.forget(response)
        return response

    @pages.post(f"{HERE}/localhost")
    async def move(login: Login = viewer) -> Response:
        """To the same place by a name that passkeys can be for: a link, as cookies stay behind."""
        where = by_name(login.origin)
        if not where:
            return console.goto(HERE)
        token = await console.deps.accounts.again(login.account.id, seconds=MOVE_SECONDS)
        return await _page(console, login, moved=f"{where}{LOGIN}?token={token}&next={HERE}")


def _add_passkeys(pages: APIRouter, console: Console) -> None:
    viewer = console.needs(ConsoleRole.VIEWER)
    accounts = console.deps.accounts

    @pages.post(f"{HERE}/passkeys/options")
    async def options(login: Login = viewer) -> Response:
        if not party(login.origin):
            raise console.problem(login, 400, "passkey.nowhere")
        known = await accounts.passkeys(login.account.id)
        if len(known) >= MOST_PASSKEYS:
            raise console.problem(login, 409, "passkey.many")
        text = console.passkeys.registration(login.holder, login.origin, login.account, known)
        return Response(text, media_type="application/json")

    @pages.post(f"{HERE}/passkeys")
    async def add(
        credential: Annotated[dict[str, Any], Body()],
        name: Annotated[str, Body()] = "",
        login: Login = viewer,
    ) -> Response:
        try:
            passkey = console.passkeys.registered(login.holder, login.origin, login.account, credential)
        except AccessError:
            raise console.problem(login, 422, "passkey.refused") from None
        if await accounts.passkey(passkey.id):
            raise console.problem(login, 409, "passkey.known")
        await accounts.add_passkey(replace(passkey, name=" ".join(name.split())[:MOST_NAME]))
        await console.note(login, "passkey.add", passkey.id[:12])
        return JSONResponse({"to": f"{HERE}?done=passkey.add"})

    @pages.post(f"{HERE}/passkeys/remove")
    async def remove(id: Annotated[str, Form()] = "", login: Login = viewer) -> Response:
        if await accounts.remove_passkey(login.account.id, id):
            await console.note(login, "passkey.remove", id[:12])
        return console.goto(HERE, done="passkey.remove")


async def _page(console: Console, login: Login, status: int = 200, **values: Any) -> Response:
    accounts = console.deps.accounts
    shown: dict[str, Any] = {"name_problem": "", "old_problem": "", "new_problem": "", "moved": ""}
    return console.page(
        login,
        "account.html",
        status=status,
        **{**shown, **values},
        passkeys=await accounts.passkeys(login.account.id),
        sessions=await accounts.sessions(login.account.id),
        here=login.session.id,
        needs_old=needs_old(console, login),
        possible=bool(party(login.origin)),
        localhost=by_name(login.origin),
    )
