"""The chat's API over a real server."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from bot.types import EventKind
from tests.adapters.web_core import ANSWER, Script, Told, ask, browser_like, events, house, listen, text_of
from tests.fakes import Memory


async def _begin(client: httpx.AsyncClient, text: str, words: int, **body: str) -> tuple[str, str]:
    """Ask, read until some text has come, and hang up: (answer id, text so far)."""
    seen = ""
    answer = ""
    async with client.stream("POST", "/api/v1/chat", json={"text": text, **body}) as response:
        async for name, data in events(response):
            answer = data["id"] if name == "start" else answer
            seen += data["text"] if name == "chunk" else ""
            if len(seen.split()) >= words:
                break
    return answer, seen


async def test_an_answer_streams_with_citations_usage_and_an_end() -> None:
    async with house() as home, browser_like(home.url) as client:
        told = await ask(client, "How do I connect Telegram?")
    names = [name for name, _ in told]
    assert names[0] == "start"
    assert names[-2:] == ["citations", "done"]
    assert text_of(told) == ANSWER
    assert told[-2][1][0]["source"] == "handbook/telegram.md"
    assert told[-1][1] == {"finish_reason": "stop", "usage": {"prompt": 12, "completion": 7, "cached": 3}}


async def test_html_comes_only_to_those_who_ask_for_it_and_ends_complete() -> None:
    async with house() as home, browser_like(home.url) as client:
        plain = await ask(client, "How?")
        rich = await ask(client, "How?", html=True)
    blocks: list[str] = []
    for name, data in rich:
        if name == "html":
            blocks[data["from"] :] = data["blocks"]
    assert not [name for name, _ in plain if name == "html"]
    assert "<strong>@BotFather</strong>" in "".join(blocks)


async def test_a_visitor_on_this_machine_is_trusted_and_the_language_is_told() -> None:
    async with house() as home, browser_like(home.url) as client:
        client.headers["Accept-Language"] = "zh-CN,zh;q=0.9,en;q=0.5"
        await ask(client, "怎么连接 Telegram？")
        sender = home.core.seen[0].sender
    assert sender.trusted
    assert sender.language == "zh-CN"


async def test_the_same_id_is_asked_once_and_attaches_to_the_same_answer() -> None:
    async with house() as home, browser_like(home.url) as client:
        first = await ask(client, "Once", id="my-own-id")
        again = await ask(client, "Once", id="my-own-id")
        assert len(home.core.seen) == 1
    assert first[0] == again[0]
    assert text_of(again) == ANSWER


async def test_a_reader_who_returns_in_mid_answer_gets_all_of_it() -> None:
    script = Script(pause_after=3)
    async with house(script=script) as home, browser_like(home.url) as client:
        answer, seen = await _begin(client, "How?", 3)
        assert ANSWER.startswith(seen)
        assert seen != ANSWER
        reading = asyncio.create_task(listen(client, answer))
        script.gate.set()
        assert text_of(await reading) == ANSWER


async def test_an_answer_is_told_in_whole_after_a_restart() -> None:
    memory = Memory()
    async with house(memory) as home, browser_like(home.url) as client:
        told = await ask(client, "How?")
        cookies = client.cookies
    async with house(memory) as home, browser_like(home.url) as client:
        client.cookies = cookies
        again = await listen(client, told[0][1]["id"])
    assert text_of(again) == ANSWER
    assert [name for name, _ in again] == ["start", "chunk", "citations", "done"]
    assert again[-1] == told[-1]


async def test_an_answer_that_a_restart_interrupted_goes_on_to_its_end() -> None:
    memory, script = Memory(), Script(pause_after=3)
    async with house(memory, script) as home, browser_like(home.url) as client:
        answer, seen = await _begin(client, "How?", 3)
        cookies = client.cookies
    script = Script(pause_after=1)
    async with house(memory, script) as home, browser_like(home.url) as client:
        client.cookies = cookies
        told: list[Told] = []
        async with client.stream("GET", f"/api/v1/chat/{answer}") as response:
            async for one in events(response):
                told.append(one)
                if one[0] == "chunk":
                    script.gate.set()
    assert seen
    assert text_of(told) == ANSWER
    assert told[-1][0] == "done"


async def test_stop_ends_the_answer_where_it_is() -> None:
    async with house(script=Script(pause_after=2)) as home, browser_like(home.url) as client:
        async with client.stream("POST", "/api/v1/chat", json={"text": "Long"}) as response:
            told: list[Told] = []
            async for one in events(response):
                told.append(one)
                if one[0] == "chunk" and not home.core.stopping:
                    stopped = await client.post(f"/api/v1/chat/{told[0][1]['id']}/stop", json={})
                    assert stopped.json() == {"accepted": True}
        late = await client.post(f"/api/v1/chat/{told[0][1]['id']}/stop", json={})
    assert told[-1][1]["finish_reason"] == "cancelled"
    assert text_of(told) != ANSWER
    assert late.json() == {"accepted": False}


async def test_retry_and_edit_answer_anew_in_the_same_message() -> None:
    async with house() as home, browser_like(home.url) as client:
        first = await ask(client, "Old words")
        home.core.script.answer = "Another answer."
        second = await ask(client, "", retry_of=first[0][1]["id"])
        home.core.script.answer = "A third one."
        third = await ask(client, "New words", edit_of=second[0][1]["id"])
        retried, edited = home.core.seen[1:]
        conversation = first[0][1]["conversation"]
        shown = (await client.get(f"/api/v1/conversations/{conversation}/messages")).json()["messages"]
        replaced = await client.post("/api/v1/chat", json={"retry_of": first[0][1]["id"]})
    assert (retried.kind, retried.data) == (EventKind.BUTTON, "retry")
    assert edited.kind is EventKind.EDIT
    assert edited.message_id == first[0][1]["id"]
    assert [text_of(second), text_of(third)] == ["Another answer.", "A third one."]
    assert [(m["question"], m["answer"]) for m in shown] == [("New words", "A third one.")]
    assert shown[0]["id"] == third[0][1]["id"]
    assert replaced.status_code == 409


async def test_an_answer_that_is_read_takes_a_vote_though_it_is_not_stored_yet() -> None:
    script = Script(kept=asyncio.Event())
    async with house(script=script) as home, browser_like(home.url) as client:
        answer, _ = await _begin(client, "How?", 1)
        vote = await client.post(f"/api/v1/chat/{answer}/feedback", json={"value": 1})
        reaction = home.core.seen[-1]
        script.kept.set()
    assert vote.status_code == 200
    assert (reaction.kind, reaction.message_id[-2:]) == (EventKind.REACTION, ":0")


async def test_feedback_becomes_a_reaction_to_the_answers_message() -> None:
    async with house() as home, browser_like(home.url) as client:
        answer = (await ask(client, "How?"))[0][1]["id"]
        given = [
            await client.post(f"/api/v1/chat/{answer}/feedback", json={"value": v, "reason": "so"})
            for v in (1, -1, 0)
        ]
        reactions = home.core.seen[1:]
        turn = await home.core.turns.of_event(f"web/web/{answer}")
        assert turn is not None
        shown = (await home.core.turns.deliveries(turn.id))[0].message_id
    assert [r.json() for r in given] == [{"accepted": True}] * 3
    assert [(e.kind, e.data, e.message_id) for e in reactions] == [
        (EventKind.REACTION, data, shown) for data in ("👍", "👎", "")
    ]


async def test_a_command_is_answered_without_a_turn() -> None:
    async with house() as home, browser_like(home.url) as client:
        told = await ask(client, "/help")
        assert home.core.seen[0].kind is EventKind.COMMAND
    assert text_of(told) == "Help is here."


async def test_conversations_are_listed_and_restored_for_their_visitor_alone() -> None:
    async with house() as home, browser_like(home.url) as mine, browser_like(home.url) as other:
        start = (await ask(mine, "Mine"))[0][1]
        await ask(other, "Other")
        path = f"/api/v1/conversations/{start['conversation']}/messages"
        listed = (await mine.get("/api/v1/conversations")).json()["conversations"]
        assert [c["id"] for c in listed] == [start["conversation"]]
        assert (await mine.get(path)).json()["messages"][0]["question"] == "Mine"
        assert (await other.get(path)).status_code == 404
        for call in (
            other.get(f"/api/v1/chat/{start['id']}"),
            other.post(f"/api/v1/chat/{start['id']}/stop", json={}),
            other.post(f"/api/v1/chat/{start['id']}/feedback", json={"value": 1}),
            other.post("/api/v1/chat", json={"retry_of": start["id"]}),
        ):
            assert (await call).status_code == 404


async def test_one_visitor_may_not_hold_every_stream() -> None:
    script = Script(pause_after=1)
    async with house(script=script) as home, browser_like(home.url) as client:
        await client.get("/")
        held = [asyncio.create_task(ask(client, f"Question {n}")) for n in range(8)]
        for _ in held:
            await home.core.arrivals.get()
        refused = await client.post("/api/v1/chat", json={"text": "One more"})
        script.gate.set()
        await asyncio.gather(*held)
    assert refused.status_code == 429
    assert "at once" in refused.json()["message"]


@pytest.mark.parametrize(("body", "place"), [("{", 1), ("[1,", 3), ('{"text": nope}', 9)])
async def test_a_body_that_is_no_json_is_answered_with_a_sentence(body: str, place: int) -> None:
    async with house() as home, browser_like(home.url) as client:
        headers = {"Content-Type": "application/json"}
        refused = await client.post("/api/v1/chat", content=body, headers=headers)
    assert refused.status_code == 422
    message = refused.json()["message"]
    assert message.startswith("The body is no valid JSON: ")
    assert message.endswith(f"(at character {place}).")


async def test_nothing_is_answered_anew_while_a_person_answers() -> None:
    async with house() as home, browser_like(home.url) as client:
        [(_, start), *_] = await ask(client, "How?")
        conversation = await home.core.conversations.open(home.core.seen[-1].address)
        held = {"takeover": {"name": "Olga", "at": 1.0}}
        await home.core.conversations.update(conversation.id, settings=held)
        for body in ({"retry_of": start["id"]}, {"edit_of": start["id"], "text": "Why?"}):
            refused = await client.post("/api/v1/chat", json=body)
            assert refused.status_code == 423
            assert "A member of staff answers" in refused.json()["message"]
        assert len(home.core.seen) == 1
        await home.core.conversations.update(conversation.id, settings={"takeover": None})
        assert text_of(await ask(client, "", retry_of=start["id"])) == ANSWER
