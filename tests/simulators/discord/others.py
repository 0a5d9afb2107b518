"""Other bots and webhooks, which write as people do not."""

from __future__ import annotations

from tests.simulators.discord.messages import Body, Message
from tests.simulators.discord.model import Channel, Json, User
from tests.simulators.discord.world import World


class Other:
    """Another bot, or a webhook."""

    def __init__(self, world: World, user: User) -> None:
        self._world, self.user = world, user

    @property
    def id(self) -> int:
        return self.user.id

    async def say(
        self, text: str, *, channel: Channel, reply_to: Message | None = None, embeds: tuple[Json, ...] = ()
    ) -> Message:
        webhook = self.user.id if self.user.webhook else 0
        body = Body(text, embeds=embeds)
        kind = 19 if reply_to else 0
        return self._world.write(channel, self.user, body, reply_to=reply_to, type=kind, webhook_id=webhook)
