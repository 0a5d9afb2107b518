"""All that the house keeps of one person, wherever it lies: a part of the composition root."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from bot.clock import SystemClock
from bot.compose import App
from bot.errors import PluginError
from bot.opening import Stores
from bot.plugins.api import Scoped
from bot.ports import People
from bot.settings import Settings
from bot.types import Exported


async def export_person(app: App, person_id: str) -> AsyncGenerator[Exported]:
    """Everything that is stored about the person, by the plugins too (`plugin_data`, by their names), in
    pieces; see `People.export`. The plugins are asked first, and what they tell is held until its turn
    comes: an export that a plugin fails does not begin. Raises PluginError, StorageError."""
    told = await app.plugins.export_person(person_id)
    kept = {name: _plain(name, part) for name, part in told.items()}
    async with aclosing(app.stores.people.export(person_id)) as pieces:
        async for piece in pieces:
            yield piece
    yield Exported("plugin_data", kept)


def _plain(plugin: str, part: dict[str, Any]) -> Any:
    """As JSON says it, whatever a plugin puts into it. Raises PluginError."""
    try:
        text = json.dumps(part, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise PluginError(f"plugin {plugin}: what it exports is no JSON: {error}") from error
    return json.loads(text.encode("utf-8", "replace"))


async def delete_person(app: App, person_id: str) -> None:
    """Erase the person everywhere; what the model still writes for them ends. Raises StorageError,
    PluginError; then it can be done again."""
    await forget_files(app.settings, app.stores.people, person_id)
    await forget_on_discord(app.stores, person_id)
    await app.plugins.delete_person(person_id)
    app.handler.urgent.forget(await app.stores.people.accounts(person_id))
    await app.stores.people.delete(person_id)


async def forget_files(settings: Settings, people: People, person_id: str) -> None:
    """Remove the files that this person brought to the page; to be called before the person is."""
    from adapters.web.files import Files

    files = Files(settings.files, SystemClock(), limit=settings.web_upload_limit)
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
