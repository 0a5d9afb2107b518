"""Commands, buttons, menus and forms on the Discord simulator, answered with the library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import discord
import pytest
from discord import app_commands

from tests.simulators.discord import NO_LIMITS, Discord, GatewayRules, Permission
from tests.simulators.discord.driving import Bot, running
from tests.simulators.telegram.driving import ManualClock

Given = discord.Interaction[Any]
QUICK = GatewayRules(identify_seconds=0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def dc(clock: ManualClock) -> AsyncIterator[Discord]:
    async with Discord(clock=clock, gateway=QUICK, limits=NO_LIMITS) as platform:
        yield platform


async def asked(dc: Discord, bot: Bot, number: int = 1) -> Any:
    """What the bot was asked, as the library read it: its Interaction."""
    await dc.until(lambda: len(bot.got("interaction")) >= number)
    return bot.got("interaction")[number - 1]


def with_commands(bot: Bot) -> None:
    @bot.tree.command(description="Ask something")
    @app_commands.describe(question="What to ask", about="Whom it is about", source="A file")
    async def ask(
        given: Given,
        question: str,
        times: int = 1,
        about: discord.Member | None = None,
        source: discord.Attachment | None = None,
    ) -> None:
        named = about.display_name if about else "nobody"
        size = len(await source.read()) if source else 0
        await given.response.send_message(f"{question} x{times} about {named}, {size} bytes")

    @ask.autocomplete("question")
    async def offered(given: Given, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{typed}?", value=typed)]

    @bot.tree.context_menu(name="Ask about this message")
    async def about_this(given: Given, message: discord.Message) -> None:
        await given.response.send_message(f"You mean: {message.content}", ephemeral=True)

    @bot.tree.context_menu(name="Greet")
    @app_commands.allowed_installs(guilds=False, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def greet(given: Given, user: discord.User) -> None:
        await given.response.send_message(f"Hello {user.display_name}")


async def refusal(call: Awaitable[object], status: int, code: int) -> None:
    with pytest.raises(discord.HTTPException) as caught:
        await call
    assert (caught.value.status, caught.value.code) == (status, code)


async def test_a_command_is_registered_used_and_answered(dc: Discord) -> None:
    ana, ben = dc.person("Ana", "es"), dc.person("Ben")
    room = await dc.guild("Friends", ana, ben)
    bot = Bot(dc)
    with_commands(bot)
    async with running(dc, bot):
        synced = await bot.tree.sync()
        assert sorted(c.name for c in synced) == ["Ask about this message", "Greet", "ask"]
        again = await bot.tree.sync()
        assert {c.id for c in again} == {c.id for c in synced}
        assert ana.commands(room.general) == ["ask", "Ask about this message"]
        used = await ana.slash(
            "/ask", channel=room.general, question="why", times=2, about=ben, source=("a.txt", b"abc")
        )
        answer = await dc.until(lambda: used.answer)
        assert (answer.content, answer.interaction) == ("why x2 about Ben, 3 bytes", used)
        assert room.general.texts == ["why x2 about Ben, 3 bytes"]
        given = await asked(dc, bot)
        assert (given.locale, given.guild_id) == (discord.Locale.spain_spanish, room.id)
        for options in ({}, {"question": "x", "unknown": 1}):
            with pytest.raises(LookupError):
                await ana.slash("ask", channel=room.general, **options)
        with pytest.raises(TypeError):
            await ana.slash("ask", question=7)
        typed = await ana.complete("ask", "question", "wh")
        assert await dc.until(lambda: typed.choices) == [{"name": "wh?", "value": "wh"}]
    assert dc.errors == []


async def test_a_context_menu_shows_what_it_is_about_to_the_asker_only(dc: Discord) -> None:
    ana, ben = dc.person("Ana"), dc.person("Ben")
    room = await dc.guild("Friends", ana, ben)
    bot = Bot(dc)
    with_commands(bot)
    async with running(dc, bot):
        await bot.tree.sync()
        said = await ben.say("hard words", channel=room.general)
        used = await ana.menu("Ask about this message", said)
        await dc.until(lambda: used.answer)
        assert used.texts == ["You mean: hard words"]
        assert [m.content for m in ana.sees(room.general)] == ["hard words", "You mean: hard words"]
        assert [m.content for m in ben.sees(room.general)] == ["hard words"]
        assert room.general.texts == []
        given = await asked(dc, bot)
        shown = await given.original_response()
        assert shown.flags.ephemeral
        await refusal(bot.get_partial_messageable(room.general.id).fetch_message(shown.id), 404, 10008)


async def test_who_installed_the_bot_uses_it_where_it_is_not(dc: Discord) -> None:
    ana, ben = dc.person("Ana"), dc.person("Ben")
    foreign = await dc.guild("Elsewhere", ben, ana, bot=False)
    group = await dc.group(ana, ben)
    bot = Bot(dc)
    with_commands(bot)
    async with running(dc, bot):
        await bot.tree.sync()
        with pytest.raises(LookupError):
            await ana.menu("Greet", ben)
        await ana.install()
        used = await ana.menu("Greet", ben)
        assert (await dc.until(lambda: used.answer)).content == "Hello Ben"
        assert ana.commands(foreign.general) == ana.commands(group) == ["Greet"]
        await refusal(bot.get_partial_messageable(foreign.general.id).send("x"), 403, 50001)


def buttons(*labels: str) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for label in labels:
        view.add_item(discord.ui.Button(label=label, custom_id=f"id:{label}"))
    return view


async def test_a_button_is_acknowledged_once_and_followed_up(dc: Discord, clock: ManualClock) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    async with running(dc, bot):
        channel = bot.get_partial_messageable(ana.channel.id)
        sent = await channel.send("Sure?", view=buttons("Yes", "No"))
        question = ana.channel.answers[0]
        assert question.plain == "Sure?\n[Yes] [No]"
        pressed = await ana.press(question, "Yes")
        given = await asked(dc, bot)
        assert (given.data["custom_id"], given.message) == ("id:Yes", sent)
        assert [row["id"] for row in question.body.components] == [1]
        assert ([b["id"] for b in question.buttons], given.data["id"]) == ([2, 3], 2)
        await given.response.defer(thinking=True, ephemeral=True)
        assert pressed.answer is not None
        assert (pressed.answer.loading, pressed.answer.only_for) == (True, ana.user)
        clock.advance(60)
        await given.followup.send("first")
        await given.followup.send("second", ephemeral=True)
        assert pressed.texts == ["first", "second"]
        await given.edit_original_response(content="changed")
        assert pressed.answer.texts == ["", "first", "changed"]
        second = await ana.press(question, "id:No")
        again = await asked(dc, bot, 2)
        await again.response.edit_message(content="No it is", view=None)
        assert (question.content, question.buttons, second.answer) == ("No it is", [], question)
        with pytest.raises(LookupError):
            await ana.press(question, "Yes")
        clock.advance(841)
        await refusal(given.followup.send("late"), 401, 50027)
    assert dc.errors == []


async def test_who_is_slow_is_unknown_and_who_is_quick_twice_is_told(dc: Discord, clock: ManualClock) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    async with running(dc, bot):
        channel = bot.get_partial_messageable(ana.channel.id)
        await channel.send("Sure?", view=buttons("Yes"))
        question = ana.channel.answers[0]
        late = await ana.press(question, "Yes")
        given = await asked(dc, bot)
        clock.advance(3.1)
        assert ana.failed(late)
        await refusal(given.response.send_message("late"), 404, 10062)
        await ana.press(question, "Yes")
        given = await asked(dc, bot, 2)
        await refusal(given.followup.send("early"), 404, 10015)
        await given.response.defer()
        twin = discord.Interaction[Any](data=_raw(given), state=given._state)
        await refusal(twin.response.defer(), 400, 40060)
    assert len(dc.errors) == 2


def _raw(given: Given) -> Any:
    """What the library was told, as far as an answer needs it."""
    shown = {"id": given.id, "type": given.type.value, "token": given.token, "version": 1, "data": given.data}
    return shown | {"application_id": given.application_id, "attachment_size_limit": 1}


async def test_a_form_is_shown_and_sent(dc: Discord) -> None:
    class Form(discord.ui.Modal, title="Settings"):
        name = discord.ui.TextInput[Any](label="Name", custom_id="name")
        more = discord.ui.TextInput[Any](label="More", custom_id="more", required=False, default="nothing")

        async def on_submit(self, given: discord.Interaction) -> None:
            await given.response.send_message(f"{self.name.value}, {self.more.value}", ephemeral=True)

    ana, bot = dc.person("Ana"), Bot(dc)

    @bot.tree.command(description="Settings")
    async def settings(given: Given) -> None:
        await given.response.send_modal(Form())

    async with running(dc, bot):
        await bot.tree.sync()
        used = await ana.slash("settings")
        await dc.until(lambda: used.modal)
        with pytest.raises(ValueError, match="name must not be empty"):
            await ana.submit(used)
        sent = await ana.submit(used, name="Ana")
        assert (await dc.until(lambda: sent.answer)).content == "Ana, nothing"
    assert dc.errors == []


async def test_a_menu_is_chosen_from(dc: Discord) -> None:
    ana, bot = dc.person("Ana"), Bot(dc)
    async with running(dc, bot):
        view = discord.ui.View(timeout=None)
        options = [discord.SelectOption(label=x, value=x) for x in "abc"]
        view.add_item(discord.ui.Select(custom_id="menu", options=options, max_values=2))
        await bot.get_partial_messageable(ana.channel.id).send("Which?", view=view)
        await ana.select(ana.channel.answers[0], "menu", "a", "c")
        given = await asked(dc, bot)
        assert given.data["values"] == ["a", "c"]
        with pytest.raises(LookupError):
            await ana.select(ana.channel.answers[0], "menu", "z")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c.update(name="Bad Name"),
        lambda c: c.update(description="x" * 101),
        lambda c: c.update(description=""),
        lambda c: c["options"].append({"type": 3, "name": "b", "description": "b", "required": True}),
        lambda c: c["options"].append({"type": 3, "name": "a", "description": "again"}),
        lambda c: c["options"].append({"type": 99, "name": "c", "description": "c"}),
    ],
)
async def test_bad_commands_are_refused(dc: Discord, spoil: Callable[[dict[str, Any]], None]) -> None:
    bot = Bot(dc)
    async with running(dc, bot):
        good = {
            "name": "ask",
            "description": "Ask",
            "options": [{"type": 3, "name": "a", "description": "a"}],
        }
        await bot.http.bulk_upsert_global_commands(dc.bot.id, [good])
        spoil(good)
        await refusal(bot.http.bulk_upsert_global_commands(dc.bot.id, [good]), 400, 50035)
        assert [c["name"] for c in dc.world.commands.all(0)] == ["ask"]


async def test_commands_of_a_guild_and_of_those_who_may(dc: Discord) -> None:
    ana, ben = dc.person("Ana"), dc.person("Ben")
    room = await dc.guild("Friends", ana, ben)
    bot = Bot(dc)

    @bot.tree.command(description="Rule", guild=discord.Object(room.id))
    @app_commands.default_permissions(manage_guild=True)
    async def rule(given: Given) -> None:
        await given.response.send_message("ruled")

    async with running(dc, bot):
        await bot.tree.sync(guild=discord.Object(room.id))
        assert (ana.commands(room.general), ben.commands(room.general), ana.commands()) == (["rule"], [], [])
        await room.role("Rulers", ben, permissions=Permission.MANAGE_GUILD)
        used = await ben.slash("rule", channel=room.general)
        await dc.until(lambda: used.answer)
        given = await asked(dc, bot)
        assert isinstance(given.user, discord.Member)
        assert [r.name for r in given.user.roles] == ["@everyone", "Rulers"]
