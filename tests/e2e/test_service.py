"""`tertulia run` as a process of its own: started, asked over HTTP, killed, stopped."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.adapters.web_core import Told, ask, browser_like, events, listen, text_of
from tests.e2e.running import service, tertulia
from tests.simulators.openai import Behaviour, Server

LONG = " ".join(f"word{n}" for n in range(120))


@pytest.fixture
async def model() -> AsyncIterator[Server]:
    """A model server that answers in a second or two."""
    async with Server(Behaviour(text=LONG, interval=0.01)).lifespan() as server:
        yield server


async def begin_answer(client: httpx.AsyncClient, text: str, words: int) -> str:
    """Ask, read so many words of the answer, and leave; returns the answer's id."""
    seen, answer = "", ""
    async with client.stream("POST", "/api/v1/chat", json={"text": text}) as response:
        async for name, data in events(response):
            answer = data["id"] if name == "start" else answer
            seen += data["text"] if name == "chunk" else ""
            if len(seen.split()) >= words:
                return answer
    raise AssertionError("the answer ended first")


def citations_of(told: list[Told]) -> list[dict[str, str]]:
    return next(data for name, data in told if name == "citations")


async def test_the_page_and_its_files_load(tmp_path: Path) -> None:
    async with service(tmp_path / "home") as running, browser_like(running.url) as client:
        page = await client.get("/")
        assert page.status_code == 200
        assert "<html" in page.text
        for path in ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"):
            assert (await client.get(path)).status_code == 200, path
    assert "Owner code" in running.out
    assert "No language model is connected" in running.out


@pytest.mark.parametrize("question", ["How do I connect Telegram?", "怎么连接 Telegram？"])
async def test_without_a_model_the_handbook_is_quoted_with_its_source(tmp_path: Path, question: str) -> None:
    async with service(tmp_path / "home") as running, browser_like(running.url) as client:
        told = await ask(client, question)
    assert "TELEGRAM_TOKEN" in text_of(told)
    assert "telegram" in citations_of(told)[0]["source"].lower()
    assert told[-1][0] == "done"
    chinese = sum("\u4e00" <= c <= "\u9fff" for c in text_of(told))
    assert (chinese > 10) == (question[0] == "怎")


async def test_with_a_model_the_history_is_kept_through_a_kill(tmp_path: Path, model: Server) -> None:
    model.behaviour = Behaviour(text="I will remember.")
    settings = {"model_url": model.url}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        told = await ask(client, "My cat is called Miso.")
        conversation = told[0][1]["conversation"]
        await running.kill()
        async with service(tmp_path / "home", port=running.port, **settings):
            assert text_of(await ask(client, "And now?", conversation=conversation)) == "I will remember."
            shown = (await client.get(f"/api/v1/conversations/{conversation}/messages")).json()["messages"]
    assert [m["question"] for m in shown] == ["My cat is called Miso.", "And now?"]
    said = [(m["role"], m["content"]) for m in model.chats[-1].body["messages"]]
    assert ("assistant", "I will remember.") in said
    assert any(role == "user" and text.startswith("My cat is called Miso.") for role, text in said)


async def test_a_kill_in_mid_answer_loses_and_doubles_nothing(tmp_path: Path, model: Server) -> None:
    settings = {"model_url": model.url, "checkpoint_interval": "0.2"}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        answer = await begin_answer(client, "Tell me a lot.", 40)
        await running.kill()
        async with service(tmp_path / "home", port=running.port, **settings):
            told = await listen(client, answer)
            conversation = told[0][1]["conversation"]
            shown = (await client.get(f"/api/v1/conversations/{conversation}/messages")).json()["messages"]
    assert text_of(told) == LONG
    assert [name for name, _ in told].count("done") == 1
    assert [m["answer"] for m in shown] == [LONG]
    assert shown[0]["state"] in ("delivering", "done")  # it is shown a moment before it is put down as done
    last = model.chats[-1].body
    assert last["continue_final_message"] is True
    assert LONG.startswith(last["messages"][-1]["content"])


async def test_the_same_holds_on_postgresql(tmp_path: Path, model: Server, postgres_url: str) -> None:
    settings = {"model_url": model.url, "database_url": postgres_url}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        answer = await begin_answer(client, "Tell me a lot.", 40)
        await running.kill()
        async with service(tmp_path / "home", port=running.port, **settings):
            assert text_of(await listen(client, answer)) == LONG
    assert not list((tmp_path / "home").glob("*.db*"))


async def test_sigterm_lets_the_answer_end_within_the_grace(tmp_path: Path, model: Server) -> None:
    settings = {"model_url": model.url, "stop_grace": "20"}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        answer = await begin_answer(client, "Tell me a lot.", 20)
        running.signal(signal.SIGTERM)
        assert await running.gone(20) == 0
        assert model.aborts == 0
        asked = len(model.chats)
        async with service(tmp_path / "home", port=running.port, **settings):
            assert text_of(await listen(client, answer)) == LONG
    assert len(model.chats) == asked


