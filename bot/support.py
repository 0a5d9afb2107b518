"""An answer that helped: who may say so, and what becomes of the question."""

from __future__ import annotations

import logging

from bot.commands.call import RUNS_BOT
from bot.errors import ChannelError, RetryAfter
from bot.groups import CLOSE, SUPPORT, choice
from bot.ports import Channel, Clock
from bot.types import ADMIN, AUTHOR, MANAGER, MODERATOR, Conversation, Event, Person, Turn

log = logging.getLogger(__name__)
TRIES = 3
_MAY = frozenset((AUTHOR, MODERATOR, MANAGER, ADMIN))


def may_solve(event: Event, person: Person, turn: Turn) -> bool:
    """Whether this is for them to say: who asked, whose post it is, and who keeps order there."""
    own = turn.person_id == person.id or person.role in RUNS_BOT
    return own or not _MAY.isdisjoint(event.sender.roles)


async def solve(channel: Channel, conversation: Conversation, turn: Turn, clock: Clock) -> None:
    """Mark the question as answered, and close its place where that is chosen. A courtesy: what the
    platform refuses is logged."""
    close = choice(conversation, SUPPORT) == CLOSE
    for left in reversed(range(TRIES)):
        try:
            return await channel.solve(conversation.address, turn.question_id, close=close)
        except RetryAfter as error:
            if left:
                await clock.sleep(error.seconds)
        except ChannelError as error:
            return log.info("turn %s is not marked as answered: %s", turn.id, error)
    log.info("turn %s is not marked as answered: the platform is busy", turn.id)
