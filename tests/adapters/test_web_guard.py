"""The door: cookies, origins, hosts, sizes, and input of every kind."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
import pytest

from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from adapters.web.guard import MOST_BYTES, Guard, Receive, Scope, Send
from adapters.web.identity import COOKIE, Signer, is_loopback, sits_here
from adapters.web.server import WebServer
from bot.clock import SystemClock
from bot.errors import SettingsError, StorageError
from tests.adapters.web_core import Core, Script, ask, browser_like, house, web_deps
from tests.fakes import Memory

CHAT = "/api/v1/chat"
FILES = "/api/v1/files"


@contextlib.asynccontextmanager
async def in_process(
    *, client_address: str = "127.0.0.1", **changes: Any
) -> AsyncIterator[httpx.AsyncClient]:
    core = Core(Memory(), WebChannel(SystemClock()), Script())
    app = create_app(web_deps(core, **changes))
    transport = httpx.ASGITransport(app, client=(client_address, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


async def test_a_forged_cookie_is_a_new_visitor() -> None:
    async with house() as home, browser_like(home.url) as client:
        mine = (await ask(client, "Mine"))[0][1]["id"]
        visitor = client.cookies[COOKIE].split(".")[0]
        forged = Signer(b"some other secret of 16 bytes").new_visitor()[1].split(".")[1]
        async with browser_like(home.url) as thief:
            refused = await thief.get(f"{CHAT}/{mine}", headers={"Cookie": f"{COOKIE}={visitor}.{forged}"})
    assert refused.status_code == 404


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites() -> None:
    async with in_process() as client:
        cookie = (await client.get("/")).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_calls_from_other_sites_are_refused(headers: dict[str, str], status: int) -> None:
    async with in_process() as client:
        response = await client.post(
            CHAT, content=b'{"text": "hi"}', headers={"Content-Type": "application/json", **headers}
        )
    assert response.status_code == status
    assert response.json()["message"]


@pytest.mark.parametrize(
    ("headers", "trusted"),
    [
        ({}, True),
        ({"Host": "localhost:8080"}, True),
        ({"Host": "rebound.example"}, False),
        ({"Host": "127.0.0.1.evil.example"}, False),
        ({"X-Forwarded-For": "203.0.113.7"}, False),
        ({"X-Forwarded-For": "127.0.0.1"}, False),
        ({"X-Forwarded-Proto": "https"}, False),
        ({"X-Forwarded-Server": "proxy"}, False),
        ({"Forwarded": "for=203.0.113.7"}, False),
        ({"Via": "1.1 proxy"}, False),
        ({"X-Real-IP": "203.0.113.7"}, False),
    ],
)
async def test_only_this_machine_by_its_own_name_is_trusted(headers: dict[str, str], trusted: bool) -> None:
    async with house() as home, browser_like(home.url) as client:
        async with client.stream("POST", CHAT, json={"text": "hi"}, headers=headers):
            assert (await home.core.arrivals.get()).sender.trusted is trusted


async def test_nobody_is_trusted_where_the_server_listens_to_the_world() -> None:
    async with house(loopback=False) as home, browser_like(home.url) as client:
        await ask(client, "hi")
        assert not home.core.seen[0].sender.trusted


def test_a_proxy_that_rewrites_the_host_is_seen_by_the_origin() -> None:
    assert not sits_here({"host": "127.0.0.1:8080", "origin": "https://bot.example"}, "127.0.0.1")
    assert not sits_here({"host": "127.0.0.1:8080"}, "192.0.2.1")
    assert sits_here({"host": "[::1]:8080", "origin": "http://[::1]:8080"}, "::1")


@pytest.mark.parametrize(
    "host", ["example.com", "", "127.0.0.1.nip.io", "localhost.evil.example", "[", "0x7f000001"]
)
def test_what_only_looks_like_this_machine_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("told", ["000000000000500000151", "9" * 40, "-1", "+5", "١٢", "0x10", "1e3"])
async def test_a_length_is_read_whole_and_nothing_of_the_body_before(told: str) -> None:
    async def taken(_: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the body was let in")

    async def never() -> MutableMapping[str, Any]:
        raise AssertionError("the body was read")

    async def keep(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    sent: list[MutableMapping[str, Any]] = []
    headers = {"content-type": "multipart/form-data; boundary=y", "content-length": told}
    scope = {
        "type": "http",
        "method": "POST",
        "path": FILES,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await Guard(taken, upload_limit=1_000)(scope, never, keep)
    assert sent[0]["status"] in (411, 413)


async def test_a_body_over_the_limit_is_refused_however_it_is_sent() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 65536 + 2):
            yield b"x" * 65536

    async with house() as home, browser_like(home.url) as client:
        told = await client.post(CHAT, json={"text": "x" * MOST_BYTES})
        chunked = await client.post(CHAT, content=pieces(), headers={"Content-Type": "application/json"})
    assert (told.status_code, chunked.status_code) == (413, 413)
    assert "1,000,000 bytes" in told.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"text": "half',
        b'"text"',
        b"[]",
        b"null",
        b'{"text": ""}',
        b'{"text": "  \\n "}',
        b'{"text": 7}',
        b'{"text": "\\ud800"}',
        b'{"text": "nul \\u0000"}',
        b'{"text": "escape \\u001b[31m"}',
        b'{"text": "\xff\xfe"}',
        b'{"text": "hi", "unknown": "\\udfff"}',
        b'{"\\ud800": 1}',
        b'{"text": "hi", "conversation": "../x"}',
        b'{"text": "hi", "id": "a b"}',
        b'{"text": "hi", "retry_of": "x", "edit_of": "y"}',
        b'{"text": ' + b"[" * 100_000,
        b'{"text": "hi", "value": ' + b"9" * 9000 + b"}",
    ],
)
async def test_bad_input_is_refused_with_a_sentence(body: bytes) -> None:
    async with in_process() as client:
        response = await client.post(CHAT, content=body, headers={"Content-Type": "application/json"})
    assert 400 <= response.status_code < 500
    assert isinstance(response.json()["message"], str)
    assert response.json()["message"]


async def test_right_to_left_and_zero_width_text_passes_unchanged() -> None:
    text = "שלום \u200b\u202eabc 👩‍👩‍👧 \t\n 怎么"
    async with house() as home, browser_like(home.url) as client:
        await ask(client, text)
        assert home.core.seen[0].text == text


async def test_a_database_that_fails_is_a_503_with_a_sentence_and_the_operator_reads_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def refuse(event: object) -> bool:
        raise StorageError("disk full at /secret/place")

    async with in_process(put=refuse) as client:
        response, again = [await client.post(CHAT, json={"text": "hi"}) for _ in range(2)]
    assert response.status_code == again.status_code == 503
    assert "secret" not in response.text
    told = [message for message in caplog.messages if "is refused" in message]
    assert told == [f"POST {CHAT} is refused: disk full at /secret/place"], "once"


async def test_every_response_carries_the_security_headers() -> None:
    async with in_process() as client:
        for path in ("/", "/console", "/static/chat.js", "/api/v1/conversations", "/nowhere"):
            headers = (await client.get(path)).headers
            assert "script-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"


async def test_a_taken_port_says_what_to_do() -> None:
    async with house() as home:
        port = int(home.url.rpartition(":")[2])
        with pytest.raises(SettingsError, match="TERTULIA_WEB_PORT"):
            async with WebServer(None, host="127.0.0.1", port=port).lifespan():
                pass


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/nosuch", "/s/x?before=x", "/s/x?before=-1", "/widget", "/hooks"])
@pytest.mark.parametrize(("language", "way"), [("en", "To the c"), ("zh-CN", "到")])
async def test_a_browser_at_a_wrong_address_gets_a_page_with_a_way_back(
    path: str, language: str, way: str
) -> None:
    async with in_process() as client:
        page = await client.get(path, headers={**BROWSER, "Accept-Language": language})
        told = await client.get(path)
    assert page.status_code == told.status_code in (404, 422)
    assert page.headers["content-type"].startswith("text/html")
    assert f'lang="{language[:2]}"' in page.text
    assert way in page.text or path == "/widget"
    assert f"{told.json()['message']}" not in page.text or language == "en"
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/v1/nosuch", "/api/v1/chat/x", "/static/nosuch.js", "/hooks/x"])
async def test_a_machines_address_answers_json_whoever_asks(path: str) -> None:
    async with in_process() as client:
        assert (await client.get(path, headers=BROWSER)).json()["message"]


async def test_a_fault_of_ours_is_told_a_browser_on_a_page_with_the_headers() -> None:
    core = Core(Memory(), WebChannel(SystemClock()), Script())
    app = create_app(web_deps(core, shares=None))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        page = await client.get("/s/x", headers=BROWSER)
    assert page.status_code == 500
    assert "Something went wrong here" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
