"""Models tried out by those who write prompts: outside of every conversation, and counted to nobody."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator

from pydantic import ValidationError

from bot.clock import Ended, Scope
from bot.errors import FieldsRefused, ModelTimeout
from bot.generation import Limits
from bot.patience import Watch
from bot.plugins.forms import fields_of, refused
from bot.ports import Clock, Model, Models
from bot.sampling import SamplingSettings
from bot.types import Chunk, FinishReason, FormField, Message, ModelRequest, Role, Sampling, Trial

LONGEST = 200_000
"""Characters of prompt and messages together."""
MOST_MESSAGES = 100


class Trials:
    """`bot.ports.Playground`. The bot's own sampling lies under the trial's; what is too slow or too long
    ends as an answer does."""

    def __init__(
        self, models: Models, sampling: SamplingSettings, limits: Limits, clock: Clock, *, salt: str = ""
    ) -> None:
        self._models = models
        self._sampling = sampling
        self._limits = limits
        self._clock = clock
        self._salt = salt

    def models(self) -> list[str]:
        return self._models.names()

    def limits(self) -> list[FormField]:
        return fields_of(SamplingSettings, self._sampling)

    def run(self, trial: Trial) -> AsyncGenerator[Chunk, None]:
        model, sampling = self._checked(trial)
        system = (Message(Role.SYSTEM, trial.prompt),) if trial.prompt.strip() else ()
        request = ModelRequest((*system, *trial.messages), sampling, salt=self._salt)
        return self._stream(model, request)

    def _checked(self, trial: Trial) -> tuple[Model, Sampling]:
        wrong: dict[str, str] = {}
        model = self._models.get(trial.model) if trial.model else self._models.default()
        if model is None:
            wrong["model"] = f"there is no model {trial.model!r} now"
        if (
            not trial.messages
            or trial.messages[-1].role is not Role.USER
            or not trial.messages[-1].text.strip()
        ):
            wrong["messages"] = "the question is empty"
        elif len(trial.messages) > MOST_MESSAGES:
            wrong["messages"] = f"there are more than {MOST_MESSAGES} messages"
        elif len(trial.prompt) + sum(len(m.text) for m in trial.messages) > LONGEST:
            wrong["messages"] = f"prompt and messages have more than {LONGEST:,} characters"
        sampling = self._sampling
        try:
            sampling = SamplingSettings.model_validate(trial.sampling)
        except ValidationError as error:
            wrong |= refused(error).fields
        if wrong or model is None:
            raise FieldsRefused(wrong)
        return model, sampling.over(self._sampling.sampling)

    async def _stream(self, model: Model, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        written = 0
        try:
            async with Scope(self._clock) as scope, contextlib.aclosing(model.stream(request)) as stream:
                with contextlib.closing(
                    Watch(self._clock, scope, self._limits.first_chunk, self._limits.stall)
                ) as watch:
                    async for chunk in stream:
                        watch.saw()
                        written += len(chunk.text)
                        yield chunk
                        if written > self._limits.max_answer:
                            yield Chunk(finish_reason=FinishReason.LENGTH)
                            return
        except Ended as ended:
            raise ModelTimeout(f"nothing came from the model for {ended.reason} s") from ended
