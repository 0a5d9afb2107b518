"""The real CPU vLLM for benchmarks: its lifespan, its counters, and plain requests to it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tests.vllm import tiny_model
from tests.vllm.servers import MODEL, Server, vllm_server
from tests.vllm.setup import PYTHON, ROOT, ready

BLOCK = 32
"""Tokens of a block of the prefix cache: the smallest that vLLM takes on a CPU."""


class Unavailable(RuntimeError):
    """There is no vLLM on this machine."""


@asynccontextmanager
async def server(folder: Path, *, window: int = 2048) -> AsyncIterator[Server]:
    """vLLM with the tiny Llama of the tests. Its cache of 1 GiB holds a million tokens, several
    times what any benchmark asks, so that nothing is evicted."""
    if not ready():
        raise Unavailable("needs the CPU vLLM: `make test-vllm` makes it")
    models = ROOT / ".cache" / "tiny-model"
    await asyncio.to_thread(_make_models, models)
    wider = ("--max-model-len", str(window), "--hf-overrides", f'{{"max_position_embeddings": {window}}}')
    flags = ("--block-size", str(BLOCK), "--enable-auto-tool-choice", "--tool-call-parser", "hermes")
    async with vllm_server(models / "llama", logs=folder, args=(*flags, *wider)) as running:
        yield running


def _make_models(folder: Path) -> None:
    subprocess.run([PYTHON, tiny_model.__file__, folder], check=True, stderr=subprocess.DEVNULL)


@dataclass(frozen=True)
class Counters:
    """vLLM's own counts of prompt tokens: asked for, and found in the prefix cache."""

    asked: float
    hits: float

    def __sub__(self, other: Counters) -> Counters:
        return Counters(self.asked - other.asked, self.hits - other.hits)

    @property
    def rate(self) -> float:
        return self.hits / self.asked


async def counters(running: Server) -> Counters:
    """A reading."""
    metrics = await running.metrics()
    return Counters(metrics["prefix_cache_queries_total"], metrics["prefix_cache_hits_total"])


@dataclass(frozen=True)
class Answer:
    text: str
    prompt: int
    """Tokens."""
    completion: int


async def ask(client: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> Answer:
    """One streamed answer, read with nothing between."""
    text, usage = "", {"prompt_tokens": 0, "completion_tokens": 0}
    async with client.post(f"{url}/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            if line.startswith(b"data: {"):
                event = msgspec.json.decode(line[6:])
                text += event["choices"][0]["delta"].get("content") or "" if event["choices"] else ""
                usage = event.get("usage") or usage
    return Answer(text, usage["prompt_tokens"], usage["completion_tokens"])


def body(messages: list[dict[str, str]], max_tokens: int) -> dict[str, Any]:
    """What Tertulia sends, with these messages."""
    return {
        "messages": messages,
        "model": MODEL,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": max_tokens,
        "temperature": 0.0,
        "seed": 1,
    }


async def tokens_of(client: aiohttp.ClientSession, url: str, messages: list[dict[str, str]]) -> list[int]:
    """Of the prompt of these messages."""
    given = {"model": MODEL, "messages": messages, "add_generation_prompt": True}
    async with client.post(f"{url}/tokenize", json=given) as answer:
        answer.raise_for_status()
        found: list[int] = (await answer.json())["tokens"]
    return found
