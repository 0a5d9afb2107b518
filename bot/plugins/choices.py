"""What was chosen in the console about each plugin, as the database keeps it: secrets are sealed there.

A record is `{"enabled": …, "settings": {…}, "sealed": {…}}` under the plugin's name; `sealed` has the
secrets among the settings, each bound to its plugin and name (`bot.sealing`). A record without it was
written before secrets were sealed, and has them among the settings.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.errors import SealError
from bot.ports import KeyValue
from bot.sealing import Sealer

KEY = "plugin:"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for a plugin. `enabled` None: nothing. `plain` are its settings that are no secrets,
    `sealed` the secrets as the database has them, and `opened` those of them that a key here opens.
    `before`: it was stored before secrets were sealed."""

    enabled: bool | None = None
    plain: Mapping[str, Any] = field(default_factory=dict)
    sealed: Mapping[str, str] = field(default_factory=dict)
    opened: Mapping[str, Any] = field(default_factory=dict, repr=False)
    before: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """Those that can be used."""
        return {**self.plain, **self.opened}

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The secrets that have to be set again, or their key brought back."""
        return tuple(sorted(self.sealed.keys() - self.opened.keys()))


_NOTHING = Choice()


class Choices:
    """All of them, by plugin: those `held` and those written since."""

    def __init__(self, values: KeyValue, sealer: Sealer, held: Mapping[str, Choice] | None = None) -> None:
        self._values = values
        self._sealer = sealer
        self._held = dict(held or {})

    @classmethod
    async def stored(cls, values: KeyValue, sealer: Sealer) -> Choices:
        """Those stored. Says in the log which secrets do not open. Raises StorageError."""
        records = await values.items("core", "", KEY)
        held = {}
        for key, record in records.items():
            name = key.removeprefix(KEY)
            held[name] = await _read(sealer, name, record)
        return cls(values, sealer, held)

    def of(self, name: str) -> Choice:
        return self._held.get(name, _NOTHING)

    def names(self) -> list[str]:
        """Of the plugins for which something was chosen."""
        return list(self._held)

    def settings(self) -> dict[str, dict[str, Any]]:
        """Those that can be used, by plugin."""
        return {name: choice.settings for name, choice in self._held.items() if choice.settings}

    def disabled(self, file: Collection[str], environment: Collection[str]) -> set[str]:
        """Plugins that are not to run, where the file and the environment name these."""
        off = {name for name in file if not self.of(name).enabled}
        return off | {n for n, choice in self._held.items() if choice.enabled is False} | set(environment)

    async def enable(self, name: str, on: bool) -> None:
        """Keep that the plugin is to run, or not to. Raises StorageError."""
        await self.keep(name, replace(self.of(name), enabled=on))

    async def keep(self, name: str, choice: Choice) -> None:
        """For this process and the next. Raises StorageError."""
        record: dict[str, Any] = {"settings": dict(choice.plain)}
        if not choice.before:
            record["sealed"] = dict(choice.sealed)
        if choice.enabled is not None:
            record["enabled"] = choice.enabled
        self._held[name] = choice
        await self._values.put("core", "", KEY + name, record)

    async def chosen(
        self, name: str, settings: Mapping[str, Any], secrets: Collection[str], still: Collection[str] = ()
    ) -> Choice:
        """The plugin's choice with these settings, of which `secrets` are sealed, and with those unreadable
        secrets that `still` are kept. Nothing is written. Raises SealError."""
        held = self.of(name)
        hidden = {key: value for key, value in settings.items() if key in secrets and value}
        sealed = {key: held.sealed[key] for key in held.unreadable if key in still}
        if hidden:
            sealed |= await asyncio.to_thread(self._sealed, name, hidden)
        plain = {key: value for key, value in settings.items() if key not in hidden}
        return Choice(held.enabled, plain, sealed, hidden)

    async def seal(self, name: str, secrets: Collection[str]) -> None:
        """Bring the record up to date: what of its settings is among `secrets` is sealed, and sealed anew
        what was by another than the first key. Raises SealError, StorageError."""
        held = self.of(name)
        clear = {key for key, value in held.plain.items() if key in secrets and value}
        stale = bool(held.opened) and not await asyncio.to_thread(self._fresh, held)
        if clear or stale or held.before:
            whole = await self.chosen(name, held.settings, clear | held.opened.keys(), held.unreadable)
            await self.keep(name, whole)

    def _sealed(self, name: str, hidden: Mapping[str, Any]) -> dict[str, str]:
        return {k: self._sealer.seal(json.dumps(value), _place(name, k)) for k, value in hidden.items()}

    def _fresh(self, choice: Choice) -> bool:
        return all(self._sealer.fresh(choice.sealed[key]) for key in choice.opened)


async def _read(sealer: Sealer, name: str, record: Mapping[str, Any]) -> Choice:
    sealed = record.get("sealed", {})
    opened = await asyncio.to_thread(_opened, sealer, name, sealed) if sealed else {}
    before = "sealed" not in record and bool(record.get("settings"))
    return Choice(record.get("enabled"), record.get("settings", {}), sealed, opened, before)


def _opened(sealer: Sealer, name: str, sealed: Mapping[str, str]) -> dict[str, Any]:
    opened = {}
    for key, text in sealed.items():
        try:
            opened[key] = json.loads(sealer.open(str(text), _place(name, key)))
        except SealError as error:
            log.warning(
                "plugin %r goes without what the console set as %s, which does not open: %s. Set it again in "
                "the console, or bring its key back (secret.key, TERTULIA_SECRET_KEY) and start again.",
                name,
                key,
                error,
            )
    return opened


def _place(name: str, key: str) -> tuple[str, ...]:
    return ("plugin", name, key)
