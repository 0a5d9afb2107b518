"""The library's HTTP client: its routes and its websockets, over requests that neither wait nor repeat.

`Route.BASE` is state of the library's class, shared by whoever uses it in this process. It is left as
it is: `request` puts the root in its place, so that each client has a root of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import aiohttp

from adapters.common.network import is_loopback
from adapters.discord.buckets import Buckets
from adapters.discord.errors import Flood, Refused, TooLarge, Unreachable
from adapters.discord.library import discord
from bot.ports import Clock

TRIES = 4
LONGEST_WAIT = 60.0
REJECTED_SECONDS = 60.0
"""So long nothing is called with a token that was refused."""
_CHUNK = 65536
_TIMEOUT = aiohttp.ClientTimeout(total=60.0, sock_connect=10.0, sock_read=15.0)
_UPLOAD = aiohttp.ClientTimeout(total=180.0, sock_connect=10.0, sock_read=60.0)
T = TypeVar("T")


class Rest(discord.http.HTTPClient):
    """Raises the DiscordError family in place of the library's errors.

    Its session is opened with the first request, in a running loop, and closed by `aclose`. A proxy is
    used where the environment names one and `root` is not on this machine.
    """

    def __init__(self, token: str, root: str, clock: Clock) -> None:
        super().__init__(asyncio.get_running_loop())
        self.token = token
        self._root = root.rstrip("/")
        self._clock = clock
        self._limits = Buckets(clock)
        self._rejected_until = 0.0
        self.refused_since = 0.0
        """Since when Discord refuses the token (Unix seconds); 0 while it takes it."""
        self._opened: aiohttp.ClientSession | None = None
        self._closed = False

    async def call(self, method: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """The answer's JSON. `parameters` fill the braces in the path; those that are none there are
        the query."""
        inside = {name: value for name, value in parameters.items() if f"{{{name}}}" in path}
        given: dict[str, Any] = {n: str(v) for n, v in parameters.items() if n not in inside}
        if body is not None:
            given = {"json": body}
        elif given:
            given = {"params": given}
        return await self.request(discord.http.Route(method, path, **inside), **given)

    async def upload(self, path: str, body: Any, name: str, content: bytes, **parameters: Any) -> Any:
        """The answer to a POST with a file beside the JSON."""
        form: list[dict[str, Any]] = [
            {"name": "payload_json", "value": json.dumps(body)},
            {
                "name": "files[0]",
                "value": content,
                "filename": name,
                "content_type": "application/octet-stream",
            },
        ]
        return await self.request(discord.http.Route("POST", path, **parameters), form=form)

    async def patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        """For calls that nobody paces: made again after the wait that Discord asks for."""
        for _ in range(TRIES - 1):
            try:
                return await call()
            except Flood as error:
                if error.seconds > LONGEST_WAIT:
                    raise
                await self._clock.sleep(error.seconds)
        return await call()

    async def request(
        self,
        route: discord.http.Route,
        *,
        files: Sequence[discord.File] | None = None,
        form: Iterable[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """One request. Raises Refused, Flood (429, or a limit that is known to be used up) and
        Unreachable (for 5xx too)."""
        major = route.major_parameters
        free = route.path.startswith(("/interactions", "/webhooks"))
        if not free and self._rejected_until > self._clock.monotonic():
            raise Refused(401, 0, "the token was refused")
        self._limits.enter(route.key, major, free=free)
        headers: Mapping[str, str] = {}
        try:
            status, headers, payload = await self._ask(route, form, kwargs)
        finally:
            self._limits.leave(route.key, major, headers)
        return self._result(route, free, status, headers, payload)

    async def ws_connect(self, url: str, *, compress: int = 0) -> aiohttp.ClientWebSocketResponse:
        return await self._open().ws_connect(
            url,
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=5.0),
            autoclose=False,
            compress=compress,
        )

    async def download(self, url: str, limit: int) -> bytes:
        """The file at this URL, which is followed nowhere else. Raises TooLarge as soon as it has more
        than `limit` bytes, Refused, and Unreachable."""
        data = bytearray()
        try:
            async with self._open().get(url, timeout=_UPLOAD, allow_redirects=False) as response:
                if response.status >= 500:
                    raise Unreachable(f"the file cannot be had: {response.status}")
                if response.status != 200:
                    raise Refused(response.status, 0, "the file cannot be had")
                async for chunk in response.content.iter_chunked(_CHUNK):
                    data += chunk
                    if len(data) > limit:
                        raise TooLarge(limit)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unreachable(type(error).__name__) from None
        return bytes(data)

    async def close(self) -> None:
        """What the library's client calls when its gateway ends: the way back stays open."""

    async def aclose(self) -> None:
        """For good: a request that comes later fails as a network error."""
        self._closed = True
        session, self._opened = self._opened, None
        if session is not None:
            await session.close()

    async def _ask(
        self, route: discord.http.Route, form: Iterable[dict[str, Any]] | None, kwargs: dict[str, Any]
    ) -> tuple[int, Mapping[str, str], Any]:
        """Status, headers and JSON of the answer."""
        url = self._root + route.url.removeprefix(discord.http.Route.BASE)
        reason = kwargs.pop("reason", None)
        own = route.path.startswith(("/interactions", "/webhooks"))  # their token is in the path
        headers = {} if own else {"Authorization": f"Bot {self.token}"}
        if reason:
            headers["X-Audit-Log-Reason"] = reason
        if form is not None:
            kwargs["data"] = data = aiohttp.FormData(quote_fields=False)
            for field in form:
                data.add_field(**field)
        timeout = _TIMEOUT if form is None else _UPLOAD
        try:
            async with self._open().request(
                route.method, url, headers=headers, timeout=timeout, **kwargs
            ) as response:
                return response.status, response.headers, _json(await response.read())
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise Unreachable(f"{route.method} {route.path}: {type(error).__name__}") from None

    def _result(
        self, route: discord.http.Route, free: bool, status: int, headers: Mapping[str, str], payload: Any
    ) -> Any:
        foreign = isinstance(payload, bytes)
        if 200 <= status < 300 and not foreign:
            if not free:
                self.refused_since = 0.0
            return payload
        told = payload if isinstance(payload, dict) else {}
        if status in (401, 403) or (status == 429 and headers.get("X-RateLimit-Scope") != "shared"):
            self._limits.refused()
        if status == 429:
            raise self._flood(route, headers, told)
        if status >= 500:
            raise Unreachable(f"{status} {route.method} {route.path}")
        if foreign:
            raise Unreachable(f"what answers {route.method} {route.path} with {status} is not Discord")
        if status == 401 and not free:
            self._rejected_until = self._clock.monotonic() + REJECTED_SECONDS
            self.refused_since = self.refused_since or self._clock.time()
        code = told.get("code")
        text = _reasons(told) or f"{route.method} {route.path}"
        raise Refused(status, code if isinstance(code, int) else 0, text)

    def _flood(self, route: discord.http.Route, headers: Mapping[str, str], told: dict[str, Any]) -> Flood:
        """Without JSON it is no bucket that is full: the address is shut out for a while."""
        try:
            seconds = max(0.05, float(told.get("retry_after", headers.get("Retry-After", 60.0))))
        except (TypeError, ValueError):
            seconds = 60.0
        if not told:
            self._limits.shut_out(seconds)
        self._limits.flood(route.key, route.major_parameters, seconds, everywhere=bool(told.get("global")))
        return Flood(seconds)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise Unreachable("the connection is closed")
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=100, ttl_dns_cache=300),
                ws_response_class=discord.gateway.DiscordClientWebSocketResponse,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.user_agent},
                trust_env=not is_loopback(self._root),
            )
        return self._opened


def _json(payload: bytes) -> Any:
    """None for an empty answer; bytes for what is no JSON: a page of something between."""
    try:
        return json.loads(payload) if payload else None
    except ValueError:
        return payload


def _reasons(told: dict[str, Any]) -> str:
    """What Discord says, with the fields that it finds wrong."""
    errors = told.get("errors")
    more = f" {json.dumps(errors, ensure_ascii=False)}" if errors else ""
    return f"{told.get('message') or ''}{more}"
