"""Commands that change a conversation: its model, persona, sampling, and a group's own settings.

In a group they change things for everybody, so there only its admins, the owner and operators may
change them (everybody may look).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from bot.commands.call import Call, plain, shown
from bot.groups import CHOICES, COLLECTIONS, LANGUAGE, choice, choices
from bot.options import CHAT_LANGUAGE, DEFAULT, collection_names, is_default, options, sampling_value
from bot.personas import Personas
from bot.ports import Conversations, Model, Models
from bot.sampling import SamplingSettings
from bot.types import Button, Conversation, Reply

CHANNEL, EVERYWHERE = "channel", "everywhere"
"""Before a setting: it is chosen for the channel, whose threads take it on, or for the whole place around
(a forum, a server)."""
MOST_BUTTONS = 20
LONGEST_DATA = 64
"""Bytes of UTF-8 in a button's payload."""


class ChatCommands:
    """Each method is a command. They raise StorageError."""

    def __init__(
        self,
        conversations: Conversations,
        models: Models,
        personas: Personas,
    ) -> None:
        self._conversations = conversations
        self._models = models
        self._personas = personas

    @property
    def models(self) -> list[str]:
        return self._models.names()

    @property
    def personas(self) -> list[str]:
        return self._personas.names

    @property
    def names(self) -> list[str]:
        """Of all settings."""
        own = (*CHOICES, COLLECTIONS, CHAT_LANGUAGE, CHANNEL, EVERYWHERE)
        own += ("model", "persona", "language", "reset")
        return [*own, *SamplingSettings.model_fields]

    def model_of(self, conversation: Conversation) -> Model:
        """The model that answers there."""
        return self._models.get(self._personas.of(conversation).model) or self._models.default()

    async def new(self, call: Call) -> Reply:
        if not call.may_change:
            return call.refused()
        await self._conversations.restart(call.conversation.id)
        return call.reply("new.done")

    async def model(self, call: Call) -> Reply:
        names, wish = self._models.names(), call.arguments
        if not wish:
            buttons = tuple(Button(n, _model_data(n, i)) for i, n in enumerate(names[:MOST_BUTTONS], 1))
            return Reply(call.say("model.now", name=self.model_of(call.conversation).name), buttons)
        if not call.may_change:
            return call.refused()
        name = _numbered(wish, names)
        if name.lower() in DEFAULT:
            name = ""
        elif name not in names:
            return call.nearest("model", name, names)
        changed = await self._conversations.update(call.conversation.id, model=name)
        return call.reply("model.done", name=self.model_of(changed).name)

    async def persona(self, call: Call) -> Reply:
        if not self.personas:
            return call.reply("persona.none")
        known, wish = ", ".join(f"`{n}`" for n in self.personas), call.arguments
        if not wish:
            return call.reply("persona.now", name=self._persona_name(call), known=known)
        if not call.may_change:
            return call.refused()
        if wish.lower() in DEFAULT:
            wish = ""
        elif wish not in self.personas:
            return call.reply("persona.unknown", name=plain(wish), known=known)
        await self._conversations.update(call.conversation.id, persona=wish)
        return call.reply("persona.done", name=wish or call.say("persona.default"))

    async def settings(self, call: Call) -> Reply:
        key, _, value = call.arguments.partition(" ")
        key, value = key.lower(), value.strip()
        if not key:
            return self._show_settings(call)
        if key in (CHANNEL, EVERYWHERE) and call.event.within and not call.wide:
            return await self.settings(await self._around(call, key, value))
        if key in ("persona", "model"):
            return await (self.persona if key == "persona" else self.model)(replace(call, arguments=value))
        if not call.may_change:
            return call.refused()
        if key == "reset":
            await self._store_sampling(call, {})
            nothing = dict.fromkeys((*CHOICES, LANGUAGE, COLLECTIONS))
            await self._conversations.update(call.conversation.id, model="", persona="", settings=nothing)
            return call.reply("settings.reset")
        if key in choices(call.caps, call.event.private):
            return await self._choose(call, key, value.lower())
        if key == COLLECTIONS and not call.event.private:
            return await self._collections(call, value)
        if key == CHAT_LANGUAGE and not call.event.private:
            return await self._language(call, value)
        if key not in SamplingSettings.model_fields:
            return call.nearest("settings", key, _known(call))
        if not value:
            return call.reply("settings.missing", key=key)
        return await self._set(call, key, value)

    async def _around(self, call: Call, key: str, value: str) -> Call:
        """The same for a place around the chat, which may be a channel itself."""
        *channel, outermost = call.event.within
        if key == CHANNEL and not channel:
            return replace(call, arguments=value)
        around = await self._conversations.open(channel[0] if key == CHANNEL else outermost)
        return replace(call, conversation=around, arguments=value, wide=True, top=key == EVERYWHERE)

    async def _choose(self, call: Call, key: str, value: str) -> Reply:
        """A group's own setting; without a value its choices are shown as buttons."""
        if value in DEFAULT:
            await self._conversations.update(call.conversation.id, settings={key: None})
            return call.reply("settings.done", key=key, value=call.say("persona.default"))
        if value not in CHOICES[key]:
            place = EVERYWHERE if call.top else CHANNEL
            where = f"{place} " if call.wide else ""
            buttons = tuple(Button(c, f"cmd:/settings {where}{key} {c}") for c in CHOICES[key])
            now = choice(call.conversation, key)
            return Reply(call.say(f"settings.{key}", value=now), buttons)
        await self._conversations.update(call.conversation.id, settings={key: value})
        return call.reply("settings.done", key=key, value=f"`{value}`")

    async def _collections(self, call: Call, value: str) -> Reply:
        """What the group is answered from, of all that the bot answers from."""
        names = collection_names(value)
        if value:
            await self._conversations.update(call.conversation.id, settings={COLLECTIONS: names or None})
        else:
            names = call.conversation.settings.get(COLLECTIONS) or []
        shown_as = shown(names) if names else call.say("persona.default")
        return call.reply(
            "settings.done" if value else "settings.collections", key=COLLECTIONS, value=shown_as
        )

    async def _language(self, call: Call, value: str) -> Reply:
        """The language of the group, whoever asks."""
        known = dict(call.catalogue.languages())
        tag = "" if is_default(value) else call.catalogue.find(value)
        if tag is None:
            tags = ", ".join(f"`{tag}` ({name})" for tag, name in known.items())
            return call.reply("language.unknown", tag=plain(value), known=tags)
        if value:
            await self._conversations.update(call.conversation.id, settings={LANGUAGE: tag or None})
        else:
            tag = str(call.conversation.settings.get(LANGUAGE, ""))
        shown_as = f"**{known[tag]}**" if tag in known else call.say("persona.default")
        return call.reply("settings.done", key=CHAT_LANGUAGE, value=shown_as)

    async def _set(self, call: Call, key: str, value: str) -> Reply:
        own = await self._conversations.get(call.conversation.id)  # without what it inherits
        chosen = (own.settings.get("sampling") if own is not None else None) or {}
        sampling = {k: v for k, v in chosen.items() if k != key}
        if value.lower() in DEFAULT:
            await self._store_sampling(call, sampling)
            return call.reply("settings.done", key=key, value=call.say("persona.default"))
        try:
            given = sampling_value(key, value)
        except ValidationError:
            allowed = self._allowed(call, key)
            return call.reply("settings.wrong", key=key, value=plain(value), allowed=allowed)
        await self._store_sampling(call, {**sampling, key: given})
        return call.reply("settings.done", key=key, value=shown(given))

    async def _store_sampling(self, call: Call, sampling: dict[str, Any]) -> None:
        await self._conversations.update(call.conversation.id, settings={"sampling": sampling or None})

    def _show_settings(self, call: Call) -> Reply:
        persona = self._personas.of(call.conversation)
        rows = [
            (call.say("settings.model"), self.model_of(call.conversation).name),
            (call.say("settings.persona"), self._persona_name(call)),
            (call.say("settings.language"), call.catalogue.say(call.language, "name")),
        ]
        for field in SamplingSettings.model_fields:
            value = getattr(persona.sampling, field)
            now = call.say("settings.server") if value in (None, ()) else shown(value)
            rows.append((f"`{field}`", now))
        own = choices(call.caps, call.event.private)
        rows += [(f"`{name}`", f"`{choice(call.conversation, name)}`") for name in own]
        lines = [call.say("settings.line", key=key, value=value) for key, value in rows]
        return Reply("\n\n".join((call.say("settings.title"), "\n".join(lines), call.say("settings.usage"))))

    def _allowed(self, call: Call, key: str) -> str:
        """What the setting takes, read off its schema."""
        schema = SamplingSettings.model_json_schema()["properties"][key]
        schema = schema.get("anyOf", [schema])[0]
        low, high = schema.get("minimum"), schema.get("maximum")
        above = schema.get("exclusiveMinimum")
        left = f"{low:g} ≤ " if low is not None else f"{above:g} < " if above is not None else ""
        right = f" ≤ {high:g}" if high is not None else ""
        bounds = f"{left}{key}{right}" if left or right else call.say("settings.any")
        return call.say(f"settings.{schema['type']}", range=bounds, count=schema.get("maxItems", 0))

    def _persona_name(self, call: Call) -> str:
        chosen = call.conversation.persona
        return chosen if chosen in self.personas else call.say("persona.default")


def _known(call: Call) -> list[str]:
    around = (CHANNEL, EVERYWHERE) if call.event.within and not call.wide else ()
    return [*options(call.caps, call.event.private), *around, "language", "reset"]


def _model_data(name: str, number: int) -> str:
    data = f"cmd:/model {name}"
    return data if len(data.encode()) <= LONGEST_DATA else f"cmd:/model #{number}"


def _numbered(wish: str, names: list[str]) -> str:
    """The name, or the one that ``#number`` stands for."""
    number = wish.removeprefix("#")
    if wish.startswith("#") and number.isdecimal() and 0 < int(number[:9]) <= len(names):
        return names[int(number[:9]) - 1]
    return wish
