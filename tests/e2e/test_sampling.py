"""Sampling of a single answer: over what the bot has chosen, by every way in, and through a crash."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.types import ADMIN, Address, EventKind, Sampling, Sender
from tests.adapters.web_core import ask, browser_like, events, house, listen, text_of
from tests.e2e.running import service, tertulia
from tests.scripted import World
from tests.simulators.openai import Behaviour, Server

SAMPLING = {"temperature": 0.1, "top_k": 5, "max_tokens": 700, "stop": ["END"], "seed": 3}
WANTED = Sampling(temperature=0.1, top_k=5, max_tokens=700, stop=("END",), seed=3)
LONG = " ".join(f"word{n}" for n in range(120))


async def test_it_goes_over_the_bots_for_this_answer_alone() -> None:
    world = World(sampling={"temperature": 0.9, "top_p": 0.5})
    async with world.running():
        await world.ask("Hi", sampling=WANTED)
        await world.ask("And?")
    first, second = (request.sampling for request in world.model.requests)
    assert first == WANTED.over(Sampling(top_p=0.5))
    assert second == Sampling(temperature=0.9, top_p=0.5)


async def test_the_nearest_choice_holds_for_each_parameter_and_default_gives_only_that_one_back() -> None:
    pirate = {"prompt": "Arr", "sampling": {"top_p": 0.2, "min_p": 0.2, "top_k": 2}}
    world = World(sampling={"temperature": 0.1, "top_p": 0.1, "seed": 1}, personas={"pirate": pirate})
    bot, group = Sampling(temperature=0.1, top_p=0.1, seed=1), Address("sim", "bot", "g")
    inside: dict[str, Any] = {
        "address": replace(group, thread="1"),
        "within": (group,),
        "private": False,
        "sender": Sender("ann", "ann", roles=(ADMIN,)),
    }

    async def used(*commands: str, sampling: Sampling | None = None) -> Sampling:
        for command in commands:
            await world.ask(command, **inside)
        await world.ask("Hi", sampling=sampling, **inside)
        return world.model.requests[-1].sampling

    async with world.running():
        assert await used() == bot
        persona = Sampling(top_p=0.2, min_p=0.2, top_k=2).over(bot)
        assert await used("/persona pirate") == persona
        around = Sampling(min_p=0.3, top_k=3).over(persona)
        assert await used("/settings everywhere min_p 0.3", "/settings everywhere top_k 3") == around
        own = Sampling(top_k=4, temperature=0.4).over(around)
        assert await used("/settings top_k 4", "/settings temperature 0.4") == own
        assert await used(sampling=Sampling(top_k=5, seed=5)) == Sampling(top_k=5, seed=5).over(own)
        assert await used("/settings top_k default") == replace(own, top_k=3)
        assert await used("/settings everywhere top_k default") == replace(own, top_k=2)
        assert await used("/settings temperature DEFAULT") == replace(around, top_k=2)
        assert await used("/settings everywhere min_p default", "/persona default") == bot
        assert await used("/settings seed default", "/settings heat default") == bot


async def test_a_retry_and_an_edit_bring_their_own() -> None:
    world = World()
    async with world.running():
        event = await world.say("Hi", sampling=Sampling(seed=1))
        await world.clock.advance(3)
        await world.ask("/retry", sampling=Sampling(seed=2))
        edit = {"kind": EventKind.EDIT, "message_id": event.message_id}
        await world.ask("Hello", sampling=Sampling(seed=3), **edit)
    assert [request.sampling.seed for request in world.model.requests] == [1, 2, 3]


async def test_a_question_that_is_edited_while_it_waits_keeps_the_newest() -> None:
    gate = asyncio.Event()
    world = World([gate, "First."])
    async with world.running():
        await world.say("First?")
        waits = [await world.say(text, sampling=Sampling(seed=5)) for text in ("Second?", "Third?")]
        for event, sampling in zip(waits, (None, Sampling(seed=6)), strict=True):
            edit = {"kind": EventKind.EDIT, "message_id": event.message_id}
            await world.say(f"{event.text} Please.", sampling=sampling, **edit)
        gate.set()
        await world.clock.advance(9)
    asked = {request.messages[-1].text: request.sampling.seed for request in world.model.requests}
    assert asked == {"First?": None, "Second? Please.": 5, "Third? Please.": 6}


async def test_it_goes_with_a_question_a_retry_and_an_edit_of_the_api() -> None:
    async with house() as home, browser_like(home.url) as client:
        told = await ask(client, "Hi", sampling=SAMPLING)
        again = await ask(client, "", retry_of=told[0][1]["id"], sampling=SAMPLING)
        await ask(client, "New words", edit_of=again[0][1]["id"], sampling=SAMPLING)
        await ask(client, "And plain")
    assert [event.sampling for event in home.core.seen] == [WANTED, WANTED, WANTED, None]


@pytest.mark.parametrize(
    ("sampling", "named"),
    [
        ({"temperature": 3}, "sampling.temperature"),
        ({"temperature": "warm"}, "sampling.temperature"),
        ({"temprature": 1}, "sampling.temprature"),
        ({"max_tokens": 0}, "sampling.max_tokens"),
        ({"top_p": 0}, "sampling.top_p"),
        ({"seed": 2**70}, "sampling.seed"),
        ({"stop": [""]}, "sampling.stop.0"),
        ({"stop": ["a"] * 5}, "sampling.stop"),
        ("hot", "sampling"),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_name(sampling: object, named: str) -> None:
    async with house() as home, browser_like(home.url) as client:
        refused = await client.post("/api/v1/chat", json={"text": "Hi", "sampling": sampling})
    assert home.core.seen == []
    assert refused.status_code == 422
    assert refused.json()["message"].startswith(f"{named}: ")


async def test_it_survives_a_kill_in_mid_answer(tmp_path: Path) -> None:
    async with Server(Behaviour(text=LONG, interval=0.01)).lifespan() as model:
        settings = {"model_url": model.url, "checkpoint_interval": "0.1", "temperature": "0.9"}
        async with service(tmp_path / "home", **settings) as running, browser_like(running.url) as client:
            body = {"text": "Tell me a lot.", "sampling": SAMPLING}
            async with client.stream("POST", "/api/v1/chat", json=body) as response:
                told = events(response)
                answer = (await anext(told))[1]["id"]
                await model.asked.wait()
            await running.kill()
            async with service(tmp_path / "home", port=running.port, **settings):
                assert text_of(await listen(client, answer)) == LONG
    first, last = model.chats[0].body, model.chats[-1].body
    assert first is not last
    for sent in (first, last):
        assert (sent["temperature"], sent["seed"], sent["stop"]) == (0.1, 3, ["END"])


async def test_the_terminal_takes_it_too(tmp_path: Path) -> None:
    async with Server(Behaviour(text="Fine.")).lifespan() as model:
        given = [x for name in ("temperature=0.1", "stop=A", "stop=B", "seed=3") for x in ("--set", name)]
        ended = await tertulia(tmp_path / "home", "ask", *given, "Hi", model_url=model.url)
        body = model.chats[-1].body
    assert ended.out == "Fine.\n"
    assert (body["temperature"], body["stop"], body["seed"]) == (0.1, ["A", "B"], 3)
    assert "top_p" not in body


@pytest.mark.parametrize(
    ("given", "said"), [("temperature=9", "temperature"), ("temprature=1", "'temperature'"), ("seed", "seed")]
)
async def test_the_terminal_says_what_does_not_fit(tmp_path: Path, given: str, said: str) -> None:
    ended = await tertulia(tmp_path / "home", "ask", "--set", given, "Hi")
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
