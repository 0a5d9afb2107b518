"""Invitations for those who chat: made, listed without their codes, taken back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import Response

from adapters.web.console.access import Login
from adapters.web.console.deps import ConsoleDeps
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.people import choices
from adapters.web.console.site import Console
from bot.types import ConsoleRole, Invitation, PersonRole

HERE = "/console/invites"
SHOWN = 50
MOST_USES = 1000
DAY = 24 * 3600.0
DAYS = (1, 7, 30, 0)
"""How long an invitation may be good for; 0: until it is taken back."""
ACCOUNT = "console:"
"""Before an account's id, where a person's stands who made an invitation."""


def there(deps: ConsoleDeps) -> bool:
    return deps.people is not None


def router(console: Console) -> APIRouter:
    pages = APIRouter(include_in_schema=False)
    operator = console.needs(ConsoleRole.OPERATOR)
    people = console.deps.people
    assert people

    @pages.get(HERE)
    async def listing(before: str = "", login: Login = operator) -> Response:
        return await _page(console, login, before=before)

    @pages.post(HERE)
    async def make(
        role: Annotated[str, Form()] = "",
        uses: Annotated[str, Form()] = "",
        days: Annotated[str, Form()] = "",
        login: Login = operator,
    ) -> Response:
        """Shows the code, this once."""
        number = int(uses) if uses.isascii() and uses.isdigit() and len(uses) < 6 else 0
        if role not in _roles(login) or days not in map(str, DAYS) or not 1 <= number <= MOST_USES:
            problem = "invites.uses.wrong" if not 1 <= number <= MOST_USES else "problem.422"
            return await _page(console, login, status=422, uses=uses, uses_problem=problem)
        expires_at = console.deps.clock.time() + int(days) * DAY if int(days) else 0.0
        by = f"{ACCOUNT}{login.account.id}"
        code = await people.invite(by, role=PersonRole(role), uses=number, expires_at=expires_at)
        await console.note(login, "invite.make", role, f"× {number}")
        return await _page(console, login, code=code, links=_links(console, code))

    @pages.post(f"{HERE}/revoke")
    async def revoke(id: Annotated[str, Form()] = "", login: Login = operator) -> Response:
        if not await people.revoke(id):
            raise console.problem(login, 404, "invites.gone")
        await console.note(login, "invite.revoke", id[:12])
        return console.goto(HERE, done="invite.revoke")

    return pages


def _roles(login: Login) -> list[str]:
    return [role for role in choices(login, "") if role != PersonRole.BLOCKED][::-1]


def _links(console: Console, code: str) -> list[tuple[str, str]]:
    """Platform and link, or what to send to the bot there."""
    return [
        (platform, link.replace("{code}", code) if link else f"/start {code}")
        for platform, link in console.deps.links().items()
    ]


async def _page(
    console: Console, login: Login, *, status: int = 200, before: str = "", **values: Any
) -> Response:
    assert console.deps.people
    key = unpacked(before, tuple[float, str]) if before else None
    rows = await console.deps.people.invitations(limit=SHOWN + 1, before=key)
    last = rows[SHOWN - 1] if len(rows) > SHOWN else None
    shown: dict[str, Any] = {"code": "", "links": [], "uses": "1", "uses_problem": ""}
    return console.page(
        login,
        "invites.html",
        status=status,
        part="list",
        roles_to_give=_roles(login),
        days=DAYS,
        rows=await _by(console, rows[:SHOWN]),
        first=HERE if key else "",
        older=f"{HERE}?before={packed(last.created_at, last.id)}" if last else "",
        **{**shown, **values},
    )


async def _by(console: Console, rows: list[Invitation]) -> list[tuple[Invitation, str, str]]:
    """Each with the maker's name, and their id if they are a person."""
    deps = console.deps
    assert deps.people
    makers = {row.by for row in rows if row.by}
    ids = [by.removeprefix(ACCOUNT) for by in makers if by.startswith(ACCOUNT)]
    accounts = await deps.accounts.names(ids)
    people = {by: await deps.people.get(by) for by in makers if not by.startswith(ACCOUNT)}
    made: list[tuple[Invitation, str, str]] = []
    for row in rows:
        person, account = people.get(row.by), accounts.get(row.by.removeprefix(ACCOUNT), "")
        made.append((row, person.name if person else account, person.id if person else ""))
    return made
