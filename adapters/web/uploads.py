"""Files by HTTP: each is its visitor's alone, and none can act in a browser.

Nothing of a body is read before it is clear that its sender may bring it.

Annotations are evaluated here (no `from __future__`): FastAPI reads those of the inner functions.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from adapters.web import models
from adapters.web.api import problems
from adapters.web.deps import WebDeps
from adapters.web.download import Lent
from adapters.web.files import Files, NoRoom, StoredFile
from adapters.web.guard import UPLOADS, length_of
from adapters.web.identity import Signer
from adapters.web.limits import Full, Held, Rate, Volume, place_of, share_of
from adapters.web.visit import Visit, visit_of
from bot.errors import FileRefused
from bot.imaging import check

MOST_A_MINUTE = 30
"""Uploads of one visitor; of one address four times as many."""
MOST_AT_ONCE, MOST_OF_ONE = 64, 6
"""Uploads under way in all, and of one address."""
SPOOLED = 65_536
"""Bytes of an upload that are held in memory; the rest waits on the disk."""
AGAIN_SECONDS = 5
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
_INERT = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def uploaded(file: StoredFile, *, sees: bool, unreadable: bool) -> models.Uploaded:
    return models.Uploaded(
        id=file.id,
        name=file.name,
        media_type=file.media_type,
        size=file.size,
        image=file.is_image,
        seen=file.is_image and sees and not unreadable,
        unreadable=unreadable,
    )


def _unreadable(file: StoredFile, content: bytes) -> bool:
    """Whether it is a picture that cannot be shown to a model, as far as its header tells."""
    try:
        if file.is_image:
            check(content)
    except FileRefused:
        return True
    return False


class _OneFile(MultiPartParser):
    """One file, and a few words beside it."""

    spool_max_size = SPOOLED

    def __init__(self, request: Request) -> None:
        super().__init__(request.headers, request.stream(), max_files=1, max_fields=4, max_part_size=SPOOLED)


class Uploads:
    """The calls, over what they need."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._visitors = Rate(deps.clock, MOST_A_MINUTE)
        self._places = Rate(deps.clock, 4 * MOST_A_MINUTE)
        self._volume = Volume(deps.clock, deps.files.hourly if deps.files else 0)
        self._under_way = Held(MOST_AT_ONCE, MOST_OF_ONE)
        self._storing = asyncio.Lock()

    async def put(self, visit: Visit, request: Request) -> models.Uploaded:
        files = self._files()
        await self._admit(visit, length_of(request.headers.get("content-length", "")) or 0)
        async with self._brought(visit, request) as file, self._storing:  # one is in memory at a time
            content = await file.read(files.limit + 1)
            if len(content) > files.limit:
                raise HTTPException(413, f"The file is larger than {files.limit:,} bytes.")
            if not content:
                raise HTTPException(422, "The file is empty.")
            try:
                stored = await files.put(visit.visitor, file.filename or "", content)
            except NoRoom as error:
                raise HTTPException(507, str(error)) from None
            sees = self._deps.sees()
            unreadable = sees and await asyncio.to_thread(_unreadable, stored, content)
        return uploaded(stored, sees=sees, unreadable=unreadable)

    @asynccontextmanager
    async def _brought(self, visit: Visit, request: Request) -> AsyncIterator[UploadFile]:
        """The file of the body, which keeps one of the places."""
        with ExitStack() as place:
            try:
                place.enter_context(self._under_way.hold(share_of(visit.client)))
            except Full:
                message = "Too many files are on their way at once. Try again in a moment."
                raise HTTPException(429, message, headers={"Retry-After": str(AGAIN_SECONDS)}) from None
            try:
                form = await _OneFile(request).parse()
            except MultiPartException as error:
                raise HTTPException(400, error.message) from None
            try:
                file = form.get("file")
                if not isinstance(file, UploadFile):
                    raise HTTPException(422, "file: Field required")
                yield file
            finally:
                await form.close()

    async def get(self, visit: Visit, id: str) -> Response:
        found = await self._find(visit, id)
        shown = "inline" if found.is_image else "attachment"
        headers = {
            "Content-Type": found.media_type if found.is_image else _plain(found.media_type),
            "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(found.name, safe='')}",
            "Content-Security-Policy": _INERT,
            "Cache-Control": "private, max-age=3600",
        }
        path, media_type = self._files().path(visit.visitor, id), headers["Content-Type"]
        return Lent(path, headers=headers, media_type=media_type)

    async def remove(self, visit: Visit, id: str) -> models.Accepted:
        await self._find(visit, id)
        return models.Accepted(accepted=await self._files().remove(visit.visitor, id))

    def _files(self) -> Files:
        if self._deps.files is None:
            raise HTTPException(404, "This service takes no files.")
        return self._deps.files

    async def _find(self, visit: Visit, id: str) -> StoredFile:
        found = await self._files().find(visit.visitor, id)
        if found is None:
            raise HTTPException(404, "There is no such file.")
        return found

    async def _admit(self, visit: Visit, length: int) -> None:
        """Whoever may not chat may not fill the disk, and who may not with one address."""
        deps = self._deps
        if wait := self._visitors.refuses(visit.visitor) or self._places.refuses(place_of(visit.client)):
            message = f"Too many files in a short time. Try again in {wait} s."
            raise HTTPException(429, message, headers={"Retry-After": str(wait)})
        known = visit.trusted or deps.access == "open" or await deps.people.find("web", visit.visitor)
        if not known:
            raise HTTPException(403, "Only those who may chat here may bring files.")
        share = share_of(visit.client)
        if share and (wait := self._volume.refuses(share, length)):
            message = f"Too much was brought from your address. Try again in {wait} s."
            raise HTTPException(429, message, headers={"Retry-After": str(wait)})


def _plain(media_type: str) -> str:
    """Text is shown as text, and all else is bytes, whatever a browser would make of it."""
    return "text/plain; charset=utf-8" if media_type == "text/plain" else "application/octet-stream"


def files_router(deps: WebDeps, signer: Signer) -> APIRouter:
    uploads = Uploads(deps)
    router = APIRouter(tags=["files"])

    def visiting(request: Request) -> Visit:
        return visit_of(request, deps, signer)

    Visiting = Annotated[Visit, Depends(visiting)]

    @router.post(
        UPLOADS,
        responses=problems(400, 403, 404, 408, 411, 413, 415, 422, 429, 503, 507),
        openapi_extra=_BODY,
    )
    async def upload(visit: Visiting, request: Request, response: Response) -> models.Uploaded:
        """Bring one file; name its id in the `attachments` of a question."""
        stored = await uploads.put(visit, request)
        visit.remember(response)
        return stored

    @router.get(
        UPLOADS + "/{id}",
        response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}, **problems(404, 422)},
    )
    async def download(id: models.FileId, visit: Visiting) -> Response:
        """A file of the visitor's own."""
        return await uploads.get(visit, id)

    @router.delete(UPLOADS + "/{id}", responses=problems(400, 403, 404, 413, 415, 422))
    async def remove(id: models.FileId, visit: Visiting, body: models.Nothing) -> models.Accepted:
        """Take away a file that no question has."""
        return await uploads.remove(visit, id)

    return router
