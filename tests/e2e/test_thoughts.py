"""What a model thinks, from a server that tells it to the chat page's API, through the whole service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.adapters.web_core import Told, ask, browser_like, listen, text_of
from tests.e2e.running import service
from tests.simulators.openai import Behaviour, Server

THOUGHT = "The person greets me. I shall greet them."
DOWN = "http://127.0.0.1:9/v1"


def thought_of(told: list[Told]) -> str:
    text = ""
    for name, data in told:
        if name == "thought":
            text = data["text"] if data["anew"] else text + data["text"]
    return text.strip()


async def test_thoughts_reach_the_page_outlive_a_restart_and_go_to_no_model_again(tmp_path: Path) -> None:
    home, thinks = tmp_path / "home", Behaviour(text="Hello!", reasoning=THOUGHT, interval=0.02)
    async with Server(thinks).lifespan() as model:
        # the first server of the chain is down: the second one thinks
        async with service(home, model_url=f"{DOWN},{model.url}") as running:
            async with browser_like(running.url) as client:
                told = await ask(client, "Hi")
                start: dict[str, Any] = told[0][1]
                await ask(client, "And?", conversation=start["conversation"])
                cookies = dict(client.cookies)
        asked = str(model.requests)
        async with service(home, model_url=model.url) as running, browser_like(running.url) as client:
            client.cookies.update(cookies)
            path = f"/api/v1/conversations/{start['conversation']}"
            first, second = (await client.get(f"{path}/messages")).json()["messages"]
            again = await listen(client, start["id"])
            exported = (await client.get("/api/v1/me/export")).json()
            downloaded = (await client.get(f"{path}/export", params={"format": "json"})).text
            share = (await client.post(f"{path}/shares", json={"days": 1})).json()
            shared = (await client.get(share["path"])).text
            found = (await client.get("/api/v1/conversations", params={"query": "greets"})).json()
    assert (thought_of(told), text_of(told)) == (THOUGHT, "Hello!")
    assert (thought_of(again), text_of(again)) == (THOUGHT, "Hello!")
    assert [one["thoughts"]["text"].strip() for one in (first, second)] == [THOUGHT] * 2
    assert "Hello!" in asked
    assert [turn["thoughts"]["text"].strip() for turn in exported["turns"]] == [THOUGHT] * 2
    assert "Hello!" in downloaded
    assert "Hello!" in shared
    assert all("greets me" not in text for text in (asked, downloaded, shared))
    assert found["conversations"] == []


async def test_where_thoughts_are_not_to_be_seen_none_is_told_or_kept(tmp_path: Path) -> None:
    home, thinks = tmp_path / "home", Behaviour(text="Hello!", reasoning=THOUGHT)
    async with Server(thinks).lifespan() as model:
        async with service(home, model_url=model.url, web_thoughts="false") as running:
            async with browser_like(running.url) as client:
                told = await ask(client, "Hi")
                exported = (await client.get("/api/v1/me/export")).json()
    assert text_of(told) == "Hello!"
    assert thought_of(told) == ""
    assert [turn["thoughts"] for turn in exported["turns"]] == [None]
