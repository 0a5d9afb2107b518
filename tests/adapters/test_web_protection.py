"""What every answer tells browsers, whatever page it belongs to, and requests that no browser would send."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from adapters.web.app import create_app
from adapters.web.channel import WebChannel
from adapters.web.guard import MOST_BYTES, Guard
from adapters.web.identity import COOKIE
from bot.clock import SystemClock
from bot.types import ConsoleRole
from tests.adapters.hostile import at_console, calls, filled, kept, place, reads, stranger
from tests.adapters.web_core import Core, Script, browser_like, house, web_deps
from tests.fakes import Memory

FOREIGN = "https://evil.example"


async def test_files_are_given_under_safe_names_and_never_as_pages(tmp_path: Path) -> None:
    named = re.compile(r"(attachment|inline); (filename=\"[\w.-]+\"(; )?)?(filename\*=UTF-8''[\w.~%-]+)?")
    async with place(tmp_path) as made, at_console(made, ConsoleRole.OWNER) as client:
        client.cookies[COOKIE] = made.visitor
        found = 0
        for path, _ in reads(made):
            response = await client.get(path)
            disposition = response.headers.get("content-disposition")
            if disposition is not None:
                found += 1
                assert named.fullmatch(disposition), disposition
                assert "html" not in response.headers["content-type"]
                assert disposition.startswith("attachment") or response.headers["content-type"] == "image/png"
            if "html" not in response.headers.get("content-type", "html"):
                assert "nosniff" in response.headers["x-content-type-options"]
    assert found > 20


async def test_every_answer_protects_itself_and_is_shared_with_nobody(tmp_path: Path) -> None:
    async with (
        place(tmp_path) as made,
        stranger(made) as nobody,
        at_console(made, ConsoleRole.OWNER) as owner,
    ):
        owner.cookies[COOKIE] = made.visitor
        paths = list({(method, route.path): (method, path) for method, path, route in calls(made)}.values())
        paths += [
            ("GET", path) for path in ("/static/chat.js", "/static/none", "/nowhere", "/static", "/api/v1/x")
        ]
        for client in (nobody, owner):
            for method, path in paths:
                if client is owner and method != "GET":
                    continue
                response = await client.request(method, path, headers={"Origin": FOREIGN})
                preflight = await client.options(
                    path, headers={"Origin": FOREIGN, "Access-Control-Request-Method": method}
                )
                for answer in (response, preflight):
                    _protected(path, answer)


def _protected(path: str, response: httpx.Response) -> None:
    headers = response.headers
    framed = path in ("/widget", "/widget/mydata")
    policy = headers["content-security-policy"]
    for word in ("default-src 'none'", "script-src 'self'", "base-uri 'none'", "form-action 'self'"):
        assert word in policy, path
    assert "unsafe" not in policy.partition("sandbox;")[0] or path.startswith("/api/v1/files/"), path
    assert ("frame-ancestors 'none'" in policy) is not framed, path
    assert "nosniff" in headers["x-content-type-options"], path
    assert headers["referrer-policy"] == "same-origin", path
    assert headers["cross-origin-opener-policy"] == "same-origin", path
    assert framed or headers["x-frame-options"] == "DENY", path
    shared = {name: headers[name] for name in headers if name.startswith("access-control-")}
    assert shared == ({"access-control-allow-origin": "*"} if path == "/widget.js" else {}), path
    assert "server" not in headers, path
    public = path.startswith("/static/") or path == "/widget.js"
    said = headers.get("cache-control", "")
    assert public or said in ("no-store", "private, max-age=3600"), (path, said)


async def test_a_fault_of_ours_protects_itself_too_and_tells_nothing() -> None:
    async def fail(event: object) -> bool:
        raise RuntimeError(FOREIGN)

    core = Core(Memory(), WebChannel(SystemClock()), Script())
    transport = httpx.ASGITransport(create_app(web_deps(core, put=fail)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        response = await client.post("/api/v1/chat", json={"text": "hi"})
    assert response.status_code == 500
    assert FOREIGN not in response.text
    _protected("/api/v1/chat", response)


async def test_cookies_are_out_of_reach_of_scripts_and_bound_to_https(tmp_path: Path) -> None:
    async with place(tmp_path) as made, stranger(made) as client:
        told = {"X-Forwarded-Proto": "https"}
        for path, route in reads(made):
            query = {"lang": "zh"} if filled(route, "").keys() & {"lang"} else {}
            for cookie in (await client.get(path, params=query, headers=told)).headers.get_list("set-cookie"):
                assert "httponly" in cookie.lower(), cookie
                assert "samesite=" in cookie.lower(), cookie
                assert "secure" in cookie.lower(), cookie
                assert "domain" not in cookie.lower(), cookie


async def raw(url: str, request: bytes) -> bytes:
    """What the server says to these very bytes, to the end."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(request)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "path",
    [
        "../app.py",
        "%2e%2e/app.py",
        "..%2fapp.py",
        "%2e%2e%2fapp.py",
        "..\\app.py",
        "..%5capp.py",
        "./../../web/app.py",
        "//etc/passwd",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "vendor/../../app.py",
        "%c0%ae%c0%ae/app.py",
        "..%252fapp.py",
        "....//app.py",
        "chat.js%00.html",
        ".",
        "",
        "vendor",
        "../static/../app.py",
        "%00",
    ],
)
async def test_static_files_are_all_that_is_static(path: str) -> None:
    async with house() as home:
        asked = f"GET /static/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = await raw(home.url, asked.encode())
    assert answer.split()[1] in (b"404", b"400", b"405"), answer[:100]
    assert b"create_app" not in answer
    assert b"root:" not in answer


