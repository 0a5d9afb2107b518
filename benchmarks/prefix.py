"""What of each prompt vLLM finds in its prefix cache, by its own counters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path

import aiohttp

from benchmarks import vllm
from benchmarks.core import Setup, apart, tertulia
from benchmarks.report import Section, verdict
from benchmarks.vllm import BLOCK
from bot.personas import DEFAULT_PROMPT
from bot.ports import Model, Models
from bot.types import Chunk, ModelRequest, Priority, Usage

WINDOW = 2048
ANSWER = 64
QUESTION = (
    "{chat}/{n}: I would like to hear how to connect Telegram and Discord, and what to set for a model "
    "server of my own."
)
"""No two are alike from their first word on, so nothing is shared beyond the system prompt."""
SYSTEM = {"role": "system", "content": DEFAULT_PROMPT}


def run(folder: Path, *, quick: bool) -> list[Section]:
    return [asyncio.run(_compare(folder, chats=4 if quick else 64, turns=8 if quick else 30))]


async def _compare(folder: Path, chats: int, turns: int) -> Section:
    async with vllm.server(folder, window=WINDOW) as running:
        found: dict[str, vllm.Counters] = {}
        ideal = cuts = 0.0
        for name, summaries in (("Tertulia", False), ("Tertulia, with summaries", True)):
            options = {"summaries": summaries, "plugins_disabled": ("qa",), "sampling": sampling()}
            options["cache_salt"] = name
            setup = Setup(f"{running.url}/v1", f"sqlite:///{folder / name}.db", options)
            before = await vllm.counters(running)
            asked = await asyncio.to_thread(apart, talk_to, setup, name, chats, turns)
            found[name] = await vllm.counters(running) - before
            if not summaries:
                sizes = sizes_of(list(asked.values()))
                ideal, cuts = ideal_rate(turns, await _head(running.url), sizes)
        before = await vllm.counters(running)
        await slide(running.url, chats, turns)
        found["naive sliding window"] = await vllm.counters(running) - before
    rows = [_row(name, spent, ideal, chats * turns) for name, spent in found.items()]
    note = (
        f"{chats} conversations of {turns} turns on a CPU vLLM with a window of {WINDOW} tokens, blocks of "
        f"{BLOCK}, answers of {ANSWER}, without plugins. Counted by vLLM (`prefix_cache_queries`, "
        "`prefix_cache_hits`), summaries' own requests included. Ideal, the same for all rows: computed from "
        "the sizes of system prompt, question and answer alone, for a prompt that only grows and is cut back "
        f"to half of its room when it does not fit ({cuts:.0f} times in each conversation); each request "
        "finds every full block of what the one before it left in the cache, prompt and answer, and after a "
        "cut every full block of the system prompt. The naive window drops the oldest messages as soon as "
        "the prompt does not fit. The cache holds a million tokens: nothing is evicted."
    )
    columns = ("prompt", "found in the cache", "ideal", "of the ideal", "computed per turn, tokens", "≥ 0.95")
    return Section("prefix", "Prefix-cache hit rate in long conversations", columns, rows, note)


def _row(name: str, spent: vllm.Counters, ideal: float, turns: int) -> list[str]:
    computed = f"{(spent.asked - spent.hits) / turns:.0f}"
    share = spent.rate / ideal
    judged = verdict(share >= 0.95) if name.startswith("Tertulia") else ""
    return [name, f"{spent.rate:.3f}", f"{ideal:.3f}", f"{share:.3f}", computed, judged]


def sampling(tokens: int = ANSWER) -> dict[str, object]:
    return {"max_tokens": tokens, "temperature": 0.0, "seed": 1}


async def _head(url: str) -> int:
    """Tokens that prompts of different conversations begin with: those of the system prompt."""
    async with aiohttp.ClientSession() as client:
        prompts = []
        for word in ("apple", "47"):
            messages = [SYSTEM, {"role": "user", "content": word}]
            prompts.append(await vllm.tokens_of(client, url, messages))
    pairs = zip(*prompts, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


@dataclass(frozen=True)
class Asked:
    """One request as the model got it, and what it took."""

    second: str
    """What follows the system message: it changes with a cut."""
    usage: Usage


class Listening:
    """`bot.ports.Models` and its one model, writing down what people ask, by session."""

    def __init__(self, models: Models) -> None:
        self._model = models.default()
        self.asked: dict[str, list[Asked]] = {}

    def default(self) -> Model:
        return self

    def get(self, name: str) -> Model | None:
        return self

    def names(self) -> list[str]:
        return [self.name]

    @property
    def name(self) -> str:
        return self._model.name

    @property
    def continues(self) -> bool:
        return self._model.continues

    @property
    def generates(self) -> bool:
        return self._model.generates

    @property
    def sees(self) -> bool:
        return self._model.sees

    async def window(self) -> int:
        return await self._model.window()

    async def count(self, texts: Sequence[str]) -> list[int]:
        return await self._model.count(texts)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Chunk, None]:
        usage = Usage()
        async with aclosing(self._model.stream(request)) as chunks:
            async for chunk in chunks:
                usage = chunk.usage or usage
                yield chunk
        if request.priority is not Priority.BATCH:
            self.asked.setdefault(request.session, []).append(Asked(request.messages[1].text, usage))


async def talk_to(setup: Setup, name: str, chats: int, turns: int) -> dict[str, list[Asked]]:
    """Hold the conversations; what the model was asked in each."""
    heard: list[Listening] = []

    def listen(models: Models) -> Models:
        heard.append(Listening(models))
        return heard[0]

    async with tertulia(setup, models=listen) as bot:

        async def talk(chat: int) -> None:
            for number in range(turns):
                await bot.ask(f"{name}/{chat}", QUESTION.format(n=number, chat=chat))

        await asyncio.gather(*(talk(chat) for chat in range(chats)))
    return heard[0].asked


@dataclass(frozen=True)
class Sizes:
    """Tokens of a conversation's first prompt, and how much longer each later one is."""

    first: float
    turn: float


