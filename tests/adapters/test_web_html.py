"""Long answers: made into HTML beside the event loop, and told page by page."""

from __future__ import annotations

import asyncio

from adapters.web.blocks import Blocks, Renderer, html_blocks
from adapters.web.history import SHOWN_CHARACTERS
from tests.adapters.web_core import ask, browser_like, house
from tests.fakes import FakeClock

TABLE = "|a|b|\n|-|-|\n" + "|c|d|\n" * 4000


async def test_a_long_answer_is_rendered_while_the_event_loop_goes_on() -> None:
    rendering = asyncio.create_task(Renderer().blocks(TABLE))
    turns = 0
    while not rendering.done():
        turns += 1
        await asyncio.sleep(0)
    blocks, cost = await rendering
    assert blocks == html_blocks(TABLE)
    assert cost > 0
    assert turns > 10


async def test_a_history_of_long_answers_comes_page_by_page_whole_and_in_order() -> None:
    async with house() as home, browser_like(home.url) as client:
        conversation: dict[str, str] = {}
        for number in range(5):
            home.core.script.answer = f"{number}:" + "x" * (SHOWN_CHARACTERS // 2 - 10)
            start = (await ask(client, f"q{number}", **conversation))[0][1]
            conversation = {"conversation": start["conversation"]}
        path = f"/api/v1/conversations/{start['conversation']}/messages"
        pages = [(await client.get(path)).json()]
        while pages[0]["older"]:
            before = {"before": pages[0]["messages"][0]["id"]}
            pages.insert(0, (await client.get(path, params=before)).json())
        unknown = await client.get(path, params={"before": "made-up"})
    assert [[m["question"] for m in page["messages"]] for page in pages] == [
        ["q0"],
        ["q1", "q2"],
        ["q3", "q4"],
    ]
    assert unknown.status_code == 404


async def test_an_answer_longer_than_a_page_is_shown_whole() -> None:
    async with house() as home, browser_like(home.url) as client:
        home.core.script.answer = "x" * (2 * SHOWN_CHARACTERS)
        start = (await ask(client, "long"))[0][1]
        shown = (await client.get(f"/api/v1/conversations/{start['conversation']}/messages")).json()
    assert len(shown["messages"][0]["answer"]) == 2 * SHOWN_CHARACTERS
    assert not shown["older"]


async def test_a_growing_answer_is_told_as_it_will_look_and_in_the_end_as_it_is() -> None:
    clock, shown = FakeClock(), list[str]()
    blocks = Blocks(Renderer(), clock)
    text = "Read **this\n\n| a | b |\n|---|--:|\n| **c** | d |\n\n2 * 3, **open"
    looks = []
    for end in range(1, len(text) + 1):
        if (told := await blocks.changed(text[:end])) is not None:
            shown[told.data["from"] :] = told.data["blocks"]
            looks.append("".join(shown))
        assert await blocks.changed(text[:end]) is None
        await clock.advance(1)
    assert not any("|" in look for look in looks)
    assert shown[-1] == "<p>2 * 3, <strong>open</strong></p>"
    told = await blocks.changed(text, ends=True)
    assert told is not None
    shown[told.data["from"] :] = told.data["blocks"]
    assert shown == html_blocks(text)
    assert shown[-1] == "<p>2 * 3, **open</p>"
    assert await blocks.changed(text, ends=True) is None
