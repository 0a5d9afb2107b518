"""A visitor's conversations by HTTP: listed, searched, renamed, deleted, exported; nobody else's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from adapters.web.export import disposition
from adapters.web.files import Files
from bot.clock import SystemClock
from bot.types import Address, Event, EventKind, Message, Part, Role, Sender, TurnState
from tests.adapters.web_core import House, Script, ask, browser_like, events, house
from tests.fakes import Memory

JSON = {"Content-Type": "application/json"}


async def listing(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    response = await client.get("/api/v1/conversations", params=query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["conversations"]
    return found


async def begun(client: httpx.AsyncClient, text: str, **body: Any) -> str:
    """Ask; the conversation's id."""
    told = await ask(client, text, **body)
    return str(told[0][1]["conversation"])


async def rename(client: httpx.AsyncClient, id: str, title: str) -> httpx.Response:
    return await client.patch(f"/api/v1/conversations/{id}", json={"title": title})


async def delete(client: httpx.AsyncClient, id: str) -> httpx.Response:
    return await client.request("DELETE", f"/api/v1/conversations/{id}", json={})


async def visitor_of(home: House) -> str:
    return home.core.seen[-1].sender.id


async def said_elsewhere(
    home: House, person_id: str, address: Address, question: str, answer: str = "An answer."
) -> int:
    """A turn that came by another platform; the conversation's number."""
    conversation = await home.core.conversations.open(address)
    number = len(home.core.memory.turns)
    event = Event(f"e{number}", EventKind.MESSAGE, address, Sender("u"), (Part(text=question),), "m")
    turn = await home.core.turns.begin(conversation, event, person_id=person_id)
    done = replace(turn, state=TurnState.DONE, text=answer, ended_at=SystemClock().time())
    await home.core.turns.finish(done, (Message(Role.USER, question), Message(Role.ASSISTANT, answer)))
    return conversation.id


async def test_the_last_active_comes_first_and_pages_are_walked_by_key() -> None:
    async with house() as home, browser_like(home.url) as client:
        await client.get("/")
        ids = [await begun(client, f"Question {n}") for n in range(33)]
        await begun(client, "Once more", conversation=ids[0])
        first = (await client.get("/api/v1/conversations")).json()
        second = (await client.get("/api/v1/conversations", params={"before": first["older"]})).json()
    found = [c["id"] for c in first["conversations"] + second["conversations"]]
    assert found == [ids[0], *ids[:0:-1]]
    assert second["older"] == ""
    assert all(c["here"] and c["platform"] == "web" for c in first["conversations"])


@pytest.mark.parametrize(
    ("query", "found"), [("kettle", ["tea"]), ("绿茶", ["cha"]), ("KETTLE", ["tea"]), ("?", []), ("none", [])]
)
async def test_own_words_are_found_in_any_language(query: str, found: list[str]) -> None:
    async with house() as home, browser_like(home.url) as client, browser_like(home.url) as other:
        for page in (client, other):
            await page.get("/")
            await begun(page, "Where is the kettle?", conversation="tea")
            await begun(page, "绿茶怎么泡", conversation="cha")
        rows = await listing(client, query=query)
    assert [c["id"] for c in rows] == found
    assert all(query.lower() in c["excerpt"].lower() for c in rows)


async def test_a_new_title_is_kept_and_found() -> None:
    async with house() as home, browser_like(home.url) as client:
        await client.get("/")
        id = await begun(client, "Hello")
        assert (await rename(client, id, "  My   <b>holiday</b> ")).json() == {"accepted": True}
        assert [c["title"] for c in await listing(client)] == ["My <b>holiday</b>"]
        assert [c["id"] for c in await listing(client, query="holiday")] == [id]
        assert (await rename(client, id, "  ")).status_code == 422
        assert (await rename(client, id, "x" * 201)).status_code == 422
        assert (await rename(client, id, "\x00")).status_code == 422


