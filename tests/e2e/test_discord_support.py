"""A community's support on Discord: forums that are answered, answers that helped, whose settings hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.discord_service import answer, calm, service
from tests.fakes_people import whole
from tests.simulators.discord import Channel, Discord, Message, Permission, Person
from tests.simulators.openai import Server

FORUM = Permission.MANAGE_THREADS


def talking(model: Server) -> dict[str, Any]:
    return {"model_url": model.url, "plugins_disabled": ("qa",)}


async def set_up(dc: Discord, person: Person, channel: Channel, text: str) -> str:
    """What the bot says to a setting."""
    await dc.until(person.commands)
    asked = await person.slash("settings", channel=channel, text=text)
    return (await dc.until(lambda: [text for text in asked.texts if text]))[-1]


async def pressed(dc: Discord, person: Person, message: Message) -> str:
    """What the person alone reads after pressing "This helped"."""
    await person.press(message, "helped")
    return (await dc.until(lambda: [m.content for m in person.sees(message.channel) if m.only_for]))[-1]


async def in_post(dc: Discord, post: Channel) -> Message:
    """The answer in a post, whole."""

    def whole() -> Message | None:
        return next((m for m in post.answers if any(b["custom_id"] == "retry" for b in m.buttons)), None)

    return await dc.until(whole)


async def test_a_forums_post_is_answered_with_sources_and_says_when_that_helped(tmp_path: Path) -> None:
    async with calm() as dc:
        boss, ana, ben = dc.person("Boss"), dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Club", boss, ana, ben)
        forum = await room.forum("help", "Question", "Solved")
        await room.permit_bot(forum, allow=FORUM)
        async with service(dc, tmp_path) as app:
            before = await ana.post(forum, "How do I connect Discord?", "Please tell.")
            assert "`support` is now" in await set_up(dc, boss, before, "channel support on")
            post = await ana.post(forum, "How do I connect Discord?", "Please tell.", tags=("Question",))
            shown = await in_post(dc, post)
            assert "discord.com/developers" in shown.content
            assert "handbook/en/discord.md" in shown.content
            assert next(b["label"] for b in shown.buttons) == "This helped"
            assert [m.buttons for m in before.answers] == [[]]
            assert "whoever asked" in await pressed(dc, ben, shown)
            assert post.thread is not None
            assert forum.tags[1]["id"] not in map(str, post.thread.tags)
            assert "marked" in await pressed(dc, ana, shown)
            tags = {t["id"] for t in forum.tags}
            await dc.until(lambda: set(map(str, post.thread.tags)) == tags)  # type: ignore[union-attr]
            assert not post.thread.archived
            turn = await app.stores.turns.of_event(f"discord/{dc.world.bot.user.id}/m%3A{post.id}")
            assert turn is not None
            person = (await app.stores.people.find("discord", str(ana.id))).id  # type: ignore[union-attr]
            told = await whole(app.stores.people.export(person))
            assert [(f["value"], f["reason"]) for f in told["feedback"]] == [(1, "helped")]
        assert dc.errors == []


async def test_others_may_talk_in_a_post_and_its_author_goes_on_asking(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        boss, ana, ben = dc.person("Boss"), dc.person("Ana"), dc.person("Ben")
        room = await dc.guild("Club", boss, ana, ben)
        forum = await room.forum("help")
        async with service(dc, tmp_path, **talking(model)):
            await set_up(dc, boss, room.general, "everywhere support on")
            post = await ana.post(forum, "The lid", "It is loose.")
            assert (await in_post(dc, post)).content == "Ana: The lid\n\nIt is loose."
            await ben.say("I had that too.", channel=post)
            more = await ana.say("Which glue?", channel=post)
            assert (await answer(dc, more)).content.startswith("Ana: Which glue?")
            asked = await ben.ask("And mine?", channel=post)
            assert (await answer(dc, asked)).content.startswith("Ben: And mine?")
            assert len([m for m in post.answers if m.buttons]) == 3
            aside = await ben.say("Hello all", channel=room.general)
            assert room.general.answers_to(aside) == []
        assert dc.errors == []


@pytest.mark.parametrize("allowed", [True, False])
async def test_where_there_is_no_tag_the_post_has_a_mark_and_is_closed_if_that_is_chosen(
    tmp_path: Path, allowed: bool
) -> None:
    async with calm() as dc, Server().lifespan() as model:
        boss, ana, mod = dc.person("Boss"), dc.person("Ana", "zh"), dc.person("Mod")
        room = await dc.guild("Club", boss, ana, mod)
        await room.role("mods", mod, permissions=Permission.MANAGE_THREADS)
        forum = await room.forum("help", "Question", *(["Solved"] if not allowed else []))
        if allowed:
            await room.permit_bot(forum, allow=FORUM)
        async with service(dc, tmp_path, **talking(model)):
            await set_up(dc, boss, room.general, "everywhere support close")
            post = await ana.post(forum, "The lid", "It is loose.")
            shown = await in_post(dc, post)
            assert post.thread is not None
            assert post.thread.starter is not None
            assert "marked" in await pressed(dc, mod, shown)
            reactions = post.thread.starter.reactions
            await dc.until(lambda: "✅" in reactions)
            if allowed:
                await dc.until(lambda: post.thread and post.thread.archived)
            assert "已解答" in await pressed(dc, ana, shown)
            again = await ana.ask("One thing more", channel=post)
            assert (await answer(dc, again)).content == "Ana: One thing more"
        patched = [c.status for c in dc.log if c.route == "PATCH /channels/{channel_id}"]
        assert patched[0] == (200 if allowed else 403)
        assert dc.errors == []


async def test_who_may_change_what_follows_discords_permissions(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        boss, keeper, ana = dc.person("Boss"), dc.person("Keeper"), dc.person("Ana", "zh")
        room = await dc.guild("Club", boss, keeper, ana)
        side = await room.text("side")
        await room.permit(side, keeper, allow=Permission.MANAGE_CHANNELS)
        async with service(dc, tmp_path, **talking(model)):
            assert "管理频道" in await set_up(dc, ana, side, "trigger all")
            assert "Manage Channels" in await set_up(dc, keeper, room.general, "trigger all")
            assert "Manage Server" in await set_up(dc, keeper, side, "everywhere trigger all")
            assert "is now" in await set_up(dc, keeper, side, "trigger all")
            assert (await answer(dc, await ana.say("hello", channel=side))).content == "Ana: hello"
            assert "is now" in await set_up(dc, boss, side, "everywhere trigger all")
            assert (await answer(dc, await ana.say("hey", channel=room.general))).content == "Ana: hey"
            written = await keeper.ask("/settings trigger mention", channel=side)
            await dc.until(lambda: [m for m in side.answers_to(written) if "is now" in m.content])
            written = await keeper.ask("/settings trigger mention", channel=room.general)
            await dc.until(lambda: [m for m in room.general.answers_to(written) if "Manage" in m.content])
        assert dc.errors == []


async def offered(dc: Discord, person: Person, channel: Channel, typed: str) -> list[str]:
    asked = await person.complete("settings", "text", typed, channel=channel)
    return [choice["value"] for choice in await dc.until(lambda: asked.choices)]


async def test_settings_are_completed_with_what_there_is(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "personas": {"pirate": {"prompt": "Talk like a pirate."}},
        "plugins": {"qa": {"collections": ["documents", "staff"]}},
    }
    async with calm() as dc:
        boss = dc.person("Boss")
        room = await dc.guild("Club", boss)
        async with service(dc, tmp_path, **options):
            await dc.until(boss.commands)
            assert "everywhere support" in await offered(dc, boss, room.general, "everywhere s")
            assert await offered(dc, boss, room.general, "persona p") == ["persona pirate"]
            assert await offered(dc, boss, room.general, "collections st") == ["collections staff"]
            assert await offered(dc, boss, room.general, "chat-language z") == ["chat-language zh"]
            found = await offered(dc, boss, room.general, "everywhere support ")
            assert found[1:] == [f"everywhere support {value}" for value in ("off", "on", "close")]
        assert dc.errors == []


async def test_a_channel_takes_on_the_servers_settings_and_a_thread_the_channels(tmp_path: Path) -> None:
    server = Server()
    async with calm() as dc, server.lifespan() as model:
        boss, ana = dc.person("Boss"), dc.person("Ana")
        room = await dc.guild("Club", boss, ana)
        side = await room.text("side")
        personas = {name: {"prompt": f"You are a {name}."} for name in ("pirate", "poet", "judge")}
        async with service(dc, tmp_path, **talking(model), personas=personas):
            thread = await ana.thread("Aside", channel=side)
            await set_up(dc, boss, side, "everywhere persona pirate")
            await set_up(dc, boss, side, "everywhere chat-language zh")
            await set_up(dc, boss, side, "persona poet")

            async def speaks(where: Channel) -> str:
                shown = await answer(dc, await ana.ask("Hello", channel=where))
                assert "再试一次" in [b["label"] for b in shown.buttons]
                return str(model.chats[-1].body["messages"][0]["content"])

            assert "You are a pirate." in await speaks(room.general)
            assert "You are a poet." in await speaks(thread)
            await set_up(dc, boss, thread, "persona judge")
            assert "You are a judge." in await speaks(thread)
            assert "You are a poet." in await speaks(side)
            await set_up(dc, boss, thread, "channel persona default")
            assert "You are a pirate." in await speaks(side)
        assert dc.errors == []


async def test_a_question_is_marked_as_seen_where_that_is_chosen(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        ana = dc.person("Ana")
        room = await dc.guild("Club", ana)
        async with service(dc, tmp_path, **talking(model), discord_seen="👀"):
            question = await ana.ask("Hello", channel=room.general)
            await answer(dc, question)
            await dc.until(lambda: "👀" in question.reactions)
        assert dc.errors == []


async def test_in_a_thread_of_the_bots_the_question_above_it_is_marked(tmp_path: Path) -> None:
    async with calm() as dc, Server().lifespan() as model:
        boss, ana = dc.person("Boss"), dc.person("Ana")
        room = await dc.guild("Club", boss, ana)
        async with service(dc, tmp_path, **talking(model)):
            await set_up(dc, boss, room.general, "threads on")
            await set_up(dc, boss, room.general, "support close")
            question = await ana.ask("The lid is loose.", channel=room.general)
            thread = await dc.until(lambda: question.thread)
            assert "marked" in await pressed(dc, ana, await in_post(dc, thread))
            await dc.until(lambda: "✅" in question.reactions)
            await dc.until(lambda: thread.thread and thread.thread.archived)
