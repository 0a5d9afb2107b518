"""A person on the platform: what they do, the bot is told; what they see, a test can look at."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulators.discord.forms import CONTENT_LIMIT
from tests.simulators.discord.messages import DEFAULT, REPLY, Allowed, Attachment, Body, Message
from tests.simulators.discord.model import FORUM, PRIVATE_THREAD, PUBLIC_THREAD, Channel
from tests.simulators.discord.permissions import Permission, may_send, permissions_in
from tests.simulators.discord.routing import reachable
from tests.simulators.discord.threads import begin_thread, join, unarchive
from tests.simulators.discord.using import Using

Files = Mapping[str, bytes]
_MIME = {"txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8", "png": "image/png"}
_MIME |= {"pdf": "application/pdf", "ogg": "audio/ogg", "jpg": "image/jpeg"}


class Person(Using):
    """Somebody with the app in hand. All that names no channel happens in their private one with the bot."""

    async def say(
        self,
        text: str,
        *,
        channel: Channel | None = None,
        reply_to: Message | None = None,
        ping: bool = True,
        files: Files | None = None,
    ) -> Message:
        """Write a message. `ping`: whoever is replied to is told of it."""
        where = channel or self.channel
        self._may_write(where)
        if len(text) > CONTENT_LIMIT or not (text.strip() or files):
            raise ValueError("Discord lets nobody write nothing, or so much")
        unarchive(self._world, where)
        body = Body(text.strip(), attachments=self._attached(files, where))
        message = self._world.write(
            where,
            self.user,
            body,
            allowed=Allowed(replied_user=ping),
            reply_to=reply_to,
            type=REPLY if reply_to else DEFAULT,
        )
        join(self._world, where, self.user)
        return message

    async def ask(self, text: str, *, channel: Channel, files: Files | None = None) -> Message:
        """Write a message that begins by mentioning the bot."""
        return await self.say(f"{self._world.bot.user.mention} {text}", channel=channel, files=files)

    async def reply(self, to: Message, text: str, *, ping: bool = True) -> Message:
        """Answer a message where it stands."""
        return await self.say(text, channel=to.channel, reply_to=to, ping=ping)

    async def edit(self, message: Message, text: str) -> Message:
        """Change something they wrote."""
        if message.author is not self.user:
            raise ValueError("people edit their own messages only")
        body = message.body
        self._world.rewrite(message, Body(text, body.embeds, body.components, body.attachments))
        return message

    async def delete(self, message: Message) -> None:
        """Take a message away for everybody; one of others' only where they manage messages."""
        may = permissions_in(message.channel, self.user)
        if message.author is not self.user and not may & Permission.MANAGE_MESSAGES:
            raise ValueError(f"{self.user.name} may not delete that")
        self._world.erase(message)

    async def dismiss(self, message: Message) -> None:
        """Close something that only they see."""
        if message.only_for is not self.user:
            raise ValueError("others see that too")
        message.deleted = True

    async def react(self, message: Message, emoji: str) -> None:
        self._world.react(message, self.user, emoji, on=True)

    async def unreact(self, message: Message, emoji: str) -> None:
        self._world.react(message, self.user, emoji, on=False)

    async def type(self, channel: Channel | None = None) -> None:
        """Be seen typing."""
        self._world.type(channel or self.channel, self.user)

    async def thread(
        self,
        name: str,
        *,
        message: Message | None = None,
        channel: Channel | None = None,
        private: bool = False,
    ) -> Channel:
        """Begin a thread from a message, or without one in a channel."""
        parent = message.channel if message is not None else channel
        if parent is None or parent.guild is None:
            raise ValueError("threads are in the channels of a guild")
        self._may_write(parent)
        kind = PRIVATE_THREAD if private else PUBLIC_THREAD
        return begin_thread(self._world, parent, self.user, name, kind=kind, message=message)

    async def post(
        self, forum: Channel, title: str, text: str, *, tags: tuple[str, ...] = (), files: Files | None = None
    ) -> Channel:
        """Ask something in a forum; returns the thread that it is."""
        if forum.type != FORUM:
            raise ValueError("posts are written in forums")
        self._may_write(forum)
        ids = tuple(int(t["id"]) for t in forum.tags if t["name"] in tags)
        thread = begin_thread(self._world, forum, self.user, title, tags=ids)
        body = Body(text, attachments=self._attached(files, thread))
        starter = self._world.write(thread, self.user, body, message_id=thread.id)
        if thread.thread is not None:
            thread.thread.starter = starter
        return thread

    async def add_bot(self, thread: Channel) -> None:
        """Bring the bot into a thread."""
        self._may_write(thread)
        join(self._world, thread, self._world.bot.user)

    async def block_bot(self) -> None:
        """It can send nothing to them any more."""
        self.user.blocked = True

    async def unblock_bot(self) -> None:
        self.user.blocked = False

    def _may_write(self, channel: Channel) -> None:
        may = permissions_in(channel, self.user)
        barred = channel is self.channel and not reachable(self._world, self.user)
        if barred or not may & Permission.VIEW_CHANNEL or not may_send(channel, may):
            raise ValueError(f"{self.user.name} may not write in {channel.name or 'that chat'}")
        thread = channel.thread
        if thread is not None and thread.locked and not may & Permission.MANAGE_THREADS:
            raise ValueError(f"the thread {channel.name} is locked")

    def _attached(self, files: Files | None, channel: Channel) -> tuple[Attachment, ...]:
        def kind(name: str) -> str:
            return _MIME.get(name.rpartition(".")[2], "application/octet-stream")

        given = (files or {}).items()
        return tuple(self._world.attach(name, data, kind(name), None, channel) for name, data in given)
