"""What is kept of a visitor: told, exported and deleted; and the accounts that are theirs."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.web.files import Files
from adapters.web.identity import COOKIE
from adapters.web.mine import MOST_A_MINUTE, MOST_COUNTED
from adapters.web.pages import words_of
from bot.clock import SystemClock
from bot.errors import PluginError
from bot.types import Exported, PersonRole, Sender
from tests.adapters.web_core import House, ask, browser_like, house
from tests.fakes import Memory
from tests.fakes_people import FakePeople

ME = "/api/v1/me"
EVERYTHING = {"confirm": "delete everything"}


async def erase(client: httpx.AsyncClient, confirm: str = "delete everything") -> httpx.Response:
    return await client.request("DELETE", ME, json={"confirm": confirm})


async def me(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get(ME)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def visitor_of(client: httpx.AsyncClient) -> str:
    return client.cookies[COOKIE].split(".")[0]


async def test_of_a_stranger_nothing_is_kept() -> None:
    async with house(console=None) as home, browser_like(home.url) as client:
        page = await client.get("/mydata")
        found = await me(client)
        exported = await client.get(f"{ME}/export")
        deleted = await erase(client)
    assert page.status_code == 200
    assert not found["known"]
    assert found["may_link"], "whoever sits here may come in"
    assert (exported.status_code, deleted.status_code) == (404, 404)
    assert home.core.memory.people == {}


async def test_it_is_told_in_numbers(tmp_path: Path) -> None:
    files = Files(tmp_path, SystemClock(), limit=1000)
    async with house(console=None, files=files) as home, browser_like(home.url) as client:
        brought = await client.post("/api/v1/files", files={"file": ("notes.txt", b"a heron")})
        start = (await ask(client, "Mine", attachments=[brought.json()["id"]]))[0][1]
        await client.post(f"/api/v1/conversations/{start['conversation']}/shares", json={"days": 1})
        await _own_settings(home, visitor_of(client))
        found = await me(client)
        exported = await client.get(f"{ME}/export")
    counts = found["counts"]
    told = {k: counts[k] for k in ("conversations", "messages", "files", "shares", "settings", "plugins")}
    assert told == {
        "conversations": 1, "messages": 2, "files": 1, "shares": 1, "settings": 1, "plugins": 1,
    }  # fmt: skip
    assert found["accounts"] == [{"platform": "web", "user": visitor_of(client), "here": True}]
    assert "Mine" in exported.text
    assert [file["name"] for file in exported.json()["files"]] == ["notes.txt"]
    assert exported.headers["content-disposition"].startswith('attachment; filename="my-data.json"')
    assert exported.headers["cache-control"] == "no-store"


async def test_counting_ends_at_a_bound() -> None:
    async with house(console=None) as home, browser_like(home.url) as client:
        await ask(client, "Mine")
        person = await home.core.people.find("web", visitor_of(client))
        assert person is not None
        home.core.memory.values |= {("notes", person.id, f"{n}"): "1" for n in range(MOST_COUNTED + 5)}
        found = await me(client)
    assert found["counts"]["plugins"] == MOST_COUNTED
    assert found["more"] == ["plugins"]


async def _own_settings(home: House, visitor: str) -> None:
    person = await home.core.people.find("web", visitor)
    assert person is not None
    await home.core.people.update(person.id, settings={"memory": "on"})
    home.core.memory.values["memory", person.id, "likes"] = "tea"


async def test_nothing_of_another_person_is_told() -> None:
    async with house(console=None) as home, browser_like(home.url) as ann, browser_like(home.url) as bob:
        await ask(ann, "canary of Ann")
        await ask(bob, "canary of Bob")
        exported = await ann.get(f"{ME}/export")
        await erase(ann)
        left = await bob.get(f"{ME}/export")
    assert "canary of Ann" in exported.text
    assert "canary of Bob" not in exported.text
    assert visitor_of(bob) not in exported.text
    assert "canary of Bob" in left.text


@pytest.mark.parametrize("confirm", ["", "delete", "Delete everything!"])
async def test_nothing_is_deleted_without_the_words(confirm: str) -> None:
    async with house(console=None) as home, browser_like(home.url) as client:
        await ask(client, "Mine")
        refused = await erase(client, confirm)
        found = await me(client)
    assert refused.status_code == 422
    assert found["known"]


@pytest.mark.parametrize("confirm", [" Delete  everything ", "删除全部"])
async def test_after_it_the_visitor_is_a_stranger(confirm: str) -> None:
    async with house(console=None) as home, browser_like(home.url) as client:
        start = (await ask(client, "Mine"))[0][1]
        before = visitor_of(client)
        deleted = await erase(client, confirm)
        assert COOKIE not in client.cookies
        gone = await client.get(f"/api/v1/conversations/{start['conversation']}/messages")
        fresh = await me(client)
        await ask(client, "Who am I?")
        assert visitor_of(client) != before
    assert deleted.status_code == 200
    assert gone.status_code == 404
    assert not fresh["known"]
    assert "Mine" not in str(home.core.memory.messages)


async def test_a_linked_person_goes_with_all_accounts() -> None:
    async with house(console=None) as home, browser_like(home.url) as client:
        await ask(client, "Mine")
        person = await home.core.people.find("web", visitor_of(client))
        assert person is not None
        code = (await client.post(f"{ME}/code", json={})).json()["code"]
        await home.core.people.redeem("telegram", Sender("77"), code)
        found = await me(client)
        await erase(client)
    assert [account["platform"] for account in found["accounts"]] == ["web", "telegram"]
    assert await home.core.people.find("telegram", "77") is None
    assert await home.core.people.get(person.id) is None


async def test_a_code_links_once_and_comes_with_each_platforms_link() -> None:
    links = {"web": "", "discord": "", "telegram": "https://t.me/our_bot?start={code}"}
    async with house(console=None, links=lambda: links) as home, browser_like(home.url) as client:
        await client.get("/")
        first = (await client.post(f"{ME}/code", json={})).json()
        second = (await client.post(f"{ME}/code", json={})).json()
        linked = await home.core.people.redeem("telegram", Sender("77"), second["code"])
        mine = await home.core.people.find("web", visitor_of(client))
    assert second["links"] == {"telegram": f"https://t.me/our_bot?start={second['code']}"}
    assert second["minutes"] == 15
    assert first["code"] != second["code"]
    assert mine is not None
    assert linked.person.id == mine.id


async def test_who_may_not_come_in_makes_no_code() -> None:
    async with (
        house(console=None, loopback=False) as home,
        browser_like(home.url) as stranger,
        browser_like(home.url) as blocked,
    ):
        refused = [await stranger.post(f"{ME}/code", json={})]
        told = await me(stranger)
        await blocked.get("/")
        person = await home.core.people.admit("web", Sender(visitor_of(blocked)))
        await home.core.people.update(person.id, role=PersonRole.BLOCKED)
        refused.append(await blocked.post(f"{ME}/code", json={}))
        shut_out = await me(blocked)
        exported = await blocked.get(f"{ME}/export")
    assert [response.status_code for response in refused] == [403, 403]
    assert not told["may_link"]
    assert not shut_out["may_link"]
    assert exported.status_code == 200, "what is kept of them is theirs to see all the same"


async def test_an_account_is_taken_off_and_only_an_own_one() -> None:
    async with house(console=None) as home, browser_like(home.url) as ann, browser_like(home.url) as bob:
        await ask(ann, "Mine")
        await ask(bob, "Bob's")
        code = (await ann.post(f"{ME}/code", json={})).json()["code"]
        await home.core.people.redeem("telegram", Sender("77"), code)
        others = await bob.post(f"{ME}/unlink", json={"platform": "telegram", "user": "77"})
        freed = await ann.post(f"{ME}/unlink", json={"platform": "telegram", "user": "77"})
        last = await ann.post(f"{ME}/unlink", json={"platform": "web", "user": visitor_of(ann)})
        mine = await me(ann)
    assert others.status_code == 404
    assert freed.json() == {"accepted": True}
    assert last.json() == {"accepted": False}
    assert [account["platform"] for account in mine["accounts"]] == ["web"]
    assert await home.core.people.find("telegram", "77") is not None


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("DELETE", ME, EVERYTHING), ("POST", f"{ME}/unlink", {"platform": "web", "user": "x"})],
)
async def test_other_sites_change_nothing(method: str, path: str, body: Mapping[str, str]) -> None:
    async with house(console=None) as home, browser_like(home.url) as client:
        await ask(client, "Mine")
        headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
        refused = await client.request(method, path, json=body, headers=headers)
        plain = await client.request(method, path, content=json.dumps(body))
        found = await me(client)
    assert (refused.status_code, plain.status_code) == (403, 415)
    assert found["known"]


async def test_a_plugin_that_fails_is_told_and_nothing_is_half_told() -> None:
    async def fails(person_id: str) -> Any:
        raise PluginError("plugin notes failed")

    async def untold(person_id: str) -> AsyncGenerator[Exported]:
        await fails(person_id)
        yield Exported("person", [])

    people = FakePeople(Memory())
    async with (
        house(people.memory, console=None, export_person=untold, delete_person=fails) as home,
        browser_like(home.url) as client,
    ):
        await ask(client, "Mine")
        answers = [await client.get(ME), await client.get(f"{ME}/export"), await erase(client)]
        assert COOKIE in client.cookies
    assert [answer.status_code for answer in answers] == [200, 503, 503], "to count, no plugin is asked"


async def test_calls_are_limited() -> None:
    async with house(console=None) as home, browser_like(home.url) as client, browser_like(home.url) as bob:
        await client.get("/")
        answers = [(await client.get(ME)).status_code for _ in range(MOST_A_MINUTE + 1)]
        other = await me(bob)
    assert answers == [*[200] * MOST_A_MINUTE, 429]
    assert not other["known"]


def test_both_languages_have_the_same_words() -> None:
    assert words_of("mydata", "en").keys() == words_of("mydata", "zh").keys()
    assert len({words_of("mydata", language)["delete.word"] for language in ("en", "zh")}) == 2