async def test_what_is_deleted_is_gone_with_its_files(tmp_path: Path) -> None:
    files = Files(tmp_path, SystemClock(), limit=1000)
    async with house(files=files) as home, browser_like(home.url) as client:
        await client.get("/")
        kept, gone = [await _with_file(client, content) for content in ("kept", "gone")]
        visitor = await visitor_of(home)
        assert (await delete(client, gone[0])).json() == {"accepted": True}
        assert [c["id"] for c in await listing(client)] == [kept[0]]
        assert (await client.get(f"/api/v1/conversations/{gone[0]}/messages")).status_code == 404
        assert (await delete(client, gone[0])).status_code == 404
        assert await files.find(visitor, gone[1]) is None
        assert await files.find(visitor, kept[1]) is not None
    assert len(home.core.memory.conversations) == 1


async def _with_file(client: httpx.AsyncClient, content: str) -> tuple[str, str]:
    stored = await client.post("/api/v1/files", files={"file": ("a.txt", content.encode())})
    file = str(stored.json()["id"])
    return await begun(client, f"About {content}", attachments=[file]), file


async def test_an_answer_under_way_stops_when_its_conversation_is_deleted() -> None:
    script = Script(pause_after=1)
    async with house(script=script) as home, browser_like(home.url) as client:
        await client.get("/")
        async with client.stream("POST", "/api/v1/chat", json={"text": "Long?"}) as response:
            told = events(response)
            name, start = await anext(told)
            while name != "chunk":
                name, _ = await anext(told)
            assert (await listing(client))[0]["answering"] == start["id"]
            assert (await delete(client, start["conversation"])).json() == {"accepted": True}
            assert [name async for name, _ in told][-1] in ("done", "error")
        assert home.core.stopping
        assert await listing(client) == []


async def test_what_the_person_said_elsewhere_is_read_and_marked() -> None:
    async with house() as home, browser_like(home.url) as client:
        await client.get("/")
        here = await begun(client, "Here")
        person = await home.core.people.find("web", await visitor_of(home))
        assert person is not None
        there = await said_elsewhere(
            home, person.id, Address("telegram", "bot", "7"), "From my phone", "Yes."
        )
        group = await said_elsewhere(home, person.id, Address("discord", "bot", "g"), "In a group")
        await said_elsewhere(home, "somebody", Address("discord", "bot", "g"), "In a group, too")
        rows = await listing(client)
        assert [(c["id"], c["platform"], c["here"]) for c in rows] == [
            (f"@{there}", "telegram", False),
            (here, "web", True),
        ]
        read = (await client.get(f"/api/v1/conversations/@{there}/messages")).json()
        assert [(m["id"], m["question"], m["answer"]) for m in read["messages"]] == [
            ("@1", "From my phone", "Yes.")
        ]
        earlier = await client.get(f"/api/v1/conversations/@{there}/messages", params={"before": "@1"})
        assert earlier.json()["messages"] == []
        assert (await client.get(f"/api/v1/conversations/@{group}/messages")).status_code == 404
        assert (await delete(client, f"@{group}")).status_code == 404
        assert (await delete(client, f"@{there}")).json() == {"accepted": True}
    assert there not in home.core.memory.conversations
    assert group in home.core.memory.conversations


async def test_a_download_is_whole_and_names_what_was_cited() -> None:
    async with house() as home, browser_like(home.url) as client:
        await client.get("/")
        id = await begun(client, "How do I connect it?")
        for number in range(60):
            await begun(client, f"Question {number}", conversation=id)
        await rename(client, id, "../../Über <alles>\u202e.exe")
        text = await client.get(f"/api/v1/conversations/{id}/export")
        data = await client.get(f"/api/v1/conversations/{id}/export", params={"format": "json"})
        assert (await client.get(f"/api/v1/conversations/{id}/export?format=exe")).status_code == 422
    assert text.headers["content-type"] == "text/markdown; charset=utf-8"
    assert text.text.startswith("# ../../Über <alles>")
    assert text.text.count("## You · ") == 61
    assert "[1] Connect Telegram (handbook/telegram.md)\n> Talk to @BotFather …" in text.text
    turns = json.loads(data.text)["turns"]
    assert [turn["question"] for turn in turns[:2]] == ["How do I connect it?", "Question 0"]
    assert len(turns) == 61
    assert turns[0]["citations"][0]["source"] == "handbook/telegram.md"
    kept = data.headers["content-disposition"]
    assert kept.startswith("attachment; ")
    assert "/" not in unquote(kept.partition("filename*=")[2])
    assert "\u202e" not in unquote(kept)


