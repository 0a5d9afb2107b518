"""One's own account: name, language, password, passkeys, sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Form
from starlette.responses import JSONResponse, Response

from adapters.web.console.access import LOGIN, Login
from adapters.web.console.attempts import STRICT, Key
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.passkeys import MOST_PASSKEYS, by_name, party
from adapters.web.console.site import Console
from adapters.web.languages import shelf
from bot.errors import AccessError, NameRefused
from bot.types import ConsoleRole

HERE = "/console/account"
FRESH = 900.0
"""Seconds after a login in which a password may be replaced without the old one: whoever came by a
link perhaps forgot it."""
MOVE_SECONDS = 300.0
MOST_NAME = 64
PASSKEYS = 10
SESSIONS = 20
"""So many are shown at once."""


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    viewer = console.needs(ConsoleRole.VIEWER)

    @pages.get(HERE)
    async def account_page(after: str = "", before: str = "", login: Login = viewer) -> Response:
        return await _page(console, login, after=after, before=before)

    @pages.post(HERE)
    async def profile(
        name: Annotated[str, Form()] = "", language: Annotated[str, Form()] = "", login: Login = viewer
    ) -> Response:
        name = " ".join(name.split())[:MOST_NAME]
        if not name or language not in ("", *shelf().languages):
            return await _page(console, login, 422, name_problem="account.name.none")
        try:
            changed = await console.deps.accounts.update(login.account.id, name=name, language=language)
        except NameRefused as error:
            return await _page(console, login, 422, name_problem=f"account.name.{error.why}")
        await console.note(login, "account.change", changed.name)
        return console.goto(HERE, done="saved")

    @pages.post(f"{HERE}/password")
    async def password(
        old: Annotated[str, Form()] = "", new: Annotated[str, Form()] = "", login: Login = viewer
    ) -> Response:
        key = Key(STRICT, f"change {login.account.id}")
        if needs_old(console, login):
            if console.attempts.begin(key):
                return await _page(console, login, 429, old_problem="password.paused")
            if not await console.passwords.right(login.account, old):
                return await _page(console, login, 422, old_problem="password.wrong")
            console.attempts.right(key)
        if problem := await console.passwords.weakness(login.account, new, console.deps.name):
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
        known = await accounts.passkeys(login.account.id, limit=MOST_PASSKEYS)
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


async def _passkeys(console: Console, login: Login, after: str) -> dict[str, Any]:
    key = unpacked(after, tuple[float, str]) if after else None
    rows = await console.deps.accounts.passkeys(login.account.id, limit=PASSKEYS + 1, after=key)
    last = rows[PASSKEYS - 1] if len(rows) > PASSKEYS else None
    return {
        "passkeys": rows[:PASSKEYS],
        "first_passkeys": HERE if key else "",
        "more_passkeys": f"{HERE}?after={packed(last.created_at, last.id)}" if last else "",
    }


async def _sessions(console: Console, login: Login, before: str) -> dict[str, Any]:
    key = unpacked(before, tuple[float, float, str]) if before else None
    rows = await console.deps.accounts.sessions(login.account.id, limit=SESSIONS + 1, before=key)
    last = rows[SESSIONS - 1] if len(rows) > SESSIONS else None
    return {
        "sessions": rows[:SESSIONS],
        "first_sessions": HERE if key else "",
        "older_sessions": f"{HERE}?before={packed(last.seen_at, last.created_at, last.id)}" if last else "",
    }


async def _page(
    console: Console, login: Login, status: int = 200, *, after: str = "", before: str = "", **values: Any
) -> Response:
    shown: dict[str, Any] = {"name_problem": "", "old_problem": "", "new_problem": "", "moved": ""}
    return console.page(
        login,
        "account.html",
        part="keys" if login.request.headers.get("hx-target") == "keys" else "list",
        status=status,
        **{**shown, **values},
        **await _passkeys(console, login, after),
        **await _sessions(console, login, before),
        here=login.session.id,
        needs_old=needs_old(console, login),
        possible=bool(party(login.origin)),
        localhost=by_name(login.origin),
    )
