"""All that the house keeps of one person, wherever it lies: a part of the composition root."""

from __future__ import annotations

from typing import Any

from bot.clock import SystemClock
from bot.compose import App, Stores
from bot.plugins.api import Scoped
from bot.ports import People
from bot.settings import Settings

FILES = "files"
"""The folder in the home for what visitors of the page bring."""


async def export_person(app: App, person_id: str) -> dict[str, Any]:
    """Everything that is stored about the person, by the plugins too, as JSON-ready values."""
    found = await app.stores.people.export(person_id)
    return {**found, "plugin_data": await app.plugins.export_person(person_id)}


async def delete_person(app: App, person_id: str) -> None:
    """Erase the person everywhere. Raises StorageError, PluginError; then it can be done again."""
    await forget_files(app.settings, app.stores.people, person_id)
    await forget_on_discord(app.stores, person_id)
    await app.plugins.delete_person(person_id)
    await app.stores.people.delete(person_id)


async def forget_files(settings: Settings, people: People, person_id: str) -> None:
    """Remove the files that this person brought to the page; to be called before the person is."""
    from adapters.web.files import Files

    files = Files(settings.home / FILES, SystemClock(), limit=settings.web_upload_limit)
    for platform, user_id in await people.accounts(person_id):
        if platform == "web":
            await files.forget(user_id)


async def forget_on_discord(stores: Stores, person_id: str) -> None:
    """Remove what the adapter keeps of this person; to be called before the person is. Raises
    StorageError."""
    from adapters.discord.forgetting import forget

    for platform, user_id in await stores.people.accounts(person_id):
        if platform == "discord":
            await forget(Scoped(stores.values, "discord", ""), user_id)
