"""Erasing what is kept of somebody who is deleted."""

from __future__ import annotations

from adapters.discord.threads import KEY as THREAD
from adapters.discord.tokens import CHAT, VIA
from adapters.discord.translate import INTERACTION
from bot.plugins.api import Scoped


async def forget(store: Scoped, user: str) -> None:
    """Their interactions, with what leads to them, and the words of their questions that threads were to
    be named by. Raises StorageError."""
    interactions = await store.items(INTERACTION)
    own = {asked["id"] for asked in interactions.values() if asked["user"] == user}
    for prefix in (INTERACTION, VIA, CHAT):
        for name, value in (await store.items(prefix)).items():
            if value["id"] in own:
                await store.delete(name)
    for name, planned in (await store.items(THREAD)).items():
        if planned.get("user") == user:
            await store.put(name, {**planned, "name": "", "user": ""})
