"""What people do with the bot's commands, buttons, menus and forms."""

from __future__ import annotations

import secrets
from typing import Any

from tests.simulators.discord.commands import CHAT_INPUT, MESSAGE_MENU, USER_MENU
from tests.simulators.discord.interactions import (
    ACKNOWLEDGE_SECONDS,
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL,
    Interaction,
    interaction_json,
)
from tests.simulators.discord.messages import Attachment, Message, message_json, walk
from tests.simulators.discord.model import Channel, Json, Role, Seer, User
from tests.simulators.discord.permissions import Permission, granted, permissions_in
from tests.simulators.discord.world import World

STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, FILE = 3, 4, 5, 6, 7, 8, 9, 10, 11
_KINDS: dict[int, tuple[type, ...]] = {
    STRING: (str,),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    NUMBER: (int, float),
    USER: (User, Seer),
    CHANNEL: (Channel,),
    ROLE: (Role,),
    MENTIONABLE: (User, Seer, Role),
    FILE: (tuple,),
}


class Using(Seer):
    """`channel` is their private one with the bot."""

    def __init__(self, world: World, user: User) -> None:
        self._world = world
        self.user = user
        self.channel = world.private(user, world.bot.user)

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def mention(self) -> str:
        return self.user.mention

    @property
    def messages(self) -> list[Message]:
        """What they see in their private channel with the bot."""
        return self.channel.messages_for(self)

    @property
    def texts(self) -> list[str]:
        """The bot's messages in their private channel as they stand."""
        return [m.content for m in self.messages if m.by_bot]

    def sees(self, channel: Channel) -> list[Message]:
        """What they see in a channel: with what is shown to them only."""
        if not permissions_in(channel, self.user) & Permission.VIEW_CHANNEL:
            return []
        return channel.messages_for(self)

    def failed(self, asked: Interaction) -> bool:
        """They read "This interaction failed": nothing came of it in time."""
        return not asked.acknowledged and self._world.clock() - asked.at > ACKNOWLEDGE_SECONDS

    async def install(self) -> None:
        """Add the bot to their own account, so that they can use it everywhere."""
        self._world.installed.add(self.id)

    async def slash(self, command: str, *, channel: Channel | None = None, **options: Any) -> Interaction:
        """Use a command: its name, with those of a group and a subcommand after it. Options are text,
        numbers, people, roles, channels, or for a file its name and content."""
        where = channel or self.channel
        path = command.removeprefix("/").split()
        chosen = self._find(path[0], CHAT_INPUT, where)
        data = _chosen(chosen)
        inner, wrap = _descend(chosen, path[1:])
        resolved: Json = {}
        given = self._options(inner, options, resolved, where)
        data["options"] = wrap(given)
        return self._use(COMMAND, where, data | ({"resolved": resolved} if resolved else {}))

    async def complete(
        self, command: str, option: str, typed: str, *, channel: Channel | None = None, **options: Any
    ) -> Interaction:
        """Type into an option of a command; `choices` on what is returned are what is offered."""
        where = channel or self.channel
        path = command.removeprefix("/").split()
        chosen = self._find(path[0], CHAT_INPUT, where)
        inner, wrap = _descend(chosen, path[1:])
        about = next(o for o in inner if o["name"] == option)
        if not about.get("autocomplete"):
            raise LookupError(f"nothing is offered for {option!r}")
        given = [
            {"name": o["name"], "type": o["type"], "value": options[o["name"]]}
            for o in inner
            if o["name"] in options
        ]
        given.append({"name": option, "type": about["type"], "value": typed, "focused": True})
        return self._use(AUTOCOMPLETE, where, _chosen(chosen) | {"options": wrap(given)})

    async def menu(self, name: str, target: Message | Using) -> Interaction:
        """Choose the bot's entry in the context menu of a message or a person."""
        world, bot = self._world, self._world.bot.user
        if isinstance(target, Message):
            chosen = self._find(name, MESSAGE_MENU, target.channel)
            shown = message_json(target, bot, full=True)
            data = _chosen(chosen) | {
                "target_id": str(target.id),
                "resolved": {"messages": {shown["id"]: shown}},
            }
            return self._use(COMMAND, target.channel, data)
        chosen = self._find(name, USER_MENU, self.channel)
        data = _chosen(chosen) | {"target_id": str(target.id)}
        resolved = {"users": {str(target.id): world.users[target.id].json()}}
        return self._use(COMMAND, self.channel, data | {"resolved": resolved})

    async def press(self, message: Message, button: str) -> Interaction:
        """Press the button with this label or id."""
        self._must_see(message)
        chosen = next((b for b in message.buttons if button in (b.get("label"), b.get("custom_id"))), None)
        if chosen is None or chosen.get("disabled"):
            raise LookupError(f"no button {button!r} under {message.plain!r}")
        if "custom_id" not in chosen:
            raise LookupError(f"pressing {chosen} does not reach the bot")
        data: Json = {"custom_id": chosen["custom_id"], "component_type": 2, "id": chosen["id"]}
        return self._use(COMPONENT, message.channel, data, message=message)

    async def select(self, message: Message, menu: str, *values: str) -> Interaction:
        """Choose from the menu with this id or placeholder."""
        self._must_see(message)
        chosen = next((s for s in message.menus if menu in (s.get("custom_id"), s.get("placeholder"))), None)
        if chosen is None or chosen.get("disabled"):
            raise LookupError(f"no menu {menu!r} under {message.plain!r}")
        offered = {o["value"] for o in chosen.get("options", ())}
        if chosen["type"] == STRING and not set(values) <= offered:
            raise LookupError(f"{values} are not all offered: {offered}")
        data: Json = {
            "custom_id": chosen["custom_id"],
            "component_type": chosen["type"],
            "values": list(values),
        }
        return self._use(COMPONENT, message.channel, data, message=message)

    async def submit(self, shown: Interaction, **values: str) -> Interaction:
        """Fill in the form that came of something, by the ids of its fields, and send it."""
        if shown.modal is None:
            raise LookupError("no form was shown")
        fields = {c["custom_id"] for c in walk(shown.modal["components"]) if c.get("type") == 4}
        if unknown := set(values) - fields:
            raise LookupError(f"the form has no fields {unknown}, but {fields}")
        filled = [_filled(row, values) for row in shown.modal["components"]]
        data: Json = {"custom_id": shown.modal["custom_id"], "components": filled}
        return self._use(MODAL, shown.channel, data, message=shown.message, before=shown)

    def commands(self, channel: Channel | None = None) -> list[str]:
        """The names of the bot's commands that they are offered."""
        where = channel or self.channel
        scopes = [0] + ([where.guild.id] if where.guild else [])
        return [c["name"] for s in scopes for c in self._world.commands.all(s) if self._offered(c, where)]

    def _find(self, name: str, kind: int, channel: Channel) -> Json:
        command = self._world.commands.find(name, kind, channel.guild.id if channel.guild else 0)
        if not self._offered(command, channel):
            raise LookupError(f"{self.user.name} is not offered {name!r} here")
        return command

    def _offered(self, command: Json, channel: Channel) -> bool:
        if not self._owners(channel, command["integration_types"]):
            return False
        contexts = command["contexts"]
        bot = self._world.bot.user
        context = 0 if channel.guild else 1 if bot in channel.people else 2
        if contexts is not None and context not in contexts:
            return False
        needed = command["default_member_permissions"]
        if channel.guild is None or needed is None:
            return True
        may = granted(channel.guild, self.user)
        return bool(may & Permission.ADMINISTRATOR) or (may & int(needed) == int(needed) != 0)

    def _owners(self, channel: Channel, types: list[int] | None = None) -> dict[str, str]:
        """Who brought the bot here: the guild, the person, or both."""
        bot, guild = self._world.bot.user, channel.guild
        owners: dict[str, str] = {}
        if guild is not None and bot.id in guild.members:
            owners["0"] = str(guild.id)
        elif guild is None and bot in channel.people:
            owners["0"] = "0"
        if self.id in self._world.installed:
            owners["1"] = str(self.id)
        return {k: v for k, v in owners.items() if types is None or int(k) in types}

    def _must_see(self, message: Message) -> None:
        if message.deleted or message not in self.sees(message.channel):
            raise LookupError(f"{self.user.name} does not see {message.plain!r}")

    def _options(self, known: list[Json], given: Json, resolved: Json, channel: Channel) -> list[Json]:
        names = {o["name"] for o in known}
        if unknown := set(given) - names:
            raise LookupError(f"the command has no options {unknown}, but {names}")
        if missing := [o["name"] for o in known if o.get("required") and o["name"] not in given]:
            raise LookupError(f"the command needs {missing}")
        return [self._option(o, given[o["name"]], resolved, channel) for o in known if o["name"] in given]

    def _option(self, option: Json, value: Any, resolved: Json, channel: Channel) -> Json:
        kind = option["type"]
        if not isinstance(value, _KINDS[kind]) or (kind == INTEGER and isinstance(value, bool)):
            raise TypeError(f"{option['name']} takes no {value!r}")
        choices = [c["value"] for c in option.get("choices") or ()]
        if choices and value not in choices:
            raise LookupError(f"{value!r} is none of {choices}")
        if kind in (USER, CHANNEL, ROLE, MENTIONABLE, FILE):
            value = self._resolve(value, resolved, channel)
        return {"name": option["name"], "type": kind, "value": value}

    def _resolve(self, value: Any, resolved: Json, channel: Channel) -> str:
        if isinstance(value, tuple):
            value = self._world.attach(value[0], value[1], "application/octet-stream", None, channel)
        if isinstance(value, Seer):
            value = value.user
        number = str(value.id)
        if isinstance(value, User):
            resolved.setdefault("users", {})[number] = value.json()
            if channel.guild is not None and value.id in channel.guild.members:
                member = channel.guild.members[value.id].json(user=False) | {"permissions": "0"}
                resolved.setdefault("members", {})[number] = member
        elif isinstance(value, Attachment):
            resolved.setdefault("attachments", {})[number] = value.json()
        elif isinstance(value, Role):
            resolved.setdefault("roles", {})[number] = value.json()
        else:
            shown = value.json(self._world.bot.user) | {"permissions": "0"}
            resolved.setdefault("channels", {})[number] = shown
        return number

    def _use(
        self,
        kind: int,
        channel: Channel,
        data: Json,
        *,
        message: Message | None = None,
        before: Interaction | None = None,
    ) -> Interaction:
        world = self._world
        owners = self._owners(channel)
        if not owners:
            raise LookupError("the bot is not here")
        number, token = world.snowflake(), secrets.token_urlsafe(96)
        asked = Interaction(
            number,
            token,
            world.bot.user.id,
            kind,
            self.user,
            channel,
            data,
            world.clock(),
            owners,
            message,
            before,
        )
        world.interactions[number] = world.tokens[token] = asked
        shown, guild = interaction_json(world, asked), channel.guild
        world.gateway.dispatch("INTERACTION_CREATE", lambda _: shown, guild, private=guild is None)
        world.news.tell()
        return asked


