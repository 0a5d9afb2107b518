"""The door: what every request must satisfy, and what every response carries."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from starlette.requests import ClientDisconnect

from adapters.web.identity import same_origin
from adapters.web.limits import Full, Held, share_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Page = Callable[[Scope, int, int], Awaitable[App | None]]
"""The page that tells a browser of a refusal with this status, and limit in bytes; None: JSON does."""

MOST_BYTES = 1_000_000
BODY_SECONDS = 30.0
"""How long such a body may take to come; and how far a longer one may fall behind."""
LEAST_SPEED = 8_000
"""Bytes a second that a longer body has to bring: a bad telephone line does."""
SMALL = 65_536
BODY_ROOM, BODY_SHARE = 128_000_000, 8_000_000
"""Bytes of bodies above the small ones that may be on their way in all, and from one address."""
MOST_REQUESTS = 300
"""Requests of one address at the same time, as it may have connections (`adapters.web.connections`):
behind a proxy they are all the proxy's."""
UPLOADS = "/api/v1/files"
MULTIPART = 65_536
"""Bytes that multipart takes beside the file."""
PLUGIN_PAGES, PLUGIN_UPLOAD = "/console/plugins/", 16_000_000
"""Where a plugin's form may bring files, and how many bytes they may have together."""
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_FILES = "multipart/form-data"
_TOO_SLOW = 408, "The body took too long to come."
_TOO_MUCH = 429, "Too much is on its way at once. Try again in a moment."
_SAFE = ("GET", "HEAD", "OPTIONS")
WIDGET, WIDGET_SCRIPT = "/widget", "/widget.js"
"""The pages that other sites may frame, and the script that they load: nothing else is theirs to use."""
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
)
_EVERYWHERE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with none, forms over http say that they come from nowhere
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
STATIC = "/static/"
"""What is the same for everybody, and may be kept: all else is not, where its page does not say so."""
UNKEPT = (b"cache-control", b"no-store")
_OWN = (b"cross-origin-resource-policy", b"same-origin")
_UNFRAMED = [(b"content-security-policy", f"{_CSP}'none'".encode()), (b"x-frame-options", b"DENY")]
HEADERS = [*_EVERYWHERE, *_UNFRAMED, _OWN]
_SCRIPT_HEADERS = [
    *_EVERYWHERE,
    *_UNFRAMED,
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"access-control-allow-origin", b"*"),  # a page that loads it as a module asks for that
]


