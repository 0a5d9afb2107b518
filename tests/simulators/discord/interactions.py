"""What a person asks of the bot by a command, a button or a form; what came of it can be looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulators.discord.messages import Message, message_json
from tests.simulators.discord.model import Channel, Json, User
from tests.simulators.discord.permissions import ALL, permissions_in

if TYPE_CHECKING:
    from tests.simulators.discord.world import World

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
ACKNOWLEDGE_SECONDS = 3.0
TOKEN_SECONDS = 900.0
FILE_LIMIT = 10 * 1024 * 1024
FOREIGN_FOLLOWUPS = 5


@dataclass(eq=False, repr=False, slots=True)
class Interaction:
    """`response`: the type of the bot's callback, 0 while there is none. `answer`: the message it became, or
    changes; `followups`: what the bot said later; `modal` and `choices`: what it showed instead."""

    id: int
    token: str
    application_id: int
    type: int
    user: User
    channel: Channel
    data: Json
    at: float
    owners: dict[str, str]
    message: Message | None = None
    before: Interaction | None = None
    response: int = 0
    responded_at: float = 0.0
    answer: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None

    @property
    def acknowledged(self) -> bool:
        return self.response != 0

    @property
    def messages(self) -> list[Message]:
        """All that came of it and is still there, in order."""
        shown = [self.answer] if self.answer is not None else []
        return [m for m in (*shown, *self.followups) if not m.deleted]

    @property
    def texts(self) -> list[str]:
        return [m.content for m in self.messages]

    @property
    def foreign(self) -> bool:
        """The bot is there only because the person brings it."""
        return "0" not in self.owners

    def metadata_json(self) -> Json:
        shown: Json = {"id": str(self.id), "type": self.type, "user": self.user.json()}
        shown["authorizing_integration_owners"] = self.owners
        if self.type == COMMAND:
            shown |= {"name": self.data["name"], "command_type": self.data["type"]}
            if "target_id" in self.data:
                shown["target_message_id"] = self.data["target_id"]
        if self.message is not None and self.type == COMPONENT:
            shown["interacted_message_id"] = str(self.message.id)
        if self.before is not None:
            shown["triggering_interaction_metadata"] = self.before.metadata_json()
        return shown


def interaction_json(world: World, asked: Interaction) -> Json:
    """As the gateway tells of it."""
    bot, channel, guild = world.bot.user, asked.channel, asked.channel.guild
    shown: Json = {"id": str(asked.id), "application_id": str(asked.application_id), "type": asked.type}
    shown |= {"token": asked.token, "version": 1, "data": asked.data, "channel_id": str(channel.id)}
    shown |= {"channel": _channel_json(asked, bot), "entitlements": [], "entitlement_sku_ids": []}
    shown |= {"locale": asked.user.locale, "authorizing_integration_owners": asked.owners}
    shown |= {"app_permissions": str(int(_app_permissions(asked, bot)))}
    shown |= {"attachment_size_limit": FILE_LIMIT, "context": _context(channel, bot)}
    if asked.message is not None:
        shown["message"] = message_json(asked.message, bot, full=True)
    if guild is None:
        return shown | {"user": asked.user.json()}
    member = guild.members[asked.user.id].json()
    member["permissions"] = str(int(permissions_in(channel, asked.user)))
    shown |= {"guild_id": str(guild.id), "guild_locale": guild.locale, "member": member}
    return shown | {"guild": {"id": str(guild.id), "locale": guild.locale, "features": []}}


def _context(channel: Channel, bot: User) -> int:
    if channel.guild is not None:
        return 0
    return 1 if bot in channel.people else 2


def _app_permissions(asked: Interaction, bot: User) -> int:
    may = permissions_in(asked.channel, bot)
    if may or (asked.channel.guild is not None and bot.id in asked.channel.guild.members):
        return may
    return permissions_in(asked.channel, asked.user)


def _channel_json(asked: Interaction, bot: User) -> Json:
    shown = asked.channel.json(bot)
    if asked.channel.guild is None:
        return shown
    may: Any = permissions_in(asked.channel, asked.user)
    return {k: v for k, v in shown.items() if k != "permission_overwrites"} | {
        "permissions": str(int(may & ALL))
    }