def _chosen(command: Json) -> Json:
    shown: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
    return shown | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def _descend(command: Json, path: list[str]) -> tuple[list[Json], Any]:
    """The options of a command or a subcommand in it, and how values for them are wrapped."""
    options: list[Json] = command.get("options") or []
    steps: list[Json] = []
    for name in path:
        step = next((o for o in options if o["name"] == name and o["type"] in (1, 2)), None)
        if step is None:
            raise LookupError(f"{command['name']!r} has no subcommand {name!r}")
        steps.append(step)
        options = step.get("options") or []
    if any(o["type"] in (1, 2) for o in options):
        raise LookupError(f"{command['name']!r} needs a subcommand")

    def wrap(values: list[Json]) -> list[Json]:
        for step in reversed(steps):
            values = [{"name": step["name"], "type": step["type"], "options": values}]
        return values

    return options, wrap


def _filled(row: Json, values: dict[str, str]) -> Json:
    """A row of a form as it is sent, with what was typed into it or stood there."""

    def field(shown: Json) -> Json:
        value = values.get(shown["custom_id"], shown.get("value") or "")
        if shown.get("required", True) and not value:
            raise ValueError(f"{shown['custom_id']} must not be empty")
        if len(value) > shown.get("max_length", 4000) or len(value) < shown.get("min_length", 0):
            raise ValueError(f"{shown['custom_id']} takes no text of {len(value)} characters")
        return {"type": 4, "id": shown.get("id", 1), "custom_id": shown["custom_id"], "value": value}

    if "component" in row:
        return {"type": row["type"], "id": row.get("id", 1), "component": field(row["component"])}
    if "components" in row:
        return {
            "type": row["type"],
            "id": row.get("id", 1),
            "components": [field(c) for c in row["components"]],
        }
    return {"type": row["type"], "id": row.get("id", 1)}
