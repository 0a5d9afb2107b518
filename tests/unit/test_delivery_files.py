"""Answers that are better read as a file: what is shown, what is enclosed, and what a crash leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.enclosures import Enclose
from bot.errors import ChannelUnavailable, ChatGone, FileRefused
from bot.types import Capabilities, Citation, Delivery, DeliveryState, Outgoing, Reply
from tests.scripted import CAPS, Seen
from tests.unit.test_delivery import ADDRESS, KEYLESS, Desk

FILES = replace(CAPS, attachments=True, text_limit=100)
LONG = "\n\n".join(f"Paragraph {n} of a very long answer, which goes on." for n in range(40))
CODE = "def f():\n" + "    print('hello')\n" * 12
WHOLE = "All of it is in here."


async def deliver(
    desk: Desk,
    text: str,
    *rows: Delivery,
    enclose: bool = True,
    turn: str = "t1",
    cites: tuple[Citation, ...] = (),
) -> None:
    made = Enclose(3, WHOLE) if enclose else None
    async with desk.courier.begin(desk.channel, ADDRESS, turn, "q1", enclose=made) as shown:
        shown.resume(rows)
        await shown.finish(Reply(text, citations=cites))


def seen(desk: Desk) -> list[Seen]:
    return [m for m in desk.channel.messages.values() if not m.deleted]


def files(desk: Desk) -> list[tuple[str, str, str]]:
    """(name, content, text beside it) of each."""
    found = [(m.last.attachment, m.last.text) for m in seen(desk)]
    return [(part.name, part.text, text) for part, text in found if part is not None]


async def test_a_long_answer_is_shown_in_its_beginning_and_whole_in_a_file() -> None:
    desk = Desk(FILES)
    source = Citation(1, "p", "guide.md#lid", "The lid", "q")
    await deliver(desk, LONG, cites=(source,))
    *texts, file = seen(desk)
    assert [m.last.text[:11] for m in texts] == ["Paragraph 0", "Paragraph 1", "Paragraph 2"]
    assert [m.last.final for m in texts] == [False, False, True]
    assert file.last.text == WHOLE
    assert files(desk) == [("answer.md", f"{LONG}\n\n[1] The lid — guide.md#lid", WHOLE)]


async def test_what_a_few_messages_hold_is_no_file() -> None:
    desk = Desk(FILES)
    await deliver(desk, LONG[:150])
    assert files(desk) == []


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("python", "code-1.py"),
        ("rs", "code-1.rs"),
        ("C++", "code-1.cpp"),
        ("", "code-1.txt"),
        ("../x", "code-1.x"),
    ],
)
async def test_code_that_no_message_holds_is_a_file_beside_it(language: str, name: str) -> None:
    desk = Desk(replace(FILES, text_limit=150))
    await deliver(desk, f"Here:\n\n```{language}\n{CODE}```\n\n```\nshort\n```\nDone.")
    assert (name, CODE, "") in [(n, c.rstrip("\n") + "\n", t) for n, c, t in files(desk)]
    assert "print" in seen(desk)[0].last.text


async def test_a_preview_shows_no_more_than_will_stay() -> None:
    desk = Desk(FILES)
    async with desk.courier.begin(desk.channel, ADDRESS, "t1", "q1", enclose=Enclose(3, WHOLE)) as shown:
        shown.show(LONG)
        await desk.clock.advance(60)
        assert len(seen(desk)) == 3
        await shown.finish(Reply(LONG))
    assert len(seen(desk)) == 4
    assert not any(m.deleted for m in desk.channel.messages.values())


@pytest.mark.parametrize("caps", [FILES, replace(KEYLESS, attachments=True, text_limit=100)])
@pytest.mark.parametrize("done", range(5))
async def test_after_a_crash_each_part_and_the_file_are_there_once(caps: Capabilities, done: int) -> None:
    desk = Desk(caps)
    await deliver(desk, LONG)
    whole = [(m.last.text, m.last.attachment) for m in seen(desk)]
    rows = [replace(r, state=DeliveryState.SENT) for r in desk.rows()[:done]]
    lost = [m for m in desk.channel.messages.values()][done:]
    if not desk.channel.caps.idempotent_sends:
        for message in lost:
            message.deleted = True
    await deliver(desk, LONG, *rows)
    assert [(m.last.text, m.last.attachment) for m in seen(desk)] == whole
    assert [r.state for r in desk.rows()] == [DeliveryState.SENT] * 4


async def test_another_answer_has_another_file_and_a_short_one_has_none() -> None:
    desk = Desk(FILES)

    async def again(turn: str, text: str, *, enclose: bool = True) -> None:
        """In place of the answer that is there."""
        rows = [replace(row, turn_id=turn) for row in desk.rows()]
        desk.memory.deliveries.clear()
        for row in rows:
            await desk.courier.turns.put_delivery(row)
        await deliver(desk, text, *rows, turn=turn, enclose=enclose)

    await deliver(desk, LONG)
    await again("t2", f"Again. {LONG}")
    assert [text for _, text, _ in files(desk)] == [f"Again. {LONG}"]
    await again("t3", "Short.")
    assert [m.last.text for m in seen(desk)] == ["Short."]
    await again("t4", LONG, enclose=False)
    assert len(seen(desk)) > 4
    await again("t5", LONG)
    assert [text for _, text, _ in files(desk)] == [LONG]
    assert len(seen(desk)) == 4
    await again("t6", LONG, enclose=False)
    assert files(desk) == []
    assert "Paragraph 39" in desk.channel.texts()[-1]


@pytest.mark.parametrize("error", [FileRefused("too large"), ChatGone("no right to files")])
async def test_where_files_are_refused_all_of_it_comes_in_messages(error: Exception) -> None:
    desk = Desk(FILES)
    desk.channel.fail = refusing(lambda call, out: out.attachment is not None, error)
    await deliver(desk, LONG)
    assert files(desk) == []
    assert "Paragraph 39" in desk.channel.texts()[-1]


async def test_an_outage_in_the_middle_is_waited_for() -> None:
    desk = Desk(FILES)
    errors = [ChannelUnavailable("down"), ChannelUnavailable("down")]
    desk.channel.fail = lambda call, out: errors.pop() if out.attachment is not None and errors else None
    made = Enclose(3, WHOLE)
    async with desk.courier.begin(desk.channel, ADDRESS, "t1", "q1", enclose=made) as shown:
        finishing = asyncio.create_task(shown.finish(Reply(LONG)))
        await desk.clock.advance(30)
        await finishing
    assert [text for _, text, _ in files(desk)] == [LONG]


def refusing(
    condition: Callable[[str, Outgoing], bool], error: Exception
) -> Callable[[str, Outgoing], Exception | None]:
    return lambda call, out: error if condition(call, out) else None


@pytest.mark.parametrize("beyond", ["", "Why?"])
async def test_what_is_beyond_the_first_message_is_in_a_thread_of_it_where_that_is_wanted(
    beyond: str,
) -> None:
    desk = Desk(replace(CAPS, text_limit=100))
    async with desk.courier.begin(desk.channel, ADDRESS, "t1", "q1", beyond=beyond) as shown:
        await shown.finish(Reply(LONG[:250]))
    first, *others = seen(desk)
    thread = replace(ADDRESS, thread=first.id) if beyond else ADDRESS
    assert others
    assert [m.address for m in (first, *others)] == [ADDRESS, *[thread] * len(others)]
