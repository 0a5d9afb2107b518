"""Discord from end to end: the handbook with its sources, and a bot that was down. What else people may count
on is in `test_discord_behaviours`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.e2e.discord_service import answer, calm, service
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


async def test_sources_that_come_too_late_are_for_the_asker_all_the_same(tmp_path: Path) -> None:
    async with calm() as dc:
        ana, ben = dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Friends", ana, ben)
        async with service(dc, tmp_path):
            public = await answer(dc, await ana.ask("How do I connect Discord?", channel=room.general))
            private = await answer(dc, await ana.say("How do I connect Discord?"))
            weather = dc.world.weather
            weather.fate = lambda call: "5xx" if call.endswith("/callback") else ""  # type: ignore[method-assign]
            await ana.press(public, "sources")
            await ana.press(private, "sources")
            await dc.until(lambda: len(room.general.answers) == 2 and len(ana.channel.answers) == 2, 20)
        assert "for you alone" in ben.sees(room.general)[-1].content
        assert "handbook" in ana.channel.answers[-1].content


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


async def test_a_command_is_acknowledged_before_the_model_speaks_and_answered_in_the_channel_if_it_is_over(
    tmp_path: Path,
) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        model.behaviour.first = 1.5
        async with service(dc, tmp_path, **talking(model)):
            await dc.until(ana.commands)
            asked = await ana.slash("ask", channel=room.general, text="Why?")
            await dc.until(lambda: asked.acknowledged, 3)
            assert room.general.texts == [""], "what says that an answer comes"
            dc.world.tokens.clear()
            await dc.until(lambda: any("Why?" in text for text in room.general.texts), 20)
            assert room.general.texts[-1].startswith(ana.mention)
        assert not ana.failed(asked)
