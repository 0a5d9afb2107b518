"""The bot's commands and description, in each language, set only when they changed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from telegram import (
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)
from telegram.error import BadRequest, TelegramError

from adapters.telegram.client import Api
from adapters.telegram.deps import TelegramDeps
from bot.errors import StorageError

log = logging.getLogger(__name__)
DESCRIPTION_LIMIT, ABOUT_LIMIT, HELP_LIMIT, MOST_COMMANDS = 512, 120, 256, 100
PAUSES = (2.0, 10.0, 60.0, 300.0)
Commands = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Menu:
    """What is to be set, by Telegram's language code ("" is for all others). `owner` is the
    owner's chat, or empty."""

    commands: dict[str, Commands]
    owner_commands: dict[str, Commands]
    texts: dict[str, tuple[str, str]]
    owner: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self).encode(errors="replace")).hexdigest()


async def refresh(deps: TelegramDeps, api: Api) -> None:
    """Make Telegram show the menu of these commands and languages, after getMe. What fails for
    long, or for good, is logged, and the next start tries again."""
    for pause in (*PAUSES, None):
        try:
            return await _refresh(deps, api)
        except (TelegramError, StorageError) as error:
            if pause is None or isinstance(error, BadRequest):
                return log.warning("the menu is not up to date: %s", error)
        await deps.clock.sleep(pause)


async def _refresh(deps: TelegramDeps, api: Api) -> None:
    menu, name = await wanted(deps), f"menu:{api.id}"
    stored = await deps.store.get(name) or {"digest": "", "description": ""}
    if stored["digest"] != menu.digest:
        await _set_commands(api, menu)
        await _set_texts(api, menu, stored["description"])
        await deps.store.put(name, {"digest": menu.digest, "description": menu.texts[""][0]})
        log.info("the menu is set in %d languages", len(menu.texts) - 1)


async def wanted(deps: TelegramDeps) -> Menu:
    """The menu as it should be. Raises StorageError."""
    codes = dict(_codes(deps.languages))
    owner = await deps.owner_chat()
    return Menu(
        {code: _commands(deps.commands(language)) for code, language in codes.items()},
        {
            code: _commands((*deps.commands(language), *deps.owner_commands(language)))
            for code, language in codes.items()
            if owner
        },
        {
            code: (
                deps.say(language, "telegram.description")[:DESCRIPTION_LIMIT],
                deps.say(language, "telegram.about")[:ABOUT_LIMIT],
            )
            for code, language in codes.items()
        },
        owner,
    )


def _codes(languages: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Telegram knows two-letter codes only; of several variants the first stands for all."""
    seen = set()
    for language in languages[:1]:
        yield "", language
    for language in languages:
        code = language[:2].lower()
        if code not in seen and len(language.split("-")[0]) == 2:
            seen.add(code)
            yield code, language


def _commands(commands: Sequence[tuple[str, str]]) -> Commands:
    return tuple((name, text[:HELP_LIMIT]) for name, text in commands if text)[:MOST_COMMANDS]


async def _set_commands(api: Api, menu: Menu) -> None:
    everywhere: list[tuple[BotCommandScope, dict[str, Commands]]] = [
        (BotCommandScopeAllPrivateChats(), menu.commands),
        (BotCommandScopeAllGroupChats(), menu.commands),
    ]
    if menu.owner:
        everywhere.append((BotCommandScopeChat(int(menu.owner)), menu.owner_commands))
    for scope, by_code in everywhere:
        for code, commands in by_code.items():
            await api.set_my_commands(commands, scope=scope, language_code=code or None)


async def _set_texts(api: Api, menu: Menu, before: str) -> None:
    """What an operator has written by hand stays: all that is neither empty, nor what was set
    before, nor what is to be set (an earlier try may have come so far)."""
    shown = (await api.get_my_description()).description
    if shown not in ("", before, menu.texts[""][0]):
        return
    for code, (description, about) in menu.texts.items():
        language: dict[str, Any] = {"language_code": code or None}
        await api.set_my_description(description, **language)
        await api.set_my_short_description(about, **language)
