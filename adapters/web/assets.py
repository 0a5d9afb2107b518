"""The site's own files, packed for browsers that take it.

Pages themselves are sent as they are: beside what a stranger can choose they hold secrets, whose length
packing would tell (BREACH).
"""

from __future__ import annotations

import asyncio
import gzip
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response

PACKED = {".js", ".css", ".svg"}


class Assets(StaticFiles):
    """A folder whose texts come with `Content-Encoding: gzip` to whoever accepts it, each packed once."""

    async def get_response(self, path: str, scope: Any) -> Response:
        found, asked = await super().get_response(path, scope), Headers(scope=scope)
        if Path(path).suffix not in PACKED:
            return found
        found.headers.add_vary_header("Accept-Encoding")
        if not isinstance(found, FileResponse) or "range" in asked or not _takes(asked):
            return found
        body = await asyncio.to_thread(_packed, Path(found.path), found.headers["etag"])
        kept = {name: found.headers[name] for name in ("content-type", "last-modified", "vary")}
        # weak: the same file, in another coding
        told = {"content-encoding": "gzip", "etag": f"W/{found.headers['etag']}"}
        return Response(body, found.status_code, headers={**kept, **told})


def _takes(asked: Headers) -> bool:
    """Whether gzip is accepted (RFC 9110, 12.5.3); a browser never says so of `*` alone."""
    for item in asked.get("accept-encoding", "").lower().split(","):
        coding, _, weight = item.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


@cache
def _packed(file: Path, etag: str) -> bytes:
    """Another `etag` is another content."""
    return gzip.compress(file.read_bytes(), mtime=0)
