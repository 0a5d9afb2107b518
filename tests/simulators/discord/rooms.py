"""A guild as its owner runs it: channels, roles, who is in it and who may do what."""

from __future__ import annotations

from tests.simulators.discord.joining import guild_create_json
from tests.simulators.discord.messages import Message
from tests.simulators.discord.model import (
    CATEGORY,
    FORUM,
    TEXT,
    Channel,
    Guild,
    Json,
    Member,
    Overwrite,
    Role,
    User,
)
from tests.simulators.discord.people import Person
from tests.simulators.discord.permissions import NOTHING, USUAL, Permission
from tests.simulators.discord.threads import change_thread, leave
from tests.simulators.discord.world import World


class Room:
    """A guild; `general` is the text channel that it begins with."""

    def __init__(self, world: World, guild: Guild) -> None:
        self._world, self.guild = world, guild
        self.general = self._channel(TEXT, "general")

    @property
    def id(self) -> int:
        return self.guild.id

    @property
    def has_bot(self) -> bool:
        return self._world.bot.user.id in self.guild.members

    # channels

    async def text(self, name: str, *, topic: str | None = None) -> Channel:
        """A new text channel."""
        return self._told(self._channel(TEXT, name, topic))

    async def forum(self, name: str, *tags: str, tag_required: bool = False) -> Channel:
        """A new forum, with these tags to choose from."""
        channel = self._channel(FORUM, name)
        blank: Json = {"moderated": False, "emoji_id": None, "emoji_name": None}
        channel.tags = [{"id": str(self._world.snowflake()), "name": t} | blank for t in tags]
        channel.tag_required = tag_required
        return self._told(channel)

    async def category(self, name: str) -> Channel:
        return self._told(self._channel(CATEGORY, name))

    async def remove(self, channel: Channel) -> None:
        """Delete a channel or a thread, with all that is in it."""
        self._world.remove(channel)

    async def archive(self, thread: Channel, *, locked: bool = False) -> None:
        change_thread(self._world, thread, archived=True, locked=locked)

    async def lock(self, thread: Channel) -> None:
        change_thread(self._world, thread, locked=True)

    async def reopen(self, thread: Channel) -> None:
        """Out of the archive, and unlocked."""
        change_thread(self._world, thread, archived=False, locked=False)

    async def kick_from(self, thread: Channel, person: Person | None = None) -> None:
        """Take somebody, or the bot, out of a thread."""
        leave(self._world, thread, person.user if person else self._world.bot.user)

    # who may do what

    async def role(
        self, name: str, *people: Person, permissions: Permission = NOTHING, mentionable: bool = False
    ) -> Role:
        """A new role, given to these people."""
        role = Role(self._world.snowflake(), name, permissions, len(self.guild.roles), mentionable)
        self.guild.roles[role.id] = role
        self._tell("GUILD_ROLE_CREATE", {"guild_id": str(self.id), "role": role.json()})
        for person in people:
            await self.give(role, person)
        return role

    async def give(self, role: Role, person: Person) -> None:
        member = self.guild.members[person.id]
        member.roles = [*member.roles, role.id]
        self._member_changed(member)

    async def take(self, role: Role, person: Person) -> None:
        member = self.guild.members[person.id]
        member.roles = [r for r in member.roles if r != role.id]
        self._member_changed(member)

    async def permit(
        self,
        channel: Channel,
        whom: Role | Person | None = None,
        *,
        allow: Permission = NOTHING,
        deny: Permission = NOTHING,
    ) -> None:
        """What somebody, all with a role or (`whom` not given) everybody may do in a channel."""
        number = self.id if whom is None else whom.id
        channel.overwrites[number] = Overwrite("member" if isinstance(whom, Person) else "role", allow, deny)
        self._told(channel, "CHANNEL_UPDATE")

    async def permit_bot(
        self, channel: Channel, *, allow: Permission = NOTHING, deny: Permission = NOTHING
    ) -> None:
        """What the bot may do in a channel."""
        channel.overwrites[self._world.bot.user.id] = Overwrite("member", allow, deny)
        self._told(channel, "CHANNEL_UPDATE")

    # who is there

    async def invite_bot(self, permissions: Permission = USUAL) -> None:
        """Let the bot in, with a role of its own that may do this."""
        world, bot = self._world, self._world.bot.user
        role = Role(world.snowflake(), bot.name, permissions, len(self.guild.roles), bot_id=bot.id)
        self.guild.roles[role.id] = role
        self.guild.members[bot.id] = Member(bot, world.now_iso(), [role.id])
        guild = self.guild
        world.gateway.dispatch(
            "GUILD_CREATE", lambda intents: guild_create_json(world, guild, intents), guild
        )
        world.news.tell()

    async def kick_bot(self) -> None:
        """Throw the bot out: it can neither write nor read here any more."""
        bot = self._world.bot.user
        self.guild.roles = {i: r for i, r in self.guild.roles.items() if r.bot_id != bot.id}
        self._world.part(self.guild)

    async def join(self, person: Person) -> None:
        member = add_member(self._world, self.guild, person.user)
        self._tell("GUILD_MEMBER_ADD", member.json() | {"guild_id": str(self.id)})

    async def leave(self, person: Person) -> None:
        del self.guild.members[person.id]
        self._tell("GUILD_MEMBER_REMOVE", {"guild_id": str(self.id), "user": person.user.json()})

    async def rename(self, name: str) -> None:
        self.guild.name = name
        self._tell("GUILD_UPDATE", self.guild.json())

    async def purge(self, channel: Channel, *messages: Message) -> None:
        """Delete many messages at once."""
        for message in messages:
            message.deleted = True
        ids = [str(m.id) for m in messages]
        self._world.tell("MESSAGE_DELETE_BULK", {"ids": ids, "channel_id": str(channel.id)}, channel=channel)

    def _channel(self, kind: int, name: str, topic: str | None = None) -> Channel:
        return self._world.add_channel(Channel(self._world.snowflake(), kind, name, self.guild, topic=topic))

    def _told(self, channel: Channel, event: str = "CHANNEL_CREATE") -> Channel:
        self._world.tell(event, channel.json(self._world.bot.user), channel=channel)
        return channel

    def _member_changed(self, member: Member) -> None:
        self._tell("GUILD_MEMBER_UPDATE", member.json() | {"guild_id": str(self.id)})

    def _tell(self, event: str, payload: Json) -> None:
        self._world.tell(event, payload, guild=self.guild)


def new_room(world: World, name: str, people: tuple[Person, ...]) -> Room:
    """The first of them owns it; the bot is not in it yet."""
    number = world.snowflake()
    guild = Guild(number, name, people[0].id)
    guild.roles[number] = Role(number, "@everyone", USUAL)
    for person in people:
        add_member(world, guild, person.user)
    world.guilds[number] = guild
    return Room(world, guild)


def add_member(world: World, guild: Guild, user: User) -> Member:
    guild.members[user.id] = member = Member(user, world.now_iso())
    return member
