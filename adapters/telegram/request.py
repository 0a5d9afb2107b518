"""HTTP for the library, over aiohttp: its parser and pool cost a fraction of httpx's per call.

No error text and no log line of this module holds the URL's token.
"""

from __future__ import annotations

import json
from typing import Any

import aiohttp
from telegram._utils.types import ODVInput
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from adapters.common.network import is_loopback
from adapters.telegram.errors import Flood, TooLarge, without_token

CONNECT_SECONDS = 10.0
READ_SECONDS = 15.0
WRITE_SECONDS = 15.0
UPLOAD_SECONDS = 120.0
POOL_SECONDS = 30.0
_CHUNK = 65536


class AiohttpRequest(BaseRequest):
    """`telegram.request.BaseRequest`. Its session is opened with the first request.

    `connections` at most are open at a time. A proxy is used where the environment names one and
    `root` (the API's) is not on this machine.
    """

    def __init__(self, root: str, *, connections: int = 100) -> None:
        self._proxied = not is_loopback(root)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @property
    def read_timeout(self) -> float | None:
        return READ_SECONDS

    async def initialize(self) -> None:
        self._open()

    async def shutdown(self) -> None:
        """For good: a request that comes later fails as a network error."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        write_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        connect_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
        pool_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """The status and the body. Raises NetworkError (for 5xx too), TimedOut, and Flood for 429."""
        files = request_data is not None and request_data.contains_files
        timeout = _timeout(
            _given(read_timeout, READ_SECONDS),
            _given(write_timeout, UPLOAD_SECONDS if files else WRITE_SECONDS),
            _given(connect_timeout, CONNECT_SECONDS),
            _given(pool_timeout, POOL_SECONDS),
        )
        try:
            async with self._open().request(method, url, timeout=timeout, **_body(request_data)) as response:
                status, payload = response.status, await response.read()
        except TimeoutError:
            raise TimedOut from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _network_error(error) from None
        if status >= 500:  # often a gateway's page, that nobody needs to read
            raise NetworkError(f"{status} {response.reason or 'server error'}")
        if status == 429:
            raise Flood(_retry_after(payload, response.headers.get("Retry-After", "")))
        return status, payload

    async def download(self, url: str, limit: int) -> bytes:
        """The file at this URL. Raises TooLarge as soon as it has more than `limit` bytes, and
        NetworkError."""
        timeout = _timeout(READ_SECONDS, UPLOAD_SECONDS, CONNECT_SECONDS, POOL_SECONDS)
        data = bytearray()
        try:
            async with self._open().get(url, timeout=timeout) as response:
                if response.status != 200:
                    raise NetworkError(f"the file cannot be had: {response.status}")
                async for chunk in response.content.iter_chunked(_CHUNK):
                    data += chunk
                    if len(data) > limit:
                        raise TooLarge(limit)
        except TimeoutError:
            raise TimedOut from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _network_error(error) from None
        return bytes(data)

    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """As the base class, but what cannot be read is a network error and is not logged."""
        try:
            return json.loads(payload.decode("utf-8", "replace"))
        except ValueError:
            raise NetworkError("the answer is no JSON") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise NetworkError("the connection is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self.USER_AGENT},
                trust_env=self._proxied,
            )
        return self._session


def _given(value: ODVInput[float], default: float) -> float | None:
    return default if value is BaseRequest.DEFAULT_NONE else value  # type: ignore[return-value]


def _timeout(
    read: float | None, write: float | None, connect: float | None, pool: float | None
) -> aiohttp.ClientTimeout:
    """aiohttp knows none for writing: it goes into the total."""
    known = [seconds for seconds in (read, write, connect, pool) if seconds is not None]
    total = sum(known) if len(known) == 4 else None
    return aiohttp.ClientTimeout(total=total, connect=pool, sock_connect=connect, sock_read=read)


def _body(request_data: RequestData | None) -> dict[str, Any]:
    if request_data is None:
        return {}
    if not request_data.contains_files:
        body = json.dumps(request_data.parameters, separators=(",", ":"))
        return {"data": body.encode(), "headers": {"Content-Type": "application/json"}}
    form = aiohttp.FormData()
    for name, value in request_data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, media_type) in request_data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=media_type)
    return {"data": form}


def _network_error(error: Exception) -> TelegramError:
    return NetworkError(without_token(f"{type(error).__name__}: {error}"))


def _retry_after(payload: bytes, header: str) -> float:
    """How long a 429 asks to wait; a second if it does not say."""
    try:
        return max(0.0, float(json.loads(payload)["parameters"]["retry_after"]))
    except (ValueError, KeyError, TypeError):
        return float(header) if header.isdecimal() else 1.0