def sizes_of(conversations: Sequence[Sequence[Asked]]) -> Sizes:
    """As they were, where nothing was cut between two requests."""
    firsts = [requests[0].usage.prompt for requests in conversations]
    longer = [
        after.usage.prompt - before.usage.prompt
        for requests in conversations
        for before, after in pairwise(requests)
        if after.second == before.second
    ]
    return Sizes(sum(firsts) / len(firsts), sum(longer) / len(longer))


def ideal_rate(turns: int, head: int, sizes: Sizes) -> tuple[float, int]:
    """(share of prompt tokens found in the cache, cuts) of an append-only prompt of these sizes that
    is cut back to half of its room when it does not fit."""
    budget = WINDOW - ANSWER
    asked = found = cuts = 0.0
    prompt, left = sizes.first, float(head)
    for _ in range(turns):
        if prompt > budget:
            prompt = sizes.first + sizes.turn * ((budget - sizes.first) / 2 // sizes.turn)
            left, cuts = head, cuts + 1
        asked += prompt
        found += _blocks(min(left, prompt - 1))
        left, prompt = prompt + ANSWER - 1, prompt + sizes.turn
    return found / asked, int(cuts)


def _blocks(tokens: float) -> int:
    return int(tokens) // BLOCK * BLOCK


async def slide(url: str, chats: int, turns: int) -> None:
    """The same questions from a client that drops the oldest messages when a prompt does not fit."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def talk(chat: int) -> None:
            history: list[dict[str, str]] = []
            for number in range(turns):
                text = QUESTION.format(n=number, chat=chat)
                history.append({"role": "user", "content": text})
                while len(await vllm.tokens_of(client, url, [SYSTEM, *history])) > WINDOW - ANSWER:
                    del history[:2]
                body = {**vllm.body([SYSTEM, *history], ANSWER), "cache_salt": "naive"}
                answer = await vllm.ask(client, url, body)
                history.append({"role": "assistant", "content": answer.text})

        await asyncio.gather(*(talk(chat) for chat in range(chats)))
