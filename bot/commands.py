"""Slash commands, answered without a model.

In a group, `/new`, `/model`, `/persona` and `/settings` change things for everybody, so there only
its admins, the owner and operators may change them (everybody may look). Invites are given in private only.
`/stop` and `/retry` are listed here and run by the handler.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import ValidationError

from bot.errors import PluginError, SettingsError
from bot.groups import CHOICES, choice
from bot.locale import Catalogue
from bot.personas import Personas
from bot.plugins.api import PluginContext
from bot.plugins.host import PluginHost
from bot.ports import Clock, Conversations, Models, People
from bot.settings import PersonaSettings, SamplingSettings
from bot.types import ADMIN, Button, Conversation, Event, Person, PersonRole, Reply

NAMES = (
    "start", "help", "new", "stop", "retry", "language", "model", "persona", "settings", "whoami", "invite",
    "block", "unblock",
)  # fmt: skip
OPERATORS = ("invite", "block", "unblock")
"""Of no use to anybody else."""
RUNS_BOT = (PersonRole.OWNER, PersonRole.OPERATOR)
DEFAULT = ("default", "auto")
INVITE_DAYS = 7
MOST_BUTTONS = 20
LONGEST_DATA = 64
"""Bytes of UTF-8 in a button's payload."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One command under way."""

    event: Event
    person: Person
    conversation: Conversation
    language: str
    arguments: str

    @property
    def may_change(self) -> bool:
        """Whether this person may change what holds for the whole chat."""
        return self.event.private or self.person.role in RUNS_BOT or ADMIN in self.event.sender.roles