@pytest.mark.parametrize(
    "title", ["", "..", "a\r\nSet-Cookie: x=1", 'x"; filename="y.exe', "聊天/记录", "." * 300]
)
def test_a_files_name_is_safe_everywhere(title: str) -> None:
    header = disposition(title, "md")
    plain, _, wide = header.removeprefix('attachment; filename="').partition("\"; filename*=UTF-8''")
    assert plain.removesuffix(".md").replace("-", "").isalnum()
    assert header.isascii()
    assert header.isprintable()
    name = unquote(wide)
    assert not set(name) & set('/\\:*?"<>|\r\n')
    assert not name.startswith(".")


async def test_messages_tell_what_their_reader_thinks_of_them() -> None:
    async with house() as home, browser_like(home.url) as ann:
        await ann.get("/")
        start = (await ask(ann, "How?"))[0][1]
        path = f"/api/v1/conversations/{start['conversation']}/messages"
        assert [m["vote"] for m in (await ann.get(path)).json()["messages"]] == [0]
        await ann.post(f"/api/v1/chat/{start['id']}/feedback", json={"value": -1, "reason": "so"})
        await ask(ann, "And then?", conversation=start["conversation"])
        assert [m["vote"] for m in (await ann.get(path)).json()["messages"]] == [-1, 0]


async def _tries(client: httpx.AsyncClient, id: str, answer: str, share: str) -> dict[str, httpx.Response]:
    """Every route that takes an id, with these."""
    base = f"/api/v1/conversations/{id}"
    return {
        "messages": await client.get(f"{base}/messages"),
        "before": await client.get(f"{base}/messages", params={"before": answer}),
        "rename": await client.patch(base, json={"title": "Mine now"}),
        "delete": await client.request("DELETE", base, json={}),
        "markdown": await client.get(f"{base}/export"),
        "json": await client.get(f"{base}/export?format=json"),
        "share": await client.post(f"{base}/shares", json={"days": 1}),
        "revoke": await client.request("DELETE", f"/api/v1/shares/{share}", json={}),
        "answer": await client.get(f"/api/v1/chat/{answer}"),
        "passage": await client.get(f"/api/v1/chat/{answer}/passages/1"),
        "stop": await client.post(f"/api/v1/chat/{answer}/stop", json={}),
        "vote": await client.post(f"/api/v1/chat/{answer}/feedback", json={"value": 1}),
        "retry": await client.post("/api/v1/chat", json={"retry_of": answer}),
        "edit": await client.post("/api/v1/chat", json={"edit_of": answer, "text": "x"}),
    }


async def test_no_route_reaches_what_is_another_visitors() -> None:
    memory = Memory()
    async with house(memory) as home, browser_like(home.url) as ann, browser_like(home.url) as eve:
        await ann.get("/")
        (start, *_) = [data for name, data in await ask(ann, "My secret") if name == "start"]
        share = (
            await ann.post(f"/api/v1/conversations/{start['conversation']}/shares", json={"days": 1})
        ).json()
        number = next(iter(memory.conversations))
        await eve.get("/")
        await begun(eve, "Eve is here")
        for id in (start["conversation"], f"@{number}"):
            tried = await _tries(eve, id, start["id"], share["id"])
            assert {name: r.status_code for name, r in tried.items()} == dict.fromkeys(tried, 404)
            assert all("secret" not in r.text for r in tried.values())
        assert [c["title"] for c in await listing(eve, query="secret")] == []
        assert (await eve.get("/api/v1/shares")).json() == {"shares": [], "older": ""}
        assert len(await listing(eve)) == 1
        (mine,) = await listing(ann)
        assert mine["id"] == start["conversation"]
        assert len((await ann.get("/api/v1/shares")).json()["shares"]) == 1
