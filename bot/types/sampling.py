"""How a model chooses its tokens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens. None leaves the choice to the server. See vLLM's SamplingParams."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None

    def over(self, base: Sampling) -> Sampling:
        """`base`, with what is set here in its place."""
        values = {name: getattr(self, name) for name in Sampling.__slots__}
        return Sampling(**{n: getattr(base, n) if v in (None, ()) else v for n, v in values.items()})
