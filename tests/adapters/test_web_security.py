"""Every route of the application, whatever page it belongs to: whose words it gives, whom it lets change
anything, and what it tells browsers. What is tried on one page alone stands in that page's tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from adapters.web.console.access import BROWSER_COOKIE
from adapters.web.console.access import COOKIE as SESSION
from adapters.web.identity import COOKIE, Signer
from adapters.web.visit import TOKEN
from bot.types import ConsoleRole
from tests.adapters.console_core import CSRF
from tests.adapters.hostile import MARK, at_console, calls, filled, kept, place, reads, stranger
from tests.adapters.web_core import SECRET

FOREIGN = "https://evil.example"
OPEN_TO_ALL = ("/s/{token}",)
"""Routes whose address is the secret."""
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /api/v1/conversations/{conversation}": {"title": "Stolen"},
    "POST /api/v1/conversations/{conversation}/shares": {"days": 7},
    "POST /api/v1/chat/{id}/feedback": {"value": -1},
}
FIELD = re.compile(r'name="csrf" value="(\w+)"')
FORGED = ("x", ".", "a.b", "%00", "A" * 9000, '"; x=y')


async def test_no_id_of_a_visitor_helps_another_one(tmp_path: Path) -> None:
    async with place(tmp_path) as made, stranger(made) as thief:
        await thief.get("/")
        for path, route in reads(made, console=False):
            response = await thief.get(path)
            if route.path not in OPEN_TO_ALL:
                assert MARK not in response.text, path
                assert "window.hacked" not in response.text, path
            if route.param_convertors and route.path not in OPEN_TO_ALL:
                assert response.status_code == 404, path
        before = kept(made)
        for method, path, route in calls(made, console=False):
            if method != "GET" and route.param_convertors:
                response = await thief.request(method, path, json=BODIES.get(f"{method} {route.path}", {}))
                assert response.status_code == 404, (method, path)
        for body in ({"retry_of": made.answers[0]}, {"text": "x", "edit_of": made.answers[0]}):
            assert (await thief.post("/api/v1/chat", json=body)).status_code == 404
        stolen = {"text": "x", "attachments": made.uploads[:1]}
        assert (await thief.post("/api/v1/chat", json=stolen)).status_code == 422
        assert kept(made) == before


@pytest.mark.parametrize("role", [None, ConsoleRole.VIEWER, ConsoleRole.AUTHOR])
async def test_no_page_of_the_console_shows_peoples_words_to_whom_they_are_no_business(
    tmp_path: Path, role: ConsoleRole | None
) -> None:
    async with place(tmp_path) as made:
        async with at_console(made, role) if role else stranger(made) as client:
            for path, route in reads(made, console=True):
                for query in ({}, filled(route, MARK[:1]), filled(route, "1")):
                    response = await client.get(path, params=query)
                    assert MARK not in response.text, path
                    assert response.status_code < 500, path


async def test_to_look_changes_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as made, at_console(made, ConsoleRole.OWNER) as client:
        client.cookies[COOKIE] = made.visitor
        before = kept(made)
        for path, route in reads(made):
            for query in ({}, filled(route, "1"), filled(route, "shop")):
                assert (await client.get(path, params=query)).status_code < 500, path
            for method in ("HEAD", "OPTIONS"):
                assert (await client.request(method, path)).status_code < 500, path
        assert kept(made) == before


async def test_a_page_that_is_asked_to_change_something_by_another_method_does_not(tmp_path: Path) -> None:
    async with place(tmp_path) as made, at_console(made, ConsoleRole.OWNER) as client:
        client.cookies[COOKIE] = made.visitor
        before, pages = kept(made), {address for address, _ in reads(made)}
        for method, path, _ in calls(made):
            if method != "GET" and path not in pages:
                assert (await client.get(path, params={"_method": method})).status_code in (404, 405), path
                headers = {"X-HTTP-Method-Override": method}
                assert (await client.get(path, headers=headers)).status_code in (404, 405), path
        assert kept(made) == before


async def test_no_cookie_or_token_serves_as_another_kind(tmp_path: Path) -> None:
    async with place(tmp_path) as made:
        session = await made.session()
        link = await made.console.accounts.owner_link(seconds=60)
        async with stranger(made, **{SESSION: session}) as client:
            page = await client.get("/console/account")
            found = CSRF.search(page.text)
            assert page.status_code == 200
            assert found is not None
        visitor, _, signature = made.visitor.partition(".")
        answer = made.answers[0].rpartition(".")[2]
        others = [
            made.visitor,
            signature,
            found[1],
            link,
            made.tokens[0],
            made.shares[0],
            answer,
            session[:-1],
        ]
        for cookie in [*others, f"{session}x", session.swapcase(), *FORGED]:
            async with stranger(made) as client:
                header = {"Cookie": f"{SESSION}={cookie}"}
                assert (await client.get("/console/account", headers=header)).status_code == 303, cookie
        for cookie in [
            session,
            f"{visitor}.{answer}",
            f"{visitor}.{signature[:-1]}",
            f"{visitor}.",
            visitor,
            f"{visitor}.{found[1]}",
            f"{visitor.upper()}.{signature}",
            f"{made.visitor}x",
            *FORGED,
        ]:
            async with stranger(made) as client:
                header = {"Cookie": f"{COOKIE}={cookie}"}
                assert (await client.get("/api/v1/conversations", headers=header)).json()[
                    "conversations"
                ] == []
                if cookie.strip():
                    denied = await client.get("/api/v1/conversations", headers={TOKEN: cookie})
                    assert denied.status_code == 401, cookie
        async with stranger(made) as client:
            for token in (session, made.visitor, made.shares[0], link, answer, made.tokens[0][:-1]):
                assert (await client.get(f"/s/{token}")).status_code == 404
            for token in (session, made.tokens[0], found[1]):
                assert (await client.get("/console/login", params={"token": token})).status_code == 410


async def test_a_session_that_a_browser_was_given_is_not_the_one_it_gets(tmp_path: Path) -> None:
    async with place(tmp_path) as made:
        planted = Signer(SECRET).new_visitor()[1]
        for cookies in ({SESSION: planted}, {BROWSER_COOKIE: planted}):
            link = await made.console.accounts.owner_link(seconds=60)
            async with stranger(made, **cookies) as client:
                found = FIELD.search((await client.get("/console/login")).text)
                assert found is not None
                form = {"csrf": found[1], "token": link}
                response = await client.post("/console/login/link", data=form)
                assert response.status_code == 303
                assert planted not in response.headers["set-cookie"]
        async with stranger(made, **{SESSION: planted}) as client:
            assert (await client.get("/console/account")).status_code == 303


def _same(response: httpx.Response) -> tuple[int, str]:
    """Status and text, without what is of one request alone."""
    return response.status_code, re.sub(r"[0-9a-f]{64}", "", response.text)


async def test_what_is_guessed_wrong_is_answered_alike(tmp_path: Path) -> None:
    async with place(tmp_path) as made, stranger(made) as client:
        token = made.tokens[0]
        near = [token[:-1] + ("A" if token[-1] != "A" else "B"), "A" * 43, "x", "%00", "é", "a" * 500]
        assert len({_same(await client.get(f"/s/{guess}")) for guess in near}) == 1
        links = [
            await client.get("/console/login", params={"token": guess}) for guess in near if guess != "%00"
        ]
        assert len({_same(answer) for answer in links}) == 1
        own = made.answers[0]
        for guess in (own[:-1], own.replace(own[0], "0"), "x.y.z", "a" * 500):
            answer = await client.get(f"/api/v1/chat/{guess}")
            assert (answer.status_code, answer.json()["message"]) == (404, "There is no such answer.")


REDIRECTS = (
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/%2f%2fevil.example",
    "/console/../../evil",
    "/console/%5c%5cevil",
    "/console\t//evil.example",
    "%2F%2Fevil.example",
    "/console@evil.example",
    "///evil.example",
    ".evil.example",
    "/console/%0d%0aSet-Cookie:a=b",
    "/console?x=//evil.example",
    "http:///evil.example",
    "/console/\u2044\u2044evil",
)


async def test_nothing_leads_to_another_site(tmp_path: Path) -> None:
    async with place(tmp_path) as made, at_console(made, ConsoleRole.OWNER) as client:
        pages = reads(made, console=True)
        asked = [await client.get(path, params=filled(route, REDIRECTS[0])) for path, route in pages]
        wishes = [{"next": wish, "lang": language} for wish in REDIRECTS for language in ("", "zh")]
        asked += [await client.get("/console/login", params=query) for query in wishes]
        poisoned = {"Host": "evil.example"}
        paths = ("//evil.example/", "//evil.example/..", "/mydata/", "/console//evil.example", "/console/")
        asked += [await client.get(f"{made.home.url}{path}", headers=poisoned) for path in paths]
        for response in asked:
            location = urlsplit(urljoin(made.home.url, response.headers.get("location", "/")))
            assert location.netloc == urlsplit(made.home.url).netloc, response.request.url
            assert "a=b" not in response.headers.get("set-cookie", "")
