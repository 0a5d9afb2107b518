"""How the assistant speaks: system prompt, model and sampling of each conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.ports import Model
from bot.settings import PersonaSettings, SamplingSettings
from bot.types import Conversation, Message, Role, Sampling

DEFAULT_PROMPT = """\
You are a helpful assistant in a chat. Answer in the language of the question, briefly and \
plainly, in Markdown. Where numbered passages stand after a question, answer from them, put the \
number of the passage that supports a statement after it in square brackets, like [1], and say \
so if they do not hold the answer. Never invent a source."""


@dataclass(frozen=True, slots=True)
class Persona:
    """`model` empty: the default one."""

    prompt: str
    model: str
    sampling: Sampling


class Personas:
    """Settings of the bot, under those of the persona, under those of the conversation."""

    def __init__(
        self, named: Mapping[str, PersonaSettings], sampling: SamplingSettings, system_prompt: str = ""
    ) -> None:
        self._named = named
        self._sampling = sampling.over(Sampling())
        self._prompt = system_prompt or DEFAULT_PROMPT
        self._counts: dict[tuple[str, str], int] = {}

    def of(self, conversation: Conversation) -> Persona:
        """The persona in force; one that no longer exists gives way to the default."""
        named = self._named.get(conversation.persona)
        sampling = named.sampling.over(self._sampling) if named else self._sampling
        sampling = _own(conversation.settings.get("sampling")).over(sampling)
        prompt = named.prompt if named else self._prompt
        return Persona(prompt, conversation.model or (named.model if named else ""), sampling)

    async def system(self, persona: Persona, model: Model) -> Message:
        """The system message with its token count, which is taken once per model and prompt."""
        key = (model.name, persona.prompt)
        if key not in self._counts:
            if len(self._counts) > 256:
                self._counts.clear()
            (self._counts[key],) = await model.count([persona.prompt])
        return Message(Role.SYSTEM, persona.prompt, tokens=self._counts[key])


def _own(stored: Any) -> SamplingSettings:
    """What a conversation set; nothing, if any of it no longer fits (another version's)."""
    try:
        return SamplingSettings.model_validate(stored or {})
    except ValidationError:
        return SamplingSettings()
