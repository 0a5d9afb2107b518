"""Who works in the console: invitations, roles, the end of an account. For owners."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import Response

from adapters.web.console.access import LOGIN, Login
from adapters.web.console.account import MOST_NAME
from adapters.web.console.site import Console
from bot.errors import AccessError
from bot.types import Account, ConsoleRole

HERE = "/console/accounts"
INVITATION_SECONDS = 3 * 24 * 3600.0
LINK_SECONDS = 3600.0


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    owner = console.needs(ConsoleRole.OWNER)
    accounts = console.deps.accounts

    @pages.get(HERE)
    async def listing(login: Login = owner) -> Response:
        return await _page(console, login)

    @pages.post(f"{HERE}/invite")
    async def invite(
        name: Annotated[str, Form()] = "", role: Annotated[str, Form()] = "", login: Login = owner
    ) -> Response:
        """Shows the link, this once."""
        name = " ".join(name.split())[:MOST_NAME]
        if not name or role not in list(ConsoleRole):
            return await _page(console, login, 422, name_problem="account.name.none")
        if await accounts.named(name):
            return await _page(console, login, 422, name_problem="account.name.taken", given=name)
        try:
            token = await accounts.invite(
                login.account.id, name=name, role=ConsoleRole(role), seconds=INVITATION_SECONDS
            )
        except AccessError:
            return await _page(console, login, 422, name_problem="account.name.none")
        await console.note(login, "account.invite", name, role)
        return await _page(console, login, link=_link(login, token), link_for=name)

    _add_changes(pages, console)
    return pages


def _add_changes(pages: APIRouter, console: Console) -> None:
    owner = console.needs(ConsoleRole.OWNER)
    accounts = console.deps.accounts

    @pages.post(f"{HERE}/{{id}}/link")
    async def new_link(id: str, login: Login = owner) -> Response:
        """A way in for one who lost their keys."""
        account = await _found(console, login, id)
        if account.disabled:
            raise console.problem(login, 409, "accounts.is_disabled")
        token = await accounts.again(account.id, seconds=LINK_SECONDS)
        await console.note(login, "account.link", account.name)
        return await _page(console, login, link=_link(login, token), link_for=account.name)

    @pages.post(f"{HERE}/{{id}}/role")
    async def change_role(id: str, role: Annotated[str, Form()] = "", login: Login = owner) -> Response:
        account = await _found(console, login, id)
        if role not in list(ConsoleRole):
            raise console.problem(login, 422)
        return await _change(console, login, account, "account.role", role, role=ConsoleRole(role))

    @pages.post(f"{HERE}/{{id}}/disabled")
    async def disable(id: str, disabled: Annotated[str, Form()] = "", login: Login = owner) -> Response:
        account, off = await _found(console, login, id), disabled == "on"
        action = "account.disable" if off else "account.enable"
        return await _change(console, login, account, action, "", disabled=off)

    @pages.post(f"{HERE}/{{id}}/delete")
    async def delete(id: str, login: Login = owner) -> Response:
        account = await _found(console, login, id)
        try:
            await accounts.delete(account.id)
        except AccessError:
            return await _page(console, login, 422, problem="accounts.last_owner")
        await console.note(login, "account.delete", account.name)
        return console.goto(HERE, done="account.delete")


async def _found(console: Console, login: Login, id: str) -> Account:
    account = await console.deps.accounts.get(id)
    if account is None:
        raise console.problem(login, 404)
    return account


async def _change(
    console: Console, login: Login, account: Account, action: str, detail: str, **changes: Any
) -> Response:
    try:
        await console.deps.accounts.update(account.id, **changes)
    except AccessError:
        return await _page(console, login, 422, problem="accounts.last_owner")
    await console.note(login, action, account.name, detail)
    return console.goto(HERE, done=action)


def _link(login: Login, token: str) -> str:
    return f"{login.origin}{LOGIN}?token={token}"


async def _page(console: Console, login: Login, status: int = 200, **values: Any) -> Response:
    shown: dict[str, Any] = {"name_problem": "", "link": "", "link_for": "", "given": ""}
    return console.page(
        login,
        "accounts.html",
        status=status,
        **{**shown, **values},
        accounts=await console.deps.accounts.listing(),
    )
