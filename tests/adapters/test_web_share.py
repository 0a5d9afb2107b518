"""Shared links: what they show, for how long, and what never stands there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from adapters.web.shares import MOST_SHARES, SHOWN_SHARES
from bot.clock import SystemClock
from bot.types import Citation, Passage
from tests.adapters.test_web_conversations import begun, visitor_of
from tests.adapters.web_core import CITATION, Script, ask, browser_like, events, house
from tests.fakes import Memory
from tests.fakes_console import MemoryShares

ATTACK = '<img src=x onerror="alert(1)"><script>alert(1)</script>'


async def share(client: httpx.AsyncClient, id: str, **body: Any) -> dict[str, Any]:
    response = await client.post(f"/api/v1/conversations/{id}/shares", json={"days": 7, **body})
    assert response.status_code == 200, response.text
    made: dict[str, Any] = response.json()
    return made


async def read(url: str, path: str, **headers: str) -> httpx.Response:
    """As somebody who has only the link."""
    async with browser_like(url) as stranger:
        return await stranger.get(path, headers=headers)


async def test_whoever_has_the_link_reads_it_as_it_was() -> None:
    async with house() as home, browser_like(home.url) as client:
        await client.get("/")
        id = await begun(client, "First question")
        made = await share(client, id, title="Heading")
        await begun(client, "Later question", conversation=id)
        page = await read(home.url, made["path"])
        again = await read(home.url, made["path"], **{"Accept-Language": "zh-CN"})
    assert page.status_code == 200
    assert "First question" in page.text
    assert "<strong>@BotFather</strong>" in page.text
    assert "Connect Telegram" in page.text
    assert "Later question" not in page.text
    assert "Heading" in page.text
    assert "分享" in again.text
    visitor = await visitor_of(home)
    assert visitor not in page.text
    assert "set-cookie" not in page.headers
    assert "noindex" in page.headers["x-robots-tag"]
    assert 'name="robots" content="noindex' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "<script" not in page.text


async def test_an_answer_that_replaced_a_shared_one_is_not_shown() -> None:
    script = Script(answer="The first answer.")
    async with house(script=script) as home, browser_like(home.url) as client:
        await client.get("/")
        told = await ask(client, "A question")
        made = await share(client, told[0][1]["conversation"], title="Heading")
        script.answer = "The second answer."
        await ask(client, "", retry_of=told[0][1]["id"])
        page = await read(home.url, made["path"])
    assert page.status_code == 200
    assert "A question" not in page.text
    assert "first answer" not in page.text
    assert "second answer" not in page.text


async def test_nothing_that_is_shared_can_act() -> None:
    citation = Citation(1, "p", "javascript:alert(1)", ATTACK, ATTACK)
    async with house(script=Script(answer=f"{ATTACK} [1]", citations=(citation,))) as home:
        async with browser_like(home.url) as client:
            await client.get("/")
            made = await share(client, await begun(client, ATTACK), title=ATTACK)
        page = await read(home.url, made["path"])
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert 'href="javascript' not in page.text


async def test_what_is_for_some_people_only_is_left_out() -> None:
    secret = replace(CITATION, audience=("role:staff",), quote="The code is swordfish")
    script = Script(answer="The code is swordfish [1].", citations=(secret,))
    async with house(script=script) as home, browser_like(home.url) as client:
        await client.get("/")
        made = await share(client, await begun(client, "What is the code?"))
        page = await read(home.url, made["path"])
    assert "What is the code?" in page.text
    assert "swordfish" not in page.text
    assert "left out" in page.text


async def test_what_became_for_some_people_only_is_left_out_too() -> None:
    found: dict[str, bool] = {"everybody": True}

    async def passage(visitor: str, citation: Citation) -> Passage | None:
        may = bool(visitor) or found["everybody"]
        return Passage("p1", citation.quote, citation.source) if may else None

    async with house(passage=passage) as home, browser_like(home.url) as client:
        await client.get("/")
        made = await share(client, await begun(client, "How?"))
        open_page = await read(home.url, made["path"])
        found["everybody"] = False
        closed_page = await read(home.url, made["path"])
    assert "@BotFather" in open_page.text
    assert "@BotFather" not in closed_page.text


class Wall(SystemClock):
    """The time of day, or later."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


