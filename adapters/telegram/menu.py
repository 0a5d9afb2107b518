"""The bot's commands and description, in each language, set only when they changed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from telegram import (
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
)
from telegram.error import BadRequest, Forbidden, TelegramError

from adapters.telegram.client import Api
from adapters.telegram.deps import TelegramDeps
from bot.errors import StorageError

log = logging.getLogger(__name__)
DESCRIPTION_LIMIT, ABOUT_LIMIT, HELP_LIMIT, MOST_COMMANDS = 512, 120, 256, 100
PAUSES = (2.0, 10.0, 60.0, 300.0)
Commands = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Menu:
    """What is to be set for everybody, by Telegram's language code ("" is for all others)."""

    commands: dict[str, Commands]
    group_commands: dict[str, Commands]
    admin_commands: dict[str, Commands]
    texts: dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class OwnersMenu:
    """What is to be set for the owner's chat."""

    chat: str
    commands: dict[str, Commands]


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
    menu, name = wanted(deps), f"menu:{api.id}"
    stored = {"digest": "", "description": "", "owner": "", **(await deps.store.get(name) or {})}
    if stored["digest"] != _digest(menu):
        await _set_commands(api, menu)
        await _set_texts(api, menu, stored["description"])
        stored |= {"digest": _digest(menu), "description": menu.texts[""][0]}
        await deps.store.put(name, stored)
        log.info("the menu is set in %d languages", len(menu.texts) - 1)
    owners = await wanted_by_owner(deps)
    if owners is not None and stored["owner"] != _digest(owners):
        if await _set_owners(api, owners):
            await deps.store.put(name, {**stored, "owner": _digest(owners)})


def wanted(deps: TelegramDeps) -> Menu:
    """The menu as it should be."""
    codes = dict(_codes(deps.languages))

    def of(commands: Callable[[str], Sequence[tuple[str, str]]]) -> dict[str, Commands]:
        return {code: _commands(commands(language)) for code, language in codes.items()}

    texts = {
        code: (
            deps.say(language, "telegram.description")[:DESCRIPTION_LIMIT],
            deps.say(language, "telegram.about")[:ABOUT_LIMIT],
        )
        for code, language in codes.items()
    }
    return Menu(of(deps.commands), of(deps.group_commands), of(deps.admin_commands), texts)


async def wanted_by_owner(deps: TelegramDeps) -> OwnersMenu | None:
    """The owner's menu; None while there is no owner. Raises StorageError."""
    chat = await deps.owner_chat()
    if not chat:
        return None
    return OwnersMenu(
        chat,
        {
            code: _commands((*deps.commands(language), *deps.owner_commands(language)))
            for code, language in _codes(deps.languages)
        },
    )


def _digest(menu: Menu | OwnersMenu) -> str:
    return hashlib.sha256(repr(menu).encode(errors="replace")).hexdigest()


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
    await _set_scope(api, BotCommandScopeAllPrivateChats(), menu.commands)
    await _set_scope(api, BotCommandScopeAllGroupChats(), menu.group_commands)
    await _set_scope(api, BotCommandScopeAllChatAdministrators(), menu.admin_commands)


async def _set_owners(api: Api, menu: OwnersMenu) -> bool:
    """False if the owner has not begun to talk to this bot, or has blocked it: then there is no
    chat to show it in, and the next start tries again."""
    try:
        await _set_scope(api, BotCommandScopeChat(int(menu.chat)), menu.commands)
    except (BadRequest, Forbidden) as error:
        log.info("the owner's own menu is not set: %s", error)
        return False
    return True


async def _set_scope(api: Api, scope: BotCommandScope, by_code: dict[str, Commands]) -> None:
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
