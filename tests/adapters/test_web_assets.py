"""The site's own files, as they go over the wire."""

from __future__ import annotations

import gzip

import httpx
import pytest

from adapters.web.pages import HERE
from tests.adapters.web_core import browser_like, house

SCRIPT = "/static/chat.js"


async def _raw(client: httpx.AsyncClient, address: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """The response, and its body as it came."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.stream("GET", address, headers=given) as response:
        return response, b"".join([piece async for piece in response.aiter_raw()])


async def test_scripts_come_packed_to_whoever_takes_that() -> None:
    plain = (HERE / "static" / "chat.js").read_bytes()
    async with house() as home, browser_like(home.url) as client:
        response, body = await _raw(client, SCRIPT, accept_encoding="br, gzip;q=0.8")
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["content-length"] == str(len(body))
        assert "javascript" in response.headers["content-type"]
        assert "Accept-Encoding" in response.headers["vary"]
        assert gzip.decompress(body) == plain
        again, none = await _raw(
            client, SCRIPT, accept_encoding="gzip", if_none_match=response.headers["etag"]
        )
        assert (again.status_code, none) == (304, b"")
        head = await client.head(SCRIPT, headers={"accept-encoding": "gzip"})
        assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("coding", ["", "identity", "gzip;q=0", "gzip; q=0.0", "br", "gzipped", ",;=,"])
async def test_whoever_does_not_take_it_gets_them_plain(coding: str) -> None:
    plain = (HERE / "static" / "chat.js").read_bytes()
    async with house() as home, browser_like(home.url) as client:
        response, body = await _raw(client, SCRIPT, accept_encoding=coding)
    assert "content-encoding" not in response.headers
    assert "Accept-Encoding" in response.headers["vary"], "else a cache gives it to the others"
    assert body == plain


async def test_a_part_of_a_file_is_a_part_of_the_plain_one() -> None:
    async with house() as home, browser_like(home.url) as client:
        response, body = await _raw(client, SCRIPT, accept_encoding="gzip", range="bytes=0-9")
    assert (response.status_code, len(body)) == (206, 10)
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("address", ["/static/none.js", "/static/..%2fapp.py", "/static/", "/static/%00.js"])
async def test_there_is_nothing_but_the_files(address: str) -> None:
    async with house() as home, browser_like(home.url) as client:
        response, _ = await _raw(client, address, accept_encoding="gzip")
    assert response.status_code == 404


async def test_pages_hold_secrets_and_come_plain() -> None:
    async with house() as home, browser_like(home.url) as client:
        response, _ = await _raw(client, "/", accept_encoding="gzip")
    assert "content-encoding" not in response.headers
