"""Groups, supergroups, forums and channels, and what happens in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.simulators.telegram.chats import Chat, Member, Message, Status, Topic, User
from tests.simulators.telegram.entity import Text
from tests.simulators.telegram.members import USUAL, administrator_rights, change_json
from tests.simulators.telegram.people import Person
from tests.simulators.telegram.world import World


class Room:
    """A chat of several; `owner` does what is done to it unless somebody else is named."""

    def __init__(self, world: World, chat: Chat, owner: Person) -> None:
        self._world, self.chat, self.owner = world, chat, owner

    @property
    def id(self) -> int:
        return self.chat.id

    @property
    def messages(self) -> list[Message]:
        """What everybody in it sees."""
        return self.chat.messages

    @property
    def texts(self) -> list[str]:
        """The bot's messages as they stand."""
        return self.chat.texts

    async def add_bot(self, *rights: str, by: Person | None = None) -> None:
        """As a member; with rights, or in a channel, as an administrator."""
        status: Status = "administrator" if rights or self.chat.type == "channel" else "member"
        given = set(rights or (administrator_rights(self.chat) if status == "administrator" else ()))
        self._set_bot(status, given, by)
        if self.chat.type != "channel":
            self._service(by, new_chat_members=[self._world.bot.user.json()])

    async def promote_bot(self, *rights: str) -> None:
        """Make it an administrator with these rights, or with all there are."""
        self._set_bot("administrator", set(rights or administrator_rights(self.chat)), None)

    async def demote_bot(self) -> None:
        self._set_bot("member", set(), None)

    async def restrict_bot(self, *permissions: str) -> None:
        """Leave it only these permissions."""
        self._set_bot("restricted", set(permissions), None)

    async def remove_bot(self, by: Person | None = None) -> None:
        """Kick it out: it can neither write nor read here any more."""
        if self.chat.type != "channel":
            self._service(by, left_chat_member=self._world.bot.user.json())
        self._set_bot("kicked", set(), by)

    async def join(self, person: Person, *, by: Person | None = None) -> None:
        """Somebody comes in, or is brought by another."""
        self._set(person.user, "member", by or person)
        if self.chat.type != "channel":
            self._service(by or person, new_chat_members=[person.user.json()])

    async def leave(self, person: Person, *, by: Person | None = None) -> None:
        """Somebody goes, or is thrown out by another."""
        if self.chat.type != "channel":
            self._service(by or person, left_chat_member=person.user.json())
        self._set(person.user, "kicked" if by else "left", by or person)

    async def rename(self, title: str) -> Message:
        self.chat.title = title
        return self._service(None, new_chat_title=title)

    async def permit(self, *permissions: str) -> None:
        """What members may do here, from now on only this."""
        self.chat.permissions = set(permissions)

    async def topic(self, name: str) -> Topic:
        """A new topic; its number is that of the message that tells of it."""
        color = 0x6FB9F0
        created = self._service(None, forum_topic_created={"name": name, "icon_color": color}, tell=False)
        topic = self.chat.topics[created.id] = Topic(created.id, name, color)
        created.thread_id = topic.id
        self._world.tell_message(created)
        return topic

    async def close_topic(self, topic: Topic) -> None:
        topic.closed = True
        self._service(None, topic=topic, forum_topic_closed={})

    async def reopen_topic(self, topic: Topic) -> None:
        topic.closed = False
        self._service(None, topic=topic, forum_topic_reopened={})

    async def migrate(self) -> Room:
        """A group becomes a supergroup, with another number; both tell of it."""
        old, world = self.chat, self._world
        if old.type != "group":
            raise ValueError("only basic groups become supergroups")
        members = {k: replace(m, rights=set(m.rights)) for k, m in old.members.items()}
        new = Chat(room_id(world, "supergroup"), "supergroup", old.title, members=members)
        new.permissions = set(old.permissions)
        world.add_chat(new)
        self._service(None, migrate_to_chat_id=new.id)
        old.migrated_to = new.id
        room = Room(world, new, self.owner)
        room._service(None, migrate_from_chat_id=old.id)
        return room

    def _service(
        self, by: Person | None, *, topic: Topic | None = None, tell: bool = True, **what: Any
    ) -> Message:
        author = (by or self.owner).user
        thread = topic.id if topic else 0
        message = self._world.write(self.chat, author, Text(), thread_id=thread, extra=what)
        if tell:
            self._world.tell_message(message)
        return message

    def _set_bot(self, status: Status, rights: set[str], by: Person | None) -> None:
        bot, author = self._world.bot.user, (by or self.owner).user
        old = self._world.member(self.chat, bot)
        new = self.chat.members[bot.id] = Member(bot, status, rights)
        self._world.tell("my_chat_member", change_json(self.chat, author, old, new, self._world.date()))

    def _set(self, user: User, status: Status, by: Person) -> None:
        old = self._world.member(self.chat, user)
        new = self.chat.members[user.id] = Member(user, status)
        if self._world.member(self.chat, self._world.bot.user).administers:
            self._world.tell("chat_member", change_json(self.chat, by.user, old, new, self._world.date()))


def room_id(world: World, kind: str) -> int:
    number = 4_000_000 + world.serial() * 13
    return -number if kind == "group" else -1_000_000_000_000 - number


def new_room(world: World, chat: Chat, people: tuple[Person, ...]) -> Room:
    """The first of them owns it; the bot is not in it yet."""
    chat.permissions = set(USUAL)
    for person in people:
        chat.members[person.id] = Member(person.user, "member")
    chat.members[people[0].id].status = "creator"
    world.add_chat(chat)
    return Room(world, chat, people[0])
