"""The settings of places, as the console shows and changes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from bot.errors import FieldsRefused
from bot.groups import CHOICES, COLLECTIONS, LANGUAGE
from bot.locale import Catalogue
from bot.mistakes import sentence
from bot.options import (
    CHAT_LANGUAGE,
    MODEL,
    PERSONA,
    collection_names,
    is_default,
    options,
    sampling_value,
)
from bot.personas import Personas
from bot.places import SAMPLING
from bot.ports import Atlas, Channel, Conversations, Models
from bot.sampling import SamplingSettings
from bot.types import Address, Capabilities, Conversation, FieldKind, FormField, Place, PlaceField


class PlaceDesk:
    """`bot.ports.PlaceDesk`. `channels` gives the channel of a platform that runs here."""

    def __init__(
        self,
        atlas: Atlas,
        conversations: Conversations,
        personas: Personas,
        models: Models,
        catalogue: Catalogue,
        collections: Callable[[], Sequence[str]],
        channels: Callable[[str], Channel | None],
    ) -> None:
        self._atlas = atlas
        self._conversations = conversations
        self._personas = personas
        self._models = models
        self._catalogue = catalogue
        self._collections = collections
        self._channels = channels

    async def listing(
        self,
        *,
        limit: int = 50,
        after: tuple[str, int] | None = None,
        within: Address | None = None,
        query: str = "",
    ) -> list[Place]:
        return await self._atlas.listing(limit=limit, after=after, within=within, query=query)

    async def get(self, id: int) -> Place | None:
        return await self._atlas.get(id)

    async def find(self, address: Address) -> Place | None:
        return await self._atlas.find(address)

    async def chosen(self, place: Place) -> dict[str, Any]:
        own = await self._conversations.find(place.address)
        all = ((name, _chosen(own, name)) for name in self._names(place))
        return {name: value for name, value in all if value is not None}

    async def fields(self, place: Place) -> list[PlaceField]:
        own = await self._conversations.find(place.address)
        around = [(at, await self._conversations.find(at)) for at in place.within]
        givers = {at: await self._atlas.find(at) or Place(at) for at, found in around if found is not None}
        forms = {field.name: field for field in self._personas.fields()}
        found = []
        for name in self._names(place):
            value = _chosen(own, name)
            field = replace(self._field(name, value, forms.get(name)), value=value)
            given = ((at, _chosen(outer, name)) for at, outer in around)
            at, inherited = next(((at, v) for at, v in given if v is not None), (None, self._default(name)))
            found.append(PlaceField(field, inherited, givers[at] if at is not None else None))
        return found

    async def change(self, place: Place, posted: Mapping[str, str]) -> dict[str, str]:
        own = await self._conversations.find(place.address)
        new, wrong = {}, {}
        for name in self._names(place):
            if name not in posted:
                continue
            try:
                new[name] = self._checked(name, " ".join(posted[name].split()), _chosen(own, name))
            except ValidationError as error:
                wrong[name] = sentence(error.errors()[0])
            except ValueError as error:
                wrong[name] = str(error)
        if wrong:
            raise FieldsRefused(wrong)
        changed = {name: value for name, value in new.items() if value != _chosen(own, name)}
        if changed:
            await self._store(place, changed)
        return {name: _text(value) for name, value in changed.items()}

    def _names(self, place: Place) -> tuple[str, ...]:
        channel = self._channels(place.address.platform)
        caps = channel.capabilities(place.address) if channel is not None else Capabilities()
        return options(caps, private=False)

    def _field(self, name: str, value: Any, form: FormField | None) -> FormField:
        if form is not None:
            return replace(form, default=None)
        known = self._known(name)
        if name == COLLECTIONS:
            return FormField(name, FieldKind.TEXT, choices=known, maximum=1000)
        gone = (value,) if value is not None and value not in known else ()
        return FormField(name, FieldKind.CHOICE, choices=(*known, *gone))

    def _known(self, name: str) -> tuple[str, ...]:
        if name in CHOICES:
            return CHOICES[name]
        if name == CHAT_LANGUAGE:
            return tuple(tag for tag, _ in self._catalogue.languages())
        if name == COLLECTIONS:
            return tuple(self._collections())
        return tuple(self._personas.names if name == PERSONA else self._models.names())

    def _default(self, name: str) -> Any:
        if name in CHOICES:
            return CHOICES[name][0]
        return self._models.default().name if name == MODEL else None

    def _checked(self, name: str, text: str, now: Any) -> Any:
        """What it is to be, None for what is taken back. Raises ValueError."""
        if is_default(text):
            return None
        if name in SamplingSettings.model_fields:
            return sampling_value(name, text)
        if name == COLLECTIONS:
            return collection_names(text)
        known = self._known(name)
        if text not in known and text != now:
            raise ValueError(f"is none of {', '.join(known)}")
        return text

    async def _store(self, place: Place, changed: Mapping[str, Any]) -> None:
        home = await self._conversations.open(place.address)
        settings: dict[str, Any] = {}
        sampling = dict(home.settings.get(SAMPLING) or {})
        for name, value in changed.items():
            if name in SamplingSettings.model_fields:
                sampling[name] = value
            elif name not in (PERSONA, MODEL):
                settings[LANGUAGE if name == CHAT_LANGUAGE else name] = value
        if any(name in SamplingSettings.model_fields for name in changed):
            settings[SAMPLING] = {k: v for k, v in sampling.items() if v is not None} or None
        await self._conversations.update(
            home.id,
            persona=changed[PERSONA] or "" if PERSONA in changed else None,
            model=changed[MODEL] or "" if MODEL in changed else None,
            settings=settings,
        )


def _chosen(conversation: Conversation | None, name: str) -> Any:
    """What is chosen there itself; None where nothing is."""
    if conversation is None:
        return None
    if name in (PERSONA, MODEL):
        return getattr(conversation, name) or None
    if name in SamplingSettings.model_fields:
        value = (conversation.settings.get(SAMPLING) or {}).get(name)
        return value if value not in ([], "") else None
    return conversation.settings.get(LANGUAGE if name == CHAT_LANGUAGE else name) or None


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