async def test_a_poisoned_host_gets_into_no_page_and_into_no_link(tmp_path: Path) -> None:
    async with place(tmp_path) as made, at_console(made, ConsoleRole.OWNER) as client:
        client.cookies[COOKIE] = made.visitor
        for header in ("Host", "X-Forwarded-Host", "X-Original-URL", "X-Host"):
            for path, _ in reads(made):
                response = await client.get(path, headers={header: "poison.example"})
                assert "poison.example" not in response.text, (header, path)
                assert "poison.example" not in response.headers.get("location", ""), (header, path)


@pytest.mark.parametrize(
    "path", ["/api/v1/chat", "/console/login/password", "/console/login/link", "/hooks/x"]
)
async def test_bodies_that_do_not_end_hold_nobody_up_and_are_given_up(path: str) -> None:
    async with house() as home, browser_like(home.url) as client:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        )
        at = urlsplit(home.url)
        slow = [await asyncio.open_connection(at.hostname, at.port) for _ in range(50)]
        for _, writer in slow:
            writer.write(head.encode() + b"{")
        assert (await client.get("/healthz")).status_code == 200
        for _, writer in slow:
            writer.close()
    assert (await _never_ending(path))["status"] == 408


async def _never_ending(path: str) -> Any:
    sent: list[Any] = []

    async def receive() -> Any:
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    async def unreached(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("it was let in")

    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    await Guard(unreached, body_seconds=0.01)(scope, receive, send)
    return sent[0]


async def test_no_route_takes_a_body_that_is_too_large_or_of_another_kind(tmp_path: Path) -> None:
    async with place(tmp_path) as made, at_console(made, ConsoleRole.OWNER) as client:
        transport = httpx.ASGITransport(made.home.app)
        liar = httpx.AsyncClient(transport=transport, base_url=made.home.url, headers=client.headers)
        liar.cookies.update(client.cookies)
        before = kept(made)
        for method, path, _ in calls(made):
            if method == "GET":
                continue
            for kind in (
                "application/json",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
            ):
                headers = {"Content-Type": kind, "Content-Length": str(MOST_BYTES * 30)}
                answer = await liar.request(method, path, content=b"", headers=headers)
                assert answer.status_code in (413, 415), (path, kind, answer.status_code)
            for kind in ("text/plain", "application/xml", "text/json", ""):
                answer = await liar.request(method, path, content=b"{}", headers={"Content-Type": kind})
                assert answer.status_code == 415, (path, kind)
        assert kept(made) == before
