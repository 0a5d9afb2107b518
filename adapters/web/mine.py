"""What is kept of a visitor: seen, taken along, and deleted; and the accounts that are theirs.

Annotations are evaluated here (no `from __future__`): FastAPI reads those of the inner functions.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, Field

from adapters.web import models
from adapters.web.api import problems
from adapters.web.deps import WebDeps
from adapters.web.download import Downloads, TooMany, busy
from adapters.web.export import disposition
from adapters.web.identity import COOKIE, Signer
from adapters.web.languages import shelf
from adapters.web.limits import Rate
from adapters.web.pages import words_of
from adapters.web.takeout import json_text
from adapters.web.visit import Visit, keep_in_frame, visit_of
from bot.errors import AccessError, PluginError, StorageGone
from bot.types import Exported, Person, PersonRole, Sender

MOST_A_MINUTE = 60
"""Calls of one visitor."""
MOST_COUNTED = 10_000
"""Rows of a kind that are counted."""
LINK_MINUTES = 15
_READ = problems(404, 422, 429, 503)
_WRITE = problems(400, 403, 404, 409, 413, 415, 422, 429, 503)
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}}}}


class AccountOut(BaseModel):
    """`user` is the platform's id. `here`: the one that asks."""

    platform: str
    user: str
    here: bool


class Mine(BaseModel):
    """`known`: something is kept. `may_link`: this visitor can make codes. `counts`: how many of each
    kind is kept; of the kinds in `more`, at least so many. What plugins keep elsewhere than in the
    service's own store is not counted: only the export asks them."""

    known: bool = False
    name: str = ""
    role: str = ""
    language: str = ""
    since: float = 0.0
    accounts: list[AccountOut] = []
    counts: dict[str, int] = {}
    more: list[str] = []
    may_link: bool = False


class CodeOut(BaseModel):
    """`links`: where it is used by opening a link, by platform."""

    code: str
    minutes: int
    links: dict[str, str]


class Unlink(models.Strict):
    platform: Annotated[str, Field(max_length=64)]
    user: Annotated[str, Field(max_length=200)]


class Delete(models.Strict):
    confirm: Annotated[str, Field(max_length=100)] = Field(
        description="The words that the page asks for, in one of its languages."
    )


