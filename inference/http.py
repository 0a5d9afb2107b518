"""The one HTTP client that all model servers share."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self

from bot.errors import EndpointRefused, ModelTimeout, ModelUnavailable

if TYPE_CHECKING:
    import aiohttp
    import yarl

KEEP_ALIVE = 4.0
"""Seconds an idle connection is kept: less than the 5 s after which uvicorn (vLLM) closes it."""
CONNECT_TIMEOUT = 5.0
PIECE = 65_536
"""Bytes that are handed on at once."""
LOOK = 1.0
"""Seconds between two looks at whether an answer's connection still stands."""


def place_of(url: str) -> str:
    """Host and port, with the credentials that the URL may carry; also of what is no whole URL."""
    return re.split("[/?#]", url.partition("://")[2], maxsplit=1)[0]


def host_of(url: str) -> str:
    """Host and port for messages: never the credentials."""
    return place_of(url).rpartition("@")[2] or url


class Http:
    """A lazily made `aiohttp.ClientSession` with a lifespan; importing aiohttp takes 0.1 s, so that
    is also done with the first request.

    Reading has no timeout of its own (deadlines are the caller's), connecting has. Loopback
    servers are never asked through a proxy, others through the environment's (as it was when they
    were first asked). No cookie is kept, no redirect followed, nothing decompressed. Raises the
    ModelError family, nothing else.
    """

    def __init__(self, *, connect_timeout: float = CONNECT_TIMEOUT) -> None:
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None
        self._keeper: AsyncGenerator[aiohttp.ClientSession] | None = None
        self._routes: dict[str, tuple[yarl.URL, str | None]] = {}

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[Self]:
        try:
            yield self
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; the next request would open new ones. Where nobody does, it is
        done when this is collected, or the event loop ends."""
        if self._keeper is not None:
            await self._keeper.aclose()

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        within: float,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """(status, headers, body). Raises ModelTimeout if that takes more than `within` seconds."""
        with _translated(url):
            asked = BytesIO(body) if body else None  # bytes of more than a megabyte would be warned of
            answer = await self._ask(method, url, headers or {}, asked, within)
            with _standing(answer):
                return answer.status, answer.headers, await answer.read()

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str], body: Sequence[bytes]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A POST of a body in these pieces, whose answer is read as it comes; leaving the block early
        drops the connection, which is how a model server learns that nobody waits for the answer any
        more."""
        with _translated(url):
            whole = {**headers, "content-length": str(sum(map(len, body)))}
            answer = await self._ask("POST", url, whole, _in_pieces(body), None)
            with _standing(answer):
                yield answer

    async def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: BytesIO | AsyncIterator[memoryview] | None,
        within: float | None,
    ) -> aiohttp.ClientResponse:
        import aiohttp

        # aiohttp would send other characters, as UTF-8, and say nothing of them
        if not all(value.isascii() for value in headers.values()):
            raise EndpointRefused(f"{host_of(url)}: the key has characters that no key has")
        if self._session is None or self._session.closed:
            self._keeper = _kept()
            self._session = await anext(self._keeper)
        if (route := self._routes.get(url)) is None:
            route = self._routes[url] = _route(url)
        return await self._session.request(
            method,
            route[0],
            proxy=route[1],
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=within, connect=self._connect_timeout),
        )


async def _in_pieces(body: Sequence[bytes]) -> AsyncIterator[memoryview]:
    """Not copied, and small enough that others have their turn between."""
    for piece in body:
        seen = memoryview(piece)
        for start in range(0, len(piece), PIECE):
            yield seen[start : start + PIECE]


async def _kept() -> AsyncGenerator[aiohttp.ClientSession]:
    """A session until this is closed: by its owner, or by the loop, which closes its generators."""
    import aiohttp

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
        headers={"accept-encoding": "identity", "user-agent": "tertulia"},
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        yield session


@contextmanager
def _standing(answer: aiohttp.ClientResponse) -> Iterator[None]:
    """The answer's connection until the block ends. aiohttp hangs up on a server that in the middle
    of a body says what is no HTTP, but leaves who reads waiting: here they are woken."""
    import aiohttp

    loop = asyncio.get_running_loop()
    looking: asyncio.TimerHandle

    def look() -> None:
        nonlocal looking
        connection, content = answer.connection, answer.content
        lost = connection is not None and connection.transport is None
        if lost and not (content.is_eof() or content.exception()):
            content.set_exception(aiohttp.ClientPayloadError("broke off in the middle of the answer"))
        looking = loop.call_later(LOOK, look)

    looking = loop.call_later(LOOK, look)
    try:
        yield
    finally:
        looking.cancel()
        answer.close()  # nothing is left to close where the answer was read to its end


def _route(url: str) -> tuple[yarl.URL, str | None]:
    """The URL, parsed, and the proxy to ask through. Raises ValueError, and EndpointRefused for a proxy
    that cannot be used."""
    from urllib.request import getproxies, proxy_bypass

    import yarl

    parsed = yarl.URL(url)
    host = parsed.host or ""
    if _is_loopback(host) or proxy_bypass(f"{host}:{parsed.port}"):
        return parsed, None
    proxies = getproxies()
    proxy = proxies.get(parsed.scheme) or proxies.get("all")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    if proxy and not proxy.lower().startswith(("http://", "https://")):
        raise EndpointRefused(f"{host_of(url)}: the environment's proxy, {host_of(proxy)}, is no HTTP proxy")
    return parsed, proxy or None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _translated(url: str) -> Iterator[None]:
    import aiohttp

    host = host_of(url)
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise ModelUnavailable(f"{host} cannot be reached: no connection in time") from error
    except TimeoutError as error:
        raise ModelTimeout(f"{host} did not answer in time") from error
    except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
        raise _malformed(host, error) from error
    except aiohttp.ClientConnectorError as error:
        raise ModelUnavailable(f"{host} cannot be reached: {error.strerror or error}") from error
    except aiohttp.ServerDisconnectedError as error:
        raise ModelUnavailable(f"{host} closed the connection without an answer") from error
    except aiohttp.ClientError as error:
        raise ModelUnavailable(f"{host}: {str(error) or type(error).__name__}") from error
    except ValueError as error:
        raise _malformed(host, error) from error


def _malformed(host: str, error: Exception) -> EndpointRefused:
    return EndpointRefused(f"{host}: URL or key is malformed ({type(error).__name__})")
