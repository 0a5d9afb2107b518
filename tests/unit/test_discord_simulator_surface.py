"""The Discord simulator speaks the library's Discord: no route, event or field of its own."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import discord
import discord.http
import discord.types
import discord.webhook.async_ as webhooks
import pytest

from tests.simulators.discord import NO_LIMITS, Discord, GatewayRules, Permission, Person
from tests.simulators.discord.api import ROUTES
from tests.simulators.discord.driving import Bot, running
from tests.simulators.discord.intents import KNOWN
from tests.simulators.discord.permissions import ALL

INTERACTION_METADATA = (
    "ModalSubmitMessageInteractionMetadata",
    "MessageComponentMessageInteractionMetadata",
    "MessageApplicationCommandMessageInteractionMetadata",
)
CHANNELS = ("TextChannel", "ForumChannel", "ThreadChannel", "DMChannel")
INTERACTIONS = ("ApplicationCommandInteraction",)
# Where objects stand in others, by the names of the fields.
WITHIN: dict[str, tuple[str, ...]] = {
    "author": ("User",),
    "user": ("User",),
    "recipients": ("User",),
    "mentions": ("UserWithMember",),
    "member": ("MemberWithUser", "ThreadMember"),
    "members": ("MemberWithUser", "ThreadMember"),
    "added_members": ("ThreadMember",),
    "attachments": ("Attachment",),
    "message": ("Message",),
    "referenced_message": ("Message",),
    "message_reference": ("MessageReference",),
    "reactions": ("Reaction",),
    "emoji": ("PartialEmoji",),
    "thread": ("Thread",),
    "threads": ("Thread",),
    "thread_metadata": ("ThreadMetadata",),
    "interaction_metadata": INTERACTION_METADATA,
    "role": ("Role",),
    "roles": ("Role",),
    "channel": CHANNELS,
    "channels": CHANNELS,
    "permission_overwrites": ("PermissionOverwrite",),
    "available_tags": ("ForumTag",),
    "owner": ("User",),
}
# What Discord documents and the library's types leave out.
DOCUMENTED = {
    *("channel_type", "banner", "nsfw", "template", "user", "message", "command_type", "name", "bot"),
    *(
        "premium_progress_bar_enabled",
        "safety_alerts_channel_id",
        "hub_type",
        "max_stage_video_channel_users",
    ),
    *("session_type", "private_channels", "relationships", "presences", "user_settings", "_trace"),
    "approximate_guild_count",
}
KINDS: dict[str, tuple[str, ...]] = {
    "READY": ("ReadyEvent",),
    "GUILD_CREATE": ("Guild",),
    "GUILD_UPDATE": ("Guild",),
    "GUILD_DELETE": ("UnavailableGuild",),
    "CHANNEL_CREATE": CHANNELS,
    "CHANNEL_UPDATE": CHANNELS,
    "CHANNEL_DELETE": CHANNELS,
    "THREAD_CREATE": ("ThreadCreateEvent",),
    "THREAD_UPDATE": ("ThreadUpdateEvent",),
    "THREAD_DELETE": ("ThreadDeleteEvent",),
    "THREAD_MEMBERS_UPDATE": ("ThreadMembersUpdate",),
    "GUILD_ROLE_CREATE": ("_GuildRoleEvent",),
    "GUILD_MEMBER_ADD": ("GuildMemberAddEvent",),
    "GUILD_MEMBER_UPDATE": ("GuildMemberUpdateEvent",),
    "GUILD_MEMBER_REMOVE": ("GuildMemberRemoveEvent",),
    "MESSAGE_CREATE": ("MessageCreateEvent",),
    "MESSAGE_UPDATE": ("MessageCreateEvent",),
    "MESSAGE_DELETE": ("MessageDeleteEvent",),
    "MESSAGE_DELETE_BULK": ("MessageDeleteBulkEvent",),
    "MESSAGE_REACTION_ADD": ("MessageReactionAddEvent",),
    "MESSAGE_REACTION_REMOVE": ("MessageReactionRemoveEvent",),
    "TYPING_START": ("TypingStartEvent",),
    "INTERACTION_CREATE": INTERACTIONS,
}


@cache
def classes() -> dict[str, tuple[list[str], set[str]]]:
    """The library's types, which cannot be imported alone: by name, those they extend and their fields."""
    found: dict[str, tuple[list[str], set[str]]] = {}
    for path in Path(discord.types.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                targets = [a.target for a in node.body if isinstance(a, ast.AnnAssign)]
                names = {t.id for t in targets if isinstance(t, ast.Name)}
                found[node.name] = [b.id for b in node.bases if isinstance(b, ast.Name)], names
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
                found |= {t.id: ([node.value.id], set()) for t in node.targets if isinstance(t, ast.Name)}
    return found


def fields(kind: str) -> set[str]:
    """All that the library's type of this name may hold."""
    if kind == "TypedDict":
        return set()
    bases, names = classes()[kind]
    return names.union(*map(fields, bases))


def strange(value: Any, kinds: tuple[str, ...], where: str) -> Iterator[str]:
    """Fields that neither the library's types nor Discord's documentation know, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from strange(item, kinds, where)
    if not isinstance(value, dict):
        return
    known = {name for kind in kinds for name in fields(kind)} | DOCUMENTED
    for name, inner in value.items():
        if name not in known:
            yield f"{where}.{name}"
        if name in WITHIN:
            yield from strange(inner, WITHIN[name], f"{where}.{name}")


def test_every_route_is_one_of_the_librarys() -> None:
    source = inspect.getsource(discord.http) + inspect.getsource(webhooks)
    known = set(re.findall(r"Route\(\s*'([A-Z]+)',\s*'([^']+)'", source))
    assert len(known) > 150
    ours = {(r.method, r.template) for r in ROUTES}
    assert ours - known == {("GET", "/gateway"), ("GET", "/applications/@me")}


def test_every_permission_and_intent_is_one_of_the_librarys() -> None:
    names = {"VIEW_CHANNEL": "read_messages", "USE_EXTERNAL_EMOJIS": "external_emojis"}
    for permission in Permission:
        assert permission.name is not None
        name = names.get(permission.name, permission.name.lower())
        assert getattr(discord.Permissions(permission.value), name), permission
    assert discord.Intents.all().value & ~KNOWN == 0
    assert discord.Permissions.all().value & ~ALL & ~(1 << 52) == 0


async def people_do_everything(dc: Discord, bot: Bot) -> None:
    """All that happens to a bot, in private and in guilds."""
    ana, ben = dc.person("Ana", "es"), dc.person("Ben")
    room = await dc.guild("Friends", ana, ben)
    await room.text("more", topic="more of it")
    forum = await room.forum("help", "bug")
    role = await room.role("vip", ben, mentionable=True)
    await room.take(role, ben)
    eve = dc.person("Eve")
    await room.join(eve)
    said = await ana.ask(f"{role.mention} look", channel=room.general, files={"a.png": b"png"})
    for message_ in (said, await ana.say("hi")):
        await ana.reply(message_, "hello")
        await ana.edit(message_, "changed")
        await ana.react(message_, "👍")
        await ana.unreact(message_, "👍")
        await ana.type(message_.channel)
    thread = await ana.thread("Talk", message=said)
    await ana.say("in it", channel=thread)
    await ben.add_bot(await ben.thread("Secret", channel=room.general, private=True))
    post = await ana.post(forum, "Broken", "why?", tags=("bug",))
    await room.archive(post)
    await room.remove(thread)
    await dc.webhook("News").say("extra", channel=room.general)
    await room.permit_bot(room.general, allow=Permission.MANAGE_MESSAGES)
    await ask_everything(dc, bot, ana)
    await room.purge(
        room.general, await ben.say("1", channel=room.general), await ben.say("2", channel=room.general)
    )
    await ana.delete(said)
    await room.leave(eve)
    await room.rename("Others")
    await room.remove(await room.category("Things"))
    await room.kick_bot()


async def ask_everything(dc: Discord, bot: Bot, ana: Person) -> None:
    """Somebody uses the bot in every way there is."""
    await ana.install()
    await bot.tree.sync()
    used = await ana.slash("ask", question="x", file=("a.txt", b"x"))
    await dc.until(lambda: used.answer)
    pressed = await ana.press(used.messages[0], "Again")
    await dc.until(lambda: pressed.modal)
    sent = await ana.submit(pressed, text="x")
    await dc.until(lambda: sent.answer)
    chosen = await ana.menu("About", await ana.say("this"))
    await dc.until(lambda: chosen.answer)


def with_commands(bot: Bot) -> None:
    class Form(discord.ui.Modal, title="Form"):
        text = discord.ui.TextInput[Any](label="Text", custom_id="text")

        async def on_submit(self, given: discord.Interaction) -> None:
            await given.response.send_message("thanks")

    class Again(discord.ui.View):
        @discord.ui.button(label="Again")
        async def again(self, given: discord.Interaction, _: discord.ui.Button[Any]) -> None:
            await given.response.send_modal(Form())

    @bot.tree.command(description="Ask")
    async def ask(given: discord.Interaction[Any], question: str, file: discord.Attachment) -> None:
        await given.response.send_message(question, view=Again())

    @bot.tree.context_menu(name="About")
    async def about(given: discord.Interaction[Any], message_: discord.Message) -> None:
        await given.response.defer(ephemeral=True)


async def test_every_event_is_understood() -> None:
    intents = discord.Intents.all()
    rules = GatewayRules(identify_seconds=0)
    privileged = ("content", "members", "presences")
    async with Discord(privileged=privileged, gateway=rules, limits=NO_LIMITS) as dc:
        bot = Bot(dc, intents=intents, enable_debug_events=True)
        with_commands(bot)
        async with running(dc, bot):
            await people_do_everything(dc, bot)
            await dc.until(lambda: bot.got("guild_remove"))
            frames = [json.loads(frame) for frame in bot.got("socket_raw_receive")]
        events = [(f["t"], f["d"]) for f in frames if f["op"] == 0 and f["t"] != "RESUMED"]
        assert {name for name, _ in events} == set(KINDS)
        assert sorted({s for name, data in events for s in strange(data, KINDS[name], name)}) == []
        parsers = bot._connection.parsers
        assert [name for name in KINDS if name not in parsers] == []
        assert bot.got("error") == []
        assert dc.errors == []


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/users/@me", ("User",)),
        ("/oauth2/applications/@me", ("AppInfo",)),
        ("/gateway/bot", ("GatewayBot",)),
        ("/guilds/{guild}", ("Guild",)),
        ("/guilds/{guild}/channels", CHANNELS),
        ("/guilds/{guild}/roles", ("Role",)),
        ("/guilds/{guild}/members?limit=9", ("MemberWithUser",)),
        ("/guilds/{guild}/threads/active", ("ThreadPaginationPayload",)),
        ("/channels/{channel}", CHANNELS),
        ("/channels/{channel}/messages", ("Message",)),
        ("/applications/{bot}/commands", ("_ChatInputApplicationCommand",)),
    ],
)
async def test_every_answer_is_understood(path: str, kinds: tuple[str, ...]) -> None:
    async with Discord(privileged=("members",), gateway=GatewayRules(identify_seconds=0)) as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        await room.forum("help", "bug")
        await ana.thread("Talk", message=await ana.ask("x", channel=room.general))
        bot = Bot(dc)
        with_commands(bot)
        async with running(dc, bot):
            await bot.tree.sync()
            filled = path.format(guild=room.id, channel=room.general.id, bot=dc.bot.id)
            answer = await bot.http.request(discord.http.Route("GET", filled))
            assert answer
            assert sorted(strange(answer, kinds, path)) == []


async def test_guilds_can_be_looked_at() -> None:
    rules = GatewayRules(identify_seconds=0)
    async with Discord(privileged=("members",), gateway=rules) as dc:
        ana = dc.person("Ana")
        room = await dc.guild("Friends", ana)
        await room.forum("help", "bug")
        intents = discord.Intents.default()
        intents.members = True
        bot = Bot(dc, intents=intents)
        async with running(dc, bot):
            guild = await bot.fetch_guild(room.id)
            assert [m.name async for m in guild.fetch_members()] == ["ana", "Tertulia"]
            assert {c.name for c in await guild.fetch_channels()} == {"general", "help"}
            assert (await guild.fetch_member(ana.id)).display_name == "Ana"
            known = bot.get_guild(room.id)
            assert known is not None
            assert known.get_member(ana.id) is not None
