"""The plugins as the settings have them."""

from __future__ import annotations

from bot.plugins.desk import Configured, PluginDesk, open_desk
from bot.ports import Clock, KeyValue, Search
from bot.sealing import FILE, Sealer, keys_of
from bot.settings import Settings
from bot.types import Origin


async def plugins_of(settings: Settings, *, search: Search, store: KeyValue, clock: Clock) -> PluginDesk:
    """The installed plugins; those that are not disabled are in its host. Raises SettingsError,
    StorageError."""
    place = settings.places.get("plugins_disabled")
    in_file = place is None or place.origin is Origin.FILE
    return await open_desk(
        Configured(
            settings.plugins,
            disabled=settings.plugins_disabled if in_file else (),
            fixed=() if in_file else settings.plugins_disabled,
        ),
        search=search,
        store=store,
        sealer=Sealer(keys_of(settings.secret_key.get_secret_value()), settings.home / FILE),
        clock=clock,
        seconds=settings.plugin_timeout,
    )
