"""Discord from end to end, as its people use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.discord_service import answer, calm, service
from tests.simulators.discord import Permission
from tests.simulators.openai import Server


def talking(model: Server) -> dict[str, Any]:
    """With a model that says the question back, and no documents."""
    return {"model_url": model.url, "plugins_disabled": ("qa",)}


async def test_a_mention_is_answered_from_the_handbook_and_its_sources_are_for_the_asker(
    tmp_path: Path,
) -> None:
    async with calm() as dc:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Friends", ana, ben)
        async with service(dc, tmp_path):
            shown = await answer(dc, await ana.ask("How do I connect Discord?", channel=room.general))
            assert "discord.com/developers" in shown.content
            assert len(shown.content) <= 2000
            asked = await ana.press(shown, "sources")
            await dc.until(lambda: asked.texts)
            assert "handbook" in asked.texts[-1]
            assert all("handbook/en/discord.md#" not in m.plain for m in ben.sees(room.general)[2:])
        assert dc.errors == []


async def test_direct_messages_and_slash_commands_are_answered(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        async with service(dc, tmp_path, **talking(model)):
            shown = await answer(dc, await ana.say("hello there"))
            assert shown.content == "hello there"
            await dc.until(ana.commands)
            asked = await ana.slash("help", channel=room.general)
            await dc.until(lambda: any("/new" in text for text in asked.texts))
            asked = await ana.slash("ask", channel=room.general, text="what is tea?")
            await dc.until(lambda: any("what is tea?" in text for text in asked.texts))
        assert dc.errors == []


async def test_an_edited_question_is_answered_anew_in_place_and_stop_stops(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        await dc.guild("Friends", ana)
        async with service(dc, tmp_path, **talking(model)):
            question = await ana.say("first words")
            shown = await answer(dc, question)
            await ana.edit(question, "other words")
            await dc.until(lambda: shown.content == "other words")
            long = await ana.say("[[chunks=400 interval=0.01]] Tell me.")
            growing = await dc.until(
                lambda: next((a for a in long.channel.answers_to(long) if a.buttons), None)
            )
            await ana.press(growing, "stop")
            assert (await answer(dc, long)).content.endswith("*Stopped.*")
        assert dc.errors == []


async def test_a_server_chooses_threads_and_a_thread_keeps_its_own_history(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        await room.role("boss", ana, permissions=Permission.MANAGE_GUILD)
        async with service(dc, tmp_path, **talking(model)):
            await dc.until(ana.commands)
            asked = await ana.slash("settings", channel=room.general, text="everywhere threads on")
            await dc.until(lambda: any("`threads` is now" in text for text in asked.texts))
            question = await ana.ask("I like tea.", channel=room.general)
            thread = await dc.until(lambda: question.thread)
            await dc.until(lambda: [m for m in thread.answers if m.buttons])
            assert thread.answers[0].content == "Ana: I like tea."
            follow = await ana.say("And what do I like?", channel=thread)
            await answer(dc, follow)
            assert any("I like tea." in m["content"] for m in model.chats[-1].body["messages"])
        # the first call to a thread that is not there yet finds that out, and makes it
        assert [e.split(":")[0] for e in dc.errors] == ["POST /channels/{channel_id}/typing"]


async def test_what_is_said_while_the_bot_is_down_is_answered_when_it_is_back(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        async with service(dc, tmp_path, **talking(model)):
            await answer(dc, await ana.ask("are you there?", channel=room.general))
        missed = [await ana.ask(f"missed {n}", channel=room.general) for n in range(3)]
        async with service(dc, tmp_path, **talking(model)):
            later = [await answer(dc, question) for question in missed]
        assert [m.content.split(": ")[1] for m in later] == ["missed 0", "missed 1", "missed 2"]
        assert dc.errors == []


async def test_a_long_answer_arrives_whole_in_parts_that_discord_takes(tmp_path: Path) -> None:
    text = "# Title\n\n" + "\n\n".join(
        f"{n}. item **{n}**\n\n   ```python\n   x = {n} < 3\n   ```\n\n> quote {n}" for n in range(600)
    )
    server = Server(window=100_000)
    async with calm() as dc, server.lifespan() as model:
        ana = dc.person("Ana")
        await dc.guild("Friends", ana)
        model.behaviour.text = text
        async with service(dc, tmp_path, **talking(model)):
            question = await ana.say("Everything, please.")
            await dc.until(lambda: [m for m in question.channel.answers if m.buttons][-1:], 60)
            await dc.until(lambda: "quote 599" in question.channel.answers[-1].content, 60)
        assert len(text) > 25_000
        whole = "\n".join(m.content for m in question.channel.answers)
        for n in range(600):
            assert f"item **{n}**" in whole
            assert f"x = {n} < 3" in whole
            assert f"quote {n}" in whole
        assert max(len(m.content) for m in question.channel.answers) <= 2000
        assert dc.errors == []
