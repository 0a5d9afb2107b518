"""The one HTTP client that all model servers share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from bot.errors import ModelRefused, ModelTimeout, ModelUnavailable

if TYPE_CHECKING:
    import httpx

KEEP_ALIVE = 4.0
"""Seconds an idle connection is kept: less than the 5 s after which uvicorn (vLLM) closes it."""
CONNECT_TIMEOUT = 5.0


def host_of(url: str) -> str:
    """Host and port for messages: never the credentials that a URL may carry."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


class Http:
    """A lazily made `httpx.AsyncClient` with a lifespan; importing httpx takes 0.1 s, so that is
    also done with the first request.

    Reading has no timeout of its own (deadlines are the caller's), connecting has. Loopback
    servers are never asked through a proxy. Raises the ModelError family, nothing else.
    """

    def __init__(self, *, connect_timeout: float = CONNECT_TIMEOUT) -> None:
        self._connect_timeout = connect_timeout
        self._made: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[Self]:
        try:
            yield self
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; the next request would open new ones."""
        made, self._made = self._made, None
        if made is not None:
            await made.aclose()

    def _client(self) -> httpx.AsyncClient:
        import httpx

        if self._made is None:
            self._made = httpx.AsyncClient(
                timeout=httpx.Timeout(None, connect=self._connect_timeout),
                limits=httpx.Limits(
                    max_connections=None, max_keepalive_connections=128, keepalive_expiry=KEEP_ALIVE
                ),
                mounts={"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None},
                headers={"accept-encoding": "identity", "user-agent": "tertulia"},
            )
        return self._made

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        within: float,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """(status, headers, body). Raises ModelTimeout after `within` seconds without a byte."""
        with _translated(url):
            answer = await self._client().request(method, url, headers=headers, content=body, timeout=within)
            return answer.status_code, answer.headers, answer.content

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[httpx.Response]:
        """A POST whose answer is read as it comes; leaving the block early drops the connection,
        which is how a model server learns that nobody waits for the answer any more."""
        with _translated(url):
            async with self._client().stream("POST", url, headers=headers, content=body) as answer:
                yield answer


@contextmanager
def _translated(url: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except httpx.ConnectTimeout as error:
        raise ModelUnavailable(f"{host_of(url)} cannot be reached: no connection in time") from error
    except httpx.TimeoutException as error:
        raise ModelTimeout(f"{host_of(url)} did not answer in time") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeEncodeError) as error:
        raise ModelRefused(f"{host_of(url)}: URL or key is malformed ({type(error).__name__})") from error
    except httpx.HTTPError as error:
        raise ModelUnavailable(f"{host_of(url)}: {error or type(error).__name__}") from error
