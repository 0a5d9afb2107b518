"""Language models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol, runtime_checkable

from bot.types import Chunk, ModelRequest


@runtime_checkable
class Model(Protocol):
    """A language model. Raises the ModelError family, nothing else."""

    @property
    def name(self) -> str:
        """What `/model` shows."""
        ...

    @property
    def continues(self) -> bool:
        """Whether `ModelRequest.prefill` is honoured."""
        ...

    @property
    def generates(self) -> bool:
        """Whether it is a language model (the embedded quoting model is none): only then are
        tools offered and summaries asked for."""
        ...

    @property
    def sees(self) -> bool:
        """Whether `Message.pictures` are shown to it, as far as is known: a server may turn out to refuse
        them, and is then asked without (`Chunk.unseen`). Where this is False they are left out, and are no
        error."""
        ...

    async def window(self) -> int:
        """Tokens of prompt and answer together that one request may have."""
        ...

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, template included: the sum over a prompt's messages is at least
        its true length within a small margin. Exact from the server where it can, else an
        estimate. Never raises for an unreachable server."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        """The answer. Ends after a chunk with a `finish_reason`; closing the iterator early
        (`aclose`) aborts the request on the server. Errors before the first chunk may have
        been retried; after it never are."""
        ...


class Models(Protocol):
    """The models that can be asked."""

    def default(self) -> Model: ...

    def get(self, name: str) -> Model | None: ...

    def names(self) -> list[str]: ...
