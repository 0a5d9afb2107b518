"""The Discord simulator, driven by the library that the bot uses: messages both ways, and the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import discord
import pytest

from tests.simulators.discord import Discord, GatewayRules
from tests.simulators.discord.driving import Bot, pointed_at, running

QUICK = GatewayRules(identify_seconds=0)


@pytest.fixture
async def dc() -> AsyncIterator[Discord]:
    async with Discord(gateway=QUICK) as platform:
        yield platform


async def test_it_is_who_it_is(dc: Discord) -> None:
    ana = dc.person("Ana")
    room = await dc.guild("Friends", ana)
    bot = Bot(dc)
    async with running(dc, bot):
        assert bot.user is not None
        assert (bot.user.id, bot.user.name, bot.application_id) == (dc.bot.id, "Tertulia", dc.bot.id)
        guild = bot.get_guild(room.id)
        assert guild is not None
        assert [c.name for c in guild.text_channels] == ["general"]
        assert guild.me.guild_permissions.send_messages
        assert dc.connected == 1
    assert dc.errors == []


async def test_tokens_are_checked(dc: Discord) -> None:
    with pointed_at(dc):
        async with Bot(dc) as bot:
            with pytest.raises(discord.LoginFailure):
                await bot.login("wrong")
    assert (dc.log[-1].status, dc.log[-1].description) == (401, "401: Unauthorized")


async def test_private_messages_go_both_ways(dc: Discord) -> None:
    ana = dc.person("Ana", "es")
    bot = Bot(dc)
    async with running(dc, bot):
        said = await ana.say("hola 😀")
        await dc.until(lambda: bot.heard)
        heard = bot.heard[0]
        assert (heard.id, heard.content, heard.author.display_name) == (said.id, "hola 😀", "Ana")
        assert heard.guild is None
        answer = await heard.reply("hi")
        assert dc.log[-1].arguments["message_reference"]["message_id"] == said.id
        await answer.edit(content="hi, Ana")
        assert ana.texts == ["hi, Ana"]
        assert ana.channel.answers_to(said)[0].texts == ["hi", "hi, Ana"]
        await answer.delete()
        assert ana.texts == []
        assert [(s.kind, s.text) for s in ana.channel.sights] == [
            ("message", "hola 😀"),
            ("message", "hi"),
            ("edit", "hi, Ana"),
            ("delete", "hi, Ana"),
        ]
    assert dc.errors == []


async def test_without_the_intent_only_what_is_meant_for_the_bot_can_be_read(dc: Discord) -> None:
    ana = dc.person("Ana")
    room = await dc.guild("Friends", ana)
    bot = Bot(dc)
    async with running(dc, bot):
        await ana.say("to nobody", channel=room.general)
        asked = await ana.ask("what is it?", channel=room.general)
        await dc.until(lambda: len(bot.heard) == 2)
        answer = await bot.heard[1].reply("this")
        await dc.until(lambda: room.general.answers_to(asked))
        await ana.reply(room.general.answers[0], "thanks")
        await ana.reply(room.general.answers[0], "unpinged", ping=False)
        await dc.until(lambda: len(bot.heard) == 4)
        assert [m.content for m in bot.heard] == ["", f"{dc.bot.mention} what is it?", "thanks", ""]
        assert bot.user in bot.heard[1].mentions
        history = [m.content async for m in answer.channel.history(limit=10)]
        assert history == ["", "thanks", "this", f"{dc.bot.mention} what is it?", ""]


async def test_the_intent_must_be_switched_on_and_asked_for(dc: Discord) -> None:
    ana = dc.person("Ana")
    room = await dc.guild("Friends", ana)
    intents = discord.Intents.default()
    intents.message_content = True
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(dc, Bot(dc, intents=intents)):
            pass
    assert dc.errors == ["gateway: 4014 Disallowed intent(s)."]
    dc.switch("content", True)
    bot = Bot(dc, intents=intents)
    async with running(dc, bot):
        await ana.say("to nobody", channel=room.general)
        await dc.until(lambda: bot.heard)
        assert bot.heard[0].content == "to nobody"
        assert bot.application_flags.gateway_message_content_limited


async def test_only_subscribed_events_come(dc: Discord) -> None:
    ana = dc.person("Ana")
    room = await dc.guild("Friends", ana)
    bot = Bot(dc, intents=discord.Intents(guilds=True, dm_messages=True))
    async with running(dc, bot):
        said = await ana.ask("unheard", channel=room.general)
        await ana.react(said, "👍")
        await ana.type(room.general)
        await ana.say("heard")
        await dc.until(lambda: bot.heard)
        assert [m.content for m in bot.heard] == ["heard"]
        assert bot.got("raw_reaction_add") == []


async def test_edits_deletions_reactions_and_typing_are_told(dc: Discord) -> None:
    ana = dc.person("Ana")
    bot = Bot(dc)
    async with running(dc, bot):
        said = await ana.say("one")
        await ana.edit(said, "two")
        await ana.react(said, "👍")
        await ana.unreact(said, "👍")
        await ana.type()
        await ana.delete(said)
        await dc.until(lambda: bot.got("raw_message_delete"))
        assert bot.got("message_edit")[0].content == "one"
        assert bot.got("raw_message_edit")[0].message.content == "two"
        assert str(bot.got("raw_reaction_add")[0].emoji) == "👍"
        assert bot.got("raw_reaction_remove")[0].user_id == ana.id
        assert bot.got("raw_typing")[0].user_id == ana.id
        assert bot.got("raw_message_delete")[0].message_id == said.id


async def test_what_was_missed_comes_with_a_resume(dc: Discord) -> None:
    ana = dc.person("Ana")
    bot = Bot(dc)
    async with running(dc, bot):
        await ana.say("one")
        await dc.until(lambda: bot.heard)
        dc.drop_gateway()
        await ana.say("two")
        await ana.say("three")
        await dc.until(lambda: len(bot.heard) == 3)
        dc.request_reconnect()
        await ana.say("four")
        await dc.until(lambda: len(bot.heard) == 4)
        assert [m.content for m in bot.heard] == ["one", "two", "three", "four"]
        assert (dc.world.gateway.identifies, len(bot.got("resumed"))) == (1, 2)


async def test_an_invalid_session_begins_anew_without_what_was_missed(dc: Discord) -> None:
    ana = dc.person("Ana")
    bot = Bot(dc)
    async with running(dc, bot):
        dc.invalidate_sessions()
        await ana.say("lost")
        await dc.until(lambda: dc.world.gateway.identifies == 2)
        await ana.say("heard")
        await dc.until(lambda: bot.heard)
        assert [m.content for m in bot.heard] == ["heard"]
        assert [m.content async for m in bot.heard[0].channel.history()] == ["heard", "lost"]