class Commands:
    """Raises SettingsError if a plugin's command has the name of one of these."""

    def __init__(
        self,
        *,
        people: People,
        conversations: Conversations,
        catalogue: Catalogue,
        models: Models,
        personas: Mapping[str, PersonaSettings],
        sampling: SamplingSettings,
        plugins: PluginHost,
        clock: Clock,
    ) -> None:
        self._people = people
        self._conversations = conversations
        self._catalogue = catalogue
        self._models = models
        self._personas = personas
        self._resolved = Personas(personas, sampling)
        self._plugins = plugins
        self._clock = clock
        self._plugin_commands = {command.name: command for command in plugins.commands()}
        taken = sorted(set(NAMES) & set(self._plugin_commands))
        if taken:
            raise SettingsError(f"a plugin brings /{taken[0]}, which is a built-in command: disable it")
        self._own: dict[str, Callable[[_Call], Awaitable[Reply]]] = {
            "start": self._start,
            "help": self._help,
            "new": self._new,
            "language": self._language,
            "model": self._model,
            "persona": self._persona,
            "settings": self._settings,
            "whoami": self._whoami,
            "invite": self._invite,
            "block": partial(self._block, PersonRole.BLOCKED),
            "unblock": partial(self._block, PersonRole.MEMBER),
        }

    def menu(self, language: str, *, runs_bot: bool) -> list[tuple[str, str]]:
        """(name without slash, what it does) of every command that a person can use, for help and
        platforms' menus."""
        names = [name for name in NAMES if runs_bot or name not in OPERATORS]
        own = [(name, self._catalogue.say(language, f"command.{name}")) for name in names]
        return own + [(c.name, _by_language(c.help, language)) for c in self._plugin_commands.values()]

    def has(self, name: str) -> bool:
        """Whether there is a command of this name."""
        return name in NAMES or name in self._plugin_commands

    async def run(self, event: Event, person: Person, conversation: Conversation) -> Reply:
        """Run the command in `event.data` (``/name@bot arguments``, or a button's ``cmd:/name arguments``).

        Raises StorageError.
        """
        name, arguments = _parse(event.data)
        language = self._catalogue.pick(person.language, event.sender.language)
        call = _Call(event, person, conversation, language, arguments)
        if name in self._own:
            return await self._own[name](call)
        if name in self._plugin_commands:
            return await self._plugin(call, name)
        return self._say_nearest(call, "command", name, [*NAMES, *self._plugin_commands])

    async def _start(self, call: _Call) -> Reply:
        text = self._say(call, "start.welcome")
        if call.person.role in RUNS_BOT:
            text += "\n\n" + self._say(call, "start.role", role=self._role(call, call.person.role))
        return Reply(text)

    async def _help(self, call: _Call) -> Reply:
        menu = self.menu(call.language, runs_bot=call.person.role in RUNS_BOT)
        lines = [f"- /{name}: {text}" for name, text in menu]
        return Reply(
            "\n\n".join((self._say(call, "help.title"), self._say(call, "help.ask"), "\n".join(lines)))
        )

    async def _new(self, call: _Call) -> Reply:
        if not call.may_change:
            return self._reply(call, "group.operators")
        await self._conversations.restart(call.conversation.id)
        return self._reply(call, "new.done")

    async def _whoami(self, call: _Call) -> Reply:
        event, person = call.event, call.person
        return self._reply(
            call,
            "whoami.text",
            name=_plain(person.name or event.sender.name) or "–",
            role=self._role(call, person.role),
            id=person.id,
            platform=event.address.platform,
            user=_plain(event.sender.id),
        )

    async def _block(self, role: PersonRole, call: _Call) -> Reply:
        """Shut a person out, or let them in again: the owner anybody else, operators members."""
        if call.person.role not in RUNS_BOT:
            return self._reply(call, "block.denied")
        if not call.event.private:
            return self._reply(call, "group.private")
        platform, wish = call.event.address.platform, call.arguments
        found = await self._people.get(wish) or await self._people.find(platform, wish) if wish else None
        if found is None:
            return self._reply(call, "block.unknown", id=_plain(wish))
        runs_bot = found.role is PersonRole.OPERATOR and call.person.role is not PersonRole.OWNER
        if found.role is PersonRole.OWNER or runs_bot:
            return self._reply(call, "block.protected")
        if role is not PersonRole.BLOCKED and found.role is not PersonRole.BLOCKED:
            return self._reply(call, "block.not_blocked", id=found.id)
        await self._people.update(found.id, role=role)
        done = "block.done" if role is PersonRole.BLOCKED else "block.undone"
        return self._reply(call, done, name=_plain(found.name) or found.id)

    async def _language(self, call: _Call) -> Reply:
        known = self._catalogue.languages()
        wish = call.arguments
        if not wish:
            buttons = tuple(Button(name, f"cmd:/language {tag}") for tag, name in known)
            return Reply(self._say(call, "language.now", name=dict(known)[call.language]), buttons)
        if wish.lower() in DEFAULT:
            await self._people.update(call.person.id, language="")
            language = self._catalogue.pick(call.event.sender.language)
            return Reply(self._catalogue.say(language, "language.auto"))
        named = {name.casefold(): tag for tag, name in known}
        tag = named.get(wish.casefold()) or self._catalogue.find(wish)
        if tag is None:
            tags = ", ".join(f"`{tag}` ({name})" for tag, name in known)
            return self._reply(call, "language.unknown", tag=_plain(wish), known=tags)
        await self._people.update(call.person.id, language=tag)
        return Reply(self._catalogue.say(tag, "language.done"))

    async def _model(self, call: _Call) -> Reply:
        names, wish = self._models.names(), call.arguments
        if not wish:
            buttons = tuple(Button(n, _model_data(n, i)) for i, n in enumerate(names[:MOST_BUTTONS], 1))
            return Reply(self._say(call, "model.now", name=self._model_name(call.conversation)), buttons)
        if not call.may_change:
            return self._reply(call, "group.operators")
        name = _numbered(wish, names)
        if name.lower() in DEFAULT:
            name = ""
        elif name not in names:
            return self._say_nearest(call, "model", name, names)
        changed = await self._conversations.update(call.conversation.id, model=name)
        return self._reply(call, "model.done", name=self._model_name(changed))

    async def _persona(self, call: _Call) -> Reply:
        if not self._personas:
            return self._reply(call, "persona.none")
        known, wish = ", ".join(f"`{n}`" for n in self._personas), call.arguments
        if not wish:
            return self._reply(call, "persona.now", name=self._persona_name(call), known=known)
        if not call.may_change:
            return self._reply(call, "group.operators")
        if wish.lower() in DEFAULT:
            wish = ""
        elif wish not in self._personas:
            return self._reply(call, "persona.unknown", name=_plain(wish), known=known)
        await self._conversations.update(call.conversation.id, persona=wish)
        return self._reply(call, "persona.done", name=wish or self._say(call, "persona.default"))

    async def _settings(self, call: _Call) -> Reply:
        key, _, value = call.arguments.partition(" ")
        key, value = key.lower(), value.strip()
        if not key:
            return self._show_settings(call)
        if key in ("persona", "model", "language"):
            return await self._own[key](
                _Call(call.event, call.person, call.conversation, call.language, value)
            )
        if not call.may_change:
            return self._reply(call, "group.operators")
        if key == "reset":
            await self._store_sampling(call, {})
            nothing = dict.fromkeys(CHOICES)
            await self._conversations.update(call.conversation.id, model="", persona="", settings=nothing)
            return self._reply(call, "settings.reset")
        if key in CHOICES and not call.event.private:
            return await self._choose(call, key, value.lower())
        if key not in SamplingSettings.model_fields:
            groups = () if call.event.private else tuple(CHOICES)
            known = [*SamplingSettings.model_fields, *groups, "model", "persona", "language", "reset"]
            return self._say_nearest(call, "settings", key, known)
        if not value:
            return self._reply(call, "settings.missing", key=key)
        return await self._set(call, key, value)

    async def _choose(self, call: _Call, key: str, value: str) -> Reply:
        """A group's own setting; without a value its choices are shown as buttons."""
        if value not in CHOICES[key]:
            buttons = tuple(Button(c, f"cmd:/settings {key} {c}") for c in CHOICES[key])
            now = choice(call.conversation, key)
            return Reply(self._say(call, f"settings.{key}", value=now), buttons)
        await self._conversations.update(call.conversation.id, settings={key: value})
        return self._reply(call, "settings.done", key=key, value=f"`{value}`")

    async def _set(self, call: _Call, key: str, value: str) -> Reply:
        sampling = {k: v for k, v in (call.conversation.settings.get("sampling") or {}).items() if k != key}
        if value.lower() in DEFAULT:
            await self._store_sampling(call, sampling)
            return self._reply(call, "settings.done", key=key, value=self._say(call, "persona.default"))
        try:
            checked = SamplingSettings.model_validate({key: value.split() if key == "stop" else value})
        except ValidationError:
            allowed = self._allowed(call, key)
            return self._reply(call, "settings.wrong", key=key, value=_plain(value), allowed=allowed)
        given = checked.model_dump(mode="json")[key]
        await self._store_sampling(call, {**sampling, key: given})
        return self._reply(call, "settings.done", key=key, value=_value(given))

    async def _store_sampling(self, call: _Call, sampling: dict[str, Any]) -> None:
        settings = {**call.conversation.settings, "sampling": sampling or None}
        await self._conversations.update(call.conversation.id, settings=settings)

    def _show_settings(self, call: _Call) -> Reply:
        persona = self._resolved.of(call.conversation)
        rows = [
            (self._say(call, "settings.model"), self._model_name(call.conversation)),
            (self._say(call, "settings.persona"), self._persona_name(call)),
            (self._say(call, "settings.language"), self._catalogue.say(call.language, "name")),
        ]
        for field in SamplingSettings.model_fields:
            value = getattr(persona.sampling, field)
            shown = self._say(call, "settings.server") if value in (None, ()) else _value(value)
            rows.append((f"`{field}`", shown))
        lines = [self._say(call, "settings.line", key=key, value=value) for key, value in rows]
        return Reply(
            "\n\n".join(
                (self._say(call, "settings.title"), "\n".join(lines), self._say(call, "settings.usage"))
            )
        )

    def _allowed(self, call: _Call, key: str) -> str:
        """What the setting takes, read off its schema."""
        schema = SamplingSettings.model_json_schema()["properties"][key]
        schema = schema.get("anyOf", [schema])[0]
        low, high = schema.get("minimum"), schema.get("maximum")
        above = schema.get("exclusiveMinimum")
        left = f"{low:g} ≤ " if low is not None else f"{above:g} < " if above is not None else ""
        right = f" ≤ {high:g}" if high is not None else ""
        bounds = f"{left}{key}{right}" if left or right else self._say(call, "settings.any")
        return self._say(call, f"settings.{schema['type']}", range=bounds, count=schema.get("maxItems", 0))

    async def _invite(self, call: _Call) -> Reply:
        if call.person.role not in RUNS_BOT:
            return self._reply(call, "invite.denied")
        if not call.event.private:
            return self._reply(call, "group.private")
        wish = call.arguments.lower() or PersonRole.MEMBER.value
        if wish not in (PersonRole.MEMBER, PersonRole.OPERATOR):
            return self._reply(call, "invite.unknown")
        role = PersonRole(wish)
        if role is PersonRole.OPERATOR and call.person.role is not PersonRole.OWNER:
            return self._reply(call, "invite.owner")
        expires = self._clock.time() + INVITE_DAYS * 86_400
        code = await self._people.invite(call.person.id, role=role, expires_at=expires)
        return self._reply(call, "invite.done", code=code, role=self._role(call, role), days=INVITE_DAYS)

    async def _plugin(self, call: _Call, name: str) -> Reply:
        conversation = call.conversation
        context = PluginContext(
            event=call.event,
            person=call.person,
            conversation=conversation,
            history=await self._conversations.history(conversation.id, first_turn=conversation.first_turn),
            model=self._models.get(self._resolved.of(conversation).model) or self._models.default(),
            language=call.language,
            person_store=self._plugins.store_of(call.person),
            conversation_store=self._plugins.store_of(conversation),
            clock=self._clock,
        )
        try:
            return await self._plugins.run_command(name, context, call.arguments)
        except PluginError:
            return self._reply(call, "command.failed", name=name)

    def _model_name(self, conversation: Conversation) -> str:
        wish = self._resolved.of(conversation).model
        return (self._models.get(wish) or self._models.default()).name

    def _persona_name(self, call: _Call) -> str:
        chosen = call.conversation.persona
        return chosen if chosen in self._personas else self._say(call, "persona.default")

    def _role(self, call: _Call, role: PersonRole) -> str:
        return self._say(call, f"role.{role}")

    def _say(self, call: _Call, key: str, /, **values: object) -> str:
        return self._catalogue.say(call.language, key, **values)

    def _reply(self, call: _Call, key: str, /, **values: object) -> Reply:
        return Reply(self._say(call, key, **values))

    def _say_nearest(self, call: _Call, what: str, name: str, known: Collection[str]) -> Reply:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        shown = {"key" if what == "settings" else "name": _plain(name)}
        if near:
            return self._reply(call, f"{what}.nearest", near=near[0], **shown)
        listed = ", ".join(f"`{k}`" for k in known)
        return self._reply(call, f"{what}.unknown", known=listed, **shown)


def _parse(data: str) -> tuple[str, str]:
    """(name, arguments) of ``/name@bot arguments``."""
    head, *rest = data.removeprefix("cmd:").split(maxsplit=1) or [""]
    return head.lstrip("/").split("@")[0].lower(), "".join(rest).strip()


def _by_language(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get(language.split("-")[0]) or texts.get("en", "")


def _model_data(name: str, number: int) -> str:
    data = f"cmd:/model {name}"
    return data if len(data.encode()) <= LONGEST_DATA else f"cmd:/model #{number}"


def _numbered(wish: str, names: list[str]) -> str:
    """The name, or the one that ``#number`` stands for."""
    number = wish.removeprefix("#")
    if wish.startswith("#") and number.isdecimal() and 0 < int(number[:9]) <= len(names):
        return names[int(number[:9]) - 1]
    return wish


def _value(value: Any) -> str:
    return ", ".join(f"`{v}`" for v in value) if isinstance(value, list | tuple) else f"`{value}`"


def _plain(text: str) -> str:
    """Somebody's text, short and fit to stand in Markdown."""
    line = " ".join(text.split())
    return "".join(c for c in line if c not in "`*[]<>\\")[:80]
