"""Dead letters are seen and tried again from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx

from tests.e2e.running import service, tertulia
from tests.simulators.openai import Behaviour, Server


async def test_a_dead_letter_is_listed_and_answered_after_a_retry(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert (await tertulia(home, "dead")).out == "There are no dead letters.\n"
    async with Server(Behaviour(status=400, message="no such thing")).lifespan() as model:
        async with service(home, model_url=model.url) as running, httpx.AsyncClient(timeout=30) as client:
            asked = {"text": "a question that fails", "id": "one"}
            answer = await client.post(f"{running.url}/api/v1/chat", json=asked)
            assert '"finish_reason":"error"' in answer.text
            listed = await tertulia(home, "dead", "--json")  # while the service runs, too
        (letter,) = json.loads(listed.out)
        assert "no such thing" in letter["reason"]
        assert "text" not in letter
        assert "a question that fails" in (await tertulia(home, "dead", "--text")).out
        wrong = await tertulia(home, "dead", "--retry", "nothing")
        assert (wrong.code, "no dead letter" in wrong.err) == (1, True)
        assert (await tertulia(home, "dead", "--retry", letter["key"])).code == 0
        model.behaviour = Behaviour(text="Now it works.")
        model.asked.clear()
        async with service(home, model_url=model.url):
            await asyncio.wait_for(model.asked.wait(), 30)
        assert (await tertulia(home, "dead")).out == "There are no dead letters.\n"