class Guard:
    """ASGI middleware. A call that changes something must be JSON, small, and from our own page.

    JSON is the second lock: a form of another site cannot send it without a CORS preflight,
    which nothing here answers. Files come as multipart, to one place: there the second lock is the
    cookie, which browsers keep from other sites' forms, or the widget's header. The console takes
    forms, too, and its pages of plugins multipart: there it is the CSRF token
    (`adapters.web.console.access`).

    No page can be framed, but the widget by pages of `frame_origins`. `page` tells a browser of what is
    too large or too slow, where it asked for a page.
    """

    def __init__(
        self,
        app: App,
        *,
        upload_limit: int = 0,
        frame_origins: Sequence[str] = (),
        body_seconds: float = BODY_SECONDS,
        least_speed: float = LEAST_SPEED,
        page: Page | None = None,
    ) -> None:
        self._app = app
        self._body_seconds = body_seconds
        self._least_speed = least_speed
        self._page = page
        self._upload_limit = upload_limit
        self._requests = Held(math.inf, MOST_REQUESTS)
        self._bodies = Held(BODY_ROOM, BODY_SHARE)
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

        try:
            with self._requests.hold(_share(scope)):
                await self._let_in(scope, receive, guarded)
        except Full:
            await self._refuse(scope, guarded, MOST_REQUESTS, *_TOO_MUCH)

    async def _let_in(self, scope: Scope, receive: Receive, guarded: Send) -> None:
        if scope["method"] in _SAFE:
            await self._app(scope, receive, guarded)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        limit = self._limit(scope, headers)
        if limit is not None:
            await self._upload(scope, headers, limit, receive, guarded)
            return
        refusal = _refusal(headers, _kinds(scope["path"]))
        body: bytes | None = b""
        try:
            if not refusal:
                with self._room(scope, headers):
                    async with asyncio.timeout(self._body_seconds):
                        body = await _body(receive)
        except TimeoutError:
            refusal = _TOO_SLOW
        except Full:
            refusal = _TOO_MUCH
        if refusal or body is None:
            await self._refuse(scope, guarded, MOST_BYTES, *(refusal or _too_big()))
            return
        await self._app(scope, _once(body, receive), guarded)

    @contextmanager
    def _room(self, scope: Scope, headers: dict[str, str]) -> Iterator[None]:
        """For a body, as long as it comes. Raises Full."""
        length = (
            MOST_BYTES if "transfer-encoding" in headers else length_of(headers.get("content-length", "0"))
        )
        with self._bodies.hold(_share(scope), length if length and length > SMALL else 0):
            yield

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
        """The body goes on as it comes, as far as its length was told and is allowed, and as long as it
        comes fast enough."""
        if refusal := _upload_refusal(headers, limit + MULTIPART):
            await self._refuse(scope, send, limit, *refusal)
            return
        pace, begun = _Pace(receive, self._body_seconds, self._least_speed), False

        async def unless_slow(message: Message) -> None:
            nonlocal begun
            if begun or not pace.slow:
                begun = True
                await send(message)

        with suppress(ClientDisconnect):  # who has gone is told nothing
            await self._app(scope, pace, unless_slow)
        if pace.slow and not begun:
            await self._refuse(scope, send, limit, *_TOO_SLOW)

    async def _refuse(self, scope: Scope, send: Send, limit: int, status: int, text: str) -> None:
        page = await self._page(scope, status, limit) if self._page and status in (408, 413) else None
        ending = _closing(send) if status in (408, 429) else send
        await (page or _message(status, text))(scope, _nothing, ending)


class _Pace:
    """What brings a body, as long as it keeps up: with `speed` bytes a second it is never more than
    `seconds` behind, whatever came before. After that it says that the sender has gone, and is `slow`."""

    def __init__(self, receive: Receive, seconds: float, speed: float) -> None:
        self._receive = receive
        self._speed = speed
        self._seconds = seconds
        self._until = asyncio.get_running_loop().time() + seconds
        self._whole = False
        self.slow = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self.slow = True
        if self.slow:
            return {"type": "http.disconnect"}
        latest = asyncio.get_running_loop().time() + self._seconds
        self._until = min(self._until + len(message.get("body", b"")) / self._speed, latest)
        self._whole = not message.get("more_body", False)
        return message


def _share(scope: Scope) -> str:
    return share_of(scope["client"][0] if scope.get("client") else "")


def _framed(origins: Sequence[str]) -> list[tuple[bytes, bytes]]:
    """Without X-Frame-Options, which can name no origins."""
    policy = f"{_CSP}{' '.join(origins)}"
    return [*_EVERYWHERE, (b"content-security-policy", policy.encode("ascii")), _OWN]


def _upload_refusal(headers: dict[str, str], limit: int) -> tuple[int, str] | None:
    if not same_origin(headers):
        return 403, "This call came from another site."
    if _kind(headers) != _FILES:
        return 415, "Send the file as multipart/form-data, in a field named file."
    length = length_of(headers.get("content-length", ""))
    if length is None:
        return 411, "Say how long the body is, with the header Content-Length."
    return (413, f"The file is larger than {limit - MULTIPART:,} bytes.") if length > limit else None


def length_of(told: str) -> int | None:
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
    length = length_of(headers.get("content-length", "0"))
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


async def _nothing() -> Message:
    """The rest of a body that nobody takes."""
    return {"type": "http.disconnect"}


def _closing(send: Send) -> Send:
    """The connection ends with the answer: whoever is slow would go on."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return closing


def _message(status: int, text: str) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = json.dumps({"message": text}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app
