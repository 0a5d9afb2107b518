"""Who erases all of theirs while an answer is being written for them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.adapters.test_web_mine import erase
from tests.adapters.web_core import browser_like, events
from tests.e2e.running import service
from tests.simulators.openai import Behaviour, Server

CHAT = "/api/v1/chat"


async def test_the_model_writes_nothing_more_for_who_erases_everything(tmp_path: Path) -> None:
    async with Server(Behaviour(endless=True, interval=0.01)).lifespan() as model:
        settings = {"model_url": model.url, "plugins_disabled": "qa"}
        async with service(tmp_path, **settings) as running, browser_like(running.url) as client:
            async with client.stream("POST", CHAT, json={"text": "Tell me everything."}) as answer:
                told = events(answer)
                _, start = await anext(told)
                await anext(told)
                more = {"text": "And what else?", "conversation": start["conversation"]}
                async with client.stream("POST", CHAT, json=more) as waiting:
                    later = events(waiting)
                    assert (await anext(later))[0] == "start"
                    assert (await erase(client)).status_code == 200
                    await asyncio.wait_for(model.aborted.wait(), 20)
                    async with asyncio.timeout(20):
                        ends = [[name async for name, _ in each][-1] for each in (told, later)]
            assert set(ends) <= {"done", "error"}
            assert len(model.chats) == 1
            assert (await client.get("/api/v1/conversations")).json()["conversations"] == []
