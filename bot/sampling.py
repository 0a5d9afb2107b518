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

    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None, description="Randomness: 0 always takes the likeliest word; more is more varied."
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Only of the likeliest words that are as likely as this together."
    )
    top_k: Annotated[int, Field(ge=-1)] | None = Field(
        None, description="Only of so many likeliest words; -1 or 0: of all."
    )
    min_p: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="No word that is less likely than this share of the likeliest."
    )
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = Field(
        None, description="Above 1: fewer words that came before."
    )
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(None, description="Most tokens of one answer.")
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(), max_length=4, description="Texts at which an answer ends, four at most."
    )
    seed: int | None = Field(
        None,
        description="Of the random numbers: the same request gets the same answer, where the server can.",
    )

    @field_validator("top_k", "max_tokens", "seed", mode="after")
    @classmethod
    def _fits(cls, value: int | None) -> int | None:
        if value is not None and value > _LARGEST:
            raise ValueError(f"at most {_LARGEST}")
        if value is not None and value < -_LARGEST:
            raise ValueError(f"at least {-_LARGEST}")
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