async def test_sigterm_leaves_readers_with_their_answer_until_it_has_ended(
    tmp_path: Path, model: Server
) -> None:
    settings = {"model_url": model.url, "stop_grace": "20"}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        told: list[Told] = []
        async with client.stream("POST", "/api/v1/chat", json={"text": "Tell me a lot."}) as response:
            async for name, data in events(response):
                told.append((name, data))
                if len(told) == 5:
                    running.signal(signal.SIGTERM)
                    await running.logged("Stopping")
        assert await running.gone(20) == 0
    assert told[-1][0] == "done"
    assert text_of(told) == LONG


async def until_refused(client: httpx.AsyncClient) -> None:
    while True:
        await client.get("/healthz")


async def test_after_sigterm_nobody_is_let_in_and_nobody_waits_for_what_did_not_begin(
    tmp_path: Path, model: Server
) -> None:
    settings = {"model_url": model.url, "stop_grace": "60", "concurrency": "1"}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        first = {"text": "Tell me a lot."}
        async with (
            client.stream("POST", "/api/v1/chat", json=first) as response,
            client.stream("POST", "/api/v1/chat", json={"text": "And more."}) as waiting,
        ):
            assert (await anext(events(waiting)))[0] == "start"
            running.signal(signal.SIGTERM)
            await running.logged("Stopping")
            assert text_of([told async for told in events(response)]) == LONG
            with pytest.raises(httpx.TransportError):
                await until_refused(client)
        assert await running.gone(20) == 0


async def test_sigterm_checkpoints_what_the_grace_is_too_short_for(tmp_path: Path, model: Server) -> None:
    model.behaviour = Behaviour(text=LONG, interval=0.05)
    settings = {"model_url": model.url, "stop_grace": "0.5"}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        answer = await begin_answer(client, "Tell me a lot.", 20)
        began = time.monotonic()
        running.signal(signal.SIGTERM)
        assert await running.gone(20) == 0
        assert time.monotonic() - began < 8
        await asyncio.wait_for(model.aborted.wait(), 5)
        model.behaviour = Behaviour(text=LONG)
        async with service(tmp_path / "home", port=running.port, **settings):
            assert text_of(await listen(client, answer)) == LONG
    begun = model.chats[-1].body["messages"][-1]["content"]
    assert LONG.startswith(begun)
    assert len(begun.split()) >= 20


async def level(client: httpx.AsyncClient, name: str, value: float) -> None:
    """Wait until /metrics shows this level."""
    async with asyncio.timeout(20):
        while f"\ntertulia_{name} {value}\n" not in (await client.get("/metrics")).text:
            pass


async def test_metrics_tell_at_any_time_what_runs_and_what_waits(tmp_path: Path, model: Server) -> None:
    model.behaviour = Behaviour(text=LONG, interval=0.05)
    settings = {"model_url": model.url}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        await level(client, "lanes_running", 0.0)
        answer = await begin_answer(client, "Tell me a lot.", 3)
        await level(client, "lanes_running", 1.0)
        await level(client, "events_waiting", 0.0)
        more = {"text": "And more?", "conversation": answer.partition(".")[0]}
        async with client.stream("POST", "/api/v1/chat", json=more) as response:
            await level(client, "events_waiting", 1.0)
            await client.post(f"/api/v1/chat/{answer}/stop", json={})
            assert "Stopped" in text_of([told async for told in events(response)])
        await level(client, "events_waiting", 0.0)
        await level(client, "lanes_running", 0.0)


async def test_a_second_sigterm_ends_it_at_once(tmp_path: Path, model: Server) -> None:
    model.behaviour = Behaviour(text=LONG, interval=1)
    settings = {"model_url": model.url, "stop_grace": "60"}
    async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
        await begin_answer(client, "Tell me a lot.", 1)
        running.signal(signal.SIGTERM)
        await running.logged("Stopping")
        running.signal(signal.SIGTERM)
        assert await running.gone(20) == -signal.SIGTERM


async def test_a_second_service_on_the_same_home_is_refused(tmp_path: Path) -> None:
    async with service(tmp_path / "home"):
        second = await tertulia(tmp_path / "home", "run", "--port", "0")
    assert second.code == 1
    assert "another Tertulia process is using this database" in second.err
    assert "Traceback" not in second.err
    assert second.out == ""


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await tertulia(tmp_path / "home", "run", "--port", port)
    assert ended.code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.err
    assert "TERTULIA_WEB_PORT" in ended.err
    assert "Traceback" not in ended.err
