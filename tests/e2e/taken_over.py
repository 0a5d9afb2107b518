"""An operator at the console, and what comes of what they do."""

from __future__ import annotations

from bot.types import (
    Account,
    Address,
    ConsoleRole,
    Conversation,
    Role,
    Turn,
)
from tests.scripted import World

ANN = Account("acc-1", "Ann", ConsoleRole.OPERATOR)
BEN = Account("acc-2", "Ben", ConsoleRole.OWNER)
NOW = "Ann, a member of staff, answers here now. The assistant is silent until they hand back."
BACK_AGAIN = "The assistant answers here again."


async def conversation(world: World, chat: str = "c") -> Conversation:
    return await world.stores.conversations.open(Address("sim", "bot", chat))


def works_here(world: World, account: Account) -> Account:
    """As if it had entered the console once."""
    world.memory.console.accounts.setdefault(account.id, account)
    return account


async def take(world: World, chat: str = "c", by: Account = ANN) -> int:
    works_here(world, by)
    found = await conversation(world, chat)
    await world.app.takeover.take(found.id, by)
    await world.clock.advance(1)
    return found.id


async def say(world: World, text: str, chat: str = "c", by: Account = ANN) -> str:
    key = await world.app.takeover.say((await conversation(world, chat)).id, text, by)
    await world.clock.advance(2)
    return key


async def give_back(world: World, chat: str = "c") -> None:
    await world.app.takeover.give_back((await conversation(world, chat)).id, ANN)
    await world.clock.advance(3)


async def turns(world: World, chat: str = "c") -> list[Turn]:
    """Oldest first."""
    return (await world.stores.turns.listing((await conversation(world, chat)).id))[::-1]


def dialogue(world: World) -> list[tuple[Role, str]]:
    """What the model was asked with last, without the system's message."""
    return [(m.role, m.content) for m in world.model.requests[-1].messages[1:]]
