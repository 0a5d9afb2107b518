"""The stream by which a visitor's pages agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from adapters.web.updates import LAST_LOOK, WATCHED
from bot.clock import SystemClock
from bot.types import Address, Markup, Outgoing
from tests.adapters.test_web_conversations import begun, delete, rename, said_elsewhere, visitor_of
from tests.adapters.web_core import Script, Told, ask, browser_like, events, house
from tests.fakes import Memory


@asynccontextmanager
async def updates(client: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[Told]]:
    async with client.stream("GET", "/api/v1/updates") as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield events(response)


async def until(told: AsyncIterator[Told], name: str, **wanted: Any) -> dict[str, Any]:
    """The next event of this name whose data have these values."""
    async for found, data in told:
        if found == name and all(data[key] == value for key, value in wanted.items()):
            return dict(data)
    raise AssertionError(f"the stream ended without {name} {wanted}")


async def test_a_page_is_told_of_questions_answers_titles_and_deletions() -> None:
    script = Script(pause_after=2)
    async with house(script=script) as home, browser_like(home.url) as client:
        await client.get("/")
        async with updates(client) as told:
            assert await anext(told) == ("conversations", {"conversations": [], "older": ""})
            asking = asyncio.create_task(ask(client, "How?"))
            begun_ = await until(told, "conversation")
            assert begun_["answering"]
            script.gate.set()
            start = (await asking)[0][1]
            assert start == {"id": begun_["answering"], "conversation": begun_["id"]}
            await until(told, "conversation", id=begun_["id"], answering="")
            await rename(client, begun_["id"], "Another title")
            await until(told, "conversation", title="Another title")
            await delete(client, begun_["id"])
            await until(told, "deleted", id=begun_["id"])


async def test_a_stream_begins_with_what_there_is_and_is_one_visitors_alone() -> None:
    async with house() as home, browser_like(home.url) as ann, browser_like(home.url) as eve:
        await ann.get("/")
        await eve.get("/")
        id = await begun(ann, "Ann's")
        async with updates(ann) as anns, updates(eve) as eves:
            assert [c["id"] for c in (await anext(anns))[1]["conversations"]] == [id]
            assert (await anext(eves))[1]["conversations"] == []
            other = await begun(ann, "Ann's second")
            assert (await until(anns, "conversation"))["id"] == other
            mine = await begun(eve, "Eve's")
            assert (await until(eves, "conversation"))["id"] == mine


async def test_a_question_under_way_is_read_by_another_page() -> None:
    script = Script(pause_after=1)
    async with house(script=script) as home, browser_like(home.url) as client:
        await client.get("/")
        async with client.stream("POST", "/api/v1/chat", json={"text": "What is it?"}) as response:
            told = events(response)
            start = (await anext(told))[1]
            while (await anext(told))[0] != "chunk":
                pass
            read = await client.get(f"/api/v1/conversations/{start['conversation']}/messages")
            (message,) = read.json()["messages"]
            assert (message["id"], message["question"]) == (start["id"], "What is it?")
            assert message["state"] == "generating"
            script.gate.set()


async def test_what_comes_without_a_question_is_told_too() -> None:
    async with house() as home, browser_like(home.url) as client:
        await client.get("/")
        id = await begun(client, "Is anybody there?")
        visitor = await visitor_of(home)
        person = await home.core.people.find("web", visitor)
        assert person is not None
        address = Address("web", "web", f"{visitor}:{id}")
        async with updates(client) as told:
            before = (await anext(told))[1]["conversations"][0]["active_at"]
            await said_elsewhere(home, person.id, address, "", "I am here.")
            out = Outgoing("I am here.", "I am here.", markup=Markup.MARKDOWN, final=True)
            await home.core.channel.send(address, out, key="console")
            assert (await until(told, "conversation", id=id))["active_at"] > before
        read = (await client.get(f"/api/v1/conversations/{id}/messages")).json()["messages"]
        assert [m["answer"] for m in read][-1] == "I am here."
        assert read[-1]["id"] == "e1"


class Quick(SystemClock):
    """Waits for nothing, and counts how often it would have, and how long."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def call_later(self, seconds: float, callback: Any) -> Any:
        self.waits.append(seconds)
        return super().call_later(0 if len(self.waits) < 20 else seconds, callback)


async def test_what_other_processes_do_is_found_and_the_looks_grow_rare() -> None:
    clock = Quick()
    async with house(clock=clock) as home, browser_like(home.url) as client:
        await client.get("/")
        await begun(client, "Here")
        clock.waits.clear()
        person = await home.core.people.find("web", await visitor_of(home))
        assert person is not None
        async with updates(client) as told:
            await anext(told)
            number = await said_elsewhere(home, person.id, Address("telegram", "bot", "7"), "There")
            assert (await until(told, "conversation"))["id"] == f"@{number}"
    assert max(clock.waits) <= LAST_LOOK


async def test_a_visitor_may_not_hold_every_stream_and_streams_end_with_the_server() -> None:
    async with browser_like("") as client:
        client.base_url = httpx.URL("http://127.0.0.1")
        async with house() as home:
            client.base_url = httpx.URL(home.url)
            await client.get("/")
            names = asyncio.Queue[str]()
            held = [asyncio.create_task(_listen(client, names)) for _ in range(8)]
            assert [await names.get() for _ in held] == ["conversations"] * 8
            assert (await client.get("/api/v1/updates")).status_code == 429
        await asyncio.gather(*held)
        assert names.empty()
        assert home.core.channel.watchers == 0


async def _listen(client: httpx.AsyncClient, names: asyncio.Queue[str]) -> None:
    async with updates(client) as told:
        async for name, _ in told:
            names.put_nowait(name)


async def test_what_only_leaves_the_watched_end_is_not_told_as_deleted() -> None:
    memory = Memory()
    async with house(memory) as home, browser_like(home.url) as client:
        await client.get("/")
        first = await begun(client, "First")
        (conversation,) = memory.conversations.values()
        for number in range(WATCHED - 1):
            at = replace(conversation.address, chat=f"{await visitor_of(home)}:c{number}")
            person = await home.core.people.find("web", await visitor_of(home))
            assert person is not None
            await said_elsewhere(home, person.id, at, f"Question {number}")
        async with updates(client) as told:
            rows = (await anext(told))[1]["conversations"]
            assert [c["id"] for c in rows][-1] == first
            last = await begun(client, "One more")
            await delete(client, "c7")
            seen = [await until(told, "conversation", id=last), await until(told, "deleted")]
    assert seen[1]["id"] == "c7"
