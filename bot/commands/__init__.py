"""Slash commands, answered without a model.

Invites and links are given in private only. `/stop` and `/retry` are listed here and run by the handler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bot.commands.call import RUNS_BOT, Call
from bot.commands.chat import ChatCommands
from bot.commands.people import PeopleCommands
from bot.commands.suggest import fitting, settings
from bot.errors import PluginError
from bot.groups import CHOICES, COLLECTIONS, languages
from bot.locale import Catalogue
from bot.options import CHAT_LANGUAGE
from bot.personas import Personas
from bot.plugins.api import Command, PluginContext
from bot.plugins.host import PluginHost
from bot.ports import Clock, Conversations, Models, People
from bot.sampling import SamplingSettings
from bot.types import Capabilities, Conversation, Event, Person, PersonRole, Reply

__all__ = ["NAMES", "OPERATORS", "Commands", "parse"]

NAMES = (
    "start", "help", "new", "stop", "retry", "language", "model", "persona", "settings", "whoami", "link",
    "unlink", "invite", "block", "unblock",
)  # fmt: skip
OPERATORS = ("invite", "block", "unblock")
"""Of no use to anybody else."""
IN_GROUPS = ("help", "stop", "retry", "settings")
"""What every member of a group can use there; the rest is about oneself, or for who runs it."""
FOR_ADMINS = ("new", "model", "persona")
"""What besides changes things for the whole group."""


class Commands:
    """Raises SettingsError if a plugin's command has the name of one of these."""

    def __init__(
        self,
        *,
        people: People,
        conversations: Conversations,
        catalogue: Catalogue,
        models: Models,
        personas: Personas,
        plugins: PluginHost,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._catalogue = catalogue
        self._plugins = plugins
        self._clock = clock
        plugins.reserve(NAMES)
        self._chat = chat = ChatCommands(conversations, models, personas)
        who = PeopleCommands(people, clock)
        self._own: dict[str, Callable[[Call], Awaitable[Reply]]] = {
            "start": self._start,
            "help": self._help,
            "new": chat.new,
            "language": who.language,
            "model": chat.model,
            "persona": chat.persona,
            "settings": self._settings,
            "whoami": who.whoami,
            "link": who.link,
            "unlink": who.unlink,
            "invite": who.invite,
            "block": partial(who.block, PersonRole.BLOCKED),
            "unblock": partial(who.block, PersonRole.MEMBER),
        }

    @property
    def _plugin_commands(self) -> dict[str, Command]:
        return {command.name: command for command in self._plugins.commands()}

    def menu(self, language: str, *, runs_bot: bool) -> list[tuple[str, str]]:
        """(name without slash, what it does) of every command that a person can use, for help and
        platforms' menus."""
        return self._listed(language, [name for name in NAMES if runs_bot or name not in OPERATORS])

    def group_menu(self, language: str, *, admin: bool) -> list[tuple[str, str]]:
        """The same for the menu of a group: what its members can use in it, or who runs it."""
        known = (*IN_GROUPS, *FOR_ADMINS) if admin else IN_GROUPS
        return self._listed(language, [name for name in NAMES if name in known])

    def _listed(self, language: str, names: list[str]) -> list[tuple[str, str]]:
        own = [(name, self._catalogue.say(language, f"command.{name}")) for name in names]
        return own + [(c.name, _by_language(c.help, language)) for c in self._plugin_commands.values()]

    def has(self, name: str) -> bool:
        """Whether there is a command of this name."""
        return name in NAMES or name in self._plugin_commands

    def suggest(self, name: str, typed: str, collections: Sequence[str] = ()) -> list[str]:
        """What the argument of a command can be, for platforms that complete it; what begins with
        what is typed comes first. `collections`: those that may be named. Whether they may be offered
        is not asked here (`bot.suggestions`)."""
        known = {
            "language": [tag for tag, _ in self._catalogue.languages()],
            "model": self._chat.models,
            "persona": self._chat.personas,
        }
        if name != "settings":
            return fitting(known.get(name, []), typed)
        own = {COLLECTIONS: collections, CHAT_LANGUAGE: known["language"]}
        values = {key: [*found, "default"] for key, found in {**known, **own}.items()}
        names = self._chat.names
        offered = {**{key: ["default"] for key in SamplingSettings.model_fields}, **CHOICES, **values}
        return settings(typed, names, offered, (COLLECTIONS,))

    async def run(
        self, event: Event, person: Person, conversation: Conversation, caps: Capabilities = Capabilities()
    ) -> Reply:
        """Run the command in `event.data` (``/name@bot arguments``, or a button's ``cmd:/name arguments``).

        `caps` are the chat's. Raises StorageError.
        """
        name, arguments = parse(event.data)
        language = self._catalogue.pick(*languages(event, person, conversation))
        call = Call(event, person, conversation, self._catalogue, language, arguments, caps)
        if name in self._own:
            return await self._own[name](call)
        if name in self._plugin_commands:
            return await self._plugin(call, name)
        return call.nearest("command", name, [*NAMES, *self._plugin_commands])

    async def _start(self, call: Call) -> Reply:
        text = call.say("start.welcome")
        if call.person.role in RUNS_BOT:
            text += "\n\n" + call.say("start.role", role=call.role(call.person.role))
        return Reply(text)

    async def _help(self, call: Call) -> Reply:
        menu = self.menu(call.language, runs_bot=call.person.role in RUNS_BOT)
        lines = [f"- /{name}: {text}" for name, text in menu]
        return Reply("\n\n".join((call.say("help.title"), call.say("help.ask"), "\n".join(lines))))

    async def _settings(self, call: Call) -> Reply:
        key, _, value = call.arguments.partition(" ")
        if key.lower() == "language":
            return await self._own["language"](replace(call, arguments=value.strip()))
        return await self._chat.settings(call)

    async def _plugin(self, call: Call, name: str) -> Reply:
        conversation = call.conversation
        context = PluginContext(
            event=call.event,
            person=call.person,
            conversation=conversation,
            history=await self._conversations.history(conversation.id, first_turn=conversation.first_turn),
            model=self._chat.model_of(conversation),
            language=call.language,
            person_store=self._plugins.store_of(call.person),
            conversation_store=self._plugins.store_of(conversation),
            clock=self._clock,
        )
        try:
            return await self._plugins.run_command(name, context, call.arguments)
        except PluginError:
            return call.reply("command.failed", name=name)


def parse(data: str) -> tuple[str, str]:
    """(name, arguments) of ``/name@bot arguments``, or of a button's ``cmd:/name arguments``."""
    head, *rest = data.removeprefix("cmd:").split(maxsplit=1) or [""]
    return head.lstrip("/").split("@")[0].lower(), "".join(rest).strip()


def _by_language(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or texts.get(language.split("-")[0]) or texts.get("en", "")
