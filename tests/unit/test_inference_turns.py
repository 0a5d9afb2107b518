"""Whole turns over the wire: an answer that a server breaks off is gone on from, and shown once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.clock import SystemClock
from inference.http import Http
from inference.openai_api import OpenAIModel
from inference.wire import Endpoint
from tests.simulators.openai import Behaviour, Server
from tests.vllm.chats import Chats

WHOLE = "one two three four five six seven eight nine ten eleven twelve"
BEGUN = "one two three four five six"


@pytest.mark.parametrize(
    "breaking",
    [
        Behaviour(text=BEGUN, finish="abort"),
        Behaviour(text=BEGUN, unfinished=True),
        Behaviour(text=WHOLE, cut=6),
        Behaviour(text=WHOLE, stall=6),
        Behaviour(text=WHOLE, error_after=6),
    ],
    ids=["SIGTERM", "no reason", "SIGKILL", "SIGTERM, stalled", "engine dead"],
)
async def test_an_answer_that_breaks_off_is_completed_in_its_own_message(
    breaking: Behaviour, tmp_path: Path
) -> None:
    async with Server(breaking).lifespan() as server, Http().lifespan() as http:
        model = OpenAIModel(Endpoint(server.url), http, SystemClock())
        chats = Chats(model, tmp_path, patience=30, stall=0.2)
        async with chats.running():
            await chats.ask("chat")
            await chats.until("chat", lambda out: "five" in out.plain)
            server.behaviour = Behaviour(text=WHOLE)
            await chats.until("chat", lambda out: out.final)
        (shown,) = chats.shown("chat")
        assert shown.plain == WHOLE
        assert server.chats[-1].body["continue_final_message"]


@pytest.mark.parametrize(
    ("refusing", "told"),
    [
        (Behaviour(status=401, message="no such key"), "cannot be used right now"),
        (Behaviour(status=403, message="not yours"), "cannot be used right now"),
        (Behaviour(status=404, message="no such model"), "cannot be used right now"),
        (Behaviour(status=400, message="no"), "shorter or different"),
        (Behaviour(status=422, message="no"), "shorter or different"),
    ],
)
async def test_people_are_asked_for_another_question_only_where_that_can_help(
    refusing: Behaviour, told: str, tmp_path: Path
) -> None:
    async with Server(refusing).lifespan() as server, Http().lifespan() as http:
        model = OpenAIModel(Endpoint(server.url), http, SystemClock())
        chats = Chats(model, tmp_path, patience=30, stall=5)
        async with chats.running():
            await chats.ask("chat")
            await chats.until("chat", lambda out: out.final)
        (shown,) = chats.shown("chat")
        assert told in shown.plain
        assert (told == "cannot be used right now") == ("shorter" not in shown.plain)


async def test_a_full_queue_is_waited_for_and_the_person_sees_only_the_answer(tmp_path: Path) -> None:
    async with Server(Behaviour(text=WHOLE, full=2)).lifespan() as server, Http().lifespan() as http:
        model = OpenAIModel(Endpoint(server.url), http, SystemClock())
        chats = Chats(model, tmp_path, patience=30, stall=5)
        async with chats.running():
            await chats.ask("chat")
            await chats.until("chat", lambda out: out.final)
        assert [out.plain for out in chats.shown("chat")] == [WHOLE]
        assert len(server.chats) == 3
