"""The door: what every request must satisfy, and what every response carries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from adapters.web.identity import same_origin

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 1_000_000
BODY_SECONDS = 30.0
"""How long such a body may take to come."""
UPLOADS = "/api/v1/files"
MULTIPART = 65_536
"""Bytes that multipart takes beside the file."""
PLUGIN_PAGES, PLUGIN_UPLOAD = "/console/plugins/", 16_000_000
"""Where a plugin's form may bring files, and how many bytes they may have together."""
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_FILES = "multipart/form-data"
_SAFE = ("GET", "HEAD", "OPTIONS")
WIDGET, WIDGET_SCRIPT = "/widget", "/widget.js"
"""The pages that other sites may frame, and the script that they load: nothing else is theirs to use."""
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
)
_EVERYWHERE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
STATIC = "/static/"
"""What is the same for everybody, and may be kept: all else is not, where its page does not say so."""
UNKEPT = (b"cache-control", b"no-store")
_OWN = (b"cross-origin-resource-policy", b"same-origin")
_UNFRAMED = [(b"content-security-policy", f"{_CSP}'none'".encode()), (b"x-frame-options", b"DENY")]
HEADERS = [*_EVERYWHERE, *_UNFRAMED, _OWN]
_SCRIPT_HEADERS = [*_EVERYWHERE, *_UNFRAMED, (b"cross-origin-resource-policy", b"cross-origin")]


class Guard:
    """ASGI middleware. A call that changes something must be JSON, small, and from our own page.

    JSON is the second lock: a form of another site cannot send it without a CORS preflight,
    which nothing here answers. Files come as multipart, to one place: there the second lock is the
    cookie, which browsers keep from other sites' forms. The console takes forms, too, and its pages of
    plugins multipart: there it is the CSRF token (`adapters.web.console.access`).

    No page can be framed, but the widget by pages of `frame_origins`.
    """

    def __init__(
        self,
        app: App,
        *,
        upload_limit: int = 0,
        frame_origins: Sequence[str] = (),
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._body_seconds = body_seconds
        self._upload_limit = upload_limit
        self._framed = _framed(frame_origins) if frame_origins else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        carried, private = self._carried(scope["path"]), not scope["path"].startswith(STATIC)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = list(message.get("headers", ()))
                unsaid = private and b"cache-control" not in {name.lower() for name, _ in said}
                message["headers"] = [*said, *carried, *([UNKEPT] if unsaid else ())]
            await send(message)

        if scope["method"] in _SAFE:
            await self._app(scope, receive, guarded)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        limit = self._limit(scope, headers)
        if limit is not None:
            await self._upload(scope, headers, limit, receive, guarded)
            return
        refusal = _refusal(headers, _kinds(scope["path"]))
        try:
            async with asyncio.timeout(self._body_seconds):
                body = b"" if refusal else await _body(receive)
        except TimeoutError:
            body, refusal = None, (408, "The body took too long to come.")
        if refusal or body is None:
            await _refuse(guarded, *(refusal or _too_big()))
            return
        await self._app(scope, _once(body, receive), guarded)

    def _carried(self, path: str) -> list[tuple[bytes, bytes]]:
        if path == WIDGET_SCRIPT:
            return _SCRIPT_HEADERS
        return self._framed if f"{path}/".startswith(f"{WIDGET}/") else HEADERS

    def _limit(self, scope: Scope, headers: dict[str, str]) -> int | None:
        """Bytes of files that are taken there; None where no files are."""
        if scope["method"] != "POST":
            return None
        if scope["path"] == UPLOADS:
            return self._upload_limit
        return PLUGIN_UPLOAD if scope["path"].startswith(PLUGIN_PAGES) and _kind(headers) == _FILES else None

    async def _upload(
        self, scope: Scope, headers: dict[str, str], limit: int, receive: Receive, send: Send
    ) -> None:
        """The body goes on as it comes, as far as its length was told and is allowed."""
        refusal = _upload_refusal(headers, limit + MULTIPART)
        if refusal:
            await _refuse(send, *refusal)
        else:
            await self._app(scope, receive, send)


def _framed(origins: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Without X-Frame-Options, which can name no origins."""
    policy = f"{_CSP}{' '.join(origins)}"
    return [*_EVERYWHERE, (b"content-security-policy", policy.encode("ascii")), _OWN]


def _upload_refusal(headers: dict[str, str], limit: int) -> tuple[int, str] | None:
    if not same_origin(headers):
        return 403, "This call came from another site."
    if _kind(headers) != _FILES:
        return 415, "Send the file as multipart/form-data, in a field named file."
    length = _length(headers.get("content-length", ""))
    if length is None:
        return 411, "Say how long the body is, with the header Content-Length."
    return (413, f"The file is larger than {limit - MULTIPART:,} bytes.") if length > limit else None


def _length(told: str) -> int | None:
    """Of the body, by its header; None if that is no number. However many zeros lead it."""
    if not (told.isascii() and told.isdecimal()):
        return None
    digits = told.lstrip("0")
    return int(digits[:16] or "0")


def _kind(headers: dict[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _kinds(path: str) -> tuple[str, ...]:
    """The media types that are taken there."""
    return (_JSON, _FORM) if f"{path}/".startswith("/console/") else (_JSON,)


def _refusal(headers: dict[str, str], kinds: tuple[str, ...]) -> tuple[int, str] | None:
    if not same_origin(headers):
        return 403, "This call came from another site."
    if _kind(headers) not in kinds:
        return 415, "Send the body as JSON, with the header Content-Type: application/json."
    length = _length(headers.get("content-length", "0"))
    if length is None or length > MOST_BYTES:
        return _too_big()
    return None


def _too_big() -> tuple[int, str]:
    return 413, f"The body is larger than {MOST_BYTES:,} bytes."


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None as soon as it is too large."""
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if size > MOST_BYTES:
            return None
    return b"".join(pieces)


def _once(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


async def _refuse(send: Send, status: int, text: str) -> None:
    body = json.dumps({"message": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