class Keeping:
    """The calls, over what they need. Each is about the visitor's own person and nobody else's."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._rate = Rate(deps.clock, MOST_A_MINUTE)
        self._downloads = Downloads(deps.clock)

    async def person(self, visit: Visit) -> Person | None:
        if wait := self._rate.refuses(visit.visitor):
            raise HTTPException(
                429, f"That was often. Try again in {wait} s.", headers={"Retry-After": str(wait)}
            )
        return await self._deps.people.find("web", visit.visitor)

    async def mine(self, visit: Visit) -> Mine:
        person = await self.person(visit)
        if person is None:
            return Mine(may_link=self._may_enter(visit))
        accounts = await self._deps.people.accounts(person.id)
        stored = await self._deps.people.stored(person.id, most=MOST_COUNTED)
        files = await self._files(accounts)
        return Mine(
            known=True,
            name=person.name,
            role=person.role.value,
            language=person.language,
            since=person.created_at,
            accounts=[
                AccountOut(platform=p, user=user, here=(p, user) == ("web", visit.visitor))
                for p, user in accounts
            ],
            counts={
                **{kind: min(count, MOST_COUNTED) for kind, count in stored.items()},
                "files": len(files),
                "settings": len(person.settings),
            },
            more=[kind for kind, count in stored.items() if count > MOST_COUNTED],
            may_link=person.role is not PersonRole.BLOCKED,
        )

    async def export(self, visit: Visit) -> Response:
        """Read while it is sent, so that it takes no more room the larger it is."""
        person = await self._known(visit)
        accounts = await self._deps.people.accounts(person.id)
        pieces = self._everything(person, await self._files(accounts))
        try:
            return await self._downloads.start(
                person.id,
                json_text(pieces),
                media_type="application/json",
                disposition=disposition("my data", "json"),
                client=visit.client,
            )
        except TooMany as error:
            raise busy(error) from None
        except PluginError as error:
            raise HTTPException(503, "A plugin could not tell its part. Try again.") from error
        except StorageGone:
            raise HTTPException(404, "Nothing is kept of you.") from None

    async def code(self, visit: Visit) -> CodeOut:
        """As `/link` makes it; whoever may come in comes in by it."""
        person = await self.person(visit)
        if person is None and self._may_enter(visit):
            person = await self._deps.people.admit("web", visit.sender())
        if person is None or person.role is PersonRole.BLOCKED:
            raise HTTPException(403, "Only those who may use this service can link accounts.")
        expires = self._deps.clock.time() + LINK_MINUTES * 60
        code = await self._deps.people.link(person.id, expires_at=expires)
        links = {p: link.format(code=code) for p, link in self._deps.links().items() if link}
        return CodeOut(code=code, minutes=LINK_MINUTES, links=links)

    async def unlink(self, visit: Visit, body: Unlink) -> models.Accepted:
        person = await self._known(visit)
        if (body.platform, body.user) not in await self._deps.people.accounts(person.id):
            raise HTTPException(404, "There is no such account.")
        try:
            freed = await self._deps.people.unlink(body.platform, Sender(body.user))
        except AccessError as error:
            raise HTTPException(403, f"{error}.".capitalize()) from None
        return models.Accepted(accepted=freed is not None)

    async def delete(self, visit: Visit, body: Delete) -> Response:
        """The cookie ends, too: whoever comes back is a stranger."""
        known = {words_of("mydata", language)["delete.word"] for language in shelf().languages}
        if " ".join(body.confirm.casefold().split()) not in known:
            raise HTTPException(422, "confirm: these are not the words that the page asks for")
        person = await self._known(visit)
        try:
            await self._deps.delete_person(person.id)
        except PluginError as error:
            raise HTTPException(503, "A plugin could not delete its part. Try again.") from error
        self._deps.channel.changed(visit.visitor)
        response = Response('{"accepted":true}', media_type="application/json")
        response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=visit.secure)
        keep_in_frame(response, "")
        return response

    def _may_enter(self, visit: Visit) -> bool:
        return self._deps.access == "open" or visit.trusted

    async def _known(self, visit: Visit) -> Person:
        person = await self.person(visit)
        if person is None:
            raise HTTPException(404, "Nothing is kept of you.")
        return person

    async def _everything(
        self, person: Person, files: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Exported]:
        async with aclosing(self._deps.export_person(person.id)) as pieces:
            async for piece in pieces:
                yield piece
        yield Exported("files", files)

    async def _files(self, accounts: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        files = self._deps.files
        if files is None:
            return []
        brought = [await files.listing(user) for platform, user in accounts if platform == "web"]
        return [
            {"id": f.id, "name": f.name, "media_type": f.media_type, "size": f.size, "at": f.at}
            for of_one in brought
            for f in of_one
        ]


def mine_router(deps: WebDeps, signer: Signer) -> APIRouter:
    keeping = Keeping(deps)
    router = APIRouter(prefix="/api/v1/me", tags=["your data"])

    def visiting(request: Request) -> Visit:
        return visit_of(request, deps, signer)

    Visiting = Annotated[Visit, Depends(visiting)]

    @router.get("", responses=_READ)
    async def mine(visit: Visiting, response: Response) -> Mine:
        """What is kept of the visitor, in numbers, and the accounts that are theirs."""
        response.headers["Cache-Control"] = "no-store"
        return await keeping.mine(visit)

    @router.get("/export", responses={**_FILE, **_READ}, response_class=Response)
    async def export(visit: Visiting) -> Response:
        """All of it, as one JSON file; of files their names."""
        return await keeping.export(visit)

    @router.post("/code", responses=_WRITE)
    async def code(visit: Visiting, body: models.Nothing, response: Response) -> CodeOut:
        """A code that makes one other account an account of the visitor's person; an earlier one ends.
        Another's code is used by asking `/link CODE`."""
        response.headers["Cache-Control"] = "no-store"
        visit.remember(response)
        return await keeping.code(visit)

    @router.post("/unlink", responses=_WRITE)
    async def unlink(visit: Visiting, body: Unlink) -> models.Accepted:
        """Take an account off the others: it begins anew, with nothing. The last one stays."""
        return await keeping.unlink(visit, body)

    @router.delete("", responses=_WRITE, response_model=models.Accepted)
    async def delete(visit: Visiting, body: Delete) -> Response:
        """Erase all that is kept of the visitor's person, by all their accounts. It cannot be had back."""
        return await keeping.delete(visit, body)

    return router
