"""Files by HTTP: each is its visitor's alone, and none can act in a browser.

Annotations are evaluated here (no `from __future__`): FastAPI reads those of the inner functions.
"""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request, Response, UploadFile

from adapters.web import models
from adapters.web.api import problems
from adapters.web.deps import WebDeps
from adapters.web.files import Files, NoRoom, StoredFile
from adapters.web.guard import UPLOADS
from adapters.web.identity import Signer
from adapters.web.limits import Rate, place_of
from adapters.web.visit import Visit, visit_of

MOST_A_MINUTE = 30
"""Uploads of one visitor; of one address four times as many."""
_INERT = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def file_out(file: StoredFile) -> models.FileOut:
    return models.FileOut(
        id=file.id, name=file.name, media_type=file.media_type, size=file.size, image=file.is_image
    )


class Uploads:
    """The calls, over what they need."""

    def __init__(self, deps: WebDeps) -> None:
        self._deps = deps
        self._visitors = Rate(deps.clock, MOST_A_MINUTE)
        self._places = Rate(deps.clock, 4 * MOST_A_MINUTE)

    async def put(self, visit: Visit, file: UploadFile) -> models.FileOut:
        files = self._files()
        await self._admit(visit)
        content = await file.read(files.limit + 1)
        if len(content) > files.limit:
            raise HTTPException(413, f"The file is larger than {files.limit:,} bytes.")
        if not content:
            raise HTTPException(422, "The file is empty.")
        try:
            return file_out(await files.put(visit.visitor, file.filename or "", content))
        except NoRoom as error:
            raise HTTPException(507, str(error)) from None

    async def get(self, visit: Visit, id: str) -> Response:
        found = await self._find(visit, id)
        content = await self._files().content(visit.visitor, id)
        shown = "inline" if found.is_image else "attachment"
        headers = {
            "Content-Type": found.media_type if found.is_image else _plain(found.media_type),
            "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(found.name, safe='')}",
            "Content-Security-Policy": _INERT,
            "Cache-Control": "private, max-age=3600",
        }
        return Response(content, headers=headers)

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

    async def _admit(self, visit: Visit) -> None:
        """Whoever may not chat may not fill the disk."""
        deps = self._deps
        if wait := self._visitors.refuses(visit.visitor) or self._places.refuses(place_of(visit.client)):
            message = f"Too many files in a short time. Try again in {wait} s."
            raise HTTPException(429, message, headers={"Retry-After": str(wait)})
        known = visit.trusted or deps.access == "open" or await deps.people.find("web", visit.visitor)
        if not known:
            raise HTTPException(403, "Only those who may chat here may bring files.")


def _plain(media_type: str) -> str:
    """Text is shown as text, and all else is bytes, whatever a browser would make of it."""
    return "text/plain; charset=utf-8" if media_type == "text/plain" else "application/octet-stream"


def files_router(deps: WebDeps, signer: Signer) -> APIRouter:
    uploads = Uploads(deps)
    router = APIRouter(tags=["files"])

    def visiting(request: Request) -> Visit:
        return visit_of(request, deps, signer)

    Visiting = Annotated[Visit, Depends(visiting)]

    @router.post(UPLOADS, responses=problems(400, 403, 404, 411, 413, 415, 422, 429, 503, 507))
    async def upload(file: UploadFile, visit: Visiting, response: Response) -> models.FileOut:
        """Bring a file; name its id in the `attachments` of a question."""
        stored = await uploads.put(visit, file)
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