async def test_a_link_ends_in_time_when_taken_back_and_with_its_conversation() -> None:
    memory, wall = Memory(), Wall()
    async with house(memory, shares=MemoryShares(memory, wall), clock=wall) as home:
        async with browser_like(home.url) as client:
            await client.get("/")
            id = await begun(client, "A question")
            first, second, third = [await share(client, id, days=days) for days in (1, 30, 30)]
            assert first["expires_at"] - first["created_at"] == pytest.approx(24 * 3600, abs=60)
            listed = (await client.get("/api/v1/shares")).json()["shares"]
            assert {s["id"] for s in listed} == {first["id"], second["id"], third["id"]}
            assert all(s.keys() == {"id", "title", "created_at", "expires_at"} for s in listed)
            wall.ahead = 24 * 3600 + 60
            assert (await read(home.url, first["path"])).status_code == 404
            assert (await read(home.url, second["path"])).status_code == 200
            back = await client.request("DELETE", f"/api/v1/shares/{second['id']}", json={})
            assert back.json() == {"accepted": True}
            gone = await read(home.url, second["path"])
            assert gone.status_code == 404
            assert "does not work any more" in gone.text
            assert (await read(home.url, third["path"])).status_code == 200
            await client.request("DELETE", f"/api/v1/conversations/{id}", json={})
            assert (await read(home.url, third["path"])).status_code == 404


@pytest.mark.parametrize("path", ["/s/x", f"/s/{'a' * 43}", "/s/%00", "/s/%F0%9F%98%80"])
async def test_an_unknown_link_is_like_one_that_has_ended(path: str) -> None:
    async with house() as home:
        page = await read(home.url, path)
    assert page.status_code == 404
    assert "does not work any more" in page.text
    assert "set-cookie" not in page.headers


async def test_only_what_was_answered_can_be_shared_and_only_so_often() -> None:
    script = Script(pause_after=1)
    async with house(script=script) as home, browser_like(home.url) as client:
        await client.get("/")
        async with client.stream("POST", "/api/v1/chat", json={"text": "Long?"}) as response:
            told = events(response)
            start = (await anext(told))[1]
            while (await anext(told))[0] != "chunk":
                pass
            path = f"/api/v1/conversations/{start['conversation']}/shares"
            assert (await client.post(path, json={"days": 1})).status_code == 409
            script.gate.set()
            assert [name async for name, _ in told][-1] == "done"
        assert (await client.post(path, json={"days": 2})).status_code == 422
        made = [await share(client, start["conversation"]) for _ in range(MOST_SHARES)]
        assert len({m["path"] for m in made}) == MOST_SHARES
        assert (await client.post(path, json={"days": 1})).status_code == 409


async def test_the_links_are_listed_page_by_page() -> None:
    async with house() as home, browser_like(home.url) as client:
        assert (await client.get("/api/v1/shares")).json() == {"shares": [], "older": ""}
        id = await begun(client, "A question")
        made = [(await share(client, id))["id"] for _ in range(2 * SHOWN_SHARES + 3)]
        pages: list[list[str]] = []
        before = ""
        while not pages or before:
            page = (await client.get("/api/v1/shares", params={"before": before})).json()
            pages.append([one["id"] for one in page["shares"]])
            before = page["older"]
        async with browser_like(home.url) as stranger:
            await begun(stranger, "Another question")
            key = page["shares"][0]
            other = await stranger.get(f"/api/v1/shares?before={key['created_at']!r}_{key['id']}")
    assert [len(page) for page in pages] == [SHOWN_SHARES, SHOWN_SHARES, 3]
    assert sorted(id for page in pages for id in page) == sorted(made)
    assert pages[0][0] in made[-SHOWN_SHARES:]
    assert other.json() == {"shares": [], "older": ""}


@pytest.mark.parametrize("before", ["x", "_", "1", "1_", "-1_a", "1e9_a", "nan_a", "1.5_a b", "1_%00"])
async def test_a_place_in_the_list_that_is_none_is_refused(before: str) -> None:
    async with house() as home, browser_like(home.url) as client:
        await begun(client, "A question")
        assert (await client.get("/api/v1/shares", params={"before": before})).status_code == 422


async def test_a_long_shared_page_is_read_in_pages() -> None:
    async with house() as home, browser_like(home.url) as client:
        await client.get("/")
        id = await begun(client, "Question 0.")
        for number in range(1, 60):
            await begun(client, f"Question {number}.", conversation=id)
        made = await share(client, id)
        newest = await read(home.url, made["path"])
        earliest = await read(home.url, f"{made['path']}?before=11")
    assert "Question 59." in newest.text
    assert "Question 9." not in newest.text
    assert 'href="?before=11"' in newest.text
    assert "Question 0." in earliest.text
    assert "Question 10." not in earliest.text
