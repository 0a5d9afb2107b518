"""The audit log: who did what, the newest first; by account, action, object and day, and as a file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from adapters.web.console.about import Abouts
from adapters.web.console.access import Login
from adapters.web.console.actions import ACTIONS, GROUPS, wanted
from adapters.web.console.downloads import begun
from adapters.web.console.keys import packed, unpacked
from adapters.web.console.site import Console
from adapters.web.download import Downloads
from adapters.web.export import disposition
from bot.ports import Audit
from bot.types import AuditEntry, AuditFilter, ConsoleRole

HERE = "/console/audit"
SHOWN = 50
EXPORTED = 500
"""Entries that are read at once for a file."""
MOST = 300
"""Characters of what is looked for."""
COLUMNS = ("at", "account", "account_id", "action", "target", "detail")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for, as it stands in an address: `account` is the id of an account, also of one
    that is gone, `who` else the name of one; `do` an action or a group of them; `about` what it was
    about, as the log keeps it, or the address of its page; `since` and `until` days (UTC), both within."""

    account: str = ""
    who: str = ""
    do: str = ""
    about: str = ""
    since: str = ""
    until: str = ""

    def query(self, **more: str) -> str:
        fields = (*self.__slots__,)
        given = {name: value for name in fields if (value := getattr(self, name))}
        return urlencode({**given, **{name: value for name, value in more.items() if value}})

    @property
    def empty(self) -> bool:
        return not self.query()


async def _wish(
    account: str = "", who: str = "", do: str = "", about: str = "", since: str = "", until: str = ""
) -> Wish:
    about = about.strip()[:MOST]
    if about.startswith(("/", "http://", "https://")):
        about = about.partition("?")[0].rstrip("/").rpartition("/")[2]
    return Wish(account, who[:MOST], do if wanted(do) else "", about, _day(since), _day(until))


def _day(text: str) -> str:
    """The day as it is written (ISO 8601); "" if it is none."""
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").date().isoformat()
    except ValueError:
        return ""


def _begins(day: str, days: int = 0) -> float:
    """When this day begins, or the one so many days later."""
    try:
        return (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days)).timestamp()
    except OverflowError:
        return math.inf


class Pages:
    """What the routes answer with."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._log = console.deps.audit
        self._downloads = Downloads(console.deps.clock)

    async def filter(self, wish: Wish) -> AuditFilter | None:
        """None where it names an account that is not there: nothing can be found."""
        account = wish.account
        if wish.who.strip() and not account:
            named = await self._console.deps.accounts.named(wish.who)
            if named is None:
                return None
            account = named.id
        found = AuditFilter(account, wanted(wish.do), wish.about)
        if wish.since:
            found = replace(found, since=_begins(wish.since))
        return replace(found, until=_begins(wish.until, 1)) if wish.until else found

    async def page(self, login: Login, wish: Wish, before: str) -> Response:
        key = unpacked(before, tuple[float, int]) if before else None
        filter = await self.filter(wish)
        entries: list[AuditEntry] = []
        if filter is not None:
            entries = await self._log.listing(limit=SHOWN + 1, before=key, wanted=filter)
        last = entries[SHOWN - 1] if len(entries) > SHOWN else None
        entries = entries[:SHOWN]
        return self._console.page(
            login,
            "audit.html",
            part="list",
            rows=list(zip(entries, await Abouts(self._console, login.language).of(entries), strict=True)),
            first=f"{HERE}?{wish.query()}".rstrip("?") if key else "",
            older=f"{HERE}?{wish.query(before=packed(last.at, last.id))}" if last else "",
            wish=replace(wish, who=await self._named(wish, entries)),
            narrowed=lambda **more: f"{HERE}?{replace(wish, **more).query()}",
            export=lambda format: f"{HERE}/export?{wish.query(format=format)}",
            groups=GROUPS,
            actions=ACTIONS,
        )

    async def _named(self, wish: Wish, entries: list[AuditEntry]) -> str:
        """What the account that is looked for is called; one that is gone, as it was."""
        if not wish.account or wish.who:
            return wish.who
        names = await self._console.deps.accounts.names([wish.account])
        return names.get(wish.account, entries[0].account if entries else "")

    async def export(self, login: Login, wish: Wish, format: str) -> Response:
        kind, ending, written = FORMATS.get(format, FORMATS["csv"])
        filter = await self.filter(wish)
        await self._console.note(login, "audit.export", detail=f"{ending} {wish.query()}".strip())
        start = self._downloads.start(
            login.account.id,
            written(_entries(self._log, filter)),
            media_type=kind,
            disposition=disposition("audit log", ending),
            client=login.client,
        )
        return await begun(self._console, login, start)


def router(console: Console) -> APIRouter:
    routes, owner, pages = (
        APIRouter(include_in_schema=False),
        console.needs(ConsoleRole.OWNER),
        Pages(console),
    )

    asked: Wish = Depends(_wish)

    @routes.get(HERE)
    async def audit(login: Login = owner, wish: Wish = asked, before: str = "") -> Response:
        return await pages.page(login, wish, before)

    @routes.get(f"{HERE}/export")
    async def export(login: Login = owner, wish: Wish = asked, format: str = "csv") -> Response:
        """All that the page would show, however many, read while it is sent."""
        return await pages.export(login, wish, format)

    return routes


async def _entries(log: Audit, filter: AuditFilter | None) -> AsyncGenerator[list[AuditEntry]]:
    before: tuple[float, int] | None = None
    while filter is not None:
        page = await log.listing(limit=EXPORTED, before=before, wanted=filter)
        yield page
        if len(page) < EXPORTED:
            return
        before = (page[-1].at, page[-1].id)


def _row(entry: AuditEntry) -> dict[str, str]:
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="milliseconds")
    return {name: at if name == "at" else getattr(entry, name) for name in COLUMNS}


async def _csv(pages: AsyncGenerator[list[AuditEntry]]) -> AsyncGenerator[bytes]:
    """RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe."""
    yield b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n"
    async for page in pages:
        text = io.StringIO()
        rows = csv.writer(text)
        for entry in page:
            cells = _row(entry).values()
            rows.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
        yield text.getvalue().encode()


async def _lines(pages: AsyncGenerator[list[AuditEntry]]) -> AsyncGenerator[bytes]:
    async for page in pages:
        yield b"".join(_encode(_row(entry)) + b"\n" for entry in page)


Writes = Callable[[AsyncGenerator[list[AuditEntry]]], AsyncGenerator[bytes]]
FORMATS: Mapping[str, tuple[str, str, Writes]] = {
    "csv": ("text/csv; charset=utf-8", "csv", _csv),
    "json": ("application/x-ndjson", "jsonl", _lines),
}
