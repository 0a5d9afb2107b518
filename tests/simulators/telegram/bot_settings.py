"""What the bot tells the platform about itself: commands per scope and language, names, descriptions."""

from __future__ import annotations

import re
from typing import Any

from tests.simulators.telegram.chats import Chat, User
from tests.simulators.telegram.methods import Handler, Method, find_chat, method
from tests.simulators.telegram.parameters import Args
from tests.simulators.telegram.refusals import bad
from tests.simulators.telegram.world import World

_SCOPES = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators")
_CHAT_SCOPES = ("chat", "chat_administrators", "chat_member")


def _scope(world: World, args: Args) -> str:
    """The scope as one word."""
    scope = args.json("scope", "BotCommandScope")
    if scope is None:
        return "default"
    kind = str(scope.get("type", ""))
    if kind in _SCOPES:
        return kind
    if kind not in _CHAT_SCOPES:
        raise bad("can't parse BotCommandScope: Unsupported type specified")
    if not scope.get("chat_id"):
        raise bad("can't parse BotCommandScope: Empty chat_id specified")
    chat = find_chat(world, Args(fields={"chat_id": str(scope["chat_id"])}), access="edit")
    return scope_of(kind, chat.id, int(scope.get("user_id", 0)))


def scope_of(kind: str, chat_id: int, user_id: int = 0) -> str:
    return f"{kind} {chat_id} {user_id}" if kind == "chat_member" else f"{kind} {chat_id}"


def _language(args: Args) -> str:
    code = args.text("language_code")
    if code and not re.fullmatch(r"[a-z]{2}", code):
        raise bad("invalid language code specified")
    return code


def set_my_commands(world: World, args: Args) -> bool:
    given = args.json("commands", "commands")
    if not isinstance(given, list):
        raise bad("can't parse commands: expected an Array of BotCommand")
    if len(given) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    commands = [_command(c) for c in given]
    world.bot.commands[_scope(world, args), _language(args)] = commands
    return True


def _command(given: dict[str, Any]) -> dict[str, str]:
    name = str(given.get("command", "")).strip().removeprefix("/")
    description = str(given.get("description", "")).strip()
    if not name:
        raise bad("command must be non-empty")
    if len(name) > 32:
        raise bad("command length must not exceed 32")
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise bad("BOT_COMMAND_INVALID")
    if not description:
        raise bad("command description must be non-empty")
    if len(description) > 256:
        raise bad("command description length must not exceed 256")
    return {"command": name, "description": description}


def get_my_commands(world: World, args: Args) -> list[dict[str, str]]:
    return world.bot.commands.get((_scope(world, args), _language(args)), [])


def delete_my_commands(world: World, args: Args) -> bool:
    world.bot.commands.pop((_scope(world, args), _language(args)), None)
    return True


def commands_for(world: World, user: User, chat: Chat) -> list[dict[str, str]]:
    """What a person's menu shows in a chat: of all scopes and languages, the nearest that has been set."""
    member = world.member(chat, user)
    if chat.type == "private":
        scopes = [scope_of("chat", chat.id), "all_private_chats", "default"]
    else:
        own = scope_of("chat_administrators", chat.id)
        scopes = [scope_of("chat_member", chat.id, user.id), *([own] if member.administers else [])]
        scopes += [scope_of("chat", chat.id), *(["all_chat_administrators"] if member.administers else [])]
        scopes += ["all_group_chats", "default"]
    keys = ((scope, language) for scope in scopes for language in (user.language[:2], ""))
    return next((world.bot.commands[key] for key in keys if key in world.bot.commands), [])


def _setter(field: str, most: int) -> Handler:
    def handle(world: World, args: Args) -> bool:
        value = args.text(field)
        if len(value) > most:
            raise bad(f"{field.replace('_', ' ')} is too long")
        world.bot.names[field, _language(args)] = value
        return True

    return handle


def _getter(field: str) -> Handler:
    def handle(world: World, args: Args) -> dict[str, str]:
        names = world.bot.names
        fallback = world.bot.user.first_name if field == "name" else ""
        return {field: names.get((field, _language(args))) or names.get((field, "")) or fallback}

    return handle


METHODS: tuple[Method, ...] = (
    method("setMyCommands", set_my_commands, "commands scope language_code"),
    method("getMyCommands", get_my_commands, "scope language_code"),
    method("deleteMyCommands", delete_my_commands, "scope language_code"),
    method("setMyName", _setter("name", 64), "name language_code"),
    method("getMyName", _getter("name"), "language_code"),
    method("setMyDescription", _setter("description", 512), "description language_code"),
    method("getMyDescription", _getter("description"), "language_code"),
    method("setMyShortDescription", _setter("short_description", 120), "short_description language_code"),
    method("getMyShortDescription", _getter("short_description"), "language_code"),
)
