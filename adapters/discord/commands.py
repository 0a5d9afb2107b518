"""The bot's commands at Discord, in each language, set only when they changed."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Sequence

from adapters.discord.asked import ASK, MENU, SLASH, TEXT
from adapters.discord.connection import Connection
from adapters.discord.deps import DiscordDeps
from adapters.discord.errors import DiscordError, Refused
from adapters.discord.parts import Json
from bot.errors import StorageError

log = logging.getLogger(__name__)
SUGGESTED = ("model", "language", "persona", "settings")
"""Commands whose argument is completed while it is typed."""
HELP_LIMIT, MENU_LIMIT, MOST_COMMANDS = 100, 32, 100
PAUSES = (2.0, 10.0, 60.0, 300.0)
EVERYWHERE: Json = {"contexts": [0, 1, 2], "integration_types": [0, 1]}
"""In guilds, with the bot, between people; installed by a guild or by a person."""
_NAME = re.compile(r"[a-z0-9_-]{1,32}")
_STRING = 3
_LOCALES = {
    "en": ("en-US", "en-GB"), "es": ("es-ES", "es-419"), "pt": ("pt-BR",), "sv": ("sv-SE",), "zh": ("zh-CN",),
    "zh-tw": ("zh-TW",), "zh-hant": ("zh-TW",), "zh-hk": ("zh-TW",),
}  # fmt: skip
_PLAIN = (
    "bg", "cs", "da", "de", "el", "fi", "fr", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt", "nl", "no",
    "pl", "ro", "ru", "th", "tr", "uk", "vi",
)  # fmt: skip


async def refresh(deps: DiscordDeps, connection: Connection, application: str) -> None:
    """Make Discord show these commands. What fails for long, or for good, is logged, and the next start
    tries again."""
    for pause in (*PAUSES, None):
        try:
            return await _refresh(deps, connection, application)
        except (DiscordError, StorageError) as error:
            if pause is None or (isinstance(error, Refused) and error.status == 400):
                return log.warning("the commands are not up to date: %s", error)
        await deps.clock.sleep(pause)


async def _refresh(deps: DiscordDeps, connection: Connection, application: str) -> None:
    wanted, name = commands_of(deps), f"commands:{application}"
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    if await deps.store.get(name) == digest:
        return
    rest, path = connection.rest, "/applications/{application_id}/commands"
    await rest.patiently(lambda: rest.call("PUT", path, wanted, application_id=application))
    await deps.store.put(name, digest)
    log.info("%d commands are set", len(wanted))


def commands_of(deps: DiscordDeps) -> list[Json]:
    """All commands, as Discord takes them."""
    main = deps.languages[0]
    helps = {tag: dict(deps.commands(tag)) for tag in deps.languages}
    names = [name for name, text in deps.commands(main) if text and _NAME.fullmatch(name) and name != ASK]
    for tag in deps.languages:
        helps[tag][ASK] = deps.say(tag, "discord.ask")
    slash = [_slash(deps, name, helps) for name in (ASK, *names)]
    menu = [_menu(deps, key) for key in ("discord.menu_ask", "discord.menu_summarise")]
    return [{**EVERYWHERE, **command} for command in (*slash[:MOST_COMMANDS], *menu)]


def locales(languages: Sequence[str]) -> dict[str, str]:
    """Our language for each of Discord's locales; of several variants the first stands for all."""
    found: dict[str, str] = {}
    for tag in languages:
        base = tag.lower().split("-")[0]
        for locale in _LOCALES.get(tag.lower()) or _LOCALES.get(base) or (base,) * (base in _PLAIN):
            found.setdefault(locale, tag)
    return found


def _slash(deps: DiscordDeps, name: str, helps: dict[str, dict[str, str]]) -> Json:
    text = {"type": _STRING, "name": TEXT, "required": name == ASK, "autocomplete": name in SUGGESTED}
    described = _texts(deps, "description", lambda tag: deps.say(tag, "discord.text"), HELP_LIMIT)
    main = _texts(deps, "description", lambda tag: helps[tag].get(name, ""), HELP_LIMIT)
    return {"type": SLASH, "name": name, **main, "options": [{**text, **described}]}


def _menu(deps: DiscordDeps, key: str) -> Json:
    return {"type": MENU, **_texts(deps, "name", lambda tag: deps.say(tag, key), MENU_LIMIT)}


def _texts(deps: DiscordDeps, field: str, say: Callable[[str], str], limit: int) -> Json:
    localized = {locale: say(tag)[:limit] for locale, tag in locales(deps.languages).items()}
    return {
        field: say(deps.languages[0])[:limit],
        f"{field}_localizations": {locale: text for locale, text in localized.items() if text},
    }
