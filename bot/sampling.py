"""What sampling parameters may be: one check for settings, conversations and single requests."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.types import Sampling

_LARGEST = 2**63 - 1


class SamplingSettings(BaseModel):
    """Sampling parameters by vLLM's names; unset leaves the choice to the server."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(default=(), max_length=4)
    seed: int | None = None

    @field_validator("top_k", "max_tokens", "seed", mode="after")
    @classmethod
    def _fits(cls, value: int | None) -> int | None:
        if value is not None and abs(value) > _LARGEST:
            raise ValueError(f"more than {_LARGEST}")
        return value

    @property
    def sampling(self) -> Sampling:
        return Sampling(**self.model_dump())

    def over(self, base: Sampling) -> Sampling:
        """`base`, with what is set here in its place."""
        return self.sampling.over(base)


def sampling_of(texts: Iterable[str]) -> Sampling | None:
    """From ``name=value`` texts (`stop` may come several times); None if there are none. Raises
    ValueError, with a sentence that names what is wrong."""
    given: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        name = name.strip()
        if name not in SamplingSettings.model_fields:
            near = get_close_matches(name, SamplingSettings.model_fields, n=1)
            hint = (
                f"Did you mean {near[0]!r}?"
                if near
                else f"Known: {', '.join(SamplingSettings.model_fields)}."
            )
            raise ValueError(f"there is no sampling parameter {name!r}. {hint}")
        given[name] = (*given.get(name, ()), value) if name == "stop" else value
    try:
        return SamplingSettings.model_validate(given).sampling if given else None
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}") from None
