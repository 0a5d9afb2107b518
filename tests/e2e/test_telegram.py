"""Telegram from end to end, as its people use it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.instance import instance
from bot.opening import open_stores
from bot.settings import Settings
from bot.types import PersonRole, Sender
from tests.e2e.telegram_service import answer, calm, reply, service
from tests.fakes_people import whole
from tests.simulators.openai import Server
from tests.simulators.telegram import parse_html


@pytest.mark.parametrize(
    ("language", "question", "told"),
    [("en", "How do I connect Telegram?", "@BotFather"), ("zh-hans", "怎么连接 Telegram？", "令牌")],
)
async def test_a_question_is_answered_from_the_handbook_with_its_source(
    tmp_path: Path, language: str, question: str, told: str
) -> None:
    async with calm() as tg, service(tg, tmp_path):
        person = tg.person("Ann", language)
        shown = await answer(tg, await person.say(question))
        assert told in shown.text
        assert "[1] Telegram" in shown.text
        assert "expandable_blockquote" in [e.type for e in shown.entities]
        await person.press(shown, "sources")
        await tg.until(lambda: len(person.chat.answers) == 2 and "handbook" in person.chat.texts[-1])
        assert tg.errors == []


async def test_the_owner_takes_the_bot_and_lets_others_in(tmp_path: Path) -> None:
    async with calm() as tg, service(tg, tmp_path, access="invite") as app:
        ann, bob = tg.person("Ann"), tg.person("Bob")
        assert "private" in (await reply(tg, await bob.say("Hello?"))).text
        code = await app.stores.people.owner_code()
        assert "owner" in (await reply(tg, await ann.start(code or ""))).text
        invited = await reply(tg, await ann.say("/invite"))
        invitation, *_ = invited.marked.of("code")
        assert f"https://t.me/tertulia_bot?start={invitation}" in invited.text
        assert "/help" in (await reply(tg, await bob.start(invitation))).text
        await answer(tg, await bob.say("How do I connect Telegram?"))
        assert tg.errors == []


def talking(model: Server) -> dict[str, Any]:
    """With a model that says the question back, and no documents."""
    return {"model_url": model.url, "plugins_disabled": ("qa",)}


async def test_answers_grow_as_drafts_and_stop_on_demand(tmp_path: Path) -> None:
    async with calm() as tg, Server().lifespan() as model, service(tg, tmp_path, **talking(model)):
        ann = tg.person("Ann")
        question = await ann.say("[[chunks=400 interval=0.01]] Tell me.")
        await tg.until(lambda: len({d.text.text for d in ann.chat.drafts}) >= 3)
        assert ann.chat.answers == []
        await ann.say("/stop")
        shown = await answer(tg, question)
        assert shown.text.endswith("Stopped.")
        await asyncio.wait_for(model.aborted.wait(), 10)
        assert tg.errors == []


async def test_in_a_group_a_message_grows_with_a_button_that_stops_it(tmp_path: Path) -> None:
    async with calm() as tg, Server().lifespan() as model, service(tg, tmp_path, **talking(model)):
        ann = tg.person("Ann")
        group = await tg.supergroup("friends", ann)
        question = await ann.say("@tertulia_bot [[chunks=400 interval=0.01]] Tell us.", chat=group.chat)
        growing = await tg.until(lambda: [a for a in group.chat.answers if a.buttons])
        await ann.press(growing[0], "stop")
        shown = await answer(tg, question)
        assert shown is growing[0]
        assert shown.text.endswith("Stopped.")
        assert ann.chat.drafts == []
        assert tg.errors == []


async def test_an_edited_question_is_answered_anew_in_place(tmp_path: Path) -> None:
    async with calm() as tg, Server().lifespan() as model, service(tg, tmp_path, **talking(model)):
        ann = tg.person("Ann")
        question = await ann.say("first words")
        shown = await answer(tg, question)
        assert shown.text == "first words"
        await ann.edit(question, "other words")
        await tg.until(lambda: shown.text == "other words" and len(shown.buttons) > 1)
        await ann.press(shown, "retry")
        await tg.until(lambda: len(model.chats) == 3)
        await tg.until(lambda: shown.text == "other words" and len(shown.buttons) > 1)
        assert len(ann.chat.answers) == 1
        assert tg.errors == []


async def test_thumbs_and_reactions_are_feedback(tmp_path: Path) -> None:
    async with calm() as tg, service(tg, tmp_path) as app:
        ann = tg.person("Ann")
        shown = await answer(tg, await ann.say("How do I connect Telegram?"))
        press = await ann.press(shown, "👍")
        await tg.until(lambda: press.answer is not None and press.answer.text == "Thank you!")
        person = await app.stores.people.find("telegram", str(ann.id))
        assert person is not None
        await ann.react(shown, "👎")
        await answer(tg, await ann.say("How do I back up Tertulia?"))  # one chat, one after the other
        exported = await whole(app.stores.people.export(person.id))
        assert [given["value"] for given in exported["feedback"]] == [-1]


async def test_topics_of_a_forum_are_conversations_of_their_own(tmp_path: Path) -> None:
    async with calm() as tg, Server().lifespan() as model, service(tg, tmp_path, **talking(model)):
        ann = tg.person("Ann")
        forum = await tg.supergroup("forum", ann, forum=True)
        red, blue = await forum.topic("red"), await forum.topic("blue")
        for topic, word in ((red, "rose"), (blue, "sky")):
            question = await ann.say(f"@tertulia_bot {word}", chat=forum.chat, topic=topic)
            shown = await answer(tg, question)
            assert shown.thread_id == topic.id
        question = await ann.say("@tertulia_bot and?", chat=forum.chat, topic=red)
        await answer(tg, question)
        asked = "\n".join(m["content"] for m in model.chats[-1].body["messages"])
        assert "rose" in asked
        assert "sky" not in asked
        assert tg.errors == []


async def test_a_group_that_becomes_a_supergroup_goes_on(tmp_path: Path) -> None:
    async with calm() as tg, Server().lifespan() as model, service(tg, tmp_path, **talking(model)):
        ann = tg.person("Ann")
        group = await tg.group("friends", ann)
        await answer(tg, await ann.say("@tertulia_bot I like tea.", chat=group.chat))
        moved = await group.migrate()
        shown = await answer(tg, await ann.say("@tertulia_bot What do I like?", chat=moved.chat))
        assert shown.chat is moved.chat
        assert any("I like tea." in m["content"] for m in model.chats[-1].body["messages"])


async def test_an_album_is_one_question_and_a_text_file_is_read(tmp_path: Path) -> None:
    async with (
        calm() as tg,
        Server().lifespan() as model,
        service(tg, tmp_path, model_vision="off", **talking(model)),
    ):
        ann = tg.person("Ann")
        await ann.send_album(3, "What are these?")
        await tg.until(lambda: [a for a in ann.chat.answers if a.buttons])
        assert len(model.chats) == 1
        assert model.chats[0].body["messages"][-1]["content"].count("[image") == 3
        question = await ann.send_document("notes.txt", b"the code is 4711", "What is the code?")
        await answer(tg, question)
        assert "the code is 4711" in model.chats[-1].body["messages"][-1]["content"]
        assert tg.errors == []


async def test_what_comes_while_the_bot_is_down_is_answered_when_it_is_back(tmp_path: Path) -> None:
    async with calm() as tg:
        ann = tg.person("Ann")
        async with service(tg, tmp_path):
            first = await answer(tg, await ann.say("How do I connect Telegram?"))
        tg.outage()
        missed = [await ann.say("How do I back up Tertulia?") for _ in range(3)]
        tg.recover()
        async with service(tg, tmp_path):
            later = [await answer(tg, question) for question in missed]
        ids = [m.id for m in (first, *later)]
        assert ids == sorted(ids)
        assert len(ann.chat.answers) == 4


async def test_a_person_who_blocked_the_bot_is_called_no_more(tmp_path: Path) -> None:
    async with calm() as tg, Server().lifespan() as model, service(tg, tmp_path, **talking(model)):
        ann = tg.person("Ann")
        await ann.say("[[chunks=2000 interval=0.005]] Tell me.")
        await tg.until(lambda: ann.chat.drafts)
        await ann.block_bot()
        await asyncio.wait_for(model.aborted.wait(), 10)
        calls = tg.calls["sendMessage"] + tg.calls["sendMessageDraft"]
        await ann.unblock_bot()
        shown = await answer(tg, await ann.say("back again"))
        assert shown.text == "back again"
        assert calls < 30


async def test_text_of_any_length_arrives_whole_in_parts_that_telegram_takes(tmp_path: Path) -> None:
    text = "# Title\n\n" + "\n\n".join(
        f"{n}. item **{n}**\n\n   ```python\n   x = {n} < 3 & {n} > 1\n   ```\n\n> quote {n}"
        for n in range(400)
    )
    server = Server(window=100_000)
    async with calm() as tg, server.lifespan() as model, service(tg, tmp_path, **talking(model)):
        ann = tg.person("Ann")
        model.behaviour.text = text
        await ann.say("Everything, please.")
        await tg.until(lambda: ann.chat.answers and ann.chat.answers[-1].buttons, 60)
        whole = "\n".join(ann.chat.texts)
        assert len(ann.chat.answers) > 2
        for n in range(400):
            assert f"item {n}" in whole
            assert f"x = {n} < 3 & {n} > 1" in whole
            assert f"quote {n}" in whole
        assert max(len(t.encode("utf-16-le")) // 2 for t in ann.chat.texts) <= 4096
        assert tg.errors == []


async def test_inline_queries_are_answered_from_the_documents(tmp_path: Path) -> None:
    async with calm() as tg, service(tg, tmp_path):
        asked = await tg.person("Ann").inline("How do I connect Telegram?")
        await tg.until(lambda: asked.answer)
        assert asked.answer is not None
        results = asked.answer.results
        assert "Telegram" in results[0]["title"]
        shown = parse_html(results[0]["input_message_content"]["message_text"])
        assert "@BotFather" in shown.text
        assert "`" not in shown.text


async def test_only_questions_that_will_be_answered_are_marked_as_seen(tmp_path: Path) -> None:
    async with calm() as tg, service(tg, tmp_path, access="invite", telegram_seen="👀") as app:
        ann, bob, eve = tg.person("Ann"), tg.person("Bob"), tg.person("Eve")
        room = await tg.supergroup("friends", ann, bob, eve)
        people = app.stores.people
        await people.admit("telegram", Sender(str(ann.id), "Ann"))
        await people.admit("telegram", Sender(str(eve.id), "Eve"), PersonRole.BLOCKED)
        ours = [await p.say("@tertulia_bot How do I connect Telegram?", chat=room) for p in (bob, eve, ann)]
        await answer(tg, ours[2])
        await tg.until(lambda: ours[2].reactions)
        assert [m.reactions for m in ours] == [{}, {}, {tg.bot.id: ["👀"]}]
        assert tg.errors == []


async def test_who_was_killed_polls_at_once_when_started_again(tmp_path: Path) -> None:
    async with calm() as tg:
        with instance(tmp_path) as name:
            settings = Settings(home=tmp_path)
        async with open_stores(settings, SystemClock(), durable_inbox=True) as stores:
            assert await stores.leases.acquire(f"telegram:{tg.bot.id}", name, 3600)
        async with service(tg, tmp_path):
            await tg.until(lambda: tg.polled)
