"""Who works in the console: invitations, roles, the end of an account. For owners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import Response

from adapters.web.console.access import LOGIN, Login
from adapters.web.console.account import MOST_NAME
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.site import Console
from bot.errors import AccessError, NameRefused
from bot.types import Account, ConsoleRole

HERE = "/console/accounts"
SHOWN = 50
INVITATION_SECONDS = 3 * 24 * 3600.0
LINK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to an account, as the log says it, on the page of the list that goes on at `after`."""

    account: Account
    action: str
    detail: str
    after: str


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    owner = console.needs(ConsoleRole.OWNER)
    accounts = console.deps.accounts

    @pages.get(HERE)
    async def listing(after: str = "", login: Login = owner) -> Response:
        return await _page(console, login, after=after)

    @pages.post(f"{HERE}/invite")
    async def invite(
        name: Annotated[str, Form()] = "",
        role: Annotated[str, Form()] = "",
        after: str = "",
        login: Login = owner,
    ) -> Response:
        """Shows the link, this once."""
        name = " ".join(name.split())[:MOST_NAME]
        if not name or role not in list(ConsoleRole):
            return await _page(console, login, 422, after=after, name_problem="account.name.none")
        try:
            token = await accounts.invite(
                login.account.id, name=name, role=ConsoleRole(role), seconds=INVITATION_SECONDS
            )
        except NameRefused as error:
            problem = f"account.name.{error.why}"
            return await _page(console, login, 422, after=after, name_problem=problem, given=name)
        await console.note(login, "account.invite", name, role)
        return await _page(console, login, after=after, link=_link(login, token), link_for=name)

    _add_changes(pages, console)
    return pages


def _add_changes(pages: APIRouter, console: Console) -> None:
    owner = console.needs(ConsoleRole.OWNER)
    accounts = console.deps.accounts

    @pages.post(f"{HERE}/{{id}}/link")
    async def new_link(id: str, after: str = "", login: Login = owner) -> Response:
        """A way in for one who lost their keys."""
        account = await _found(console, login, id)
        if account.disabled:
            raise console.problem(login, 409, "accounts.is_disabled")
        token = await accounts.again(account.id, seconds=LINK_SECONDS)
        await console.note(login, "account.link", account.name)
        return await _page(console, login, after=after, link=_link(login, token), link_for=account.name)

    @pages.post(f"{HERE}/{{id}}/role")
    async def change_role(
        id: str, role: Annotated[str, Form()] = "", after: str = "", login: Login = owner
    ) -> Response:
        account = await _found(console, login, id)
        if role not in list(ConsoleRole):
            raise console.problem(login, 422)
        change = Change(account, "account.role", role, after)
        return await _change(console, login, change, role=ConsoleRole(role))

    @pages.post(f"{HERE}/{{id}}/disabled")
    async def disable(
        id: str, disabled: Annotated[str, Form()] = "", after: str = "", login: Login = owner
    ) -> Response:
        account, off = await _found(console, login, id), disabled == "on"
        action = "account.disable" if off else "account.enable"
        return await _change(console, login, Change(account, action, "", after), disabled=off)

    @pages.post(f"{HERE}/{{id}}/delete")
    async def delete(id: str, after: str = "", login: Login = owner) -> Response:
        account = await _found(console, login, id)
        try:
            await accounts.delete(account.id)
        except AccessError:
            return await _page(console, login, 422, after=after, problem="accounts.last_owner")
        _changed(console)
        await console.note(login, "account.delete", account.name)
        return console.goto(_at(after), done="account.delete")


async def _found(console: Console, login: Login, id: str) -> Account:
    account = await console.deps.accounts.get(id)
    if account is None:
        raise console.problem(login, 404)
    return account


async def _change(console: Console, login: Login, change: Change, **changes: Any) -> Response:
    try:
        await console.deps.accounts.update(change.account.id, **changes)
    except AccessError:
        return await _page(console, login, 422, after=change.after, problem="accounts.last_owner")
    _changed(console)
    await console.note(login, change.action, change.account.name, change.detail)
    return console.goto(_at(change.after), done=change.action)


def _at(after: str) -> str:
    """The page of the list that goes on there."""
    (key,) = unpacked(after, tuple[str]) or ("",)
    return f"{HERE}?after={packed(key)}" if key else HERE


def _changed(console: Console) -> None:
    """Nobody waits for somebody who may not answer any more."""
    if console.deps.takeover is not None:
        console.deps.takeover.look_soon()


def _link(login: Login, token: str) -> str:
    return f"{login.origin}{LOGIN}?token={token}"


async def _page(
    console: Console, login: Login, status: int = 200, *, after: str = "", **values: Any
) -> Response:
    (key,) = unpacked(after, tuple[str]) or ("",)
    rows = await console.deps.accounts.listing(limit=SHOWN + 1, after=key)
    if key and not rows:  # the last of this page was deleted
        return await _page(console, login, status, **values)
    shown: dict[str, Any] = {"name_problem": "", "link": "", "link_for": "", "given": ""}
    return console.page(
        login,
        "accounts.html",
        part="list",
        status=status,
        **{**shown, **values},
        accounts=rows[:SHOWN],
        first=HERE if key else "",
        here=f"?after={packed(key)}" if key else "",
        older=f"{HERE}?after={packed(rows[SHOWN - 1].name)}" if len(rows) > SHOWN else "",
    )
