"""The widget: who may frame it, what it is given, and who its visitor is."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from adapters.web.identity import COOKIE, Signer
from adapters.web.visit import FRAME_COOKIE
from bot.errors import SettingsError
from bot.loading import load_settings
from tests.adapters.test_web_guard import in_process
from tests.adapters.web_core import SECRET, ask, browser_like, house

SITES = ("https://www.example.org", "http://127.0.0.1:9000")
TOKEN = "X-Tertulia-Visitor"


def given_in(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="widget">(.*?)</script>', html)
    assert found is not None
    given: dict[str, Any] = json.loads(found[1])
    return given


@pytest.mark.parametrize("path", ["/widget", "/widget/mydata"])
async def test_the_sites_named_may_frame_it_and_nothing_else(path: str) -> None:
    async with in_process(console=None, widget_origins=SITES) as client:
        framed = await client.get(path)
        others = [
            await client.get(p) for p in ("/", "/mydata", "/widgets", "/s/x", "/api/v1/me", "/widget.js")
        ]
    policy = framed.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://www.example.org http://127.0.0.1:9000")
    assert "script-src 'self'; style-src 'self'" in policy
    assert "x-frame-options" not in framed.headers
    for other in others:
        assert other.headers["content-security-policy"].endswith("frame-ancestors 'none'")
        assert other.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", ["/widget", "/widget/mydata", "/widget.js"])
async def test_without_sites_there_is_no_widget(path: str) -> None:
    async with in_process(console=None) as client:
        response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["content-security-policy"].endswith("frame-ancestors 'none'")


async def test_the_script_is_small_and_for_every_site_to_load() -> None:
    async with in_process(console=None, widget_origins=SITES) as client:
        script = await client.get("/widget.js")
        page = await client.get("/")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert script.headers["access-control-allow-origin"] == "*", "for those that load it as a module"
    assert "access-control-allow-origin" not in page.headers
    assert script.headers["cache-control"] == "public, max-age=3600"
    assert len(gzip.compress(script.content)) < 5000
    assert page.headers["cross-origin-resource-policy"] == "same-origin"


async def test_what_a_site_wishes_is_taken_as_far_as_it_is_in_order() -> None:
    wishes = "?theme=dark&color=2563EB&lang=zh"
    hostile = "?theme=%22%3E%3Cscript%3E&color=red;}body{&lang=../../etc"
    async with in_process(console=None, widget_origins=SITES) as client:
        page = (await client.get(f"/widget{wishes}")).text
        attacked = (await client.get(f"/widget{hostile}")).text
    given, kept = given_in(page), given_in(attacked)
    assert '<html lang="zh" data-theme="dark">' in page
    assert given["colour"] == "2563eb"
    assert given["query"] == "theme=dark&color=2563eb&lang=zh"
    assert '<html lang="en" data-theme="auto">' in attacked
    assert (kept["colour"], kept["query"]) == ("", "theme=auto")


async def test_the_token_says_who_the_visitor_is_and_no_cookie_is_set() -> None:
    async with house(console=None, widget_origins=SITES) as home, browser_like(home.url) as client:
        token = given_in((await client.get("/widget")).text)["visitor"]
        client.headers[TOKEN] = token
        start = (await ask(client, "From the frame"))[0][1]
        path = f"/api/v1/conversations/{start['conversation']}/messages"
        mine = await client.get(path)
        assert COOKIE not in client.cookies
        async with browser_like(home.url) as thief:
            others = await thief.get(path)
        with_cookie = await client.get(
            path, headers={"Cookie": f"{COOKIE}={Signer(SECRET).new_visitor()[1]}"}
        )
    assert mine.json()["messages"][0]["question"] == "From the frame"
    assert others.status_code == 404
    assert with_cookie.status_code == 200, "in a frame the token counts, whatever cookie comes along"


async def test_a_partitioned_cookie_keeps_the_visitor_and_does_nothing_in_their_name() -> None:
    async with in_process(console=None, widget_origins=SITES) as client:
        page = await client.get("/widget")
        token = given_in(page.text)["visitor"]
        kept = {"Cookie": f"{FRAME_COOKIE}={token}"}
        again = await client.get("/widget", headers=kept)
        data = await client.get("/widget/mydata", headers=kept)
        forged = await client.get("/widget", headers={"Cookie": f"{FRAME_COOKIE}={'0' * 32}.{'0' * 64}"})
        code = await client.post("/api/v1/me/code", json={}, headers={TOKEN: token})
        called = await client.get("/api/v1/me", headers=kept)
        words = {"confirm": "delete everything"}
        deleted = await client.request("DELETE", "/api/v1/me", json=words, headers={TOKEN: token})
    cookie = page.headers["set-cookie"]
    assert cookie.startswith(f"{FRAME_COOKIE}={token}; Path=/widget; ")
    assert cookie.endswith("; HttpOnly; Secure; SameSite=None; Partitioned")
    assert given_in(again.text)["visitor"] == given_in(data.text)["visitor"] == token
    assert Signer(SECRET).visitor(given_in(forged.text)["visitor"]) not in ("", "0" * 32)
    assert code.status_code == 200
    assert not called.json()["known"]
    assert f"{FRAME_COOKIE}=; Path=/widget; Max-Age=0" in str(deleted.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    "token",
    ["x", "0" * 32 + "." + "0" * 64, Signer(b"another secret here").new_visitor()[1]],
    ids=["word", "zeros", "by another"],
)
async def test_a_forged_token_is_nobodys(token: str) -> None:
    async with in_process(console=None) as client:
        answers = [
            await client.get("/api/v1/me", headers={TOKEN: token}),
            await client.post("/api/v1/chat", json={"text": "Hi"}, headers={TOKEN: token}),
        ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert all("set-cookie" not in answer.headers for answer in answers)


async def test_a_token_does_not_open_the_door_to_other_sites() -> None:
    token = Signer(SECRET).new_visitor()[1]
    headers = {TOKEN: token, "Sec-Fetch-Site": "cross-site", "Origin": SITES[0]}
    async with in_process(console=None, widget_origins=SITES) as client:
        refused = await client.post("/api/v1/chat", json={"text": "Hi"}, headers=headers)
        asked = {"Origin": SITES[0], "Access-Control-Request-Method": "POST"}
        preflight = await client.options("/api/v1/chat", headers=asked)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in preflight.headers


async def test_by_invitation_it_says_what_to_do() -> None:
    async with in_process(console=None, widget_origins=SITES, access="open") as client:
        open_to_all = (await client.get("/widget?lang=en")).text + (await client.get("/?lang=en")).text
    async with in_process(console=None, widget_origins=SITES) as client:
        by_invitation = (await client.get("/widget?lang=en")).text
        page = (await client.get("/?lang=en")).text
    assert "Enter your invite code" in by_invitation.partition("<body>")[2]
    assert "Enter your invite code" in page.partition("<body>")[2]
    assert 'id="enter"' not in open_to_all


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", ()),
        (
            "https://WWW.example.org/, http://localhost:8000",
            ("https://www.example.org", "http://localhost:8000"),
        ),
        ("https://example.org:443,http://example.org:80", ("https://example.org", "http://example.org")),
    ],
)
def test_origins_are_read_as_browsers_write_them(written: str, read: tuple[str, ...], tmp_path: Path) -> None:
    found = load_settings(environ={"TERTULIA_WEB_WIDGET_ORIGINS": written}, folder=tmp_path)
    assert found.web_widget_origins == read


@pytest.mark.parametrize(
    "written",
    ["*", "https://*.example.org", "example.org", "https://example.org/page",
     "https://a.example; script-src *", "'self'", "ftp://example.org", "https://example.org:0",
     "https://example.org:99999", "https://bücher.example"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(written: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="WEB_WIDGET_ORIGINS"):
        load_settings(environ={"TERTULIA_WEB_WIDGET_ORIGINS": written}, folder=tmp_path)
