"""What is changed while the service runs holds for the next question; platforms are connected anew."""

from __future__ import annotations

from pathlib import Path

from bot.types import PluginStatus
from tests.e2e import discord_service, telegram_service
from tests.scripted import World


async def test_a_persona_written_meanwhile_speaks_in_the_next_turn() -> None:
    world = World(["One."], ["Two."], ["Three."])
    async with world.running():
        await world.ask("Hi")
        await world.app.personas.write("", prompt="You are brief.")
        await world.app.personas.write("pirate", prompt="You are a pirate.")
        await world.ask("And now?")
        assert world.app.commands.suggest("persona", "pi") == ["pirate"]
        await world.ask("/persona pirate")
        await world.ask("Who are you?")
    prompts = [request.messages[0].text for request in world.model.requests]
    assert prompts[0].startswith("You are a helpful assistant")
    assert prompts[1:] == ["You are brief.", "You are a pirate."]


async def test_telegram_is_connected_anew_and_goes_on_answering(tmp_path: Path) -> None:
    async with telegram_service.calm() as tg, telegram_service.service(tg, tmp_path) as app:
        ann = tg.person("Ann")
        await telegram_service.answer(tg, await ann.say("How do I connect Telegram?"))
        await app.platforms.reconnect("telegram")
        shown = await telegram_service.answer(tg, await ann.say("How do I connect Discord?"))
        assert "discord.com/developers" in shown.text
        await tg.until(lambda: not app.platforms.states()[0].error)
        [state] = app.platforms.states()
        assert (state.platform, state.account, state.mode) == ("telegram", "@tertulia_bot", "polling")
        assert state.received == 2
        assert tg.errors == []


async def test_discord_is_connected_anew_and_goes_on_answering(tmp_path: Path) -> None:
    async with discord_service.calm() as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        async with discord_service.service(dc, tmp_path) as app:
            await app.platforms.reconnect("discord")
            asked = await ana.ask("How do I connect Discord?", channel=room.general)
            shown = await discord_service.answer(dc, asked)
            assert "discord.com/developers" in shown.content
            [state] = app.platforms.states()
            assert (state.platform, state.mode, state.error) == ("discord", "gateway", "")
            assert state.received


async def test_a_disabled_plugin_leaves_the_answers_and_comes_back(tmp_path: Path) -> None:
    async with telegram_service.calm() as tg, telegram_service.service(tg, tmp_path) as app:
        ann = tg.person("Ann")
        await app.plugin_desk.disable("qa")
        shown = await telegram_service.answer(tg, await ann.say("How do I connect Telegram?"))
        assert "BotFather" not in shown.text
        await app.plugin_desk.enable("qa")
        shown = await telegram_service.answer(tg, await ann.say("How do I connect Telegram?"))
        assert "BotFather" in shown.text
        [state] = app.plugin_desk.states()
        assert state.status is PluginStatus.RUNNING
        assert state.pages == ("documents",)
