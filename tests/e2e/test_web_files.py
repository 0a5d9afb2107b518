"""Files and passages of the page, through the whole service."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from tests.adapters.web_core import ask, browser_like, text_of
from tests.e2e.running import service, tertulia
from tests.simulators.openai import Behaviour, Server

URL = "/api/v1/files"


async def _bring(client: httpx.AsyncClient, name: str, content: bytes) -> str:
    brought = await client.post(URL, files={"file": (name, content)})
    assert brought.status_code == 200, brought.text
    return str(brought.json()["id"])


async def test_a_text_file_reaches_the_model_and_goes_with_its_person(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with Server(Behaviour(text="Noted.")).lifespan() as model:
        async with service(home, model_url=model.url) as running, browser_like(running.url) as client:
            id = await _bring(client, "../../notes.txt", b"The code word is heron.")
            start = (await ask(client, "What is the code word?", attachments=[id]))[0][1]
            read = "The code word is heron." in str(model.requests)
            person = text_of(await ask(client, "/whoami"))
            path = f"/api/v1/conversations/{start['conversation']}/messages"
            shown = (await client.get(path)).json()["messages"][0]
            kept = await client.get(f"{URL}/{id}")
        known = next(word for word in person.replace("`", " ").split() if len(word.strip(".,")) >= 20)
        deleted = await tertulia(home, "export", known.strip(".,"), "--delete")
    left = await asyncio.to_thread(lambda: list((home / "files").rglob("*")))
    assert read
    assert shown["question"] == "What is the code word?"
    assert [a["name"] for a in shown["attachments"]] == ["notes.txt"]
    assert kept.content == b"The code word is heron."
    assert deleted.code == 0, deleted.err
    assert left == []


async def test_a_handbook_passage_is_read_whole_and_one_for_others_is_not(tmp_path: Path) -> None:
    home, paper = tmp_path / "home", tmp_path / "paper.md"
    await asyncio.to_thread(paper.write_text, "# Zebra plan\n\nThe zebra budget is 1,200. It ends in May.\n")
    assert (await tertulia(home, "learn", str(paper))).code == 0
    async with service(home) as running, browser_like(running.url) as client:
        told = await ask(client, "What is the zebra budget?")
        citations = next(data for name, data in told if name == "citations")
        number = next(c["number"] for c in citations if "zebra" in c["quote"].lower())
        path = f"/api/v1/chat/{told[0][1]['id']}/passages/{number}"
        whole = (await client.get(path)).json()
        assert (await tertulia(home, "learn", str(paper), "--audience", "operator")).code == 0
        shut = (await client.get(path)).json()
    assert "It ends in May." in whole["text"]
    assert shut["text"] == ""
