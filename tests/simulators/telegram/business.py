"""A person whose chats the bot looks after, and those who write to them."""

from __future__ import annotations

from tests.simulators.telegram.asked import Connection
from tests.simulators.telegram.chats import Chat, Message, User, Version
from tests.simulators.telegram.entity import Text
from tests.simulators.telegram.methods import Method, find_connection, method
from tests.simulators.telegram.parameters import Args
from tests.simulators.telegram.people import Person
from tests.simulators.telegram.refusals import bad
from tests.simulators.telegram.world import World
from tests.simulators.telegram.writing import written

RIGHTS = ("can_reply", "can_read_messages", "can_delete_sent_messages", "can_delete_all_messages")


class Business:
    """`owner` has connected the bot to their account; `connection` is how the bot knows it."""

    def __init__(self, world: World, owner: Person, connection: Connection) -> None:
        self._world, self.owner, self.connection = world, owner, connection

    @property
    def id(self) -> str:
        return self.connection.id

    def chat(self, customer: Person) -> Chat:
        """The owner's chat with somebody, as both see it."""
        known = self.connection.chats.get(customer.id)
        if known is None:
            known = Chat(customer.id, "private", user=customer.user, connection=self.id)
            self.connection.chats[customer.id] = known
        return known

    async def say(self, customer: Person, text: str | Text, *, reply_to: Message | None = None) -> Message:
        """Somebody writes to the owner."""
        return self._write(customer, customer.user, text, reply_to)

    async def owner_says(
        self, customer: Person, text: str | Text, *, reply_to: Message | None = None
    ) -> Message:
        """The owner writes to somebody with their own hand."""
        return self._write(customer, self.owner.user, text, reply_to)

    async def edit(self, message: Message, text: str | Text) -> None:
        version = Version(written(text), message.media, message.markup, self._world.clock())
        self._world.rewrite(message, version)
        if self.connection.enabled:
            self._world.tell_message(message, edited=True)

    async def delete(self, *messages: Message) -> None:
        """Messages of one chat go, for both."""
        for message in messages:
            self._world.delete(message)
        if self.connection.enabled:
            about = {"business_connection_id": self.id, "chat": messages[0].chat.json()}
            self._world.tell("deleted_business_messages", about | {"message_ids": [m.id for m in messages]})

    async def change(self, *rights: str, enabled: bool = True) -> None:
        """Give the bot other rights, or take the connection away."""
        self.connection.rights, self.connection.enabled = set(rights), enabled
        self._world.tell("business_connection", self.connection.json())

    def _write(self, customer: Person, author: User, text: str | Text, reply_to: Message | None) -> Message:
        message = self._world.write(self.chat(customer), author, written(text), reply_to=reply_to)
        if self.connection.enabled:
            self._world.tell_message(message)
        return message


def connect(world: World, owner: Person, rights: tuple[str, ...]) -> Business:
    """The owner connects the bot, which is told."""
    number = f"BizConn{world.serial():08d}"
    connection = Connection(number, owner.user, world.date(), set(rights or RIGHTS))
    world.connections[number] = connection
    world.tell("business_connection", connection.json())
    return Business(world, owner, connection)


def get_business_connection(world: World, args: Args) -> dict[str, object]:
    connection = find_connection(world, args)
    if connection is None:
        raise bad("business connection not found")
    return connection.json()


METHODS: tuple[Method, ...] = (
    method("getBusinessConnection", get_business_connection, "business_connection_id"),
)
