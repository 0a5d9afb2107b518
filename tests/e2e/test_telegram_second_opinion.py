"""The Telegram adapter before a Bot API that others wrote: a smaller suite, as a second opinion."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from telethon.tl.types import (  # type: ignore[import-untyped]
    MessageEntityBold,
    MessageEntityCode,
    MessageEntityItalic,
    MessageEntityPre,
    MessageEntityTextUrl,
)

from tests.e2e.telegram_service import service
from tests.simulators.openai import Server
from tests.simulators.second_opinion import SecondOpinion, buttoned, second_opinion, whole

QUESTION = "How do I connect Telegram?"
RICH = "👩‍👩‍👧 **bold** & *slanted* `a < b` [page](https://e.example/?a=1&b=2)\n\n```python\nx = 1\n```"


async def ask(tg: SecondOpinion, conversation: Any, text: str) -> Any:
    """The bot's answer, when it is whole."""
    tg.ending = buttoned("retry")
    await conversation.send_message(text, parse_mode=None)
    return await conversation.get_response()


def shows(tg: SecondOpinion) -> list[str]:
    """The calls by which people saw something."""
    return [c.api_method for c in tg.calls if c.api_method in ("sendMessage", "editMessageText")]


async def test_a_question_becomes_one_message_with_its_text_and_buttons(tmp_path: Path) -> None:
    async with second_opinion() as tg, service(tg, tmp_path):
        async with tg.client.conversation("tertulia_bot") as conversation:
            shown = await ask(tg, conversation, QUESTION)
    assert "@BotFather" in shown.text
    assert {b"up", b"down", b"retry"} <= {button.data for row in shown.buttons for button in row}
    assert shows(tg).count("sendMessage") == 1
    assert shows(tg)[-1] == "editMessageText"


async def test_buttons_are_answered(tmp_path: Path) -> None:
    async with second_opinion() as tg, service(tg, tmp_path):
        async with tg.client.conversation("tertulia_bot") as conversation:
            shown = await ask(tg, conversation, QUESTION)
            tg.ending = lambda call: call.api_method == "answerCallbackQuery"
            assert (await shown.click(text="👍")).message == "Thank you!"
            tg.ending = whole
            assert (await shown.click(data=b"sources")).message == ""
            assert "handbook" in (await conversation.get_response()).text


async def test_a_growing_answer_is_one_message_that_is_edited(tmp_path: Path) -> None:
    """Drafts are not known there: the message itself grows."""
    async with second_opinion() as tg, Server().lifespan() as model:
        async with service(tg, tmp_path, model_url=model.url, plugins_disabled=("qa",)):
            async with tg.client.conversation("tertulia_bot") as conversation:
                shown = await ask(tg, conversation, "[[chunks=60 interval=0.02]] Tell me.")
                edits = [await conversation.get_edit() for _ in range(shows(tg).count("editMessageText"))]
    assert "sendMessageDraft" in tg.unknown
    assert shows(tg).count("sendMessage") == 1
    assert len(edits) >= 3
    assert {edit.id for edit in edits} == {shown.id}
    assert edits[-1].text == shown.text
    assert all(len(a.text) <= len(b.text) for a, b in pairwise(edits))


async def test_markup_is_what_it_is_meant_to_be(tmp_path: Path) -> None:
    async with second_opinion() as tg, Server().lifespan() as model:
        model.behaviour.text = RICH
        async with service(tg, tmp_path, model_url=model.url, plugins_disabled=("qa",)):
            async with tg.client.conversation("tertulia_bot") as conversation:
                shown = await ask(tg, conversation, "Tell me.")
    units = shown.text.encode("utf-16-le")
    marked = {
        type(e): units[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le") for e in shown.entities
    }
    assert marked[MessageEntityBold] == "bold"
    assert marked[MessageEntityItalic] == "slanted"
    assert marked[MessageEntityTextUrl] == "page"
    assert marked[MessageEntityPre] == "x = 1"
    assert "a < b" in shown.text
    assert MessageEntityCode in marked
    assert [e.url for e in shown.entities if isinstance(e, MessageEntityTextUrl)] == [
        "https://e.example/?a=1&b=2"
    ]


async def test_commands_are_obeyed_and_stand_in_the_menu(tmp_path: Path) -> None:
    async with second_opinion() as tg, service(tg, tmp_path):
        await tg.until(lambda: {"new", "help"} <= set(tg.menu("all_private_chats")))
        async with tg.client.conversation("tertulia_bot") as conversation:
            tg.ending = whole
            await conversation.send_message("/help")
            assert "/new" in (await conversation.get_response()).text
            shown = await ask(tg, conversation, QUESTION)
            assert "@BotFather" in shown.text


@pytest.mark.parametrize("caption", ["What is the code?", ""])
async def test_a_document_is_read(tmp_path: Path, caption: str) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("the code is 4711", encoding="utf-8")
    async with second_opinion() as tg, Server().lifespan() as model:
        async with service(tg, tmp_path / "home", model_url=model.url, plugins_disabled=("qa",)):
            async with tg.client.conversation("tertulia_bot") as conversation:
                tg.ending = buttoned("retry")
                await conversation.send_file(notes, caption=caption, force_document=True)
                assert "4711" in (await conversation.get_response()).text
    assert "the code is 4711" in model.chats[-1].body["messages"][-1]["content"]
